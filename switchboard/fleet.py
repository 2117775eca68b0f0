"""Keeps several switchboards on one PostgreSQL record in step: who of the staff is where, who died, what is owed.

One task per switchboard. On SQLite there is one switchboard, and this does not run.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from switchboard import accounts, conversations, opening_hours
from switchboard.console.shift import Shift
from switchboard.parts import Parts
from switchboard.records.record import RecordUnavailable, now
from switchboard.records.tables import switchboards
from switchboard.streams import CONSOLE, FLEET

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0
GONE_MS = 7_000  # three beats and a little
OWED_SECONDS = 2.0  # beyond a turn's budget; then a message is anybody's to answer


class Fleet:
    """This switchboard among the others."""

    def __init__(self, parts: Parts, shift: Shift) -> None:
        self._parts = parts
        self._shift = shift
        self._me = uuid.uuid4().hex
        self._told: Any = None
        parts.streams.listen("left", self._left)

    async def run(self) -> None:
        """Beat for ever, at once when somebody came or went."""
        with self._parts.streams.follow(FLEET) as wake:
            while True:
                wake.clear()
                try:
                    await self.beat()
                except RecordUnavailable:
                    logger.warning("the record cannot be reached, other switchboards are not heard")
                await asyncio.sleep(0.1)  # a burst costs one beat
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), BEAT_SECONDS)

    async def beat(self) -> None:
        """Say who is here, hear who is elsewhere, and take up what a dead switchboard left."""
        state = {"presence": self._parts.presence.state(), "shift": self._shift.state()}
        async with self._parts.record.write() as tx:
            peers, gone = await self._exchange(tx, state)
            owed = await conversations.with_unhandled(tx, before=now() - self._grace_ms())
        self._parts.presence.elsewhere([(peer.state["presence"], peer.age) for peer in peers])
        self._shift.elsewhere([(peer.state["shift"], peer.age) for peer in peers])
        await self._read()
        if gone:
            logger.warning("%d switchboards are gone, what they had is taken up", gone)
            self._parts.streams.rouse_all()
        for conversation_id in owed:
            self._parts.brain.wake(conversation_id)
        self._tell(state)

    async def leave(self) -> None:
        """Stopped on purpose: the others need not wait to notice."""
        with suppress(RecordUnavailable):
            async with self._parts.record.write() as tx:
                await tx.execute(switchboards.delete().where(switchboards.c.id == self._me))

    async def _exchange(self, tx: Any, state: dict[str, Any]) -> tuple[list[Any], int]:
        moment = (await tx.execute(sa.text(
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"))).scalar_one()
        mine = insert(switchboards).values(id=self._me, seen_at=moment, state=state)
        await tx.execute(mine.on_conflict_do_update(
            index_elements=[switchboards.c.id], set_={"seen_at": moment, "state": mine.excluded.state}))
        gone = await tx.execute(switchboards.delete().where(switchboards.c.seen_at < moment - GONE_MS))
        peers = await tx.execute(
            sa.select(switchboards.c.state, (moment - switchboards.c.seen_at).label("age"))
            .where(switchboards.c.id != self._me))
        return list(peers), gone.rowcount

    async def _read(self) -> None:
        """Accounts, breaks and opening hours are changed at other switchboards too."""
        breaks = self._parts.presence.breaks
        async with self._parts.record.read() as connection:
            people = await accounts.everybody(connection)
            await opening_hours.follow(connection, self._parts.centre)
        self._parts.staff_names.update({person.id: person.first_name for person in people})
        self._parts.presence.on_break(
            {person.id for person in people if person.paused_at is not None}, breaks=breaks)

    def _tell(self, state: dict[str, Any]) -> None:
        """Others read at once when somebody came or went; ages alone are no news."""
        news = (state["presence"]["open"], state["shift"]["windows"])
        if news != self._told:
            self._told = news
            self._parts.streams.tell(FLEET)
            self._parts.streams.tell(CONSOLE)

    def _left(self, staff_id: str) -> None:
        if staff_id.isdigit():
            self._shift.signed_out(int(staff_id))
            self._parts.presence.left(int(staff_id))

    def _grace_ms(self) -> int:
        return round(1000 * (self._parts.settings.turn_budget + OWED_SECONDS))
