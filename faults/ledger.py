"""Holds what people sent against what the record, the visitors' screens and the phones have."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from faults.journal import Journal, Send, Try
from faults.visitor import Visitor
from faults.world import World
from switchboard import conversations
from switchboard.conversations import Conversation, Message, NoConversation
from switchboard.numbers import Vault
from switchboard.offers import ABOUT_PEOPLE
from switchboard.records.record import Record
from switchboard.records.tables import sms_deliveries
from switchboard.sms import contacts
from switchboard.sms.deliveries import OPEN, SENT

AT_ONCE = 1.0  # seconds in which guidance must be there where the switchboard is up
SILENT = 60.0  # seconds after which an answer is called silence although nothing was broken then
SETTLE_SECONDS = 240.0
# Which owner a notice announces that is said after the change; a change nobody announces is the bot's "a person will".
OWNERS = {"handoff_accepted": "staff", "handoff_transferred": "staff", "returned_to_bot": "bot",
          "staff_gone": "waiting", "staff_silent": "waiting"}


@dataclass
class Violation:
    """One broken promise."""

    what: str
    who: str
    detail: str
    at: float = 0.0


@dataclass
class Findings:
    """What the ledger says of one run."""

    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    guidance_s: list[float] = field(default_factory=list)  # of dangers whose switchboard was up
    answers_s: list[float] = field(default_factory=list)

    def wrong(self, what: str, who: str, detail: str, at: float = 0.0) -> None:
        self.violations.append(Violation(what, who, detail, at))


@dataclass
class Stored:
    """One conversation of the record; None where it was erased."""

    conversation: Conversation | None
    messages: list[Message]


async def settled(record: Record) -> float:
    """Wait until nothing is owed and nothing waits to go out; the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_SECONDS:
        async with record.read() as connection:
            owed = await conversations.with_unhandled(connection)
            out = (await connection.execute(sa.select(sa.func.count()).select_from(sms_deliveries).where(
                sms_deliveries.c.state.in_(OPEN)))).scalar_one()
        if not owed and not out:
            break
        await asyncio.sleep(1)
    return time.monotonic() - began


async def examine(world: World, visitors: list[Visitor]) -> Findings:
    """Everything there is to hold against one another, when traffic and wrongs are over."""
    findings, record = Findings(), Record.of(world.settings)
    for fault in world.journal.faults:
        findings.wrong("part lost", "", fault)
    try:
        findings.counts["seconds until nothing was owed"] = round(await settled(record))
        sends = await _by_conversation(record, world)
        for conversation_id, sent in sends.items():
            stored = await _stored(record, conversation_id)
            _held(findings, world.journal, conversation_id, sent, stored)
        await _texts(findings, record, world)
        by_id = {visitor.id: visitor for visitor in visitors if visitor.id}
        for conversation_id, visitor in by_id.items():
            _screen(findings, visitor, await _stored(record, conversation_id))
    finally:
        await record.close()
    for send in world.journal.sends:
        if send.danger:
            _guided(findings, world.journal, send)
    return findings


async def _by_conversation(record: Record, world: World) -> dict[str, list[Send]]:
    """The sends of each conversation in the order they were begun; texts are found by the carrier's id."""
    sends: dict[str, list[Send]] = defaultdict(list)
    async with record.read() as connection:
        for send in world.journal.sends:
            where: str | None = send.who
            if send.channel == "sms":
                where = await contacts.bound(connection, send.client_id) or f"nowhere {send.who}"
            sends[where or ""].append(send)
    return sends


async def _stored(record: Record, conversation_id: str) -> Stored:
    async with record.read() as connection:
        try:
            conversation = await conversations.load(connection, conversation_id)
        except NoConversation:
            return Stored(None, [])
        return Stored(conversation, await conversations.after(connection, conversation_id, 0))


# -- sent = stored ------------------------------------------------------------------------------------------------


def _held(findings: Findings, journal: Journal, conversation_id: str, sent: list[Send], stored: Stored) -> None:
    """Every acknowledged message is there once, nobody else's is, and each sender's order is kept."""
    if stored.conversation is None:
        findings.counts["erased"] += len(sent)
        kept = [m for m in stored.messages]
        if kept:
            findings.wrong("erased words are there", conversation_id, str(len(kept)))
        for send in sent:
            if send.channel == "sms" and send.ended == "stored":
                findings.wrong("lost", send.who, f"text {send.client_id} was acknowledged and is not there")
        return
    there = Counter(m.client_id for m in stored.messages if m.client_id)
    for send in sent:
        count = there[_client_id(send)]
        if send.ended == "stored" and count == 0:
            findings.wrong("lost", conversation_id, f"{send.channel} {send.client_id}", send.tries[-1].at)
        if count > 1:
            findings.wrong("stored twice", conversation_id, f"{send.channel} {send.client_id}", send.tries[-1].at)
        findings.counts[f"{send.channel} {send.ended or 'unsettled'}"] += 1
        findings.counts["stored"] += count
    strangers = set(there) - {_client_id(send) for send in sent}
    if strangers:
        findings.wrong("stored and never sent", conversation_id, str(strangers))
    _in_order(findings, conversation_id, sent, stored)
    _answered(findings, journal, conversation_id, stored)


