"""What can happen to a conversation in the record: begin, add a message, change who speaks, erase.

Every function takes an open transaction (`Record.write`) or reading connection (`Record.read`), so that a
caller decides what happens together or not at all. Used by the switchboard.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from switchboard import sealed
from switchboard.records.record import now
from switchboard.records.tables import (
    alerts,
    callbacks,
    claims,
    conversations,
    deadlines,
    feedback,
    follow_through,
    follow_ups,
    messages,
    outcomes,
    sms_checkins,
    sms_deliveries,
    transfers,
)
from switchboard.sms import deliveries

BOT = "bot"
WAITING = "waiting"
SAID = ("text", "name", "crisis", "sources", "options")  # of a message: sealed together in its column `text`
FOLLOW_THROUGH = "after/"  # how responses and choices begin that follow guidance (switchboard.follow_through)


# What every message asks of the record, built once: to put a statement together costs more than to run it.
_wanted: sa.BindParameter[str] = sa.bindparam("wanted")
_seq: sa.BindParameter[int] = sa.bindparam("seq")
_most: sa.BindParameter[int] = sa.bindparam("most")
_LOAD = sa.select(conversations).where(conversations.c.id == _wanted)
_HOLD = _LOAD.with_for_update()
_BY_ADDRESS = (
    sa.select(conversations)
    .where(conversations.c.channel == sa.bindparam("on"), conversations.c.address == sa.bindparam("at"),
           conversations.c.erased_at.is_(None))
    .order_by(conversations.c.opened_at.desc()).limit(1))
_NEXT_SEQ = (
    conversations.update().where(conversations.c.id == _wanted)
    .values(last_seq=conversations.c.last_seq + 1, updated_at=sa.bindparam("moment"))
    .returning(conversations.c.last_seq, conversations.c.epoch))
_HANDLED = (
    conversations.update().where(conversations.c.id == _wanted, conversations.c.handled_seq < _seq)
    .values(handled_seq=_seq))
_ADD = messages.insert()
_OF_CONVERSATION = sealed.with_key(messages).where(messages.c.conversation == _wanted)
_SENT = _OF_CONVERSATION.where(messages.c.client_id == sa.bindparam("by"))
_SAID_AT_ONCE = _OF_CONVERSATION.where(
    messages.c.answers_seq == _seq,
    sa.or_(messages.c.kind == "guidance", messages.c.response.startswith(FOLLOW_THROUGH, autoescape=True)),
).order_by(messages.c.seq)
_AFTER = _OF_CONVERSATION.where(messages.c.seq > _seq).order_by(messages.c.seq).limit(_most)
_LAST = _OF_CONVERSATION.where(messages.c.seq <= _seq).order_by(messages.c.seq.desc()).limit(_most)
_UNHANDLED = _OF_CONVERSATION.where(messages.c.author == "visitor", messages.c.seq > _seq).order_by(messages.c.seq)


class NoConversation(HavenError):
    """There is no such conversation, or it was erased."""


class OwnerChanged(HavenError):
    """Somebody else took, returned or ended the conversation meanwhile; `owner` says who has it now."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        super().__init__("The conversation changed hands meanwhile.")


@dataclass(frozen=True)
class Conversation:
    """One row of conversations; `handoff` in plain words, `data_key` wrapped."""

    id: str
    channel: str
    address: str | None
    language: str
    owner: str
    epoch: int
    last_seq: int
    handled_seq: int
    read_seq: int
    waiting_since: int | None
    handoff: dict[str, Any] | None
    opened_at: int
    updated_at: int
    erased_at: int | None
    practice: int | None = None
    data_key: str | None = None
    consent: str | None = None
    consent_at: int | None = None

    @property
    def speaker(self) -> str:
        """Who the visitor hears: "bot", "waiting" or "staff"."""
        return self.owner.partition(":")[0]

    @property
    def staff_id(self) -> int | None:
        return int(self.owner.partition(":")[2]) if self.speaker == "staff" else None


