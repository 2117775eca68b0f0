"""The page of opening hours: set by a supervisor, counting at once for visitors, kept with who set them."""

from __future__ import annotations

import sqlalchemy as sa

from haven.centre import DAYS
from switchboard.records.tables import audit, opening_hours
from tests.switchboard.console.conftest import Console


async def test_hours_count_at_once_and_their_history_stays(console: Console) -> None:
    """Closed on every day: the website says so with the next request; open again, and both are in the log."""
    carla = await console.person("Carla", role="supervisor")
    before = console.parts.centre.hours
    try:
        closed = {day: "" for day in DAYS}
        await carla.do("hours", time_zone="America/Chicago", holidays="2026-12-25", **closed)
        about = (await console.client().get("/chat/centre")).json()
        assert (about["open"], about["hours_text"]) == (False, "")
        assert "never told that somebody is there" in await carla.page("/staff/hours")

        await carla.do("hours", time_zone="America/Chicago", holidays="", **{day: "0:00-24:00" for day in DAYS})
        about = (await console.client().get("/chat/centre?language=es")).json()
        assert (about["open"], about["hours_text"]) == (True, "todos los días las 24 horas (hora de Chicago)")
        page = await carla.page("/staff/hours")
        assert "Open now" in page and "2026-12-25" in page and page.count("Carla</td>") == 2
        async with console.parts.record.read() as connection:
            rows = (await connection.execute(sa.select(audit.c.detail).where(
                audit.c.staff == carla.id, audit.c.action == "hours_set").order_by(audit.c.id))).all()
        assert [row.detail for row in rows] == ["never open", "Every day day and night (Chicago time)"]
    finally:
        await _as_before(console, before)


async def test_a_slip_changes_nothing_and_keeps_what_was_typed(console: Console) -> None:
    """The sentence says what to write, the other fields stay filled; staff may not open the page."""
    carla, anna = await console.person("Carla", role="supervisor"), await console.person("Anna")
    before = console.parts.centre.hours
    week = {**{day: "09:00-17:00" for day in DAYS}, "friday": "nine to five"}
    answer = await carla.do("hours", time_zone="America/Denver", holidays="", **week)
    assert answer.status_code == 400 and "Friday" in answer.text and 'value="nine to five"' in answer.text
    assert console.parts.centre.hours == before
    assert (await anna.http.get("/staff/hours")).status_code == 403


async def _as_before(console: Console, hours: object) -> None:
    async with console.parts.record.write() as tx:
        await tx.execute(opening_hours.delete())
    console.parts.centre.set_hours(hours)
    console.parts.centre.hours_number = 0
