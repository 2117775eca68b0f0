"""The opening hours as a supervisor set them: in the record, over data/centre.yml. Used by the switchboard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, time
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.centre import DAYS, Centre, Hours, hours_of
from haven.errors import HavenError
from switchboard.records.record import now
from switchboard.records.tables import opening_hours

_SPAN = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*(?:-|to|–)\s*([01]?\d|2[0-3]|24):([0-5]\d)")
MOST_HOLIDAYS = 100


class HoursError(HavenError):
    """Opening hours cannot be read like this; the text says what is wrong."""


async def follow(connection: AsyncConnection, centre: Centre) -> None:
    """Let the newest hours of the record count; without any, those of data/centre.yml stay."""
    for row in await history(connection, limit=1):
        let_count(centre, row)


def let_count(centre: Centre, row: Any) -> None:
    """Let the hours of one row count, unless later ones do: what was read before may arrive after them."""
    if row.id < centre.hours_number:
        return
    centre.hours_number = row.id
    hours = of(row)
    if hours != centre.hours:
        centre.set_hours(hours)


async def history(connection: AsyncConnection, *, limit: int = 20) -> list[Any]:
    """What was set (rows of opening_hours), newest first."""
    return list(await connection.execute(sa.select(opening_hours).order_by(opening_hours.c.id.desc()).limit(limit)))


def of(row: Any) -> Hours:
    """The hours of one row; a row that cannot be read gives "never open"."""
    return hours_of({"time_zone": row.time_zone, "week": dict(zip(DAYS, row.week, strict=True)),
                     "holidays": row.holidays})


async def keep(tx: AsyncConnection, staff_id: int, time_zone: str, week: Sequence[str], holidays: str) -> Any:
    """Store hours as a person typed them, and return the row; they count once the transaction is through (let_count).

    Spans per day from Monday ("8:00-12:00, 13:00-17:00"), dates by line. Raises HoursError.
    """
    if time_zone not in available_timezones():
        raise HoursError(f"There is no time zone {time_zone!r}. Choose one such as America/New_York.")
    values = {"time_zone": time_zone, "week": [_spans(day, raw) for day, raw in zip(DAYS, week, strict=True)],
              "holidays": _dates(holidays)}
    result = await tx.execute(opening_hours.insert().values(**values, set_by=staff_id, set_at=now())
                              .returning(*opening_hours.c))
    return result.one()


def _spans(day: str, raw: str) -> list[str]:
    found = []
    for part in filter(None, (part.strip() for part in re.split(r"[,;]|\band\b", raw))):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise HoursError(f"{day.capitalize()}: {part!r} is no span of time. Write 08:00-20:00; nothing for closed.")
        start, end = time(int(match[1]), int(match[2])), time(int(match[3]) % 24, int(match[4]))
        if match[3] == "24" and match[4] != "00":
            raise HoursError(f"{day.capitalize()}: a day ends at 24:00.")
        if start == end != time(0):
            raise HoursError(f"{day.capitalize()}: {part!r} begins when it ends. Write 00:00-24:00 for the whole day.")
        found.append(f"{start:%H:%M}-{end:%H:%M}")
    return found


def _dates(raw: str) -> list[str]:
    found = set()
    for part in raw.replace(",", " ").split():
        try:
            found.add(date.fromisoformat(part).isoformat())
        except ValueError as error:
            raise HoursError(f"{part!r} is no date. Write holidays as 2026-12-25, one a line.") from error
    if len(found) > MOST_HOLIDAYS:
        raise HoursError(f"At most {MOST_HOLIDAYS} holidays can be kept.")
    return sorted(found)
