"""Says what is due at its time: one task of the switchboard, asleep until the next deadline of the record."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

from switchboard import conversations, deadlines
from switchboard.conversations import NoConversation
from switchboard.follow_through import FollowThrough
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.streams import CLOCK, CONSOLE, Streams

logger = logging.getLogger(__name__)

LOOK_SECONDS = 30.0  # another switchboard may have set a deadline and ended
RETRY_SECONDS = 1.0  # between tries while the record cannot be reached
FAULT_MS = 60_000  # how long a deadline is put off that could not be kept


class Clock:
    """Woken by the topic CLOCK when a deadline is set, and by the time of the next one."""

    def __init__(self, record: Record, follow: FollowThrough, streams: Streams) -> None:
        self._record = record
        self._follow = follow
        self._streams = streams
        self.looked_at = time.monotonic()

    async def run(self) -> None:
        """Go on for ever. What is overdue at the start is said at once."""
        with self._streams.follow(CLOCK) as wake:
            while True:
                wake.clear()
                self.looked_at = time.monotonic()
                seconds = await self._round()
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), seconds)

    async def _round(self) -> float:
        """Say all that is due; the seconds until somebody must look again."""
        try:
            await self.say_due()
            async with self._record.read() as connection:
                moment = await deadlines.next_due(connection)
        except RecordUnavailable:
            logger.warning("the record cannot be reached, what is due waits for a moment")
            return RETRY_SECONDS
        return LOOK_SECONDS if moment is None else min(LOOK_SECONDS, max(0.0, (moment - now()) / 1000))

    async def say_due(self) -> None:
        """Say each thing whose time has come."""
        async with self._record.read() as connection:
            rows = await deadlines.due(connection)
        for row in rows:
            try:
                await self._say(row)
            except RecordUnavailable:
                raise
            except Exception:  # one conversation's fault must not silence the others
                logger.exception("conversation %s: a deadline could not be kept", row.conversation)
                async with self._record.write() as tx:
                    await deadlines.put_off(tx, row.id, now() + FAULT_MS)

    async def _say(self, deadline: Any) -> None:
        try:
            async with self._record.write() as tx:
                conversation = await conversations.load(tx, deadline.conversation, hold=True)
                said = await self._follow.on_time(tx, conversation, deadline)
        except NoConversation:
            return  # erased meanwhile, its deadlines with it
        if said:
            self._streams.wake(deadline.conversation, CONSOLE)
