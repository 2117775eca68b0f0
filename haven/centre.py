"""The centre that runs Haven: its name and its opening hours, from data/centre.yml; used by every process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DIAS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
# Days that each kind of row is kept, where data/centre.yml (`retention:`) says nothing else; docs/privacy.md has why.
RETENTION = {
    "practice": 1, "callbacks": 90, "alerts": 365, "outcomes": 365, "feedback": 365, "counts": 400,
    "quarantine": 30, "sms_contacts": 365, "sms_ids": 90, "audit": 2190,
}  # fmt: skip
AUDIT_AT_LEAST = 366  # the database itself refuses to give up younger rows of the log
LONGEST_DAYS = 36_500
LOOK_AHEAD_DAYS = 14  # further ahead than any row of holidays


@dataclass(frozen=True)
class Hours:
    """When staff answer: spans per weekday (0 is Monday) in one time zone, and days off."""

    zone: ZoneInfo | None
    spans: dict[int, tuple[tuple[time, time], ...]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def is_open(self, now: datetime) -> bool:
        """Whether staff are on duty; without a time zone or hours never: missing is not open."""
        return any(start <= now < end for start, end in self._spans_on(now, days=range(-1, 1)))

    def next_open(self, now: datetime) -> datetime | None:
        """When staff are next on duty after `now`, or None within LOOK_AHEAD_DAYS."""
        starts = [start for start, _ in self._spans_on(now, days=range(0, LOOK_AHEAD_DAYS)) if start > now]
        return min(starts, default=None)

    def in_words(self, language: str = "en") -> str:
        """The week as people say it, days alike together; empty where nobody is ever on duty."""
        days: list[tuple[int, int, tuple[tuple[time, time], ...]]] = []
        for day in range(7):
            spans = self.spans.get(day, ())
            if days and days[-1][2] == spans:
                days[-1] = (days[-1][0], day, spans)
            else:
                days.append((day, day, spans))
        said = [f"{_days_in_words(first, last, language)} {_spans_in_words(spans, language)}"
                for first, last, spans in days if spans]
        if self.zone is None or not said:
            return ""
        place = self.zone.key.rpartition("/")[2].replace("_", " ")
        return f"{', '.join(said)} ({f'hora de {place}' if language == 'es' else f'{place} time'})"

    def _spans_on(self, now: datetime, *, days: range) -> list[tuple[datetime, datetime]]:
        if self.zone is None:
            return []
        today = now.astimezone(self.zone).date()
        return [
            self._span(today + timedelta(days=offset), start, end)
            for offset in days
            if today + timedelta(days=offset) not in self.holidays
            for start, end in self.spans.get((today + timedelta(days=offset)).weekday(), ())
        ]

    def _span(self, day: date, start: time, end: time) -> tuple[datetime, datetime]:
        begins = datetime.combine(day, start, self.zone)
        ends = datetime.combine(day, end, self.zone)
        return begins, ends if ends > begins else ends + timedelta(days=1)  # a span may pass midnight


@dataclass
class Centre:
    """What a visitor may know of the centre before typing; its hours may be set anew while it runs."""

    name: str
    hours: Hours
    hours_text: str
    retention_days: int
    reviewed: bool
    retention: dict[str, int] = field(default_factory=lambda: dict(RETENTION))
    hours_number: int = 0  # of the hours in the record; 0 for those of the file

    def set_hours(self, hours: Hours) -> None:
        """Let other hours count from now on, for everybody who holds this centre."""
        self.hours, self.hours_text = hours, hours.in_words()

    def hours_in_words(self, language: str = "en") -> str:
        """The opening hours as visitors read them; Spanish where they were set at the console."""
        is_set = self.hours_text == self.hours.in_words()
        return self.hours.in_words(language) if is_set else self.hours_text

    def open_now(self, now: datetime | None = None) -> bool:
        return self.hours.is_open(now or datetime.now(timezone.utc))

    def next_open_text(self, language: str = "en", now: datetime | None = None) -> str | None:
        """The next opening in words and the centre's own time, or None if nobody can say."""
        moment = self.hours.next_open(now or datetime.now(timezone.utc))
        return None if moment is None else in_words(moment, language)