@dataclass(frozen=True)
class Message:
    """One message, stored (seq > 0) or about to be; one that is not `readable` has lost its words."""

    author: str
    text: str
    kind: str = "text"
    name: str | None = None
    language: str = "en"
    client_id: str | None = None
    answers_seq: int | None = None
    crisis: dict[str, Any] | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)
    response: str | None = None
    choice: str | None = None
    seq: int = 0
    at: int = 0
    epoch: int = 0
    readable: bool = True

    @property
    def is_for_staff(self) -> bool:
        """Whether the visitor must not be shown it."""
        return self.kind == "private" or not self.readable

    def for_visitor(self) -> dict[str, Any]:
        """The message as the widget's interface shows it."""
        return {
            "seq": self.seq,
            "client_id": self.client_id if self.author == "visitor" else None,
            "author": self.author,
            "name": self.name,
            "text": self.text,
            "at": as_text(self.at),
            "kind": self.kind,
            "crisis": (self.crisis or {}).get("kind") if self.kind == "guidance" else None,
            "sources": self.sources,
            "options": self.options,
            "language": self.language,
        }


def as_text(milliseconds: int) -> str:
    """A time of the record as ISO 8601 in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


async def begin(tx: AsyncConnection, *, channel: str, language: str, address: str | None = None) -> Conversation:
    """Start a conversation that the bot owns."""
    moment = now()
    conversation_id = uuid.uuid4().hex
    await tx.execute(conversations.insert().values(
        id=conversation_id, channel=channel, language=language, address=address, opened_at=moment,
        updated_at=moment, data_key=sealed.keyring_of(tx).new(conversation_id)))
    return await load(tx, conversation_id)


async def load(tx: AsyncConnection, conversation_id: str, *, hold: bool = False) -> Conversation:
    """Read one conversation; with `hold`, keep others from changing it until the transaction ends.

    Raises NoConversation when it does not exist or was erased. (SQLite has one writer: it always holds.)
    """
    row = (await tx.execute(_HOLD if hold else _LOAD, {"wanted": conversation_id})).first()
    if row is None or row.erased_at is not None:
        raise NoConversation("There is no such conversation.")
    return _conversation(tx, row)


async def speak(tx: AsyncConnection, conversation: Conversation, language: str) -> Conversation:
    """Note the language the visitor writes in."""
    if language == conversation.language:
        return conversation
    await tx.execute(
        conversations.update().where(conversations.c.id == conversation.id).values(language=language))
    return replace(conversation, language=language)


async def by_address(tx: AsyncConnection, channel: str, address: str) -> Conversation | None:
    """The newest conversation of an address (a keyed hash of a number) on a channel."""
    row = (await tx.execute(_BY_ADDRESS, {"on": channel, "at": address})).first()
    return None if row is None else _conversation(tx, row)


async def add(tx: AsyncConnection, conversation: Conversation, message: Message) -> Message:
    """Store a message under the conversation's next sequence number and return it as stored."""
    moment = now()
    seq, epoch = (await tx.execute(_NEXT_SEQ, {"wanted": conversation.id, "moment": moment})).one()
    stored = replace(message, seq=seq, epoch=epoch, at=moment)
    await tx.execute(_ADD, {"conversation": conversation.id, **_columns(tx, conversation, stored)})
    if conversation.channel == "sms":
        await deliveries.put(tx, conversation, stored)
    return stored


async def sent_before(tx: AsyncConnection, conversation_id: str, client_id: str) -> list[Message]:
    """What an earlier send with the same id stored: the message and what was said to it at once."""
    first = (await tx.execute(_SENT, {"wanted": conversation_id, "by": client_id})).first()
    if first is None:
        return []
    rest = await tx.execute(_SAID_AT_ONCE, {"wanted": conversation_id, "seq": first.seq})
    return [_message(tx, first), *(_message(tx, row) for row in rest)]


async def after(tx: AsyncConnection, conversation_id: str, seq: int, *, limit: int = 1000) -> list[Message]:
    """The messages that follow a sequence number, in order."""
    rows = await tx.execute(_AFTER, {"wanted": conversation_id, "seq": seq, "most": limit})
    return [_message(tx, row) for row in rows]


