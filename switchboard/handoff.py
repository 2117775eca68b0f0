"""Conversations between bot and people: claim, reply, transfer, return, close, and who went silent.

Every function takes an open transaction (`Record.write`): the change of owner, what the visitor is told and
what staff read about it happen together or not at all. The caller wakes the streams afterwards. Used by the
switchboard's console.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from switchboard import conversations, sealed
from switchboard.accounts import Staff
from switchboard.conversations import BOT, WAITING, Conversation, Message, OwnerChanged
from switchboard.records.record import now
from switchboard.records.tables import alerts, claims, follow_ups, outcomes, transfers
from switchboard.texts import Texts

RESULTS = {
    "answered": "Question answered", "referred": "Referred to treatment or a service",
    "callback": "Call-back agreed", "emergency": "Emergency services involved",
    "no_reply": "Visitor stopped writing", "wrong": "Not for us",
}  # fmt: skip
DANGERS = {"none": "No danger", "past": "Danger, passed now", "present": "Danger goes on", "unknown": "Not known"}
REFERRALS = {
    "none": "Nowhere", "911": "911", "988": "988", "detox": "Detox or withdrawal care",
    "medicine": "Medicine (methadone, buprenorphine, naltrexone)", "programme": "Our programme",
    "other": "Somewhere else",
}  # fmt: skip


class NotYours(HavenError):
    """Only the person who has a conversation may do this."""


@dataclass(frozen=True)
class Outcome:
    """How a conversation went; the first three are keys of RESULTS, DANGERS and REFERRALS."""

    result: str
    danger: str
    referred: str
    note: str = ""


@dataclass(frozen=True)
class Lapse:
    """Why a conversation is taken from somebody: for staff, and the sentence of data/texts.yml for the visitor."""

    why: str
    said: str


# -- claim and reply --------------------------------------------------------------------------------------


async def claim(tx: AsyncConnection, texts: Texts, conversation_id: str, person: Staff) -> Conversation:
    """Take a conversation that waits, or that the bot has. Again by the same person: nothing changes.

    Raises OwnerChanged when a colleague has it, NoConversation.
    """
    conversation = await conversations.load(tx, conversation_id, hold=True)  # the bot may give it up at this moment
    if conversation.owner == person.owner:
        return conversation
    if conversation.speaker == "staff":
        raise OwnerChanged(conversation.owner)
    return await _take(tx, texts, conversation, person, "handoff_accepted")


async def _take(
    tx: AsyncConnection, texts: Texts, conversation: Conversation, person: Staff, said: str
) -> Conversation:
    danger = await _open_alerts(tx, conversation.id)
    asked_at = min([at for at in (conversation.waiting_since, *danger) if at], default=now())
    taken = await conversations.give(tx, conversation, person.owner)
    await tx.execute(claims.insert().values(
        conversation=taken.id, staff=person.id, urgent=bool(danger), asked_at=asked_at, claimed_at=now()))
    await conversations.accept_alerts(tx, taken, person.id)  # after the claim: what it accepted, its loss reopens
    await conversations.add(tx, taken, texts.notice(said, taken, name=person.first_name))
    return await conversations.load(tx, taken.id)


async def reply(
    tx: AsyncConnection, conversation_id: str, person: Staff, text: str, *, client_id: str
) -> Message:
    """Store what a person writes to the visitor; the same client_id again stores nothing new.

    Raises OwnerChanged when this person does not have the conversation at this moment.
    """
    conversation = await conversations.load(tx, conversation_id)
    sent = await conversations.sent_before(tx, conversation_id, client_id)
    if sent:
        return sent[0]
    _must_own(conversation, person)
    stored = await conversations.add(tx, conversation, Message(
        author="staff", name=person.first_name, text=text, language=conversation.language, client_id=client_id))
    if stored.epoch != conversation.epoch:  # it changed hands between the two statements (PostgreSQL)
        raise OwnerChanged((await conversations.load(tx, conversation_id)).owner)
    await conversations.accept_alerts(tx, conversation, person.id)
    await conversations.handled(tx, conversation, stored.seq)
    await tx.execute(claims.update().where(
        *_open_claim(conversation_id), claims.c.spoke_at.is_(None)).values(spoke_at=now()))
    return stored


# -- transfer: the first keeps it until the second accepts --------------------------------------------------


async def offer_transfer(tx: AsyncConnection, conversation_id: str, person: Staff, to: Staff) -> None:
    """Ask a colleague to take over. The caller has checked that the colleague is here."""
    conversation = await conversations.load(tx, conversation_id)
    _must_own(conversation, person)
    if to.id == person.id or not to.may_claim or to.disabled:
        raise NotYours("This conversation cannot be offered to that person.")
    await drop_transfer(tx, conversation_id)
    await tx.execute(transfers.insert().values(
        conversation=conversation_id, by_staff=person.id, to_staff=to.id, asked_at=now()))
    await _log(tx, conversation, f"{person.first_name} asked {to.first_name} to take over.")


async def accept_transfer(tx: AsyncConnection, texts: Texts, conversation_id: str, person: Staff) -> Conversation:
    """Take over from the colleague who offered it. Raises OwnerChanged when the offer is gone."""
    conversation = await conversations.load(tx, conversation_id)
    offer = await transfer_of(tx, conversation_id)
    if offer is None or offer.to_staff != person.id or conversation.staff_id != offer.by_staff:
        raise OwnerChanged(conversation.owner)
    await _end(tx, conversation_id, "transferred")
    return await _take(tx, texts, conversation, person, "handoff_transferred")


async def decline_transfer(tx: AsyncConnection, conversation_id: str, why: str) -> None:
    """Take an offer off the table, with a line for staff: refused, withdrawn, or the person went away."""
    conversation = await conversations.load(tx, conversation_id)
    if await drop_transfer(tx, conversation_id):
        await _log(tx, conversation, why)


async def transfer_of(connection: AsyncConnection, conversation_id: str) -> Any:
    """The open offer of a conversation (a row of transfers), or None."""
    return (await connection.execute(
        sa.select(transfers).where(transfers.c.conversation == conversation_id))).first()


async def drop_transfer(tx: AsyncConnection, conversation_id: str) -> bool:
    """Remove the open offer; whether there was one."""
    result = await tx.execute(transfers.delete().where(transfers.c.conversation == conversation_id))
    return result.rowcount > 0


# -- ends ---------------------------------------------------------------------------------------------------


async def return_to_bot(
    tx: AsyncConnection, texts: Texts, conversation_id: str, person: Staff, *, how: str = "returned"
) -> Conversation:
    """Hand back to the bot, tell the visitor, and mark all that was written meanwhile as dealt with."""
    conversation = await conversations.load(tx, conversation_id)
    _must_own(conversation, person)
    given = await conversations.give(tx, conversation, BOT)
    await conversations.handled(tx, given, given.last_seq)
    await conversations.accept_alerts(tx, given, person.id)
    await _end(tx, conversation_id, how)
    await conversations.add(tx, given, texts.notice("returned_to_bot", given))
    return given


async def close(
    tx: AsyncConnection, texts: Texts, conversation_id: str, person: Staff, outcome: Outcome
) -> Conversation:
    """End one's part with an outcome; if the visitor writes again the bot answers."""
    given = await return_to_bot(tx, texts, conversation_id, person, how="closed")
    moment = now()
    note = sealed.seal(tx, given.id, given.data_key, sealed.outcome_place(moment), outcome.note or None)
    await tx.execute(outcomes.insert().values(
        conversation=conversation_id, staff=person.id, at=moment, result=outcome.result,
        danger=outcome.danger, referred=outcome.referred, note=note))
    await _log(tx, given, f"{person.first_name} closed it: {RESULTS[outcome.result]}.")
    return given


