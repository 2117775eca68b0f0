"""switchboard.retention: everything goes when its time is over, and nothing that somebody still needs."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
import sqlalchemy as sa
import yaml

from haven.centre import RETENTION, load_centre, retention_faults
from haven.check import check
from haven.settings import ROOT
from switchboard import audit, conversations, retention
from switchboard.accounts import everybody
from switchboard.conversations import BOT, WAITING, Message
from switchboard.records import tables as t
from switchboard.records.record import now
from switchboard.retention import DAY_MS, HOUR_MS, Retention, forget_locations, purge
from switchboard.sms import contacts
from switchboard.sms.door import LOCATION
from tests.waiting import SECONDS

CENTRE = load_centre(ROOT / "data")
DANGER = {"level": "acute", "kind": "violence", "why": ["gun: narwhal"]}


@pytest.fixture
async def person(record):
    async with record.write() as tx:
        await tx.execute(t.staff.insert().values(login="ana", name="Ana", password="x", made_at=now()))
        return (await everybody(tx))[0]


async def old(record, days: float, *, owner: str = BOT, **values) -> str:
    """A conversation whose last message is some days old."""
    async with record.write() as tx:
        made = await conversations.begin(tx, channel="widget", language="en")
        await conversations.add(tx, made, Message("visitor", "narwhal"))
        await tx.execute(t.conversations.update().where(t.conversations.c.id == made.id).values(
            updated_at=now() - int(days * DAY_MS), owner=owner, **values))
    return made.id


async def add(record, id, table, **values):
    async with record.write() as tx:
        await tx.execute(table.insert().values(conversation=id, **values))


async def living(record) -> set[str]:
    async with record.read() as connection:
        return {row.id for row in await connection.execute(
            sa.select(t.conversations.c.id).where(t.conversations.c.erased_at.is_(None)))}


async def count(record, table) -> int:
    async with record.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


async def test_old_conversations_go(record, tmp_path):
    """After retention_days without a word a conversation is erased with its key; a day before it stands."""
    gone, stays = await old(record, CENTRE.retention_days + 0.1), await old(record, CENTRE.retention_days - 0.1)
    dry = await purge(record, CENTRE, tmp_path, dry_run=True)
    assert await living(record) == {gone, stays}
    assert (await purge(record, CENTRE, tmp_path))["conversations"] == dry["conversations"] == 1

    assert await living(record) == {stays}
    async with record.read() as connection:
        row = (await connection.execute(sa.select(t.conversations).where(t.conversations.c.id == gone))).one()
    assert (row.data_key, row.handoff, row.address) == (None, None, None)
    assert await count(record, t.messages) == 1


async def test_nobody_who_is_needed_goes(record, person, tmp_path):
    """Open with a person, waiting, in danger nobody accepted, promised a call, a follow-up or a check-in: kept."""
    kept = [await old(record, 400, owner=f"staff:{person.id}"), await old(record, 400, owner=WAITING),
            *[await old(record, 400) for _ in range(4)]]
    await add(record, kept[2], t.alerts, seq=1, level="acute", kind="violence", why=[], raised_at=1)
    await add(record, kept[3], t.callbacks, number="1", call_when="v1:", asked_at=now())
    await add(record, kept[4], t.follow_ups, due=date.today().isoformat(), what="v1:", made_by=person.id, made_at=1)
    await add(record, kept[5], t.sms_checkins, state="agreed", made_at=1)
    await purge(record, CENTRE, tmp_path)

    assert await living(record) == set(kept)


async def test_what_was_settled_goes(record, person, tmp_path):
    """With the danger accepted and the call made the conversation goes, and the danger is still counted."""
    id = await old(record, 31)
    await add(record, id, t.alerts, seq=1, level="acute", kind="violence", why="v1:", raised_at=now(), accepted_at=1)
    await add(record, id, t.callbacks, number="1", call_when="v1:", asked_at=1, done_at=now())
    await add(record, id, t.outcomes, staff=person.id, at=now(), result="x", danger="x", referred="x", note="v1:")
    await purge(record, CENTRE, tmp_path)

    assert await living(record) == set()
    async with record.read() as connection:
        alert = (await connection.execute(sa.select(t.alerts))).one()
        outcome = (await connection.execute(sa.select(t.outcomes))).one()
    assert (alert.kind, alert.why) == ("violence", [])
    assert outcome.note is None
    assert await count(record, t.callbacks) == 0


async def test_practice_goes_sooner(record, person, tmp_path):
    """A made-up conversation is erased after a day."""
    await old(record, 1.1, practice=person.id)
    stays = await old(record, 0.9, practice=person.id)
    await purge(record, CENTRE, tmp_path)
    assert await living(record) == {stays}


async def test_each_kind_has_its_own_time(record, person, tmp_path):
    """Every other kind of row goes at its own age, and the younger one stays."""
    id = await old(record, 0)

    def at(kind, extra):
        return now() - (RETENTION[kind] * DAY_MS) - extra

    tables = (t.callbacks, t.alerts, t.outcomes, t.claims, t.feedback, t.sms_quarantine, t.sms_inbound,
              t.sms_contacts, t.audit)
    for n, extra in enumerate((HOUR_MS, -HOUR_MS)):
        await add(record, id, t.callbacks, number="1", call_when="v1:", asked_at=at("callbacks", extra))
        await add(record, id, t.alerts, seq=1, level="acute", kind="x", why=[], raised_at=at("alerts", extra),
                  accepted_at=1)
        await add(record, id, t.outcomes, staff=person.id, at=at("outcomes", extra), result="x", danger="x",
                  referred="x")
        await add(record, id, t.claims, staff=person.id, urgent=False, asked_at=1, claimed_at=1,
                  ended_at=at("outcomes", extra))
        await add(record, id, t.feedback, seq=n, helped=True, at=at("feedback", extra))
        await add(record, id, t.sms_inbound, sid=f"SM{n}", at=at("sms_ids", extra))
        async with record.write() as tx:
            await tx.execute(t.sms_quarantine.insert().values(at=at("quarantine", extra), path="x", why="x", body="x"))
            await contacts.insert_new(tx, t.sms_contacts, address=f"a{n}", number="x", ours="x", first_at=1,
                                      last_at=at("sms_contacts", extra))
            await tx.execute(t.audit.insert().values(at=at("audit", extra), action="view"))
    await purge(record, CENTRE, tmp_path)

    assert {table.name: await count(record, table) for table in tables} == {table.name: 1 for table in tables}


async def test_an_opt_out_stays(record, tmp_path):
    """A number that wants no more texts is not forgotten, or it would be texted again; nor one that still talks."""
    async with record.write() as tx:
        for address, out in (("a", 1), ("b", None), ("c", None)):
            await contacts.insert_new(tx, t.sms_contacts, address=address, number="x", ours="x", first_at=1, last_at=1,
                                      opted_out_at=out)
        await conversations.begin(tx, channel="sms", language="en", address="b")
    await purge(record, CENTRE, tmp_path)
    async with record.read() as connection:
        kept = {row.address for row in await connection.execute(sa.select(t.sms_contacts))}
    assert kept == {"a", "b"}


async def test_the_count_of_a_conversation_goes_last(record, tmp_path):
    """The empty row of an erased conversation goes once nothing refers to it, seals and ids of texts with it."""
    id = await old(record, 500)
    await add(record, id, t.sms_seals, why="quiet", at=1)
    await add(record, id, t.sms_inbound, sid="SM1", at=1)
    await purge(record, CENTRE, tmp_path)
    assert await count(record, t.conversations) == 1  # erased a moment ago
    async with record.write() as tx:
        await tx.execute(t.conversations.update().values(erased_at=now() - 401 * DAY_MS))
    await purge(record, CENTRE, tmp_path)
    assert await count(record, t.conversations) == 0
    assert await count(record, t.sms_seals) == 0


async def test_the_log_gives_up_no_young_row(record):
    """The database itself refuses to remove a row of the log that is less than a year old."""
    async with record.write() as tx:
        await tx.execute(t.audit.insert().values(at=now() - 364 * DAY_MS, action="view"))
    with pytest.raises(sa.exc.DBAPIError, match="never changed or removed"):
        async with record.write() as tx:
            await tx.execute(t.audit.delete())
    async with record.write() as tx:
        await tx.execute(t.audit.insert().values(at=now() - 366 * DAY_MS, action="view"))
        await tx.execute(t.audit.delete().where(t.audit.c.at < now() - 365 * DAY_MS))
    assert len(await _log(record)) == 1


async def _log(record):
    async with record.read() as connection:
        return await audit.newest(connection)


# -- locations ------------------------------------------------------------------------------------------------------


async def test_a_location_is_forgotten_within_a_day(record):
    """Where a visitor was goes an hour after nobody needs it, and after a day whoever needs it; other lines stay."""
    ids = [await old(record, 0) for _ in range(3)]
    async with record.write() as tx:
        for id in ids:
            await conversations.add(tx, await conversations.load(tx, id), Message(
                "system", "36.16, -86.78", kind="private", response=LOCATION))
        await conversations.raise_alert(tx, await conversations.load(tx, ids[1]), 1, DANGER)
        await conversations.raise_alert(tx, await conversations.load(tx, ids[2]), 1, DANGER)
        for id, hours in ((ids[0], 2), (ids[1], 2), (ids[2], 24)):
            await tx.execute(t.messages.update().where(t.messages.c.conversation == id)
                             .values(at=now() - hours * HOUR_MS))
    assert await forget_locations(record) == 2
    async with record.read() as connection:
        left = [len(await conversations.after(connection, id, 0)) for id in ids]
    assert left == [1, 2, 1]


# -- every day --------------------------------------------------------------------------------------------------------


async def test_once_a_day_over_all_switchboards(record, tmp_path, monkeypatch):
    """Of several switchboards that look, one purges; the next time is a day later."""
    calls = []

    async def counted(*_):
        calls.append(now())
        return {}

    monkeypatch.setattr(retention, "purge", counted)
    boards = [Retention(record, CENTRE, tmp_path) for _ in range(4)]
    await asyncio.gather(*(board.look() for board in boards))
    await asyncio.gather(*(board.look() for board in boards))
    assert len(calls) == 1
    async with record.write() as tx:
        await tx.execute(t.record_state.update().where(t.record_state.c.name == "purge").values(at=now() - DAY_MS))
    await boards[0].look()
    assert len(calls) == 2


async def test_a_failed_purge_is_tried_again(record, tmp_path, monkeypatch):
    """Whatever goes wrong in a purge, the next look comes."""
    calls = []

    async def fails(*_):
        calls.append(1)
        raise ValueError("narwhal")

    monkeypatch.setattr(retention, "forget_locations", fails)
    monkeypatch.setattr(retention, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(retention, "LOOK_SECONDS", 0.01)
    task = asyncio.create_task(Retention(record, CENTRE, tmp_path).run())
    async with asyncio.timeout(SECONDS):
        while len(calls) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# -- data/centre.yml --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("raw", "said"), [
    ({"retention": {"callback": 3}}, "there is no kind 'callback'"),
    ({"retention": {"alerts": "ten"}}, "alerts is 'ten'"), ({"retention": {"alerts": 0}}, "alerts is 0"),
    ({"retention": {"audit": 30}}, "366 days at least"), ({"retention": [1]}, "must be a table"),
    ({"retention_days": 0}, "retention_days is 0"), ({"retention_days": "a month"}, "retention_days is 'a month'"),
])
def test_faults_of_the_periods(raw, said, tmp_path):
    """Each fault has a sentence; what cannot be read keeps its default, never "at once"."""
    assert any(said in fault for fault in retention_faults(raw))
    (tmp_path / "centre.yml").write_text(yaml.safe_dump(raw))
    centre = load_centre(tmp_path)
    assert centre.retention == RETENTION | {"audit": max(366, centre.retention["audit"])}
    assert centre.retention_days == 30


def test_check_names_them():
    """`bin/haven check` has nothing to say of the periods that come with Haven."""
    assert [fault for fault in check(ROOT / "data", date.today()) if "centre.yml" in fault.file] == []


def test_the_file_lists_every_kind():
    """data/centre.yml shows each period, with the default."""
    raw = yaml.safe_load((ROOT / "data" / "centre.yml").read_text())
    assert raw["retention"] == RETENTION
