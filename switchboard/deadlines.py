"""What must be said at a time: kept in the record, so that a restart forgets nothing. Used by the switchboard.

Every function takes an open transaction, like those of switchboard.conversations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.records.record import now
from switchboard.records.tables import deadlines

QUIET = "quiet"  # nobody wrote for a while; `step` counts the times
RESEND = "resend"  # the 911 line once more
SECOND_DOSE = "second_dose"
_DUE = (
    sa.select(deadlines).where(deadlines.c.done_at.is_(None), deadlines.c.due_at <= sa.bindparam("moment"))
    .order_by(deadlines.c.due_at, deadlines.c.id))
_NEXT_DUE = sa.select(sa.func.min(deadlines.c.due_at)).where(deadlines.c.done_at.is_(None))


async def set_at(tx: AsyncConnection, conversation_id: str, kind: str, due_at: int, *, step: int = 0) -> None:
    """Have something done at a time (milliseconds)."""
    await tx.execute(deadlines.insert().values(
        conversation=conversation_id, kind=kind, step=step, due_at=due_at, made_at=now()))


async def drop(tx: AsyncConnection, conversation_id: str, kinds: Iterable[str]) -> None:
    """Forget what is still to be done of some kinds."""
    await tx.execute(deadlines.delete().where(
        deadlines.c.conversation == conversation_id, deadlines.c.kind.in_(list(kinds)),
        deadlines.c.done_at.is_(None)))


async def is_set(tx: AsyncConnection, conversation_id: str, kind: str) -> bool:
    """Whether something of a kind is still to be done."""
    return (await tx.execute(sa.select(deadlines.c.id).where(
        deadlines.c.conversation == conversation_id, deadlines.c.kind == kind,
        deadlines.c.done_at.is_(None)))).first() is not None


async def due(connection: AsyncConnection) -> list[Any]:
    """The rows whose time has come, the longest overdue first."""
    return list(await connection.execute(_DUE, {"moment": now()}))


async def next_due(connection: AsyncConnection) -> int | None:
    """When the next one is due, or None."""
    moment: int | None = (await connection.execute(_NEXT_DUE)).scalar_one()
    return moment


async def claim(tx: AsyncConnection, deadline_id: int) -> bool:
    """Take one on: of two switchboards that try, one gets it."""
    result = await tx.execute(
        deadlines.update().where(deadlines.c.id == deadline_id, deadlines.c.done_at.is_(None))
        .values(done_at=now()))
    return result.rowcount == 1


async def claim_overdue(tx: AsyncConnection, conversation_id: str, kind: str) -> int:
    """Take on all of a kind that are due, so that after a long stop one is said and not each; their highest step.

    The caller holds the conversation.
    """
    overdue = (deadlines.c.conversation == conversation_id, deadlines.c.kind == kind,
               deadlines.c.done_at.is_(None), deadlines.c.due_at <= now())
    step = (await tx.execute(sa.select(sa.func.max(deadlines.c.step)).where(*overdue))).scalar_one()
    await tx.execute(deadlines.update().where(*overdue).values(done_at=now()))
    return step or 0


async def put_off(tx: AsyncConnection, deadline_id: int, due_at: int) -> None:
    """Move one to a later time."""
    await tx.execute(deadlines.update().where(
        deadlines.c.id == deadline_id, deadlines.c.done_at.is_(None)).values(due_at=due_at))
