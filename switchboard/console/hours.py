"""Opening hours, set by a supervisor; they count at once. Part of the switchboard's console."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from zoneinfo import available_timezones

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from haven.centre import DAYS, Hours
from switchboard import audit, opening_hours
from switchboard.accounts import Session
from switchboard.console import pages
from switchboard.console.access import for_supervisors, staff_only
from switchboard.console.forms import field
from switchboard.opening_hours import HoursError
from switchboard.parts import parts_of
from switchboard.streams import CONSOLE, FLEET

# Those of the United States first; the others follow.
USUAL = ("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
         "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico")

blueprint = Blueprint("console_hours")


@blueprint.get("/hours")
@staff_only(for_supervisors)
async def hours(request: Request, session: Session) -> HTTPResponse:
    """The hours that count now, what visitors read of them, and who set which."""
    return await _page(request, session, _typed(parts_of(request).centre.hours))


@blueprint.post("/hours")
@staff_only(for_supervisors)
async def set_hours(request: Request, session: Session) -> HTTPResponse:
    """Set the hours; they count from this moment on."""
    parts = parts_of(request)
    zone, holidays = field(request, "time_zone"), field(request, "holidays")
    week = [field(request, day) for day in DAYS]
    try:
        async with parts.record.write() as tx:
            made = await opening_hours.keep(tx, session.staff.id, zone, week, holidays)
            said = opening_hours.of(made).in_words() or "never open"
            await audit.note(tx, "hours_set", session.staff.id, detail=said)
    except HoursError as error:
        typed = {"time_zone": zone, "week": week, "holidays": holidays}
        return await _page(request, session, typed, said=str(error), status=400)
    opening_hours.let_count(parts.centre, made)
    parts.streams.wake(CONSOLE, FLEET)
    return redirect("/staff/hours?told=kept", status=303)


async def _page(
    request: Request, session: Session, typed: dict[str, Any], *, said: str = "", status: int = 200
) -> HTTPResponse:
    parts = parts_of(request)
    async with parts.record.read() as connection:
        rows = await opening_hours.history(connection)
    rest = sorted(available_timezones() - set(USUAL))
    return pages.page(request, "hours.html", session, status=status, said=said, typed=typed, days=DAYS, usual=USUAL,
                      rest=rest, open_now=parts.centre.open_now(), next_open=parts.centre.next_open_text(),
                      words=parts.centre.hours_in_words(), told=request.args.get("told", ""), names=parts.staff_names,
                      past=[(row, opening_hours.of(row).in_words() or "never open") for row in rows],
                      today=datetime.now(parts.centre.hours.zone or timezone.utc).date().isoformat())


def _typed(hours: Hours) -> dict[str, Any]:
    """Hours as a person would type them."""
    week = [", ".join(f"{start:%H:%M}-{'24:00' if end.hour == end.minute == 0 else format(end, '%H:%M')}"
                      for start, end in hours.spans.get(day, ())) for day in range(7)]
    return {"time_zone": hours.zone.key if hours.zone else "", "week": week,
            "holidays": "\n".join(day.isoformat() for day in sorted(hours.holidays))}