async def last(tx: AsyncConnection, conversation_id: str, seq: int, count: int) -> list[Message]:
    """The `count` messages up to and including `seq`, oldest first."""
    rows = await tx.execute(_LAST, {"wanted": conversation_id, "seq": seq, "most": count})
    return [_message(tx, row) for row in reversed(rows.all())]


async def wrote_last(tx: AsyncConnection, conversation_id: str) -> int | None:
    """When the visitor wrote last, or None."""
    moment: int | None = (await tx.execute(sa.select(sa.func.max(messages.c.at)).where(
        messages.c.conversation == conversation_id, messages.c.author == "visitor"))).scalar_one()
    return moment


async def unhandled(tx: AsyncConnection, conversation: Conversation) -> list[Message]:
    """The visitor's messages that the bot still owes an answer."""
    rows = await tx.execute(_UNHANDLED, {"wanted": conversation.id, "seq": conversation.handled_seq})
    return [_message(tx, row) for row in rows]


async def with_unhandled(tx: AsyncConnection, *, before: int | None = None) -> list[str]:
    """Ids of the bot's conversations in which a visitor waits for an answer, or has since `before`."""
    owed = sa.exists().where(
        messages.c.conversation == conversations.c.id, messages.c.author == "visitor",
        messages.c.seq > conversations.c.handled_seq,
        sa.true() if before is None else messages.c.at < before)
    rows = await tx.execute(
        sa.select(conversations.c.id)
        .where(conversations.c.owner == BOT, conversations.c.erased_at.is_(None), owed)
        .order_by(conversations.c.updated_at)
    )
    return [row.id for row in rows]


async def handled(tx: AsyncConnection, conversation: Conversation, seq: int) -> None:
    """Note that the visitor's messages up to `seq` were answered or passed to people."""
    await tx.execute(_HANDLED, {"wanted": conversation.id, "seq": seq})


async def give(
    tx: AsyncConnection,
    conversation: Conversation,
    owner: str,
    *,
    handoff: dict[str, Any] | None = None,
    waiting_since: int | None = None,
) -> Conversation:
    """Change the owner, if nobody else did since `conversation` was read.

    Raises OwnerChanged otherwise, naming who has it now: of two who claim at once, one gets it.
    """
    values: dict[str, Any] = {"owner": owner, "epoch": conversation.epoch + 1, "waiting_since": waiting_since,
                              "updated_at": now()}
    if handoff is not None:
        values["handoff"] = sealed.seal(tx, conversation.id, conversation.data_key, sealed.HANDOFF, handoff)
    if owner != BOT:
        values["handled_seq"] = conversation.last_seq
    result = await tx.execute(
        conversations.update()
        .where(conversations.c.id == conversation.id, conversations.c.epoch == conversation.epoch,
               conversations.c.owner == conversation.owner)
        .values(**values)
    )
    current = await load(tx, conversation.id)
    if result.rowcount != 1:
        raise OwnerChanged(current.owner)
    return current


async def request_person(
    tx: AsyncConnection, conversation: Conversation, handoff: dict[str, Any], *, wait: bool
) -> None:
    """Note that a person is wanted; with `wait`, the conversation leaves the bot and waits for one."""
    current = await load(tx, conversation.id)
    if wait and current.owner == BOT:
        await give(tx, current, WAITING, handoff=handoff, waiting_since=now())
        return
    words = sealed.seal(tx, current.id, current.data_key, sealed.HANDOFF, handoff)
    await tx.execute(
        conversations.update().where(conversations.c.id == conversation.id).values(handoff=words))


async def seen_by_staff(tx: AsyncConnection, conversation_id: str, seq: int) -> bool:
    """Note that a person has the visitor's messages up to `seq` on screen; whether that is news."""
    result = await tx.execute(
        conversations.update()
        .where(conversations.c.id == conversation_id, conversations.c.read_seq < seq)
        .values(read_seq=seq)
    )
    return result.rowcount == 1


async def raise_alert(tx: AsyncConnection, conversation: Conversation, seq: int, crisis: dict[str, Any]) -> None:
    """Put a danger before staff."""
    place = sealed.alert_place(seq, crisis["kind"])
    await tx.execute(alerts.insert().values(
        conversation=conversation.id, seq=seq, level=crisis["level"], kind=crisis["kind"],
        why=sealed.seal(tx, conversation.id, conversation.data_key, place, list(crisis["why"])), raised_at=now()))


