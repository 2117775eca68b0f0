"""Makes a record that was restored safe to go on with: what may have gone out since the backup does not go out again.

Used by the command line, before a switchboard starts on the record.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard import audit, conversations
from switchboard.records.record import Record, now
from switchboard.records.tables import conversations as all_conversations
from switchboard.records.tables import sms_deliveries
from switchboard.sms import deliveries
from switchboard.sms.deliveries import OPEN, UNSURE

# Pages that are open follow by number; what they had seen after the backup must not hide what comes now.
LEAP = 1000
WHY = "it came just before the backup that was restored; whether it was answered is not known"


@dataclass(frozen=True)
class Made:
    """What was done: texts to look up at the carrier, texting visitors put before staff."""

    looked_up: int
    before_staff: int


async def make_safe(record: Record, made_at: str) -> Made:
    """All in one transaction; `made_at` is when the backup was made."""
    async with record.write() as tx:
        looked_up = await _unsure(tx)
        before_staff = await _before_staff(tx)
        await tx.execute(all_conversations.update().where(all_conversations.c.erased_at.is_(None))
                         .values(last_seq=all_conversations.c.last_seq + LEAP))
        await audit.note(tx, "restored", None, detail=f"from the backup of {made_at}, at the command line")
    return Made(looked_up, before_staff)


async def _unsure(tx: AsyncConnection) -> int:
    """What was to go out is looked up at the carrier before anything is sent."""
    result = await tx.execute(
        sms_deliveries.update().where(sms_deliveries.c.state.in_(OPEN))
        .values(state=UNSURE, claimed_at=None, due_at=now()))
    return int(result.rowcount)


async def _before_staff(tx: AsyncConnection) -> int:
    """Texts that were not answered yet are people's now: the bot may have answered them after the backup."""
    count = 0
    for conversation_id in await conversations.with_unhandled(tx):
        conversation = await conversations.load(tx, conversation_id)
        if conversation.channel == "sms":
            last = (await conversations.unhandled(tx, conversation))[-1]
            await deliveries.alarm(tx, conversation_id, last.seq, "text_unsure", WHY)
            await conversations.handled(tx, conversation, last.seq)
            count += 1
    return count
