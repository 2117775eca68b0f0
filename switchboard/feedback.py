"""Whether an answer helped, told by a button: kept beside the conversation, never as a message in it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from switchboard.conversations import Conversation
from switchboard.records.record import now
from switchboard.records.tables import feedback, messages


class NoAnswer(HavenError):
    """There is no answer of the bot under this number in the conversation."""


async def rate(tx: AsyncConnection, conversation: Conversation, seq: int, *, helped: bool) -> None:
    """Note whether the bot's answer `seq` helped; a second thought replaces the first. Raises NoAnswer."""
    row = (await tx.execute(sa.select(messages.c.response).where(
        messages.c.conversation == conversation.id, messages.c.seq == seq, messages.c.author == "bot"))).first()
    if row is None:
        raise NoAnswer("There is no such answer.")
    await tx.execute(feedback.delete().where(
        feedback.c.conversation == conversation.id, feedback.c.seq == seq))
    await tx.execute(feedback.insert().values(
        conversation=conversation.id, seq=seq, response=row.response, helped=helped, at=now()))


async def by_answer(connection: AsyncConnection) -> list[tuple[str, int, int]]:
    """(response, how often it helped, how often not) of every answer somebody rated, the least helpful first."""
    yes = sa.func.sum(sa.case((feedback.c.helped, 1), else_=0))
    no = sa.func.sum(sa.case((feedback.c.helped, 0), else_=1))
    rows = await connection.execute(
        sa.select(feedback.c.response, yes, no).group_by(feedback.c.response).order_by(no.desc(), feedback.c.response))
    return [(response or "", int(helped), int(not_helped)) for response, helped, not_helped in rows]
