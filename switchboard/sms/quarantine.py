"""Requests to the text door without a good signature: kept for a person, never answered. Part of the switchboard.

A wrong public address or a token that was changed looks just like a forger: a cry for help among them must be seen.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.redaction import masked
from switchboard import conversations
from switchboard.conversations import Conversation, Message
from switchboard.crisis_lane import CrisisLane, as_json
from switchboard.limits import Pace
from switchboard.metrics import Metrics
from switchboard.numbers import Vault
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.records.tables import sms_quarantine
from switchboard.sms.incoming import Incoming
from switchboard.sms.signature import Fields
from switchboard.streams import CONSOLE, Streams

logger = logging.getLogger(__name__)

CHANNEL = "quarantine"  # a conversation that nothing is sent to: what it says may be a forger's
MAX_BODY = 16_384
KEPT = 500  # rows; the oldest go first, so that a flood fills no disk


class Quarantine:
    """Keeps what was refused and shows staff what looks like danger."""

    def __init__(self, record: Record, vault: Vault, lane: CrisisLane, streams: Streams, metrics: Metrics) -> None:
        self._metrics = metrics
        self._record = record
        self._vault = vault
        self._lane = lane
        self._streams = streams
        self._keeping = Pace(burst=100, seconds=1.0)  # a flood costs neither the disk nor the guard
        self._words = Pace(burst=5, seconds=60.0)  # nor its log
        self._alarms = Pace(burst=5, seconds=120.0)  # and does not bury what staff must see

    async def keep(self, path: str, body: bytes, why: str) -> None:
        """Keep one refused request; an alarm if its text looks like danger."""
        if not self._keeping.allows("all") or len(body) > MAX_BODY:
            self._metrics.limited("unsigned")
            if self._words.allows("all"):
                logger.warning("an unsigned request to %s was refused and not kept: too many, or too long", path)
            return
        logger.warning("a request to %s was refused and kept: %s", path, why)
        fields = Fields.read(body)
        incoming = Incoming.of(fields) if fields else None
        danger = await self._lane.assess(incoming.text) if incoming and incoming.text else None
        try:
            async with self._record.write() as tx:
                await self._store(tx, path, body, why)
                if incoming and danger and danger.level != "none" and self._alarms.allows("all"):
                    await self._alarm(tx, incoming, as_json(danger))
        except RecordUnavailable:
            logger.warning("the record cannot be reached: a refused request is not kept")
        self._streams.wake(CONSOLE)

    async def _store(self, tx: AsyncConnection, path: str, body: bytes, why: str) -> None:
        await tx.execute(sms_quarantine.insert().values(
            at=now(), path=path[:40], why=why, body=self._vault.lock(body.decode("utf-8", "replace"))))
        newest = sa.select(sms_quarantine.c.id).order_by(sms_quarantine.c.id.desc()).limit(KEPT).scalar_subquery()
        await tx.execute(sms_quarantine.delete().where(sms_quarantine.c.id.not_in(newest)))

    async def _alarm(self, tx: AsyncConnection, incoming: Incoming, crisis: dict[str, object]) -> None:
        conversation = await self._place(tx, incoming)
        stored = await conversations.add(tx, conversation, Message(
            author="system", kind="private", response="log",
            text=f"A text that nobody can prove to come from the carrier, said to be from {masked(incoming.sender)}. "
                 f"It was not answered. It may be forged, or the text line is set up wrongly: {incoming.text}"))
        await conversations.raise_alert(tx, conversation, stored.seq, crisis)

    async def _place(self, tx: AsyncConnection, incoming: Incoming) -> Conversation:
        address = self._vault.address(incoming.sender)
        known = await conversations.by_address(tx, CHANNEL, address)
        return known or await conversations.begin(tx, channel=CHANNEL, language="en", address=address)


async def count(connection: AsyncConnection) -> int:
    """How many refused requests are kept."""
    return int((await connection.execute(sa.select(sa.func.count()).select_from(sms_quarantine))).scalar_one())


