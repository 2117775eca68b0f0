"""Which switchboard is getting the bot's answer to a conversation: a lease, so that the assistant is asked once.

Used by the brain where several switchboards share a PostgreSQL record. That nothing is said twice does not hang on it:
the brain checks `handled_seq` under the conversation's lock.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.records.tables import turns


def _moment() -> sa.ColumnElement[int]:
    """The database's own clock in milliseconds: machines' clocks differ."""
    return sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()) * 1000, sa.BigInteger)


async def take(tx: AsyncConnection, conversation_id: str, switchboard: str, seconds: float) -> bool:
    """Take or prolong the lease; False while another switchboard has it."""
    new = insert(turns).values(conversation=conversation_id, switchboard=switchboard,
                               until=_moment() + round(1000 * seconds))
    result = await tx.execute(new.on_conflict_do_update(
        index_elements=[turns.c.conversation],
        set_={"switchboard": new.excluded.switchboard, "until": new.excluded.until},
        where=sa.or_(turns.c.switchboard == switchboard, turns.c.until < _moment())))
    return result.rowcount == 1


async def end(tx: AsyncConnection, conversation_id: str, switchboard: str) -> None:
    """Give the lease back, if it is still ours."""
    await tx.execute(turns.delete().where(turns.c.conversation == conversation_id,
                                          turns.c.switchboard == switchboard))
