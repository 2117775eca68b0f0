"""The outbox's rows: what must go out by text, written in the transaction that stores the message itself.

`conversations.add` puts a row for every message to a texting visitor, whoever wrote it. `switchboard/outbox.py` sends
them. Part of the switchboard.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard import sealed
from switchboard.records.record import now
from switchboard.records.tables import alerts, sms_deliveries

if TYPE_CHECKING:
    from switchboard.conversations import Conversation, Message

QUEUED = "queued"  # to be sent when it is due
ANSWERING = "answering"  # went out in the response to the text it answers; not confirmed yet
SENDING = "sending"  # claimed: the call to the carrier is under way
UNSURE = "unsure"  # a call whose outcome is not known: looked up at the carrier before anything else
CHECKING = "checking"  # claimed: the look-up is under way
SENT = "sent"  # the carrier has it; `status` says how far it got
REFUSED = "refused"  # the carrier refused it for good
SUPPRESSED = "suppressed"  # the number has opted out
HELD = "held"  # the conversation is sealed
EXPIRED = "expired"  # it could not be sent for too long to be of use
LOST = "lost"  # whether it was sent could not be found out
OPEN = (QUEUED, ANSWERING, SENDING, UNSURE, CHECKING)

# The carrier's words in rising order: reports come in any order, the highest stays.
RANKS = {"accepted": 1, "scheduled": 1, "queued": 1, "sending": 2, "sent": 3, "undelivered": 4, "failed": 4,
         "delivered": 5, "read": 6}  # fmt: skip
FAILED = ("undelivered", "failed")

CONFIRM_MS = 6_000  # how long a response's own text may go unconfirmed before it is looked up
MOST_RESPONSES = 10_000  # bounds the memory
AGAIN_MS = 2_000  # how soon after a response the same text may be answered again: Twilio retries no sooner
_PUT = sms_deliveries.insert()
_REPORTED = (
    sms_deliveries.update().where(sms_deliveries.c.id == sa.bindparam("row"))
    .values(status=sa.bindparam("said"), error=sa.bindparam("code"), sid=sa.bindparam("known"),
            state=sa.bindparam("now_in"), accepted_at=sa.bindparam("taken_at")))


class Responses:
    """Which texts go out in responses of this process, or did a moment ago: nobody looks for them yet.

    A process that stands still between storing a text and answering with it would else find that the carrier does not
    have it, and send it a second time.
    """

    def __init__(self) -> None:
        self._left: dict[int, float] = {}

    def hold(self, delivery: int) -> None:
        """It will go out in a response."""
        if len(self._left) >= MOST_RESPONSES:
            self._left = {known: at for known, at in self._left.items() if self.holds(known)}
        self._left[delivery] = math.inf

    def leave(self, deliveries: Iterable[int]) -> None:
        """Their response goes out now."""
        self._left.update(dict.fromkeys(deliveries, time.monotonic()))

    def holds(self, delivery: int) -> bool:
        return time.monotonic() - self._left.get(delivery, -math.inf) < CONFIRM_MS / 1000


@dataclass
class Answer:
    """The response to one text that came in: what is stored while it is open goes out in it.

    `said` are texts that were given before they could be stored (the record was away).
    """

    sid: str
    said: tuple[str, ...]
    responses: Responses
    messages: list[tuple[int, Message]] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)

    def hold(self, delivery: int) -> None:
        """A delivery goes out in it."""
        self.deliveries.append(delivery)
        self.responses.hold(delivery)


_answer: ContextVar[tuple[Answer, Any] | None] = ContextVar("answer", default=None)


@contextmanager
def answering(sid: str, said: tuple[str, ...], responses: Responses) -> Iterator[Answer]:
    """Let what this task stores go out in the response to the text `sid`; tasks that it starts are not meant."""
    answer = Answer(sid, said, responses)
    token = _answer.set((answer, asyncio.current_task()))
    try:
        yield answer
    finally:
        _answer.reset(token)
        responses.leave(answer.deliveries)


def _open_answer() -> Answer | None:
    answer, task = _answer.get() or (None, None)
    return answer if task is asyncio.current_task() else None


async def put(tx: AsyncConnection, conversation: Conversation, message: Message) -> None:
    """Note that a stored message must go out by text; nothing for visitors' own and for private ones."""
    if message.author == "visitor" or message.kind == "private":
        return
    moment, answer = now(), _open_answer()
    values: dict[str, Any] = {"state": QUEUED, "due_at": moment}
    if answer and message.text in answer.said:
        values = {"state": SENT, "due_at": moment, "inbound": answer.sid, "accepted_at": moment}
    elif answer and not answer.said:
        values = {"state": ANSWERING, "due_at": moment + CONFIRM_MS, "claimed_at": moment, "inbound": answer.sid}
    result = await tx.execute(_PUT, {
        "conversation": conversation.id, "seq": message.seq, "made_at": moment,
        "weighty": message.kind == "guidance" or message.author == "staff", **values})
    if answer and values["state"] == ANSWERING:
        delivery = int((result.inserted_primary_key or (0,))[0])
        answer.hold(delivery)
        answer.messages.append((delivery, message))


