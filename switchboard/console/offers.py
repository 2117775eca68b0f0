"""Who is offered what: capacity, breaks, and not three crises in a row. Part of the switchboard's console."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.accounts import Staff
from switchboard.console.board import Card, Queue
from switchboard.records.tables import alerts, claims, conversations

CRISES_IN_A_ROW = 2  # after so many, the next offer is an ordinary one, if a colleague is here


async def next_for(tx: AsyncConnection, queue: Queue, person: Staff, *, alone: bool) -> Card | None:
    """The card "take next" gives this person, or None when nothing is left for them."""
    free = [card for card in queue.line if not card.is_staffs and card.is_for(person)]
    if not free or person.paused_at is not None:
        return None
    ordinary = [card for card in free if card.alert is None and card.practice is None]
    if ordinary and not alone and await _needs_rest(tx, person):
        return ordinary[0]
    return free[0]


async def _needs_rest(tx: AsyncConnection, person: Staff) -> bool:
    rows = await tx.execute(sa.select(claims.c.urgent)
                            .join(conversations, conversations.c.id == claims.c.conversation)
                            .where(claims.c.staff == person.id, conversations.c.practice.is_(None))
                            .order_by(claims.c.id.desc()).limit(CRISES_IN_A_ROW))
    last = [row.urgent for row in rows]
    return len(last) == CRISES_IN_A_ROW and all(last)


async def refusal_to_claim(tx: AsyncConnection, person: Staff, conversation_id: str) -> str:
    """Why this person may not claim one more, or nothing. A danger is never refused, nor is one's own practice."""
    if await _has_danger(tx, conversation_id) or await _is_practice(tx, conversation_id):
        return ""
    if person.paused_at is not None:
        return "You are on a break. End it first, or leave this one to a colleague."
    having = await held(tx, person)
    if having >= person.capacity and not await _has(tx, person, conversation_id):
        return (f"You have {having} conversations, which is your limit. Close or return one first. "
                "A danger can always be claimed.")
    return ""


async def held(tx: AsyncConnection, person: Staff) -> int:
    """How many conversations this person has now."""
    query = sa.select(sa.func.count()).select_from(conversations).where(
        conversations.c.owner == person.owner, conversations.c.practice.is_(None))
    return int((await tx.execute(query)).scalar_one())


async def _has(tx: AsyncConnection, person: Staff, conversation_id: str) -> bool:
    query = sa.select(conversations.c.id).where(
        conversations.c.id == conversation_id, conversations.c.owner == person.owner)
    return (await tx.execute(query)).first() is not None


async def _is_practice(tx: AsyncConnection, conversation_id: str) -> bool:
    query = sa.select(conversations.c.id).where(
        conversations.c.id == conversation_id, conversations.c.practice.is_not(None))
    return (await tx.execute(query)).first() is not None


async def _has_danger(tx: AsyncConnection, conversation_id: str) -> bool:
    query = sa.select(alerts.c.id).where(
        alerts.c.conversation == conversation_id, alerts.c.accepted_at.is_(None)).limit(1)
    return (await tx.execute(query)).first() is not None
