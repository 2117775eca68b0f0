"""The desk: the queue with one conversation beside it, and everything that is done to a conversation.

Every action is a form that works without script. Part of the switchboard's console.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timezone
from typing import Any

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, empty, redirect
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.text import clean
from switchboard import audit, conversations, handoff
from switchboard.accounts import AccountError, Session, Staff, by_id
from switchboard.console import pages
from switchboard.console.access import has_it, shift_of, staff_only
from switchboard.console.board import Board, read_queue
from switchboard.console.dossier import Dossier, read_dossier
from switchboard.console.forms import field, typed, whole_number
from switchboard.console.offers import next_for, refusal_to_claim
from switchboard.conversations import OwnerChanged
from switchboard.handoff import DANGERS, REFERRALS, RESULTS, NotYours, Outcome
from switchboard.parts import Parts, parts_of
from switchboard.streams import CONSOLE
from switchboard.typing_signs import SHOWN_SECONDS

blueprint = Blueprint("console_desk")


def board_of(request: Request) -> Board:
    board: Board = request.app.ctx.board
    return board


# -- pages ----------------------------------------------------------------------------------------------------


@blueprint.get("/")
@staff_only()
async def desk(request: Request, session: Session) -> HTTPResponse:
    """The queue."""
    return await _desk(request, session)


@blueprint.get("/conversations/<conversation_id:str>")
@staff_only()
async def conversation(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """One conversation beside the queue; the look at it is logged."""
    return await _desk(request, session, conversation_id)


async def _desk(
    request: Request, session: Session, conversation_id: str | None = None, *, status: int = 200, **values: Any
) -> HTTPResponse:
    parts = parts_of(request)
    async with parts.record.read() as connection:
        queue = await read_queue(connection, parts.content, parts.staff_names)
        dossier = (await read_dossier(connection, parts.content, conversation_id, parts.vault)
                   if conversation_id else None)
    if dossier:
        await _looked(request, session, dossier)
    return pages.page(request, "desk.html", session, status=status, **{
        "sections": queue.sections(session.staff), "queue": queue, "dossier": dossier, "problem": "", "draft": "",
        "told": request.args.get("told", ""), "here": _here(request), "open_now": parts.centre.open_now(),
        "replies": request.app.ctx.replies, "client_id": uuid.uuid4().hex,
        "on_call": request.app.ctx.on_call.shown(parts.centre.hours.zone), "proof": request.app.ctx.proof,
        "practising": request.app.ctx.rehearsals.count(session.staff.id),
        "paused": parts.presence.is_away(session.staff.id),
        **(conversation_values(request, session, dossier) if dossier else {"mode": ""}), **values})


def conversation_values(request: Request, session: Session, dossier: Dossier) -> dict[str, Any]:
    """What the head and the summary of one conversation are filled with."""
    parts, person = parts_of(request), session.staff
    colleagues = {id: name for id, name in parts.staff_names.items()
                  if id != person.id and parts.presence.is_here(id)}
    return {
        "dossier": dossier, "conversation": dossier.conversation, "mode": _mode(dossier, person), "me": person,
        "csrf": session.csrf, "zone": parts.centre.hours.zone, "names": parts.staff_names,
        "colleagues": colleagues, "results": RESULTS, "dangers_left": DANGERS, "referrals": REFERRALS,
        "today": datetime.now(parts.centre.hours.zone or timezone.utc).date().isoformat(),
    }


def _mode(dossier: Dossier, person: Staff) -> str:
    if dossier.conversation.owner == person.owner:
        return "mine"
    if dossier.transfer is not None and dossier.transfer.to_staff == person.id:
        return "offered"
    return {"staff": "other", "waiting": "waiting", "bot": "bot"}[dossier.conversation.speaker]


def _here(request: Request) -> list[tuple[str, bool]]:
    """First names of who is at the console, each with whether they are on a break."""
    parts, shift = parts_of(request), shift_of(request)
    return [(name, parts.presence.is_away(id)) for id, name in sorted(parts.staff_names.items(), key=lambda p: p[1])
            if parts.presence.is_here(id) or (parts.presence.is_away(id) and shift.is_here(id))]


async def _looked(request: Request, session: Session, dossier: Dossier) -> None:
    """Log the look; the owner's look is also what the visitor sees as "read"."""
    parts, conversation = parts_of(request), dossier.conversation
    mine = conversation.owner == session.staff.owner
    async with parts.record.write() as tx:
        await audit.note(tx, "view", session.staff.id, conversation=conversation.id)
        news = mine and await conversations.seen_by_staff(tx, conversation.id, dossier.last_visitor_seq)
    if mine:
        shift_of(request).seen(session.staff.id)
    if news:
        parts.streams.wake(conversation.id, CONSOLE)