async def answered_before(tx: AsyncConnection, sid: str) -> list[tuple[int, str, int]]:
    """What a repeated text may be answered with once more: (delivery, conversation, seq), claimed for this response.

    Twilio repeats a text when it got no response; a response in the last moments may still be on its way, and one
    that the carrier reported is known to have arrived.
    """
    mine = (sms_deliveries.c.inbound == sid, sms_deliveries.c.state == ANSWERING,
            sms_deliveries.c.claimed_at < now() - AGAIN_MS)
    rows = await tx.execute(
        sms_deliveries.update().where(*mine).values(claimed_at=now(), due_at=now() + CONFIRM_MS)
        .returning(sms_deliveries.c.id, sms_deliveries.c.conversation, sms_deliveries.c.seq))
    return sorted((row.id, row.conversation, row.seq) for row in rows)


async def report(tx: AsyncConnection, row: Any, status: str, *, sid: str = "", error: int | None = None) -> bool:
    """Note the carrier's word about a delivery, if it is further than the last; whether it was."""
    if RANKS.get(status, 0) <= RANKS.get(row.status or "", 0):
        return False
    is_open = row.state in OPEN  # the report came before the answer to our own call, or confirms a response's text
    await tx.execute(_REPORTED, {
        "row": row.id, "said": status, "code": error or row.error, "known": row.sid or sid or None,
        "now_in": SENT if is_open else row.state, "taken_at": now() if is_open else row.accepted_at})
    return True


async def alarm(
    tx: AsyncConnection, conversation_id: str, seq: int, what: str, why: str, *, level: str = "possible"
) -> None:
    """Put something about texting before staff as they see a danger: until one of them accepts it."""
    key = await sealed.key_of(tx, conversation_id)
    words = sealed.seal(tx, conversation_id, key, sealed.alert_place(seq, what), [why])
    await tx.execute(alerts.insert().values(
        conversation=conversation_id, seq=seq, level=level, kind=what, why=words, raised_at=now()))


async def alarm_once(tx: AsyncConnection, row: Any, what: str, why: str, *, level: str = "possible") -> None:
    """The alarm for one delivery, if there was none for it yet."""
    result = await tx.execute(
        sms_deliveries.update()
        .where(sms_deliveries.c.id == row.id, sms_deliveries.c.alarmed_at.is_(None))
        .values(alarmed_at=now()))
    if result.rowcount:
        await alarm(tx, row.conversation, row.seq, what, why, level=level)


async def of_conversation(connection: AsyncConnection, conversation_id: str) -> dict[int, Any]:
    """The last part's row of every message of a conversation, by sequence number."""
    rows = await connection.execute(
        sa.select(sms_deliveries).where(sms_deliveries.c.conversation == conversation_id)
        .order_by(sms_deliveries.c.seq, sms_deliveries.c.part))
    return {row.seq: row for row in rows}
