"""The record's engine: short transactions on SQLite (WAL) or PostgreSQL. Used by the switchboard."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from haven.errors import HavenError
from haven.settings import Settings
from switchboard.records.keyring import Keyring
from switchboard.records.one_hop import OneHop, driver_of
from switchboard.records.shared_commit import SharedCommit, take_lock

_HERE = Path(__file__).parent
SCRUB_TRIES, SCRUB_PAUSE, SCRUB_BUSY_MS = 10, 0.1, 50  # a reader that is at it holds the journal for a moment
MIGRATION_LOCK = 0x48_41_56_45_4E  # any number that is ours alone
BUSY_SECONDS = 2.0  # how long a transaction waits for another process before it gives up
STEP_SECONDS = 0.25  # how long SQLite itself waits, deaf to everything: more is waited for in steps
PAGES_KIB = 512  # that a connection to SQLite keeps for itself; the system keeps the file's pages for all of them
MIGRATION_SECONDS = 60.0  # how long a start waits for another process that migrates
STUCK_SECONDS = 10.0  # how long one statement may take on PostgreSQL
# Of one switchboard to PostgreSQL, all of them kept open: to make one costs more than most are used for. More at once
# would only slow one another down, and danger most: its few statements would each wait behind everybody else's.
CONNECTIONS = 8
FOR_DANGER = 3  # of them, which nothing else may take
# PostgreSQL's codes for: no connection; rolled back for another's sake; no resources; locked; not accepting
# connections; stopped by an operator; a fault of its machine.
AWAY = frozenset({"08", "40", "53", "55P03", "55000", "57", "58"})


class RecordUnavailable(HavenError):
    """The record could not be read or written; the caller tells the visitor and keeps their text."""


class _Undone(Exception):
    """Ends a transaction that was only rehearsed."""


class Record:
    """Opens transactions. One writer at a time on SQLite; any number of readers."""

    def __init__(self, url: str, keyring: Keyring | None = None) -> None:
        """Without `keyring` nobody's words can be stored or read, and everything else can."""
        self.engine: AsyncEngine = create_async_engine(
            url, execution_options={"keyring": keyring}, **_engine_options(url))
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.is_shut = False  # as long as its tables may be older than the code (switchboard.opening)
        self._shared = SharedCommit(self.engine, patience=BUSY_SECONDS)
        self._patience = BUSY_SECONDS
        self._others = asyncio.Semaphore(CONNECTIONS - FOR_DANGER)  # places of all that is not urgent, on PostgreSQL
        self.on_write: Callable[[float], None] = lambda _: None  # told the seconds of each transaction
        self.on_error: Callable[[], None] = lambda: None  # told when the record cannot be reached
        if self.is_sqlite:
            sa.event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
        else:
            self.engine.sync_engine.dialect.do_terminate = _hang_up  # type: ignore[assignment, method-assign]

    @classmethod
    def of(cls, settings: Settings) -> Record:
        """The record that the settings name, with the keys to its words."""
        return cls(settings.database_url, Keyring(settings.record_keys))

    @asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write; committed at the end, rolled back on any error.

        `urgent`: somebody in danger waits for it; on SQLite, where writers take turns, it is next, on PostgreSQL there
        are connections for it alone. Raises RecordUnavailable when the database refuses, is locked, or is gone.
        """
        began = time.perf_counter()
        async with self._translated(), self._place(urgent=urgent), self._writing(urgent=urgent) as connection:
            yield connection
        self.on_write(time.perf_counter() - began)

    @asynccontextmanager
    async def read(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """One connection for reading only. `urgent` as in write(); raises RecordUnavailable like it."""
        async with self._translated(), self._place(urgent=urgent), self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def look_up(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """Like read(), for a few rows found by their key: on SQLite they are read in place, with no change of threads.

        Whatever may read many rows takes read(): nothing else goes on meanwhile.
        """
        async with self.read(urgent=urgent) as connection:
            with driver_of(connection).looking_up() if self.is_sqlite else nullcontext():
                yield connection

    @asynccontextmanager
    async def rehearse(self) -> AsyncIterator[AsyncConnection]:
        """A transaction like that of write() for a danger, of which nothing is kept."""
        with suppress(_Undone):
            async with self.write(urgent=True) as connection:
                yield connection
                raise _Undone

    async def connect(self) -> None:
        """Make all connections that will be used, before somebody has to wait for one."""
        async with self._translated(), AsyncExitStack() as open_ones:
            for _ in range(self.engine.pool.size()):  # type: ignore[attr-defined]
                await open_ones.enter_async_context(self.engine.connect())

    async def migrate(self) -> None:
        """Bring the tables to the newest version, wholly or not at all."""
        async with self._translated(), self.engine.connect() as connection:
            if self.is_sqlite:  # its driver begins nothing by itself, and half a migration would be there for good
                await take_lock(driver_of(connection), MIGRATION_SECONDS)
            else:  # a change of tables may take as long as it takes
                await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                await connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            await connection.run_sync(_upgrade)
            await connection.commit()

    async def scrub(self) -> bool:
        """Leave nothing of what was deleted in the files of SQLite; whether its journal could be emptied.

        Deleted rows are overwritten in any case (secure_delete); their copies in the journal go with this. On
        PostgreSQL clearing space is the database's own (docs/privacy.md).
        """
        if not self.is_sqlite:
            return True
        for _ in range(SCRUB_TRIES):
            if await self._journal_emptied():
                return True
            await asyncio.sleep(SCRUB_PAUSE)
        return False

    async def _journal_emptied(self) -> bool:
        async with self._shared.alone(), self._translated(), self.engine.connect() as connection:
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={SCRUB_BUSY_MS}")  # writers wait no longer than this
            try:
                return not (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
            finally:
                await connection.exec_driver_sql(f"PRAGMA busy_timeout={round(STEP_SECONDS * 1000)}")

    async def rewrite(self) -> None:
        """Write the file of SQLite anew: it keeps nothing of what was deleted before `secure_delete` was set."""
        if not self.is_sqlite:
            return
        async with self._shared.alone(), self._translated(), self.engine.connect() as connection:
            await connection.exec_driver_sql("VACUUM")
        await self.scrub()

    async def close(self) -> None:
        await self._shared.settled()  # its connection is closed only then
        await self.engine.dispose()

    def _writing(self, *, urgent: bool) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._shared.write(urgent=urgent) if self.is_sqlite else self.engine.begin()

    @asynccontextmanager
    async def _place(self, *, urgent: bool) -> AsyncIterator[None]:
        """A place among those that use PostgreSQL's connections; whom danger presses needs none."""
        if urgent or self.is_sqlite:
            yield
            return
        async with asyncio.timeout(self._patience):
            await self._others.acquire()
        try:
            yield
        finally:
            self._others.release()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        if self.is_shut:
            raise RecordUnavailable("The record is not open yet.")
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError,
                sqlite3.Error, OSError) as error:
            self.on_error()
            raise RecordUnavailable("The record cannot be reached right now.") from error
        except Exception as error:
            if _is_away(error):
                self.on_error()
                raise RecordUnavailable("The record cannot be reached right now.") from error
            raise