def _client_id(send: Send) -> str:
    return f"staff-{send.client_id}" if send.channel == "staff" else send.client_id


def _in_order(findings: Findings, conversation_id: str, sent: list[Send], stored: Stored) -> None:
    numbers = [m.seq for m in stored.messages]
    if numbers != list(range(1, len(numbers) + 1)):
        findings.wrong("numbers with a gap", conversation_id, str(numbers))
    place = {m.client_id: m.seq for m in stored.messages if m.client_id}
    for channel in ("widget", "sms", "staff"):
        mine = [place[_client_id(s)] for s in sent if s.channel == channel and _client_id(s) in place]
        if mine != sorted(mine):
            findings.wrong("order of a sender", conversation_id, f"{channel} {mine}")


# -- answered once, or honestly waiting ---------------------------------------------------------------------------


def _answered(findings: Findings, journal: Journal, conversation_id: str, stored: Stored) -> None:
    answers: dict[int, list[Message]] = defaultdict(list)
    for message in stored.messages:
        if message.answers_seq:
            answers[message.answers_seq].append(message)
    for question, said in answers.items():
        twice = [name for name, count in Counter((m.response, m.text) for m in said).items() if count > 1]
        if twice:
            findings.wrong("answered twice", conversation_id, f"message {question}: {twice[0][0]}", said[-1].at / 1000)
    for message, owner, told in _owners(stored.messages):
        _one_answered(findings, journal, conversation_id, stored, message, owner, told, answers)


def _one_answered(
    findings: Findings, journal: Journal, conversation_id: str, stored: Stored, message: Message, owner: str,
    told: bool, answers: dict[int, list[Message]],
) -> None:
    mine = answers.get(message.seq) or _with_the_next(stored, message, answers)
    if mine:
        findings.counts["answered"] += 1
        _in_time(findings, journal, conversation_id, message, mine[0])
    elif owner != "bot" or _then_a_persons(stored, message):
        findings.counts["waiting or with staff, told so"] += 1
        if not told and (owner == "waiting" or (owner == "bot" and not _told_after(stored.messages, message))):
            findings.wrong("waits and was not told", conversation_id,
                           f"message {message.seq} of {_shape(stored)}", message.at / 1000)
    else:
        findings.wrong("silence", conversation_id, f"message {message.seq} of {_shape(stored)}", message.at / 1000)


def _shape(stored: Stored) -> str:
    """Who said what kind of thing when, with no word of it."""
    return "; ".join(f"{m.seq} {m.author} {m.response or m.choice or m.kind} epoch {m.epoch} answers {m.answers_seq} "
                     f"at {m.at / 1000 % 3600:.2f} {'danger' if m.crisis else ''}".strip() for m in stored.messages)


def _owners(messages: list[Message]) -> Iterator[tuple[Message, str, bool]]:
    """Each visitor's message with who had the conversation then, and whether the visitor had been told of people."""
    owner, epoch, told = "bot", 0, False
    for message in messages:
        if message.epoch > epoch:
            epoch, owner = message.epoch, OWNERS.get(message.response or "", "waiting")
            told = told and owner != "bot"
        told = told or message.response in ABOUT_PEOPLE or (owner != "bot" and message.response in OWNERS)
        if message.author == "visitor":
            yield message, owner, told
            told = told and owner != "bot"  # what is said from here on answers this message


def _with_the_next(stored: Stored, message: Message, answers: dict[int, list[Message]]) -> list[Message]:
    """Short texts in a row are answered as one, under the number of the last."""
    if stored.conversation is None or stored.conversation.channel != "sms":
        return []
    later = [m for m in stored.messages if m.seq > message.seq]
    for other in later:
        if other.author == "visitor" and other.seq in answers:
            return answers[other.seq]
        if other.answers_seq and other.answers_seq < message.seq:
            continue
    return []


def _then_a_persons(stored: Stored, message: Message) -> bool:
    """Whether the conversation became a person's before the bot had answered: the message is theirs then."""
    last = stored.conversation.epoch if stored.conversation else 0
    return last > message.epoch or any(m.seq > message.seq and m.epoch > message.epoch for m in stored.messages)


