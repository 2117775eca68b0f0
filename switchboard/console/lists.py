"""Call-backs and follow-ups: numbers are masked until somebody says why they need one.

Part of the switchboard's console.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.text import clean
from switchboard import audit, handoff, sealed
from switchboard.accounts import AccountError, Session
from switchboard.console import pages
from switchboard.console.access import staff_only
from switchboard.console.forms import field
from switchboard.numbers import Vault
from switchboard.parts import parts_of
from switchboard.records.record import now
from switchboard.records.tables import callbacks, follow_ups
from switchboard.streams import CONSOLE

blueprint = Blueprint("console_lists")


@blueprint.get("/callbacks")
@staff_only()
async def list_callbacks(request: Request, session: Session) -> HTTPResponse:
    """Who waits for a call and what was promised, the open ones first."""
    return await _lists(request, session)


async def _lists(
    request: Request, session: Session, *, revealed: tuple[int, str] | None = None
) -> HTTPResponse:
    parts = parts_of(request)
    async with parts.record.read() as connection:
        calls = await _callbacks(connection, parts.vault)
        rows = await connection.execute(
            sealed.with_key(follow_ups).where(follow_ups.c.done_at.is_(None)).order_by(follow_ups.c.due))
        promises = [sealed.follow_up_of(connection, row) for row in rows]
    return pages.page(request, "callbacks.html", session, calls=calls, promises=promises, revealed=revealed,
                      names=parts.staff_names, today=date.today().isoformat())


async def _callbacks(connection: AsyncConnection, vault: Vault) -> list[dict[str, Any]]:
    rows = await connection.execute(
        sealed.with_key(callbacks).order_by(callbacks.c.done_at.is_not(None), callbacks.c.asked_at).limit(300))
    return [{**sealed.callback_of(connection, row), "number": vault.mask(row.number)} for row in rows]


@blueprint.post("/callbacks/<callback_id:int>/number")
@staff_only()
async def reveal(request: Request, session: Session, callback_id: int) -> HTTPResponse:
    """Show one number, once, to somebody who typed why; the look is logged."""
    reason = clean(field(request, "reason"))
    async with parts_of(request).record.write() as tx:
        row = (await tx.execute(sa.select(callbacks).where(callbacks.c.id == callback_id))).first()
        if row is None:
            raise AccountError("There is no such call-back.")
        await audit.note(tx, "reveal_number", session.staff.id, conversation=row.conversation, detail=reason)
    return await _lists(request, session, revealed=(callback_id, parts_of(request).vault.open(row.number)))


@blueprint.post("/callbacks/<callback_id:int>/done")
@staff_only()
async def called(request: Request, session: Session, callback_id: int) -> HTTPResponse:
    """The call was made."""
    await _tick(request, session, callbacks, callback_id)
    return redirect("/staff/callbacks", status=303)


@blueprint.post("/follow-ups/<follow_up_id:int>/done")
@staff_only()
async def followed_up(request: Request, session: Session, follow_up_id: int) -> HTTPResponse:
    """What was promised is done."""
    await _tick(request, session, follow_ups, follow_up_id)
    return redirect("/staff/callbacks", status=303)


async def _tick(request: Request, session: Session, table: sa.Table, row_id: int) -> None:
    parts = parts_of(request)
    async with parts.record.write() as tx:
        await tx.execute(table.update().where(table.c.id == row_id, table.c.done_at.is_(None))
                         .values(done_at=now(), done_by=session.staff.id))
        await audit.note(tx, "done", session.staff.id, detail=f"{table.name} {row_id}")
    parts.streams.wake(CONSOLE)


@blueprint.post("/conversations/<conversation_id:str>/follow-ups")
@staff_only()
async def promise(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Promise to come back to a conversation on a day."""
    parts = parts_of(request)
    due, what = _day(field(request, "due")), clean(field(request, "what"))[:300]
    async with parts.record.write() as tx:
        await handoff.promise_follow_up(tx, conversation_id, session.staff, due=due, what=what)
    parts.streams.wake(conversation_id, CONSOLE)
    return redirect(f"/staff/conversations/{conversation_id}", status=303)


def _day(raw: str) -> str:
    try:
        return date.fromisoformat(raw).isoformat()
    except ValueError as error:
        raise AccountError("Choose the day of the follow-up.") from error