def now() -> int:
    """The present in the record's unit: whole milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def _is_away(error: BaseException) -> bool:
    """Whether PostgreSQL says by its code that it is stopping, starting, full, locked or gone.

    Its driver's errors come as plain DBAPIError, and as they are while a connection is being made. Where the server's
    goodbye comes between two steps of a statement, the driver takes the second step for a fault of its own.
    """
    if isinstance(error, asyncpg.InternalClientError):
        return True
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    code = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return isinstance(code, str) and (code[:2] in AWAY or code in AWAY)


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        # None beyond the pool: to open a connection, with its thread, costs more than what most are used for.
        # Few, and the one used last is taken first: each keeps a thread, pages and statements, megabytes in the end.
        return {"connect_args": {"timeout": STEP_SECONDS}, "pool_size": 8, "max_overflow": 0, "pool_use_lifo": True,
                "hide_parameters": True, "module": OneHop()}
    limits = {"lock_timeout": f"{BUSY_SECONDS}s", "statement_timeout": f"{STUCK_SECONDS}s"}
    waits = {"timeout": BUSY_SECONDS, "server_settings": limits}
    # The one used last is taken first: it knows the statements already.
    return {"connect_args": waits, "pool_pre_ping": True, "pool_size": CONNECTIONS, "max_overflow": 0,
            "pool_use_lifo": True, "pool_timeout": BUSY_SECONDS, "hide_parameters": True}


def _prepare_sqlite(connection: Any, _: object) -> None:
    # SQLAlchemy must not emit its own BEGIN: SharedCommit asks for the lock at once instead of half-way.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an acknowledged message survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA cache_size=-{PAGES_KIB}")
    cursor.execute("PRAGMA secure_delete=ON")  # what was deleted is overwritten
    cursor.close()


def _hang_up(connection: Any) -> None:
    """End a broken connection to PostgreSQL at once. SQLAlchemy would first say goodbye, and wait two seconds for a
    server that says nothing, while somebody in danger waits."""
    connection.driver_connection.terminate()


def _upgrade(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":  # switchboards that start together do it one after the other
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    config = Config()
    config.set_main_option("script_location", str(_HERE / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
