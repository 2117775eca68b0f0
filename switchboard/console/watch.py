"""Watches that no visitor is left with somebody who is not there. Part of the switchboard's console."""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import Any

import sqlalchemy as sa

from switchboard import accounts, audit, handoff, opening_hours
from switchboard.console.shift import UNSEEN_SECONDS, Patience, Shift
from switchboard.conversations import NoConversation, OwnerChanged
from switchboard.handoff import Lapse
from switchboard.parts import Parts
from switchboard.records.record import RecordUnavailable, now
from switchboard.records.tables import alerts, claims, conversations, transfers
from switchboard.streams import CONSOLE

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
NAMES_EVERY = 20  # looks; accounts and hours are also changed by other processes


class Watch:
    """Looks at every claimed conversation once a second."""

    def __init__(self, parts: Parts, shift: Shift, patience: Patience) -> None:
        self._parts = parts
        self._shift = shift
        self._patience = patience
        self._began = now()

    async def run(self) -> None:
        """Look for ever; a record that cannot be reached is looked at again."""
        for number in count():
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
                if number % NAMES_EVERY == 0:
                    await self._read_names()
            except RecordUnavailable:
                logger.warning("the record cannot be reached, nobody is watched over for a moment")
            except Exception:  # one look's fault must not end the watch
                logger.exception("a look at who went silent failed")

    async def look(self) -> None:
        """Offer again whatever is with somebody who went silent; take stale offers off the table."""
        async with self._parts.record.read() as connection:
            claimed = list(await connection.execute(_claimed()))
            offered = list(await connection.execute(sa.select(transfers)))
        for row in claimed:
            lapse = self._lapse(row)
            if lapse:
                await self._lose(row, lapse)
        for offer in offered:
            await self._expire(offer)

    async def _read_names(self) -> None:
        async with self._parts.record.read() as connection:
            self._parts.staff_names.update(await accounts.names(connection))
            await opening_hours.follow(connection, self._parts.centre)

    def _lapse(self, row: Any) -> Lapse | None:
        """Why the conversation must be offered again, or None."""
        staff_id = int(row.owner.partition(":")[2])
        if self._shift.is_gone(staff_id, self._patience):
            return Lapse("is no longer connected", "staff_gone")
        since_claim, silence = self._silence(staff_id, row)
        limit = self._limit(staff_id, urgent=bool(row.urgent))
        if row.spoke_at is None and silence >= since_claim > limit:
            return Lapse(f"did not write within {limit // 1000} s after claiming", "staff_silent")
        limit = self._limit(staff_id, urgent=True)
        if row.danger_at and silence > limit and now() - max(row.danger_at, self._began) > limit:
            return Lapse(f"did not react to a danger within {limit // 1000} s", "staff_silent")
        return None

    def _silence(self, staff_id: int, row: Any) -> tuple[int, int]:
        """Milliseconds since the claim, and since the last key press or word after it (or the claim itself).

        What was before this process began is not known and not held against anybody.
        """
        since_claim: int = now() - max(row.claimed_at, self._began)
        touched = self._shift.last_touch(staff_id, row.conversation)
        return since_claim, since_claim if touched is None else min(since_claim, int(touched * 1000))

    def _limit(self, staff_id: int, *, urgent: bool) -> int:
        seconds = self._patience.urgent if urgent else self._patience.ordinary
        if not self._shift.has_window(staff_id):
            seconds = max(seconds, UNSEEN_SECONDS)  # no key press can be seen there
        return int(seconds * 1000)

    async def _lose(self, row: Any, lapse: Lapse) -> None:
        name = self._parts.staff_names.get(int(row.owner.partition(":")[2]), "A colleague")
        try:
            async with self._parts.record.write() as tx:
                lost = await handoff.lose(tx, self._parts.texts, row.conversation, row.owner, name, lapse)
                if lost:
                    await audit.note(tx, "lost", int(row.owner.partition(":")[2]), conversation=row.conversation,
                                     detail=lapse.why)
        except (NoConversation, OwnerChanged):
            return  # erased or taken meanwhile
        self._parts.streams.wake(row.conversation, CONSOLE)

    async def _expire(self, offer: Any) -> None:
        name = self._parts.staff_names.get(offer.to_staff, "The colleague")
        if not self._parts.presence.is_here(offer.to_staff):
            why = f"{name} is not at the console any more; the offer ended."
        elif now() - offer.asked_at > self._patience.transfer * 1000:
            why = f"{name} did not answer; the offer ended."
        else:
            return
        async with self._parts.record.write() as tx:
            await handoff.decline_transfer(tx, offer.conversation, why)
        self._parts.streams.wake(offer.conversation, CONSOLE)


def _claimed() -> sa.Select[Any]:
    """Claims that have not ended, of conversations that a person has, each with its oldest open danger."""
    danger = (sa.select(sa.func.min(alerts.c.raised_at))
              .where(alerts.c.conversation == claims.c.conversation, alerts.c.accepted_at.is_(None))
              .scalar_subquery().label("danger_at"))
    return (sa.select(claims, conversations.c.owner, danger)
            .join(conversations, conversations.c.id == claims.c.conversation)
            .where(claims.c.ended_at.is_(None), conversations.c.owner.like("staff:%")))