async def lose(
    tx: AsyncConnection, texts: Texts, conversation_id: str, owner: str, name: str, lapse: Lapse
) -> Conversation | None:
    """Take a conversation from a person who left or went silent: the visitor is told which, it is offered again.

    None when the conversation changed hands meanwhile. Dangers this person had accepted are open again.
    """
    conversation = await conversations.load(tx, conversation_id)
    if conversation.owner != owner:
        return None
    row = (await tx.execute(sa.select(claims).where(*_open_claim(conversation_id)))).first()
    given = await conversations.give(
        tx, conversation, WAITING, waiting_since=row.asked_at if row else now())
    await _reopen(tx, conversation, row)
    await _end(tx, conversation_id, "lost")
    await _log(tx, given, f"{name} {lapse.why}. It is offered again.")
    await conversations.add(tx, given, texts.notice(lapse.said, given, name=name))
    return given


async def _reopen(tx: AsyncConnection, conversation: Conversation, claim_row: Any) -> None:
    since = claim_row.claimed_at if claim_row else now()
    await tx.execute(
        alerts.update()
        .where(alerts.c.conversation == conversation.id, alerts.c.accepted_by == conversation.staff_id,
               alerts.c.accepted_at >= since)
        .values(accepted_at=None, accepted_by=None))