def _told_after(messages: list[Message], message: Message) -> bool:
    """Whether its sender read of a person afterwards."""
    return any(m.seq > message.seq and (m.response in OWNERS or m.response in ABOUT_PEOPLE or m.author == "staff")
               for m in messages)


def _in_time(findings: Findings, journal: Journal, conversation_id: str, message: Message, first: Message) -> None:
    start, end = message.at / 1000, first.at / 1000
    findings.answers_s.append(end - start)
    if end - start > SILENT and not journal.broken(start, start + SILENT, "switchboard", "record"):
        findings.wrong("answered late", conversation_id, f"message {message.seq}: {end - start:.1f} s", start)


# -- guidance -------------------------------------------------------------------------------------------------------


def _guided(findings: Findings, journal: Journal, send: Send) -> None:
    """The first try that got an answer held the guidance, at once; no answer at all only where the door was shut."""
    findings.counts["dangers"] += 1
    for one in send.tries:
        shut = bool(journal.broken(one.at, one.end, "switchboard"))
        if one.status == 0:
            if not shut:
                findings.wrong("danger refused while the switchboard was up", send.who, f"{one.took:.2f} s", one.at)
            continue
        if one.status == 410:
            return
        _judge(findings, send, one, shut=shut)
        return
    if send.ended == "fallback":
        findings.counts["dangers met by the carrier's static answer"] += 1
    else:
        findings.wrong("danger without guidance", send.who, f"ended {send.ended!r}", send.tries[0].at)


def _judge(findings: Findings, send: Send, one: Try, *, shut: bool) -> None:
    if not one.guidance:
        findings.wrong("danger without guidance", send.who, f"status {one.status}: {send.text!r}", one.at)
    elif shut or (len(send.tries) > 1 and send.tries[0] is not one):
        findings.counts["dangers met when the switchboard was back"] += 1
    else:
        findings.guidance_s.append(one.took)
        if one.took > AT_ONCE:
            findings.wrong("guidance late", send.who, f"{one.took:.2f} s, status {one.status}", one.at)


# -- screens and phones ---------------------------------------------------------------------------------------------


def _screen(findings: Findings, visitor: Visitor, stored: Stored) -> None:
    """What a stream brought, over all its resumes: everything up to the last, once, in order."""
    if stored.conversation is None or not visitor.seen:
        return
    public = [m.seq for m in stored.messages if m.kind != "private" and m.seq <= visitor.seen[-1]]
    if visitor.seen != public:
        findings.wrong("a screen shows it otherwise", visitor.id, f"saw {visitor.seen}, stored {public}")


async def _texts(findings: Findings, record: Record, world: World) -> None:
    """Each delivery was taken by the carrier at most once, in order, and what is noted as sent was taken."""
    async with record.read() as connection:
        rows = {row.id: row for row in await connection.execute(sa.select(sms_deliveries))}
    taken = Counter(_delivery(sent.callback) for sent in world.carrier.messages)
    for delivery, count in taken.items():
        if count > 1 and delivery:
            findings.wrong("text sent twice", str(delivery), f"{count} times")
    for row in rows.values():
        findings.counts[f"texts {row.state}"] += 1
        if row.state == SENT and taken[row.id] == 0 and not await _said_before(world, record, row):
            findings.wrong("text noted as sent and never taken", row.conversation, f"delivery {row.id}")
        if row.state in OPEN:
            findings.wrong("text still under way", row.conversation, f"delivery {row.id} {row.state}")
    _phones_in_order(findings, world, rows)


async def _said_before(world: World, record: Record, row: Any) -> bool:
    """What was said from the disk while the record was away has no delivery in its address: its words were taken."""
    async with record.read() as connection:
        message = (await conversations.last(connection, row.conversation, row.seq, 1))[0]
        conversation = await conversations.load(connection, row.conversation)
        contact = await contacts.find(connection, conversation.address or "")
    number = Vault(world.settings.number_secret).open(contact.number) if contact else ""
    return any(sent.to == number and message.text in sent.body for sent in world.carrier.messages)


def _phones_in_order(findings: Findings, world: World, rows: dict[int, Any]) -> None:
    """What went out by calls came in the order of its conversation (guidance in a response may overtake)."""
    last: dict[str, tuple[int, int]] = {}
    for sent in world.carrier.messages:
        row = rows.get(_delivery(sent.callback))
        if row is None or sent.direction != "outbound-api":
            continue
        if (row.seq, row.part) < last.get(row.conversation, (0, 0)):
            findings.wrong("texts out of order", row.conversation, f"{row.seq} after {last[row.conversation]}")
        last[row.conversation] = (row.seq, row.part)


def _delivery(callback: str) -> int:
    number = callback.rpartition("delivery=")[2]
    return int(number) if number.isdigit() else 0