async def raise_without_words(tx: AsyncConnection, conversation_id: str, crisis: dict[str, Any]) -> None:
    """Put a danger before staff whose conversation cannot be written to: its key cannot be read."""
    conversation = await load(tx, conversation_id)
    await tx.execute(alerts.insert().values(
        conversation=conversation_id, seq=conversation.last_seq, level=crisis["level"], kind=crisis["kind"], why=[],
        raised_at=now()))


async def accept_alerts(tx: AsyncConnection, conversation: Conversation, staff_id: int) -> None:
    """Note that a member of staff has taken the conversation's open dangers."""
    await tx.execute(
        alerts.update()
        .where(alerts.c.conversation == conversation.id, alerts.c.accepted_at.is_(None))
        .values(accepted_at=now(), accepted_by=staff_id)
    )


async def promise_callback(tx: AsyncConnection, conversation: Conversation, callback: dict[str, Any]) -> None:
    """Store the answers of the call-back form."""
    moment = now()
    words = {column: sealed.seal(tx, conversation.id, conversation.data_key,
                                 sealed.callback_place(column, moment), said)
             for column, said in (("name", callback.get("name")), ("call_when", callback["when"]))}
    await tx.execute(callbacks.insert().values(
        conversation=conversation.id, number=callback["number"], asked_at=moment, **words))


async def erase(tx: AsyncConnection, conversation: Conversation, *, keep_counts: bool = False) -> None:
    """Remove the words of a conversation for good; an empty row stays so that its token reads "erased".

    With `keep_counts` (its time is over, nobody asked for it) it stays known, without a word, that there was danger,
    and whether answers helped. The caller empties the journal afterwards (Record.scrub).
    """
    await tx.execute(_HOLD, {"wanted": conversation.id})  # what is being written to it is deleted with the rest
    for table in (messages, callbacks, transfers, follow_ups, follow_through, deadlines, sms_deliveries, sms_checkins):
        await tx.execute(table.delete().where(table.c.conversation == conversation.id))
    if keep_counts:
        await tx.execute(alerts.update().where(alerts.c.conversation == conversation.id).values(why=[]))
    for table in () if keep_counts else (alerts, feedback):
        await tx.execute(table.delete().where(table.c.conversation == conversation.id))
    await tx.execute(outcomes.update().where(outcomes.c.conversation == conversation.id).values(note=None))
    await tx.execute(
        claims.update().where(claims.c.conversation == conversation.id, claims.c.ended_at.is_(None))
        .values(ended_at=now(), how="erased"))
    await tx.execute(
        conversations.update().where(conversations.c.id == conversation.id)
        .values(erased_at=now(), address=None, handoff=None, owner=BOT, waiting_since=None, data_key=None,
                epoch=conversation.epoch + 1)
    )
    sealed.keyring_of(tx).forget()


_KEPT_OPEN = [name for name in Message.__dataclass_fields__ if name not in (*SAID, "readable")]


def _conversation(tx: AsyncConnection, row: Any) -> Conversation:
    wish = sealed.opened(tx, row.id, row.data_key, sealed.HANDOFF, row.handoff)
    return Conversation(**{**row._mapping, "handoff": wish})


def _columns(tx: AsyncConnection, conversation: Conversation, message: Message) -> dict[str, Any]:
    said = {name: getattr(message, name) for name in SAID if getattr(message, name) or name == "text"}
    place = sealed.message_place(message.seq)
    return {**{name: getattr(message, name) for name in _KEPT_OPEN},
            "text": sealed.seal(tx, conversation.id, conversation.data_key, place, said)}


def _message(tx: AsyncConnection, row: Any) -> Message:
    """The message of a row of messages with the data key beside it."""
    values = {name: getattr(row, name) for name in _KEPT_OPEN}
    said = sealed.opened(tx, row.conversation, row.data_key, sealed.message_place(row.seq), row.text)
    if said is None:
        return Message(**values, text="", readable=False)
    said["sources"], said["options"] = said.get("sources") or [], said.get("options") or []
    return Message(**values, **said)