# -- beside the conversation --------------------------------------------------------------------------------


async def write_note(tx: AsyncConnection, conversation_id: str, person: Staff, text: str) -> Message:
    """A note for colleagues; the visitor never sees it and the bot never reads it."""
    conversation = await conversations.load(tx, conversation_id)
    return await conversations.add(tx, conversation, Message(
        author="system", name=person.first_name, kind="private", text=text, response="note"))


async def set_aside(tx: AsyncConnection, conversation_id: str, person: Staff, reason: str) -> None:
    """Note that the open dangers were looked at and need nobody now, and why."""
    conversation = await conversations.load(tx, conversation_id)
    await conversations.accept_alerts(tx, conversation, person.id)
    await conversations.add(tx, conversation, Message(
        author="system", name=person.first_name, kind="private", text=reason, response="set_aside"))


async def promise_follow_up(
    tx: AsyncConnection, conversation_id: str, person: Staff, *, due: str, what: str
) -> None:
    """Something to come back to on a day."""
    conversation = await conversations.load(tx, conversation_id)
    moment = now()
    words = sealed.seal(tx, conversation.id, conversation.data_key, sealed.follow_up_place(moment), what)
    await tx.execute(follow_ups.insert().values(
        conversation=conversation.id, due=due, what=words, made_by=person.id, made_at=moment))
    await _log(tx, conversation, f"{person.first_name} promised a follow-up on {due}: {what}")


# -- within -------------------------------------------------------------------------------------------------


def _must_own(conversation: Conversation, person: Staff) -> None:
    if conversation.owner != person.owner:
        raise OwnerChanged(conversation.owner)


async def _open_alerts(tx: AsyncConnection, conversation_id: str) -> list[int]:
    rows = await tx.execute(sa.select(alerts.c.raised_at).where(
        alerts.c.conversation == conversation_id, alerts.c.accepted_at.is_(None)))
    return [row.raised_at for row in rows]


def _open_claim(conversation_id: str) -> tuple[Any, Any]:
    return claims.c.conversation == conversation_id, claims.c.ended_at.is_(None)


async def _end(tx: AsyncConnection, conversation_id: str, how: str) -> None:
    await tx.execute(claims.update().where(*_open_claim(conversation_id)).values(ended_at=now(), how=how))
    await drop_transfer(tx, conversation_id)


async def _log(tx: AsyncConnection, conversation: Conversation, text: str) -> None:
    await conversations.add(tx, conversation, Message(
        author="system", kind="private", text=text, response="log"))
