"""Carries wakes between switchboards that share a PostgreSQL record, by LISTEN and NOTIFY. One per switchboard.

Words go out after the commit they speak of: a notify inside the transaction would make all commits of the database
wait for one another. A switchboard that dies in between is noticed by the others (switchboard.fleet), who look again.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import asyncpg
import sqlalchemy as sa

from switchboard.records.record import Record, RecordUnavailable
from switchboard.streams import Streams

logger = logging.getLogger(__name__)

CHANNEL = "haven"
EVERYTHING = "*"  # the word for "look at everything"
MOST_BYTES = 7_900  # PostgreSQL takes payloads under 8,000
MOST_WORDS = 5_000  # kept while the line is down; beyond that everything is looked at
PATIENCE_SECONDS = 3.0  # for connecting, for a notify and for the sign that the line lives
QUIET_SECONDS = 5.0  # after which the line is asked whether it lives
POLL_SECONDS = 1.0  # between looks while the line is down
FAULTS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Relay:
    """One connection that listens and tells; while it is lost, every stream here looks by itself."""

    def __init__(self, record: Record, streams: Streams) -> None:
        self._record = record
        self._streams = streams
        self._me = uuid.uuid4().hex
        self._words: dict[str, None] = {}  # in order, each once: a burst costs one
        self._outgoing = asyncio.Event()
        self.is_listening = False
        streams.relay = self.tell

    def tell(self, word: str) -> None:
        """Put a word on the way to the other switchboards."""
        if len(self._words) >= MOST_WORDS:
            self._words = {EVERYTHING: None}
        self._words[word] = None
        self._outgoing.set()

    async def run(self) -> None:
        """Listen and tell for ever."""
        while True:
            try:
                await self._talk()
            except FAULTS as error:
                logger.warning("the line to other switchboards is down: %s", type(error).__name__)
            finally:
                self.is_listening = False
            await self._look()
            await asyncio.sleep(POLL_SECONDS)

    async def _talk(self) -> None:
        connection = await asyncpg.connect(self._address(), timeout=PATIENCE_SECONDS)
        try:
            await connection.add_listener(CHANNEL, self._hear)
            connection.add_termination_listener(lambda _: self._outgoing.set())
            self.is_listening = True
            self._streams.rouse_all()  # what was told while nobody listened
            while not connection.is_closed():
                await self._wait()
                await self._send(connection)
        finally:
            connection.terminate()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._outgoing.wait(), QUIET_SECONDS)
        self._outgoing.clear()

    async def _send(self, connection: Any) -> None:
        words, self._words = self._words, {}
        try:
            for payload in [*_payloads(self._me, words)] or [self._me]:  # nothing to tell: a sign that the line lives
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, payload, timeout=PATIENCE_SECONDS)
        except BaseException:
            self._words = {**words, **self._words}
            raise

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        sender, *words = payload.split("\n")
        if sender == self._me:
            return
        if EVERYTHING in words:
            self._streams.rouse_all()
        for word in words:
            self._streams.hear(word)

    async def _look(self) -> None:
        """Without the line: every stream reads. Not while the record is down, which would only end them."""
        with suppress(RecordUnavailable):
            async with self._record.read() as connection:
                await connection.execute(sa.text("SELECT 1"))
            self._streams.rouse_all()

    def _address(self) -> str:
        return self._record.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _payloads(sender: str, words: dict[str, None]) -> Iterator[str]:
    """The words in as few payloads as PostgreSQL takes, each with the sender first."""
    payload = sender
    for word in words:
        if len(payload.encode()) + len(word.encode()) + 1 > MOST_BYTES:
            yield payload
            payload = sender
        payload += f"\n{word}"
    if payload != sender:
        yield payload
