"""Small writes of many callers in one transaction: each commit waits for the disk, so a burst shares it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.records.record import Record, RecordUnavailable

Work = Callable[[AsyncConnection], Awaitable[Any]]
AT_MOST = 64  # in one transaction: the next writer waits no longer than that takes


class Writes:
    """Does what is handed in one after the other, in as few transactions as its callers leave it.

    Each call succeeds or fails by itself: where one in a transaction fails, each is done in one of its own.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._waiting: list[tuple[Work, asyncio.Future[Any]]] = []
        self._running: asyncio.Task[None] | None = None

    async def do(self, work: Work) -> Any:
        """Return what `work` returns, once it is committed. Raises what the transaction raises."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
            if not await self._done(batch):
                for one in batch:
                    await self._done([one])

    async def _done(self, batch: list[tuple[Work, asyncio.Future[Any]]]) -> bool:
        """Do a batch and tell its callers; False, and nothing said, where one of several fails."""
        try:
            async with self._record.write() as tx:
                results = [await work(tx) for work, _ in batch]
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, RecordUnavailable):
                return False
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return True
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)
        return True
