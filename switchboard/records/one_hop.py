"""SQLite's driver with one change of threads a statement instead of four, and none inside a writing transaction.

SQLAlchemy's adapter for aiosqlite makes a cursor, executes, fetches and closes it one by one, each on the connection's
thread and back. Under load those changes are most of what a statement costs. Used by the record.
"""

from __future__ import annotations

import asyncio
import collections
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.util.concurrency import await_


@dataclass
class _Done:
    """What is left of a cursor that was closed on its own thread."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()
    _adapt_connection: Connection

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor: Any = _Done()
        self._soft_closed_memoized: Any = {}
        self._rows = collections.deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        if self._adapt_connection.in_place:
            self._cursor, rows = _whole(self._connection, operation, parameters)
        else:
            async with self._adapt_connection._execute_mutex:
                self._cursor, rows = await self._connection._execute(_whole, self._connection, operation, parameters)
        self._rows = collections.deque(rows)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        async with self._adapt_connection._execute_mutex:
            self._cursor = await self._connection._execute(_many, self._connection, operation, seq_of_parameters)

    async def _async_soft_close(self) -> None:
        """Nothing is open any more."""

    def close(self) -> None:
        self._rows.clear()


class Connection(AsyncAdapt_aiosqlite_connection):
    """One connection to SQLite.

    Between begin() and commit() its statements run in place, on the caller's thread: in a transaction that has the
    lock they take microseconds and wait for nothing. To begin and to commit may wait, and never run there. The same
    holds for a few rows read by their key (`looking_up`).
    """

    __slots__ = ("in_place",)
    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.in_place = False

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction that was begun stands; SQLite gives up by itself when the disk is full or fails."""
        return self.in_place and bool(self._connection.in_transaction)

    async def begin_writing(self) -> None:
        """Take the database's lock. Raises sqlite3.OperationalError when another process keeps it too long."""
        self.in_place = True  # from here on there may be something to roll back
        await self._connection._execute(_whole, self._connection, "BEGIN IMMEDIATE", None)

    @contextmanager
    def looking_up(self) -> Iterator[None]:
        """Read in place: no writer holds up a reader, and a row that is found by its key is there in microseconds."""
        self.in_place = True
        try:
            yield
        finally:
            self.in_place = False

    def at_once(self, statement: str) -> None:
        """Run a statement without rows in place."""
        _whole(self._connection, statement, None)

    async def commit_written(self) -> None:
        """Put what was written on the disk. Raises what SQLite raises; rollback() follows then."""
        await self._connection._execute(_whole, self._connection, "COMMIT", None)
        self.in_place = False

    def rollback(self) -> None:
        """Undo what was begun. The pool asks for it after every reading too, when nothing was."""
        if self.in_place or self._connection.in_transaction:
            super().rollback()
            self.in_place = False


def driver_of(connection: AsyncConnection) -> Connection:
    """The driver's connection below one of SQLAlchemy's."""
    driver: Connection = connection.sync_connection.connection.dbapi_connection  # type: ignore
    return driver


class OneHop(AsyncAdapt_aiosqlite_dbapi):
    """The driver to hand to create_async_engine as `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *args: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:
        """Open a connection with a thread of its own, which does not keep the process alive."""
        connection = aiosqlite.connect(*args, **options)
        connection._thread.daemon = True
        opened: Any = await_(_opened(connection))
        return Connection(self, opened)


async def _opened(connection: aiosqlite.Connection) -> aiosqlite.Connection:
    """Wait until it is open; whoever is cancelled meanwhile leaves no open file behind."""
    opening = asyncio.ensure_future(connection.__aenter__())
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        await connection.close()
        raise


def _whole(connection: Any, operation: str, parameters: Any) -> tuple[_Done, list[Any]]:
    """One statement from beginning to end; runs on the connection's thread, or in place."""
    cursor = connection._conn.cursor()
    try:
        cursor.execute(operation, () if parameters is None else parameters)
        rows = cursor.fetchall() if cursor.description else []
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


def _many(connection: Any, operation: str, parameters: Any) -> _Done:
    cursor = connection._conn.cursor()
    try:
        cursor.executemany(operation, parameters)
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()
