"""switchboard.opening_hours: kept in the record, over the file; what cannot be read never means open."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from haven.centre import Centre, Hours
from switchboard import accounts, opening_hours
from switchboard.opening_hours import HoursError
from switchboard.records.record import Record, now
from switchboard.records.tables import opening_hours as table

WEEK = ["8:00-12:00, 13:00-17:30", *["08:00-20:00"] * 4, "", "00:00-24:00"]
NOON = datetime(2026, 11, 23, 17, 0, tzinfo=timezone.utc)  # a Monday, noon in New York


def centre() -> Centre:
    return Centre("Test", Hours(zone=None), "", 30, reviewed=False)


async def keep(record: Record, zone: str = "America/New_York", week: list[str] = WEEK, holidays: str = "") -> Hours:
    async with record.write() as tx:
        people = await accounts.everybody(tx)
        person = people[0] if people else await accounts.add(
            tx, login="carla", name="Carla", role="supervisor", password="x")
        return opening_hours.of(await opening_hours.keep(tx, person.id, zone, week, holidays))


async def follow(record: Record, of: Centre) -> Centre:
    async with record.read() as connection:
        await opening_hours.follow(connection, of)
    return of


async def test_the_newest_hours_of_the_record_count_over_the_file(record: Record) -> None:
    """Nothing set: the file's stay. Set twice: the second counts, and the words say it in both languages."""
    assert not (await follow(record, centre())).open_now(NOON)
    await keep(record, week=[""] * 7)
    await keep(record, holidays="2026-12-25\n2026-11-26, 2026-12-25")
    known = await follow(record, centre())
    assert known.hours_in_words() == (
        "Monday 8 AM to 12 PM and 1 PM to 5:30 PM, Tuesday to Friday 8 AM to 8 PM, Sunday day and night "
        "(New York time)")
    assert known.hours_in_words("es").startswith("lunes de 08:00 a 12:00 y de 13:00 a 17:30, martes a viernes")
    assert not known.open_now(NOON) and known.open_now(NOON.replace(day=24))
    assert not known.open_now(NOON.replace(day=26))  # a holiday
    async with record.read() as connection:
        assert len(await opening_hours.history(connection)) == 2


async def test_what_was_read_before_does_not_undo_what_was_set_after(record: Record) -> None:
    """A reading that arrives late changes nothing: the newest row counts."""
    await keep(record, week=[""] * 7)
    known = await follow(record, centre())
    await keep(record, week=["00:00-24:00"] * 7)
    async with record.read() as connection:
        newest, oldest = await opening_hours.history(connection)
    opening_hours.let_count(known, newest)
    opening_hours.let_count(known, oldest)
    assert known.open_now(NOON)


@pytest.mark.parametrize(("zone", "monday", "holidays", "says"), [
    ("America/Atlantis", "08:00-20:00", "", "no time zone"), ("", "08:00-20:00", "", "no time zone"),
    ("America/New_York", "8 to 5", "", "no span of time"), ("America/New_York", "25:00-26:00", "", "no span"),
    ("America/New_York", "08:00-08:00", "", "begins when it ends"), ("America/New_York", "08:00-24:30", "", "24:00"),
    ("America/New_York", "", "Christmas", "no date"),
])
async def test_what_cannot_be_read_is_refused_in_words(
    record: Record, zone: str, monday: str, holidays: str, says: str
) -> None:
    """The sentence names the day and what to write; the hours that counted go on counting."""
    with pytest.raises(HoursError, match=says):
        await keep(record, zone, [monday, *[""] * 6], holidays)
    async with record.read() as connection:
        assert await opening_hours.history(connection) == []


async def test_a_row_that_cannot_be_read_means_never_open(record: Record) -> None:
    """A zone that a newer system no longer knows, a span that was damaged: closed."""
    await keep(record, week=["00:00-24:00"] * 7)
    for broken in ({"time_zone": "Mars/Olympus"}, {"week": [["x"]] * 7}, {"holidays": ["soon"]}):
        async with record.write() as tx:
            values = {"time_zone": "UTC", "week": [["00:00-00:00"]] * 7, "holidays": [], **broken}
            await tx.execute(table.insert().values(**values, set_by=1, set_at=now()))
        assert not (await follow(record, centre())).open_now(NOON)