# -- claim, reply, note -----------------------------------------------------------------------------------------


@blueprint.post("/next")
@staff_only()
async def take_next(request: Request, session: Session) -> HTTPResponse:
    """Take the conversation that needs somebody most."""
    parts = parts_of(request)
    async with parts.record.write() as tx:
        queue = await read_queue(tx, parts.content, parts.staff_names)
        card = await next_for(tx, queue, session.staff, alone=_is_alone(request, session.staff))
        if card is None:
            return redirect("/staff/?told=nothing", status=303)
        await _claim(tx, parts, session.staff, card.id)
    return _done(request, card.id)


def _is_alone(request: Request, person: Staff) -> bool:
    """Whether nobody else is here who could take a danger."""
    parts = parts_of(request)
    return not any(parts.presence.is_here(staff_id) for staff_id in parts.staff_names if staff_id != person.id)


@blueprint.post("/conversations/<conversation_id:str>/claim")
@staff_only()
async def claim(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Take this conversation; of two who try at once the second is told who has it."""
    parts = parts_of(request)
    try:
        async with parts.record.write() as tx:
            await _claim(tx, parts, session.staff, conversation_id)
    except OwnerChanged as error:
        return await _desk(request, session, conversation_id, status=409, problem=has_it(request, error.owner))
    return _done(request, conversation_id)


async def _claim(tx: AsyncConnection, parts: Parts, person: Staff, conversation_id: str) -> None:
    refusal = await refusal_to_claim(tx, person, conversation_id)
    if refusal:
        raise NotYours(refusal)
    await handoff.claim(tx, parts.texts, conversation_id, person)
    await audit.note(tx, "claim", person.id, conversation=conversation_id)


@blueprint.post("/conversations/<conversation_id:str>/reply")
@staff_only()
async def reply(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Write to the visitor. When somebody else has the conversation now, the words stay in the box."""
    parts = parts_of(request)
    draft = field(request, "text")
    try:
        text = clean(draft)
        async with parts.record.write() as tx:
            await handoff.reply(tx, conversation_id, session.staff, text,
                                client_id=f"staff-{field(request, 'client_id') or uuid.uuid4().hex}"[:64])
        shift_of(request).touched(session.staff.id, conversation_id)
    except OwnerChanged as error:
        problem = f"Not sent. {has_it(request, error.owner)}"
        if request.headers.get("x-console"):
            return pages.plain(problem, status=409)
        return await _desk(request, session, conversation_id, status=409, problem=problem, draft=draft)
    return _done(request, conversation_id)


@blueprint.post("/conversations/<conversation_id:str>/notes")
@staff_only()
async def note(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Write a note that only staff read."""
    parts = parts_of(request)
    text = clean(field(request, "text"))
    async with parts.record.write() as tx:
        await handoff.write_note(tx, conversation_id, session.staff, text)
    shift_of(request).touched(session.staff.id, conversation_id)
    return _done(request, conversation_id)


@blueprint.post("/conversations/<conversation_id:str>/typing")
@staff_only()
async def typing(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """A key was pressed in the reply box: the visitor sees that somebody writes."""
    parts = parts_of(request)
    async with parts.record.read() as connection:
        conversation = await conversations.load(connection, conversation_id)
    if conversation.owner == session.staff.owner:
        shift_of(request).touched(session.staff.id, conversation_id)
        parts.typing.staff(conversation_id)
        parts.streams.wake(conversation_id)
        asyncio.get_running_loop().call_later(SHOWN_SECONDS + 0.1, parts.streams.wake, conversation_id)
    return empty()


@blueprint.post("/conversations/<conversation_id:str>/seen")
@staff_only()
async def seen(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """The owner has the newest messages on a screen that is looked at."""
    parts, raw = parts_of(request), whole_number(field(request, "seq"))
    if raw is None:
        raise AccountError("A sequence number is a whole number.")
    async with parts.record.write() as tx:
        conversation = await conversations.load(tx, conversation_id)
        news = conversation.owner == session.staff.owner and await conversations.seen_by_staff(
            tx, conversation_id, min(raw, conversation.last_seq))
    if news:
        parts.streams.wake(conversation_id, CONSOLE)
    return empty()


# -- transfer, return, close ------------------------------------------------------------------------------------


@blueprint.post("/conversations/<conversation_id:str>/transfer")
@staff_only()
async def transfer(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Ask a colleague who is here to take over; one keeps the conversation until they accept."""
    parts, raw = parts_of(request), whole_number(field(request, "to"))
    async with parts.record.write() as tx:
        to = await by_id(tx, -1 if raw is None else raw)
        if not parts.presence.is_here(to.id):
            raise NotYours(f"{to.first_name} is not at the console right now. You still have the conversation.")
        await handoff.offer_transfer(tx, conversation_id, session.staff, to)
        await audit.note(tx, "offer", session.staff.id, conversation=conversation_id, detail=f"to {to.login}")
    return _done(request, conversation_id)


@blueprint.post("/conversations/<conversation_id:str>/transfer/<what:accept|decline|withdraw>")
@staff_only()
async def answer_transfer(
    request: Request, session: Session, conversation_id: str, what: str
) -> HTTPResponse:
    """Accept or refuse what a colleague offered, or take one's own offer back."""
    parts, person = parts_of(request), session.staff
    async with parts.record.write() as tx:
        offer = await handoff.transfer_of(tx, conversation_id)
        if offer is None:
            raise OwnerChanged((await conversations.load(tx, conversation_id)).owner)
        if person.id != (offer.by_staff if what == "withdraw" else offer.to_staff):
            raise NotYours("This was not offered to you.")
        if what == "accept":
            await handoff.accept_transfer(tx, parts.texts, conversation_id, person)
        else:
            words = "took the offer back" if what == "withdraw" else "cannot take over now"
            await handoff.decline_transfer(tx, conversation_id, f"{person.first_name} {words}.")
        await audit.note(tx, what, person.id, conversation=conversation_id)
    return _done(request, conversation_id)


@blueprint.post("/conversations/<conversation_id:str>/return")
@staff_only()
async def return_to_bot(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Hand the conversation back to the bot."""
    parts = parts_of(request)
    async with parts.record.write() as tx:
        await handoff.return_to_bot(tx, parts.texts, conversation_id, session.staff)
        await audit.note(tx, "return", session.staff.id, conversation=conversation_id)
    return _done(request, conversation_id)


@blueprint.post("/conversations/<conversation_id:str>/close")
@staff_only()
async def close(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """End one's part, with the outcome."""
    parts, outcome = parts_of(request), _outcome(request)
    async with parts.record.write() as tx:
        await handoff.close(tx, parts.texts, conversation_id, session.staff, outcome)
        await audit.note(tx, "close", session.staff.id, conversation=conversation_id, detail=outcome.result)
    parts.typing.staff_stopped(conversation_id)
    parts.streams.wake(conversation_id, CONSOLE)
    return redirect("/staff/?told=closed", status=303)


def _outcome(request: Request) -> Outcome:
    result, danger, referred = (field(request, name) for name in ("result", "danger", "referred"))
    if result not in RESULTS or danger not in DANGERS or referred not in REFERRALS:
        raise AccountError("Choose how it went, whether there was danger, and where you referred the visitor.")
    return Outcome(result, danger, referred, typed(request, "note")[:500])


@blueprint.post("/conversations/<conversation_id:str>/aside")
@staff_only()
async def set_aside(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Say, with a reason, that a danger was looked at and needs nobody now."""
    parts, reason = parts_of(request), clean(field(request, "reason"))
    async with parts.record.write() as tx:
        await handoff.set_aside(tx, conversation_id, session.staff, f"Danger set aside: {reason}")
        await audit.note(tx, "set_aside", session.staff.id, conversation=conversation_id)
    return _done(request, conversation_id)


def _done(request: Request, conversation_id: str) -> HTTPResponse:
    """Tell everybody who follows, and show the conversation again."""
    parts_of(request).typing.staff_stopped(conversation_id)
    parts_of(request).streams.wake(conversation_id, CONSOLE)
    if request.headers.get("x-console"):
        return empty()
    return redirect(f"/staff/conversations/{conversation_id}", status=303)
