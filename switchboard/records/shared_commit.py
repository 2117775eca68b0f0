"""SQLite's one writer at a time: those who wait for their turn share a transaction and its commit. Used by the record.

A commit waits for the disk, some milliseconds; what is written is done in a tenth of that. Each writer has a savepoint
of its own: what one of them undoes, by an error, is undone alone. Each goes on only when the shared commit is done.
An urgent writer goes before all who wait but one, and the transaction ends with it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from switchboard.records.one_hop import Connection, driver_of

AT_MOST = 64  # writers in one transaction: the first waits for the last
PAUSE_SECONDS = 0.01  # between two tries to get the lock


async def take_lock(driver: Connection, seconds: float) -> None:
    """Begin a writing transaction, or raise sqlite3.OperationalError when another process keeps the lock for so long.

    It is waited for in steps: somebody who waits in danger can be called away between two of them.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            return await driver.begin_writing()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > limit:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


class _Transaction:
    """One transaction of several writers. `done` comes with its commit, or with the error that all of them get."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.writers = 0
        self.is_urgent = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.done.add_done_callback(lambda done: done.exception())  # its writers may all have left

    @property
    def driver(self) -> Connection:
        return driver_of(self.connection)

    @contextmanager
    def writer(self) -> Iterator[AsyncConnection]:
        """What one writer does, or nothing of it."""
        self.writers += 1
        self.driver.at_once("SAVEPOINT writer")
        try:
            yield self.connection
        except BaseException:
            if self.driver.in_transaction:
                self.driver.at_once("ROLLBACK TO writer")
            raise
        finally:
            if self.driver.in_transaction:
                self.driver.at_once("RELEASE writer")


class SharedCommit:
    """Lets writers in one after the other."""

    def __init__(self, engine: AsyncEngine, *, patience: float) -> None:
        """`patience`: seconds to wait for another process that writes."""
        self._engine = engine
        self._patience = patience
        self._turn = asyncio.Lock()
        self._next = asyncio.Lock()  # of writers that can wait, one alone stands at the turn
        self._waiting = 0
        self._open: _Transaction | None = None
        self._ending: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def write(self, *, urgent: bool = False) -> AsyncIterator[AsyncConnection]:
        """A writer's turn; left when all it did is committed. Raises what the database raises."""
        await self._wait_for_turn(urgent=urgent)
        try:
            transaction = self._open = self._open or await self._begun()
            transaction.is_urgent |= urgent
            with transaction.writer() as connection:
                yield connection
        finally:
            self._turn.release()
            self._end_if_last()
        await asyncio.shield(transaction.done)

    async def settled(self) -> None:
        """Return when no commit is under way."""
        if self._ending:
            await asyncio.wait([self._ending])

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """A turn with no transaction of ours open: for what SQLite does outside of any."""
        await self._wait_for_turn()
        try:
            if self._open:
                self._ending, self._open = asyncio.create_task(self._end(self._open)), None
            if self._ending:
                await asyncio.wait([self._ending])
            yield
        finally:
            self._turn.release()

    async def _wait_for_turn(self, *, urgent: bool = False) -> None:
        self._waiting += 1
        try:
            async with nullcontext() if urgent else self._next:
                await self._turn.acquire()
        except BaseException:
            self._waiting -= 1
            self._end_if_last()
            raise
        self._waiting -= 1

    async def _begun(self) -> _Transaction:
        if self._ending:
            await asyncio.wait([self._ending])
        connection = await self._engine.connect()
        transaction = _Transaction(connection)
        try:
            await take_lock(transaction.driver, self._patience)
        except BaseException:
            await connection.close()
            raise
        return transaction

    def _end_if_last(self) -> None:
        """Commit where nobody waits to join, or enough have."""
        transaction = self._open
        if transaction is None or self._turn.locked():
            return
        more = self._waiting and transaction.writers < AT_MOST and not transaction.is_urgent
        if more and transaction.driver.in_transaction:
            return
        self._open = None
        self._ending = asyncio.create_task(self._end(transaction))

    async def _end(self, transaction: _Transaction) -> None:
        try:
            await transaction.driver.commit_written()
            transaction.done.set_result(None)
        except Exception as error:
            transaction.done.set_exception(error)
        finally:
            await transaction.connection.close()  # which undoes what was not committed
