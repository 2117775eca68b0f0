"""Seals the words that an older Haven stored in the open; run at every start of a switchboard, before service.

A conversation gets its data key in the transaction that seals all its words: whatever is killed in between, one
without a key is still to be done.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard import sealed
from switchboard.records.record import Record
from switchboard.records.tables import alerts, callbacks, conversations, follow_ups, messages, outcomes

logger = logging.getLogger(__name__)

BATCH = 50  # conversations in one transaction


async def seal_old_words(record: Record) -> int:
    """Seal every conversation without a data key, and leave nothing of its words in the files; how many there were."""
    done = 0
    while True:
        async with record.write() as tx:
            rows = list(await tx.execute(
                sa.select(conversations.c.id, conversations.c.handoff)
                .where(conversations.c.data_key.is_(None), conversations.c.erased_at.is_(None))
                .limit(BATCH).with_for_update()))
            for row in rows:
                await _seal(tx, row)
        done += len(rows)
        if not rows:
            break
    if done:
        await record.rewrite()
        logger.info("the words of %d conversations were sealed", done)
    return done


async def _seal(tx: AsyncConnection, row: Any) -> None:
    key = sealed.keyring_of(tx).new(row.id)
    words = _Words(tx, row.id, key)
    await words.of_messages()
    await words.of(alerts, "why", lambda old: sealed.alert_place(old.seq, old.kind))
    await words.of(callbacks, "name", lambda old: sealed.callback_place("name", old.asked_at))
    await words.of(callbacks, "call_when", lambda old: sealed.callback_place("call_when", old.asked_at))
    await words.of(outcomes, "note", lambda old: sealed.outcome_place(old.at))
    await words.of(follow_ups, "what", lambda old: sealed.follow_up_place(old.made_at))
    await tx.execute(conversations.update().where(conversations.c.id == row.id).values(
        data_key=key, handoff=sealed.seal(tx, row.id, key, sealed.HANDOFF, row.handoff)))


class _Words:
    """The words of one conversation in the tables that refer to it."""

    def __init__(self, tx: AsyncConnection, conversation_id: str, key: str) -> None:
        self._tx = tx
        self._id = conversation_id
        self._key = key

    async def of_messages(self) -> None:
        """What each message says; migration 0005 has made one JSON text of it."""
        rows = await self._tx.execute(
            sa.select(messages.c.seq, messages.c.text).where(messages.c.conversation == self._id))
        for row in rows.all():
            said = {name: value for name, value in json.loads(row.text).items() if value or name == "text"}
            words = sealed.seal(self._tx, self._id, self._key, sealed.message_place(row.seq), said)
            await self._tx.execute(messages.update().where(
                messages.c.conversation == self._id, messages.c.seq == row.seq).values(text=words))

    async def of(self, table: sa.Table, column: str, place: Any) -> None:
        """One column of a table."""
        rows = await self._tx.execute(sa.select(table).where(table.c.conversation == self._id))
        for row in rows.all():
            words = sealed.seal(self._tx, self._id, self._key, place(row), getattr(row, column))
            await self._tx.execute(table.update().where(table.c.id == row.id).values({column: words}))
