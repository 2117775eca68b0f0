"""Fills the console's templates; everything a visitor wrote is escaped. Part of the switchboard's console."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sanic import Request
from sanic.response import HTTPResponse, html, text

from switchboard.accounts import Session
from switchboard.parts import parts_of
from switchboard.records.record import now

NO_STORE = {"Cache-Control": "no-store"}

LANGUAGES = {"en": "English", "es": "Spanish"}
CHANNELS = {"widget": "Web", "sms": "Text message", "quarantine": "Unproved text"}
LEVELS = {"acute": "Acute danger", "possible": "Possible danger"}


def page(
    request: Request, template: str, session: Session | None, *, status: int = 200, **values: Any
) -> HTTPResponse:
    """A whole page for whoever is signed in (or nobody)."""
    parts = parts_of(request)
    words = fill(template, **{
        "zone": parts.centre.hours.zone, "centre": parts.centre.name,
        "me": session.staff if session else None, "csrf": session.csrf if session else "", **values})
    return html(words, status=status, headers=NO_STORE)


def plain(words: str, *, status: int = 200) -> HTTPResponse:
    """One sentence for the script."""
    return text(words, status=status, headers=NO_STORE)


def fill(template: str, **values: Any) -> str:
    """One template, filled; `zone` is the centre's time zone."""
    return _templates().get_template(template).render({"zone": None, "now": now(), **values})


def clock(at: int, zone: ZoneInfo | None) -> str:
    """A time of the record on the centre's clock: "2:05 am", with the day when it is not today."""
    moment = datetime.fromtimestamp(at / 1000, zone or timezone.utc)
    words = f"{moment.hour % 12 or 12}:{moment:%M} {'am' if moment.hour < 12 else 'pm'}"
    today = datetime.now(zone or timezone.utc).date()
    return words if moment.date() == today else f"{moment:%b} {moment.day}, {words}"


def span(milliseconds: int) -> str:
    """A stretch of time in the two words that matter: "11 s", "4 min", "2 h 10 min", "3 days"."""
    seconds = max(0, milliseconds // 1000)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def short_name(conversation_id: str) -> str:
    """What staff call a conversation among themselves."""
    return conversation_id[:4].upper()


def quoted(why: list[str]) -> tuple[str, ...]:
    """The visitor's own words among the guard's reasons ("what it is: words"), each once."""
    words = [reason.partition(": ")[2] or reason for reason in why if not reason.startswith(("classifier", "silent: "))]
    words = list(dict.fromkeys(words))
    return tuple(word for word in words if not any(word != other and word in other for other in words))


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(clock=clock, span=span, short=short_name, quoted=quoted)
    environment.globals.update(LANGUAGES=LANGUAGES, CHANNELS=CHANNELS, LEVELS=LEVELS)
    return environment
