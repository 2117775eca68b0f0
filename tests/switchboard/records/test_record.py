"""switchboard.records.record: a database that is away, locked or cut off is one clear error, soon enough for danger."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import AsyncExitStack, closing

import pytest
import sqlalchemy as sa

from switchboard import conversations
from switchboard.records import record as records
from switchboard.records.record import Record, RecordUnavailable
from tests.switchboard.conftest import KEYRING
from tests.waiting import SECONDS


async def begin(record: Record) -> None:
    async with record.write() as tx:
        await conversations.begin(tx, channel="widget", language="en")


@pytest.fixture
def patience():
    """Much shorter than tests wait; connecting takes a slow machine more than it has where people are."""
    return SECONDS / 3


@pytest.fixture
def locked(tmp_path):
    """Another process (in its stead: another connection) that can hold SQLite's write lock."""
    with closing(sqlite3.connect(tmp_path / "haven.db", isolation_level=None)) as connection:
        yield connection


@pytest.fixture
async def on_sqlite(tmp_path):
    record = Record(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}", KEYRING)
    await record.migrate()
    yield record
    await record.close()


@pytest.fixture
async def patient(monkeypatch, tmp_path):
    """A record that would wait for a lock much longer than any machine is slow."""
    monkeypatch.setattr(records, "BUSY_SECONDS", 3 * SECONDS)
    record = Record(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}", KEYRING)
    await record.migrate()
    yield record
    await record.close()


@pytest.fixture
async def on_postgresql(record):
    if record.is_sqlite:
        pytest.skip("about PostgreSQL")
    return record


async def test_somebody_in_danger_is_called_away_from_a_locked_record(patient, locked):
    """Who waits for the lock of another process can stop waiting at once; the record works afterwards."""
    locked.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), patient.write():
            raise AssertionError("the lock is somebody else's")
    assert time.monotonic() - start < SECONDS  # not as long as it would have waited

    locked.execute("ROLLBACK")
    await begin(patient)


async def test_a_lock_that_lasts_is_said(on_sqlite, locked):
    """A record that stays locked is unavailable, after two seconds and not for ever."""
    locked.execute("BEGIN IMMEDIATE")
    with pytest.raises(RecordUnavailable):
        await asyncio.wait_for(begin(on_sqlite), SECONDS)


async def test_a_look_up(record):
    """Rows found by their key are those committed last, also beside a writer who has not ended; an error ends it."""
    await begin(record)
    count = sa.select(sa.func.count()).select_from(sa.table("conversations"))
    async with record.write() as tx:
        await conversations.begin(tx, channel="widget", language="en")
        async with record.look_up() as connection:
            assert (await connection.execute(count)).scalar_one() == 1
    with pytest.raises(ValueError, match="of the caller"):
        async with record.look_up() as connection:
            assert (await connection.execute(count)).scalar_one() == 2
            raise ValueError("of the caller")
    async with record.read() as connection:
        assert (await connection.execute(count)).scalar_one() == 2


async def test_a_look_up_of_a_locked_record(on_sqlite, locked):
    """Where another process lets nobody read, a look-up is an unavailable record, and works afterwards."""
    await on_sqlite.engine.dispose()  # its connections would keep the other process out
    locked.execute("PRAGMA locking_mode=EXCLUSIVE")
    locked.execute("PRAGMA journal_mode=DELETE")
    locked.execute("BEGIN EXCLUSIVE")
    with pytest.raises(RecordUnavailable):
        async with on_sqlite.look_up() as connection:
            await conversations.after(connection, "nobody", 0)
    locked.execute("ROLLBACK")
    locked.execute("PRAGMA locking_mode=NORMAL")
    locked.execute("PRAGMA journal_mode=WAL")
    async with on_sqlite.look_up() as connection:
        assert await conversations.after(connection, "nobody", 0) == []


async def test_danger_has_connections_of_its_own(on_postgresql):
    """While everything else has all connections that it may take, the next one waits and is refused, danger goes on."""
    async with AsyncExitStack() as everything:
        for _ in range(records.CONNECTIONS - records.FOR_DANGER):
            await everything.enter_async_context(on_postgresql.read())
        async with on_postgresql.look_up(urgent=True), on_postgresql.write(urgent=True) as tx:
            await conversations.begin(tx, channel="widget", language="en")
        with pytest.raises(RecordUnavailable):
            await begin(on_postgresql)
    await begin(on_postgresql)


async def test_connections_that_are_cut(on_postgresql):
    """A connection that PostgreSQL's operator ends is an unavailable record, and the next transaction works."""
    with pytest.raises(RecordUnavailable):
        async with on_postgresql.write() as tx:
            pid = (await tx.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one()
            async with on_postgresql.write() as other:
                await other.execute(sa.text(f"SELECT pg_terminate_backend({pid})"))
            await asyncio.sleep(0.1)
            await conversations.begin(tx, channel="widget", language="en")
    await begin(on_postgresql)


async def test_a_table_that_is_locked(on_postgresql):
    """Tables that somebody's maintenance holds are an unavailable record, not a wait without end."""
    async with on_postgresql.write() as tx:
        await tx.execute(sa.text("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(RecordUnavailable):
            await asyncio.wait_for(begin(on_postgresql), SECONDS)


async def test_a_database_that_takes_nobody(on_postgresql):
    """A server that refuses new connections (it starts or stops) is an unavailable record."""
    name = on_postgresql.engine.url.database
    async with on_postgresql.write() as tx:
        await tx.execute(sa.text(f"ALTER DATABASE {name} CONNECTION LIMIT 0"))
        await tx.execute(sa.text(f"CREATE ROLE nobody_{name} LOGIN"))  # roles are the whole server's
    other = Record(on_postgresql.engine.url.set(username=f"nobody_{name}").render_as_string())
    try:
        with pytest.raises(RecordUnavailable):
            await begin(other)
    finally:
        await other.close()
        async with on_postgresql.write() as tx:
            await tx.execute(sa.text(f"DROP ROLE nobody_{name}"))
