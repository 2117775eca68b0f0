"""The record's engine: short transactions on SQLite (WAL) or PostgreSQL. Used by the switchboard."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from haven.errors import HavenError
from switchboard.records.one_hop import OneHop

_HERE = Path(__file__).parent
BUSY_SECONDS = 2.0  # how long a transaction waits for another process before it gives up


class RecordUnavailable(HavenError):
    """The record could not be read or written; the caller tells the visitor and keeps their text."""


class Record:
    """Opens transactions. One writer at a time on SQLite; any number of readers."""

    def __init__(self, url: str) -> None:
        self.engine: AsyncEngine = create_async_engine(url, **_engine_options(url))
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._writer = asyncio.Lock()
        if self.is_sqlite:
            sa.event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write; committed at the end, rolled back on any error.

        Raises RecordUnavailable when the database refuses, is locked, or is gone.
        """
        async with self._one_writer(), self._translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                await connection.commit()
            except BaseException:
                await connection.rollback()
                raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One connection for reading only. Raises RecordUnavailable like write()."""
        async with self._translated(), self.engine.connect() as connection:
            yield connection

    async def migrate(self) -> None:
        """Bring the tables to the newest version."""
        async with self._translated(), self.engine.connect() as connection:
            await connection.run_sync(_upgrade)
            await connection.commit()

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def _one_writer(self) -> AsyncIterator[None]:
        # SQLite has one writer in any case: queueing here costs less than its busy wait and keeps order.
        if not self.is_sqlite:
            yield
            return
        async with self._writer:
            yield

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError,
                sqlite3.OperationalError, OSError) as error:
            raise RecordUnavailable("The record cannot be reached right now.") from error


def now() -> int:
    """The present in the record's unit: whole milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": BUSY_SECONDS}, "pool_size": 5, "max_overflow": 10,
                "hide_parameters": True, "module": OneHop()}
    return {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10, "pool_timeout": BUSY_SECONDS,
            "hide_parameters": True}


def _prepare_sqlite(connection: Any, _: object) -> None:
    # SQLAlchemy must not emit its own BEGIN: write() asks for the lock at once instead of half-way.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an acknowledged message survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_HERE / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
