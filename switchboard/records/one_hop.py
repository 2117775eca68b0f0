"""SQLite's driver with one change of threads a statement instead of four.

SQLAlchemy's adapter for aiosqlite makes a cursor, executes, fetches and closes it one by one, each on the connection's
thread and back. Under load those changes are most of what a statement costs. Used by the record.
"""

from __future__ import annotations

import collections
import sqlite3
from dataclasses import dataclass
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
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

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor: Any = _Done()
        self._soft_closed_memoized: Any = {}
        self._rows = collections.deque()

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
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


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()
    _cursor_cls = _Cursor


class OneHop(AsyncAdapt_aiosqlite_dbapi):
    """The driver to hand to create_async_engine as `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *args: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:
        """Open a connection with a thread of its own, which does not keep the process alive."""
        connection = aiosqlite.connect(*args, **options)
        connection._thread.daemon = True
        opened: Any = await_(connection)
        return _Connection(self, opened)


def _whole(connection: Any, operation: str, parameters: Any) -> tuple[_Done, list[Any]]:
    """One statement from beginning to end; runs on the connection's thread."""
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
