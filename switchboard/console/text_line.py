"""What staff see and do about texting: the number, opt-outs, sealed conversations, check-ins, texts that failed.

Part of the switchboard's console.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.text import clean
from switchboard import audit, conversations
from switchboard.accounts import AccountError, Session
from switchboard.console import pages
from switchboard.console.access import staff_only
from switchboard.console.forms import field
from switchboard.conversations import Conversation
from switchboard.numbers import Vault
from switchboard.parts import parts_of
from switchboard.records.record import now
from switchboard.records.tables import conversations as places
from switchboard.records.tables import sms_checkins, sms_contacts, sms_deliveries, sms_seals
from switchboard.sms import checkins, contacts, quarantine
from switchboard.sms.deliveries import FAILED
from switchboard.streams import CONSOLE

blueprint = Blueprint("console_text_line")

SHOWN_MS = 7 * 86_400_000  # how far back texts that failed are listed
SHOWN = 100
# What became of a message that went out by text, in words for staff.
STATES = {
    "queued": "waits to be sent", "sending": "is being sent", "answering": "given to the carrier",
    "unsure": "being looked up at the carrier", "checking": "being looked up at the carrier",
    "sent": "with the carrier", "refused": "refused by the carrier", "suppressed": "not sent: opted out",
    "held": "not sent: the number is not confirmed", "expired": "not sent: too old",
    "lost": "nobody can say whether it was sent",
}  # fmt: skip
WHYS = {"quiet": "the number was silent for 30 days", "who": "somebody asked who this is",
        "wrong_number": "somebody said it is the wrong number"}  # fmt: skip
BAD = ("refused", "suppressed", "held", "expired", "lost")


@dataclass(frozen=True)
class TextLine:
    """The texting side of one conversation.

    `last` says what became of the last text; `failed` what went wrong with the last that matters (guidance, or what
    staff wrote), or nothing.
    """

    number: str
    opted_out_at: int | None
    sealed: str
    checkin: Any
    last: str
    failed: str


async def read_text_line(
    connection: AsyncConnection, conversation: Conversation, vault: Vault
) -> TextLine | None:
    """The texting side of a conversation, or None where it is none by text."""
    contact = await contacts.find(connection, conversation.address or "")
    if conversation.channel != "sms" or contact is None:
        return None
    seal = (await connection.execute(sa.select(sms_seals.c.why).where(
        sms_seals.c.conversation == conversation.id, sms_seals.c.confirmed_at.is_(None)))).scalar()
    rows = list(await connection.execute(
        sa.select(sms_deliveries).where(sms_deliveries.c.conversation == conversation.id)
        .order_by(sms_deliveries.c.seq.desc(), sms_deliveries.c.part.desc()).limit(20)))
    last, weighty = next(iter(rows), None), next((row for row in rows if row.weighty), None)
    return TextLine(
        number=vault.mask(contact.number), opted_out_at=contact.opted_out_at, sealed=WHYS.get(seal or "", ""),
        checkin=await checkins.open_one(connection, conversation.id), last=in_words(last) if last else "",
        failed=in_words(weighty) if weighty is not None and _is_bad(weighty) else "")


def in_words(row: Any) -> str:
    """What became of one text: the carrier's own word where it has one."""
    if row.state != "sent":
        return STATES.get(row.state, str(row.state))
    word = row.status if row.status in ("delivered", "undelivered", "failed", "read") else STATES["sent"]
    return f"{word}, code {row.error}" if row.error else word


def _is_bad(row: Any) -> bool:
    return row.state in BAD or row.status in FAILED


@blueprint.get("/texts")
@staff_only()
async def texts(request: Request, session: Session) -> HTTPResponse:
    """Everything about texting that somebody may have to look at."""
    async with parts_of(request).record.read() as connection:
        return pages.page(
            request, "texts.html", session, set_up=parts_of(request).line is not None, whys=WHYS, in_words=in_words,
            sealed=await _sealed(connection), due=await _checkins(connection), failed=await _failed(connection),
            opted_out=await _opted_out(connection), refused=await quarantine.count(connection))


