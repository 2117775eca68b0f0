"""The log of who did or saw what at the console; rows are only ever added. Used by the switchboard."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.records.record import now
from switchboard.records.tables import audit


async def note(
    tx: AsyncConnection, action: str, staff_id: int | None, *, conversation: str | None = None, detail: str = ""
) -> None:
    """Add a row. `detail` never holds a visitor's words or a number."""
    await tx.execute(audit.insert().values(
        at=now(), staff=staff_id, action=action, conversation=conversation, detail=detail[:300] or None))


async def note_once(
    tx: AsyncConnection, action: str, staff_id: int, *, conversation: str, within_ms: int = 600_000
) -> None:
    """Add a row unless this person did the same with this conversation a short while ago (a reconnect)."""
    query = sa.select(audit.c.id).where(
        audit.c.conversation == conversation, audit.c.staff == staff_id, audit.c.action == action,
        audit.c.at > now() - within_ms).limit(1)
    if (await tx.execute(query)).first() is None:
        await note(tx, action, staff_id, conversation=conversation)


async def newest(connection: AsyncConnection, *, before: int | None = None, limit: int = 200) -> list[Any]:
    """The newest rows, newest first; `before` is the id to go on from."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return list((await connection.execute(query)).all())
