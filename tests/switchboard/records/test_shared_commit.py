"""switchboard.records.shared_commit: writers who wait share a commit, and none of them pays for another's fault."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from switchboard import conversations
from switchboard.records.record import Record, RecordUnavailable
from switchboard.records.tables import alerts
from tests.switchboard.conftest import KEYRING
from tests.waiting import SECONDS


@pytest.fixture
async def sqlite(tmp_path):
    """A record on SQLite, where writers take turns."""
    made = Record(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}", KEYRING)
    await made.migrate()
    yield made
    await made.close()


async def _begin(record, name, *, fault=None):
    async with record.write() as tx:
        made = await conversations.begin(tx, channel="sms", language="en", address=name)
        if fault:
            raise fault
    return made


async def _kept(record, name):
    async with record.read() as connection:
        return await conversations.by_address(connection, "sms", name) is not None


async def test_a_burst_shares_commits(sqlite):
    """Forty writers at once take fewer than eight commits, and each finds its own rows kept."""
    commits = []
    sa.event.listen(sqlite.engine.sync_engine, "checkout", lambda *_: commits.append(1))

    await asyncio.gather(*(_begin(sqlite, f"n{n}") for n in range(40)))

    assert len(commits) < 8
    assert all([await _kept(sqlite, f"n{n}") for n in range(40)])


async def test_one_fails(sqlite):
    """What one of several undoes is undone alone, and it alone is told."""
    results = await asyncio.gather(
        *(_begin(sqlite, f"n{n}", fault=ValueError() if n == 2 else None) for n in range(5)), return_exceptions=True)

    assert [isinstance(result, ValueError) for result in results] == [n == 2 for n in range(5)]
    assert [await _kept(sqlite, f"n{n}") for n in range(5)] == [n != 2 for n in range(5)]


async def test_nobody_goes_on_before_the_commit(sqlite, tmp_path):
    """A writer is only told that it is done when another process can read what it wrote."""
    other = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}")

    async def begin_and_look(name):
        made = await _begin(sqlite, name)
        async with other.connect() as connection:
            return (await conversations.load(connection, made.id)).address

    assert await asyncio.gather(*(begin_and_look(f"n{n}") for n in range(12))) == [f"n{n}" for n in range(12)]
    await other.dispose()


async def test_danger_goes_first(sqlite):
    """An urgent writer that comes last is kept before nearly all who waited, and does not wait for their writes."""
    kept = []

    async def write(name, *, urgent=False):
        async with sqlite.write(urgent=urgent) as tx:
            await conversations.begin(tx, channel="sms", language="en", address=name)
        kept.append(name)

    ordinary = [asyncio.create_task(write(f"n{n}")) for n in range(30)]
    await asyncio.sleep(0)
    await asyncio.gather(write("danger", urgent=True), *ordinary)

    assert len(kept) == 31
    assert kept.index("danger") <= 3


async def test_one_urgent_who_gives_up_waiting(sqlite):
    """An urgent writer that is called away while it waits holds nobody up."""
    holding = asyncio.Event()

    async def hold():
        async with sqlite.write():
            await holding.wait()

    holder = asyncio.create_task(hold())
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), sqlite.write(urgent=True):
            pass
    waiting = asyncio.create_task(_begin(sqlite, "after"))
    holding.set()
    await asyncio.gather(holder, waiting)
    assert await _kept(sqlite, "after")


async def test_a_commit_that_fails_is_told_to_all(sqlite):
    """Where the shared commit fails, every writer in it hears so and nothing is kept; the next writes again."""
    async def break_it():
        async with sqlite.write() as tx:
            await tx.exec_driver_sql("PRAGMA defer_foreign_keys=ON")  # looked at when it is committed
            await tx.execute(alerts.insert().values(conversation="nobody", seq=1, level="acute", kind="x", why=[],
                                                    raised_at=1))

    results = await asyncio.gather(_begin(sqlite, "first"), break_it(), _begin(sqlite, "third"),
                                   return_exceptions=True)

    assert [isinstance(result, RecordUnavailable) for result in results] == [True, True, True]
    assert not await _kept(sqlite, "first")
    await _begin(sqlite, "after")
    assert await _kept(sqlite, "after")


async def test_one_who_gives_up_waiting(sqlite):
    """A writer that is cancelled while it waits holds nobody up: those before it are committed, those after get in."""
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        async with sqlite.write() as tx:
            inside.set()
            await go_on.wait()
            await conversations.begin(tx, channel="sms", language="en", address="slow")

    first = asyncio.create_task(slow())
    await inside.wait()
    waiting = asyncio.create_task(_begin(sqlite, "left"))
    await asyncio.sleep(0)
    go_on.set()
    waiting.cancel()
    await asyncio.wait_for(first, SECONDS)

    assert await _kept(sqlite, "slow")
    assert not await _kept(sqlite, "left")
    await asyncio.wait_for(_begin(sqlite, "next"), SECONDS)


async def test_one_who_is_cancelled_at_work(sqlite):
    """What a cancelled writer had begun is undone, and the next one does not see it."""
    inside = asyncio.Event()

    async def hang():
        async with sqlite.write() as tx:
            await conversations.begin(tx, channel="sms", language="en", address="hung")
            inside.set()
            await asyncio.Event().wait()

    hung = asyncio.create_task(hang())
    await inside.wait()
    after = asyncio.create_task(_begin(sqlite, "after"))
    hung.cancel()
    await asyncio.wait_for(after, SECONDS)

    assert await _kept(sqlite, "after")
    assert not await _kept(sqlite, "hung")


async def test_a_database_that_another_process_keeps(sqlite, tmp_path, monkeypatch):
    """A lock that is not let go makes the record unavailable; once it is, writing goes on."""
    other = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}")
    async with other.connect() as connection:
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(RecordUnavailable):
            await _begin(sqlite, "locked")
        await connection.rollback()
    await other.dispose()

    await _begin(sqlite, "free")
    assert await _kept(sqlite, "free")
