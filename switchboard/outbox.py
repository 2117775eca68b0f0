"""Sends what must go out by text: each message once, in the order of its conversation, or says that it could not.

One task per switchboard. A row is claimed in the record before the carrier is called; after a crash, a slow call or a
failure of the carrier its outcome is looked up there before anything is sent again. Part of the switchboard.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard import conversations, sealed
from switchboard.conversations import Message
from switchboard.for_ever import begun
from switchboard.numbers import Vault
from switchboard.records.keyring import Unreadable
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.records.tables import conversations as places
from switchboard.records.tables import messages as m
from switchboard.records.tables import sms_contacts as people
from switchboard.records.tables import sms_deliveries as d
from switchboard.records.tables import sms_seals as seals
from switchboard.records.writes import Writes
from switchboard.sms import contacts, deliveries
from switchboard.sms.carrier import OPTED_OUT, Carrier, Refused, Taken, TryLater, Unsure
from switchboard.sms.deliveries import (
    ANSWERING,
    CHECKING,
    EXPIRED,
    HELD,
    LOST,
    OPEN,
    QUEUED,
    RANKS,
    REFUSED,
    SENDING,
    SENT,
    SUPPRESSED,
    UNSURE,
    Responses,
)
from switchboard.sms.wording import Wording
from switchboard.streams import CONSOLE, Streams

logger = logging.getLogger(__name__)

AT_ONCE = 16  # calls to the carrier under way: one that hangs holds up only its own conversation
CALLS_SECONDS = 2.0  # at a stop, for the calls under way
LEASE_MS = 30_000  # a claim older than this was left by a process that ended: longer than any call may take
SETTLE_MS = 15_000  # how long after a call of unknown outcome the carrier's list is trusted
ORDER_MS = 4_000  # how long a message waits for the one before it to leave the carrier, which keeps no order itself
USEFUL_MS = 4 * 3_600_000  # a text that is older than this is not sent any more
FIRST_WAIT, LONGEST_WAIT = 1.0, 120.0  # seconds between tries
ALARM_AFTER_TRIES = 3
LOOK_UPS = 8  # tries to find out about a call of unknown outcome before a person is told
GAP_SECONDS = 0.03  # between looks at the rows
BLOCKED_SECONDS = 0.25  # between looks at a row that only waits for the one before it
LOOK_AGAIN_SECONDS = 5.0  # another switchboard's rows and old claims are found by looking


def _still_inside(table: Any) -> Any:
    """Whether the carrier has not handed a text on yet, as far as it has told us."""
    handed_on = [status for status, rank in RANKS.items() if rank >= RANKS["sent"]]
    return sa.or_(table.c.status.is_(None), table.c.status.not_in(handed_on))


def _due() -> sa.Select[Any]:
    """Rows to act on, what matters most first: due, first of their conversation, and not too soon after the last."""
    moment: sa.BindParameter[int] = sa.bindparam("moment")
    earlier = d.alias("earlier")
    before = sa.tuple_(earlier.c.seq, earlier.c.part) < sa.tuple_(d.c.seq, d.c.part)
    in_the_way = sa.exists().where(
        earlier.c.conversation == d.c.conversation, before,
        sa.or_(earlier.c.state.in_(OPEN),
               sa.and_(earlier.c.state == SENT, sa.not_(d.c.weighty) | (d.c.part > 1),
                       earlier.c.accepted_at > sa.bindparam("in_order"), _still_inside(earlier))))
    stale = sa.and_(d.c.state.in_((SENDING, CHECKING)), d.c.claimed_at < sa.bindparam("left"))
    due = sa.and_(d.c.state.in_((QUEUED, UNSURE, ANSWERING)), d.c.due_at <= moment)
    return (sa.select(d).where(sa.or_(due, stale), ~in_the_way).order_by(d.c.weighty.desc(), d.c.id)
            .limit(sa.bindparam("most")))


# Built once: to put a statement together costs more than to run it.
_DUE = _due()
_NEXT_DUE = sa.select(sa.func.min(d.c.due_at)).where(d.c.state.in_((QUEUED, UNSURE, ANSWERING)))
_BY_ID = sa.select(d).where(d.c.id == sa.bindparam("row")).with_for_update()
_BY_SID = sa.select(d).where(d.c.sid == sa.bindparam("known"), d.c.sid != "").with_for_update()
_CLAIM = (
    d.update().where(d.c.id == sa.bindparam("row"), d.c.state == sa.bindparam("was"),
                     d.c.claimed_at.is_not_distinct_from(sa.bindparam("was_claimed")))
    .values(state=sa.bindparam("now_in"), claimed_at=sa.bindparam("moment")))
_TAKEN = (
    d.update().where(d.c.id == sa.bindparam("row"))
    .values(state=SENT, sid=sa.bindparam("known"), segments=sa.bindparam("count"), claimed_at=None,
            accepted_at=sa.bindparam("moment"), status=sa.bindparam("said")))
# Message, contact and seal of some rows.
_ABOUT = (
    sa.select(d.c.id.label("delivery"), m.c.author, m.c.text, m.c.language, m.c.response, places.c.data_key,
              places.c.practice, people.c.number, people.c.ours, people.c.opted_out_at,
              seals.c.at.label("sealed_at"))
    .join(m, sa.and_(m.c.conversation == d.c.conversation, m.c.seq == d.c.seq))
    .join(places, places.c.id == d.c.conversation)
    .join(people, people.c.address == places.c.address)
    .outerjoin(seals, sa.and_(seals.c.conversation == d.c.conversation, seals.c.confirmed_at.is_(None)))
    .where(d.c.id.in_(sa.bindparam("rows", expanding=True))))


@dataclass(frozen=True)
class Job:
    """One claimed row with all that sending it needs; `before` is the state it was claimed from."""

    row: Any
    before: str
    to: str
    sender: str
    body: str
    known: frozenset[str]


class Outbox:
    """Drains the deliveries."""

    def __init__(
        self,
        record: Record,
        carrier: Carrier,
        vault: Vault,
        wording: Wording,
        streams: Streams,
        responses: Responses,
        *,
        sender: str,
        callback: str,
    ) -> None:
        self._record = record
        self._carrier = carrier
        self._vault = vault
        self._wording = wording
        self._streams = streams
        self._responses = responses
        self._sender = sender
        self._callback = callback
        self._writes = Writes(record)
        self._wake = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self.looked_at = time.monotonic()
        self.reached_at: int | None = None  # when the carrier last answered a call

    def start(self) -> None:
        self._task = begun(self._run, "sending texts")

    def wake(self) -> None:
        """Something was stored or reported: look at the rows now."""
        self._wake.set()

    async def close(self) -> None:
        """Stop taking rows and let the calls under way end; one that does not is looked up at the next start."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._calls:
            await asyncio.wait(self._calls, timeout=CALLS_SECONDS)
        await self._carrier.close()

    async def _run(self) -> None:
        with self._streams.follow(CONSOLE) as self._wake:
            while True:
                self._wake.clear()
                self.looked_at = time.monotonic()
                try:
                    pause = await self._round()
                except RecordUnavailable:
                    logger.warning("the record cannot be reached, texts wait")
                    pause = 1.0
                except Exception:  # a fault of one round must not end all that would follow
                    logger.exception("a round of texts failed")
                    pause = 1.0
                await asyncio.sleep(GAP_SECONDS)  # a burst costs one look
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)

    async def _round(self) -> float:
        """Claim what is due and start its calls; the seconds until there may be more to do."""
        free = AT_ONCE - len(self._calls)
        if free <= 0:
            return LOOK_AGAIN_SECONDS  # a call that ends wakes us
        async with self._record.read() as connection:  # most rounds find nothing: no writer is held up for that
            moment = now()
            due = [row for row in await connection.execute(_DUE, {
                "moment": moment, "in_order": moment - ORDER_MS, "left": moment - LEASE_MS, "most": free})
                if not (row.state == ANSWERING and self._responses.holds(row.id))]
            next_at = None if due else (await connection.execute(_NEXT_DUE)).scalar()
        if due:
            for job in await self._claim(due):
                self._begin(job)
            return 0.0
        wait = LOOK_AGAIN_SECONDS if next_at is None else (next_at - now()) / 1000
        return min(LOOK_AGAIN_SECONDS, max(BLOCKED_SECONDS, wait))

    def _begin(self, job: Job) -> None:
        call = asyncio.create_task(self._handle(job))
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def _ended(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._wake.set()
        if not call.cancelled() and call.exception():
            logger.error("a text's call ended unforeseen; its row is looked up later", exc_info=call.exception())

    # -- claiming -------------------------------------------------------------------------------------------

    async def _claim(self, due: list[Any]) -> list[Job]:
        jobs: list[Job] = []
        async with self._record.write() as tx:
            taken = [row for row in due if await _taken_by_us(tx, row)]
            about = {found.delivery: found for found in await tx.execute(_ABOUT, {"rows": [row.id for row in taken]})}
            for row in taken:
                job = await self._job(tx, row, about.get(row.id))
                jobs += [job] if job else []
        return jobs

    async def _job(self, tx: AsyncConnection, row: Any, about: Any) -> Job | None:
        """What is needed to send a claimed row; None when it must not be sent, and then the row says why."""
        if about is None:
            await self._stop(tx, row, REFUSED, "nobody is known under this number any more")
            return None
        stop = _why_not(row, about)
        if stop:
            await self._stop(tx, row, *stop)
            return None
        try:
            to = self._vault.open(about.number)
        except Unreadable:
            await self._stop(tx, row, REFUSED, "the number cannot be read with this HAVEN_NUMBER_SECRET")
            return None
        said = sealed.opened(tx, row.conversation, about.data_key, sealed.message_place(row.seq), about.text)
        if said is None:
            await self._stop(tx, row, REFUSED, "the words of this text cannot be read")
            return None
        parts = self._wording.parts(Message(
            author=about.author, text=said["text"], name=said.get("name"), language=about.language,
            response=about.response))
        await _divide(tx, row, len(parts))
        known = frozenset() if row.state == QUEUED else await _known_ids(tx, row)
        sender = self._sender if self._sender.startswith("MG") else about.ours
        return Job(row, _meaning(row), to, sender, parts[row.part - 1], known)

    async def _stop(self, tx: AsyncConnection, row: Any, state: str, why: str) -> None:
        await _release(tx, row, state=state)
        if row.weighty:
            await deliveries.alarm_once(tx, row, "text_not_sent", why, level=await _level(tx, row))
            self._streams.wake(CONSOLE)

    # -- calling --------------------------------------------------------------------------------------------

    async def _handle(self, job: Job) -> None:
        if job.before == QUEUED:
            outcome = await self._send(job)
        else:
            outcome = await self._look_up(job)
        while True:
            try:
                await self._writes.do(outcome)
                break
            except RecordUnavailable:  # what we know must not be lost: the row is ours until it is written
                await asyncio.sleep(1.0)
        self._streams.wake(job.row.conversation)

    async def _send(self, job: Job) -> Callable[[AsyncConnection], Awaitable[None]]:
        try:
            taken = await self._carrier.send(
                to=job.to, sender=job.sender, body=job.body, callback=f"{self._callback}?delivery={job.row.id}")
            self.reached_at = now()
        except Refused as error:
            self.reached_at = now()
            return lambda tx, error=error: self._refused(tx, job, error)  # type: ignore[misc]
        except TryLater as error:
            wait = error.seconds or _backoff(job.row.tries)
            return lambda tx: self._again(tx, job, QUEUED, wait)
        except Unsure as error:
            logger.warning("delivery %s: its outcome is not known: %s", job.row.id, error)
            wait = max(_backoff(job.row.tries), SETTLE_MS / 1000 if _was_silent(error) else 0.0)
            return lambda tx: self._again(tx, job, UNSURE, wait)
        return lambda tx: _accepted(tx, job, taken)

    async def _look_up(self, job: Job) -> Callable[[AsyncConnection], Awaitable[None]]:
        try:
            taken = await self._carrier.find(
                to=job.to, body=job.body, since=job.row.made_at, known=job.known)
        except Unsure:
            if job.row.tries >= LOOK_UPS:
                return lambda tx: self._lost(tx, job)
            wait = _backoff(job.row.tries)
            return lambda tx: self._again(tx, job, UNSURE, wait)
        if taken:
            return lambda tx: _accepted(tx, job, taken)
        return lambda tx: self._again(tx, job, QUEUED, 0.0)  # the carrier never had it

    # -- noting ---------------------------------------------------------------------------------------------

    async def _again(self, tx: AsyncConnection, job: Job, state: str, wait: float) -> None:
        await _release(tx, job.row, state=state, tries=job.row.tries + 1, due_at=now() + int(wait * 1000))
        if job.row.weighty and job.row.tries + 1 >= ALARM_AFTER_TRIES:
            await deliveries.alarm_once(tx, job.row, "text_delayed", "the carrier has not taken this text yet")
            self._streams.wake(CONSOLE)

    async def _refused(self, tx: AsyncConnection, job: Job, error: Refused) -> None:
        await _release(tx, job.row, state=REFUSED, error=error.code)
        if error.code == OPTED_OUT:
            await note_opt_out(tx, job.row.conversation)
        if job.row.weighty or error.status in (401, 403):
            why = "opted out of texts" if error.code == OPTED_OUT else f"refused, code {error.code or error.status}"
            await deliveries.alarm_once(tx, job.row, "text_not_sent", why, level=await _level(tx, job.row))
        self._streams.wake(CONSOLE)

    async def _lost(self, tx: AsyncConnection, job: Job) -> None:
        await _release(tx, job.row, state=LOST)
        await deliveries.alarm_once(
            tx, job.row, "text_unsure", "nobody can say whether this text went out", level=await _level(tx, job.row))
        self._streams.wake(CONSOLE)


async def find_delivery(tx: AsyncConnection, sid: str, delivery: int | None) -> Any:
    """The row a report is about, held for this transaction: by the number in our own address, else by Twilio's id."""
    if delivery is not None:
        return (await tx.execute(_BY_ID, {"row": delivery})).first()
    return (await tx.execute(_BY_SID, {"known": sid})).first()


async def reported(tx: AsyncConnection, row: Any, status: str, sid: str, error: int | None) -> bool:
    """Note a status report of the carrier's; a failure of what matters alarms staff. Whether it was news."""
    if not await deliveries.report(tx, row, status, sid=sid, error=error):
        return False
    if error == OPTED_OUT:
        await note_opt_out(tx, row.conversation)
    if status in deliveries.FAILED and row.weighty:
        level = await _level(tx, row)
        await deliveries.alarm_once(tx, row, "text_not_delivered", f"{status}, code {error}", level=level)
    return True


async def note_opt_out(tx: AsyncConnection, conversation_id: str) -> None:
    """The carrier says that the number of a conversation has opted out."""
    conversation = await conversations.load(tx, conversation_id)
    contact = await contacts.find(tx, conversation.address or "", hold=True)
    if contact and not contact.opted_out:
        await contacts.opt_out(tx, contact.address, "carrier: 21610")
        await conversations.add(tx, conversation, Message(
            author="system", kind="private", response="log",
            text="This number has opted out of texts: nothing more reaches it by text."))


async def _taken_by_us(tx: AsyncConnection, row: Any) -> bool:
    """Claim a row, unless another switchboard was quicker."""
    claimed = SENDING if row.state == QUEUED else CHECKING
    result = await tx.execute(_CLAIM, {
        "row": row.id, "was": row.state, "was_claimed": row.claimed_at, "now_in": claimed, "moment": now()})
    return result.rowcount == 1


def _meaning(row: Any) -> str:
    """What is to be done with a row: a claim that was left has an unknown outcome, unless it was only a look-up."""
    return QUEUED if row.state == QUEUED else UNSURE


def _why_not(row: Any, about: Any) -> tuple[str, str] | None:
    if about.practice is not None:
        return SUPPRESSED, "nobody real is behind this conversation"
    if row.state != QUEUED:  # it may have gone out already: that is looked up first, whatever holds now
        return None
    if about.opted_out_at is not None:
        return SUPPRESSED, "this number has opted out of texts: please call"
    if about.sealed_at is not None:
        return HELD, "this number may be somebody else's now: please confirm first"
    if row.made_at < now() - USEFUL_MS:
        return EXPIRED, "this text could not be sent for hours and is not sent any more"
    return None


async def _divide(tx: AsyncConnection, row: Any, count: int) -> None:
    """The further parts of a message too long for one text, each a row of its own."""
    if row.part != 1:
        return
    for part in range(2, count + 1):
        await contacts.insert_new(
            tx, d, conversation=row.conversation, seq=row.seq, part=part, state=QUEUED, weighty=row.weighty,
            made_at=row.made_at, due_at=now())


async def _known_ids(tx: AsyncConnection, row: Any) -> frozenset[str]:
    rows = await tx.execute(sa.select(d.c.sid).where(
        d.c.conversation == row.conversation, d.c.id != row.id, d.c.sid.is_not(None)))
    return frozenset(r.sid for r in rows)


async def _accepted(tx: AsyncConnection, job: Job, taken: Taken) -> None:
    """Note that the carrier has the text; a report may have come first and said more."""
    row = (await tx.execute(_BY_ID, {"row": job.row.id})).first()
    if row is None:
        return  # erased meanwhile
    further = RANKS.get(taken.status, 1) > RANKS.get(row.status or "", 0)
    await tx.execute(_TAKEN, {
        "row": row.id, "known": taken.sid, "count": taken.segments, "moment": row.accepted_at or now(),
        "said": taken.status if further else row.status})


async def _release(tx: AsyncConnection, row: Any, **values: Any) -> None:
    """Give up a claim, unless a report has meanwhile said that the carrier has the text."""
    await tx.execute(d.update().where(d.c.id == row.id, d.c.state.in_((SENDING, CHECKING)))
                     .values(claimed_at=None, **values))


def _backoff(tries: int) -> float:
    """Seconds to wait, doubling, with a share of chance so that not all come back at once."""
    return float(min(LONGEST_WAIT, FIRST_WAIT * 2**tries) * random.uniform(0.8, 1.2))  # noqa: S311 (no secret)


def _was_silent(error: Unsure) -> bool:
    """Whether the carrier never answered, so that it may still be at work on the text."""
    return not str(error).startswith("HTTP ")


async def _level(tx: AsyncConnection, row: Any) -> str:
    """How grave it is that a text failed: guidance that did not arrive is as grave as the danger itself."""
    message = await conversations.last(tx, row.conversation, row.seq, 1)
    return "acute" if message and message[0].kind == "guidance" else "possible"