async def _sealed(connection: AsyncConnection) -> list[Any]:
    return list(await connection.execute(
        sa.select(sms_seals).where(sms_seals.c.confirmed_at.is_(None)).order_by(sms_seals.c.at.desc()).limit(SHOWN)))


async def _checkins(connection: AsyncConnection) -> list[Any]:
    return list(await connection.execute(
        sa.select(sms_checkins).where(sms_checkins.c.state == checkins.AGREED)
        .order_by(sms_checkins.c.due_at).limit(SHOWN)))


async def _failed(connection: AsyncConnection) -> list[Any]:
    bad = sa.or_(sms_deliveries.c.state.in_(BAD), sms_deliveries.c.status.in_(FAILED))
    return list(await connection.execute(
        sa.select(sms_deliveries).where(bad, sms_deliveries.c.made_at > now() - SHOWN_MS)
        .order_by(sms_deliveries.c.id.desc()).limit(SHOWN)))


async def _opted_out(connection: AsyncConnection) -> list[Any]:
    newest = (sa.select(places.c.id).where(places.c.address == sms_contacts.c.address, places.c.channel == "sms")
              .order_by(places.c.opened_at.desc()).limit(1).scalar_subquery().label("conversation"))
    return list(await connection.execute(
        sa.select(sms_contacts.c.opted_out_at, sms_contacts.c.opted_out_how, newest)
        .where(sms_contacts.c.opted_out_at.is_not(None)).order_by(sms_contacts.c.opted_out_at.desc()).limit(SHOWN)))


@blueprint.post("/conversations/<conversation_id:str>/number")
@staff_only()
async def reveal(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Show the number, once, to somebody who typed why; the look is logged."""
    reason = clean(field(request, "reason"))
    parts = parts_of(request)
    async with parts.record.write() as tx:
        conversation = await conversations.load(tx, conversation_id)
        contact = await contacts.find(tx, conversation.address or "")
        if contact is None:
            raise AccountError("This conversation has no number.")
        await audit.note(tx, "reveal_number", session.staff.id, conversation=conversation_id, detail=reason)
    return pages.page(request, "number.html", session, number=parts.vault.open(contact.number),
                      conversation_id=conversation_id, opted_out=contact.opted_out)


@blueprint.post("/conversations/<conversation_id:str>/same-person")
@staff_only()
async def confirm(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Confirm that the number is still the same visitor's: what is written from now on goes out again."""
    reason = clean(field(request, "reason"))
    parts = parts_of(request)
    async with parts.record.write() as tx:
        await conversations.load(tx, conversation_id)
        await contacts.unseal(tx, conversation_id, session.staff.id)
        await audit.note(tx, "confirm_number", session.staff.id, conversation=conversation_id, detail=reason)
    parts.streams.wake(conversation_id, CONSOLE)
    return redirect(f"/staff/conversations/{conversation_id}", status=303)


@blueprint.post("/conversations/<conversation_id:str>/check-in")
@staff_only()
async def offer(request: Request, session: Session, conversation_id: str) -> HTTPResponse:
    """Ask the visitor by text whether they want a check-in tomorrow."""
    parts = parts_of(request)
    if parts.line is None:
        raise AccountError("Text messages are not set up here.")
    async with parts.record.write() as tx:
        conversation = await conversations.load(tx, conversation_id)
        if conversation.channel != "sms":
            raise AccountError("A check-in goes out by text; this visitor does not text.")
        await parts.line.checkins.offer(tx, conversation, session.staff.id)
        await audit.note(tx, "offer_checkin", session.staff.id, conversation=conversation_id)
    parts.streams.wake(conversation_id, CONSOLE)
    return redirect(f"/staff/conversations/{conversation_id}", status=303)