def in_words(moment: datetime, language: str) -> str:
    """A point in time as people say it: "Monday at 8:00 AM", "lunes a las 08:00"."""
    if language == "es":
        return f"{DIAS[moment.weekday()]} a las {moment:%H:%M}"
    return f"{DAYS[moment.weekday()].capitalize()} at {moment.hour % 12 or 12}:{moment:%M %p}"


def _days_in_words(first: int, last: int, language: str) -> str:
    names = DIAS if language == "es" else tuple(day.capitalize() for day in DAYS)
    if (first, last) == (0, 6):
        return "todos los días" if language == "es" else "Every day"
    return names[first] if first == last else f"{names[first]} {'a' if language == 'es' else 'to'} {names[last]}"


def _spans_in_words(spans: tuple[tuple[time, time], ...], language: str) -> str:
    if spans == ((time(0), time(0)),):
        return "las 24 horas" if language == "es" else "day and night"
    if language == "es":
        return " y ".join(f"de {start:%H:%M} a {end:%H:%M}" for start, end in spans)
    return " and ".join(f"{_hour(start)} to {_hour(end)}" for start, end in spans)


def _hour(moment: time) -> str:
    minutes = f":{moment:%M}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {moment:%p}"


def load_centre(data: Path) -> Centre:
    """Read data/centre.yml; a missing or faulty file gives a centre that is never open."""
    try:
        raw = yaml.safe_load((data / "centre.yml").read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError):
        raw = {}
    hours = raw.get("hours") or {}
    return Centre(
        name=str(raw.get("name") or "our centre"),
        hours=hours_of(hours),
        hours_text=str(raw.get("hours_text") or ""),
        retention_days=_days(raw.get("retention_days"), 30),
        reviewed=bool(raw.get("reviewed_by_clinician")),
        retention=_retention(raw.get("retention")),
    )


def _retention(raw: Any) -> dict[str, int]:
    """The days of each kind; what cannot be read keeps its default (`bin/haven check` names it)."""
    told = raw if isinstance(raw, dict) else {}
    days = {kind: _days(told.get(kind), default) for kind, default in RETENTION.items()}
    return {**days, "audit": max(days["audit"], AUDIT_AT_LEAST)}


def _days(raw: object, default: int) -> int:
    return raw if is_days(raw) else default  # type: ignore[return-value]


def is_days(raw: object) -> bool:
    """Whether a value of data/centre.yml is a number of days something can be kept."""
    return isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= LONGEST_DAYS


def retention_faults(raw: Any) -> list[str]:
    """What is wrong with `retention_days` and `retention` of data/centre.yml, each in a sentence."""
    told = raw.get("retention") or {}
    if not isinstance(told, dict):
        return ["retention must be a table of kinds and days"]
    faults = [f"retention: there is no kind {kind!r}; there are {', '.join(RETENTION)}"
              for kind in told if kind not in RETENTION]
    faults += [f"retention: {kind} is {days!r}; it must be a whole number of days, 1 or more"
               for kind, days in told.items() if kind in RETENTION and not is_days(days)]
    if is_days(told.get("audit")) and told["audit"] < AUDIT_AT_LEAST:
        faults.append(f"retention: audit is {told['audit']}; the log is kept {AUDIT_AT_LEAST} days at least")
    if not is_days(raw.get("retention_days", 30)) or raw.get("retention_days", 30) > 999:
        faults.append(f"retention_days is {raw.get('retention_days')!r}; it must be 1 to 999 days")
    return faults


def hours_of(raw: dict[str, Any]) -> Hours:
    """Hours from their plain form (data/centre.yml, the record); whatever cannot be read gives "never open"."""
    try:
        zone = ZoneInfo(str(raw["time_zone"]))
        spans = {DAYS.index(day): tuple(_parse(span) for span in spans)
                 for day, spans in (raw.get("week") or {}).items()}
        holidays = frozenset(_date(day) for day in raw.get("holidays") or ())
    except (KeyError, ValueError, TypeError, AttributeError, ZoneInfoNotFoundError):
        return Hours(zone=None)
    return Hours(zone=zone, spans=spans, holidays=holidays)


def _parse(span: str) -> tuple[time, time]:
    start, _, end = span.partition("-")
    return time.fromisoformat(start.strip()), time.fromisoformat(end.strip())


def _date(raw: object) -> date:
    return raw if isinstance(raw, date) else date.fromisoformat(str(raw))
