"""The queue: which conversations need whom, in which order and why. Read once for all windows.

Part of the switchboard's console.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.content import Content
from switchboard import sealed
from switchboard.accounts import Staff
from switchboard.console import pages
from switchboard.conversations import BOT, WAITING
from switchboard.parts import Parts
from switchboard.records.record import RecordUnavailable, now
from switchboard.records.tables import alerts, callbacks, claims, conversations, follow_ups, messages, transfers
from switchboard.streams import CONSOLE

BOARD = "console board"  # the topic of "the queue was read anew"
POSSIBLE_BONUS_MS = 15 * 60_000  # a possible danger goes before whoever has waited up to this much longer
# Acute dangers in which minutes decide go before other acute ones raised up to this much earlier.
MINUTES_COUNT = frozenset({
    "overdose_other", "overdose_self", "sleepy_after_use", "naloxone_given", "suicide_self", "suicide_other",
    "chest_breathing", "child_exposed",
})  # fmt: skip
OTHER_ACUTE_MS = 10 * 60_000
RECENT_MS = 12 * 3_600_000  # how far back the bot's own conversations are listed
RECENT_COUNT = 40
GAP_SECONDS = 0.05  # between two readings, so that a burst costs one; longer where reading itself takes long
UNSEEN_SECONDS = 0.5  # the same while no window is open
LOOK_AGAIN_SECONDS = 10.0  # ageing changes the order even when nothing is written
SNIPPET = 110  # characters of the last message on a card

REASONS = {
    "asked": "asked for a person", "bot_failed": "the bot could not answer", "crisis": "danger",
    "lost": "was left by a colleague",
}  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One danger nobody has accepted yet, or (in a dossier) one of the past."""

    level: str
    kind: str
    name: str
    why: tuple[str, ...]
    raised_at: int
    seq: int


@dataclass(frozen=True)
class Card:
    """What the queue shows of one conversation. Times are the record's milliseconds."""

    id: str
    channel: str
    language: str
    owner: str
    owner_name: str | None
    epoch: int
    alert: Alert | None
    reason: str
    waiting_since: int | None
    said: str
    said_at: int | None
    unread: int
    answered: bool
    left: bool
    lost: bool
    offered_to: int | None
    offered_name: str | None
    updated_at: int
    practice: int | None  # the person who learns with it; nobody else is shown it

    @property
    def is_staffs(self) -> bool:
        return self.owner.startswith("staff:")

    @property
    def needs_somebody(self) -> bool:
        """Whether it stands in the line: waiting, or a danger that nobody has looked at."""
        return self.owner == WAITING or self.alert is not None

    @property
    def since(self) -> int:
        """Since when the visitor has been without the person or the look they need."""
        moments = [at for at in (self.waiting_since, self.alert.raised_at if self.alert else None) if at]
        return min(moments, default=self.updated_at)

    def is_for(self, person: Staff) -> bool:
        """Whether this person is shown it: all that is real, and their own practice."""
        return self.practice in (None, person.id)

    def rank(self) -> tuple[int, int]:
        """Acute dangers first, oldest first; then by waiting time, a possible danger by its bonus ahead; practice last.
        """
        if self.practice is not None:
            return 2, self.since
        if self.alert and self.alert.level == "acute":
            later = 0 if self.alert.kind in MINUTES_COUNT else OTHER_ACUTE_MS
            return 0, self.alert.raised_at + later
        return 1, self.since - (POSSIBLE_BONUS_MS if self.alert else 0)


@dataclass(frozen=True)
class Queue:
    """All cards in order."""

    line: tuple[Card, ...] = ()
    staffs: tuple[Card, ...] = ()
    bots: tuple[Card, ...] = ()
    calls: int = 0  # call-backs and follow-ups that are due

    def sections(self, person: Staff) -> dict[str, list[Card]]:
        """The cards as one person sees them; what was offered to them stands among theirs."""
        mine: list[Card] = []
        others: list[Card] = []
        for card in self.staffs:
            (mine if card.owner == person.owner or card.offered_to == person.id else others).append(card)
        sections = {"line": list(self.line), "mine": mine, "others": others, "bots": list(self.bots)}
        return {name: [card for card in cards if card.is_for(person)] for name, cards in sections.items()}

    def cards(self) -> Iterator[Card]:
        return chain(self.line, self.staffs, self.bots)

    def keeping(self, before: Queue) -> Queue:
        """The same queue with the very objects of `before` where nothing changed: windows compare by identity."""
        known = {card.id: card for card in before.cards()}

        def kept(part: tuple[Card, ...]) -> tuple[Card, ...]:
            return tuple(known[card.id] if known.get(card.id) == card else card for card in part)

        return Queue(kept(self.line), kept(self.staffs), kept(self.bots), self.calls)


@dataclass
class Board:
    """The last reading of the queue, shared by every window of this switchboard.

    What windows are sent is made once for all of them: the markup of what changed, and each person's order.
    """

    queue: Queue = field(default_factory=Queue)
    version: int = 0
    _html: dict[str, tuple[Card, str]] = field(default_factory=dict)
    _changed_in: dict[str, int] = field(default_factory=dict)  # card -> the version that brought it as it is
    _packed: dict[int, str] = field(default_factory=dict)  # version a window has -> what it lacks, as JSON
    _orders: dict[int, str] = field(default_factory=dict)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)  # a reading that is overtaken would bring back the old

    def news(self, person: Staff, *, since: int, order: str) -> tuple[str, str]:
        """(changed cards, order) as JSON for a window that has version `since` and was sent `order` last.

        The order is "null" when it is still the same.
        """
        mine = self._order(person)
        return self._since(since), "null" if mine == order else mine

    def _since(self, version: int) -> str:
        if version not in self._packed:
            lacking = [card for card in self.queue.cards() if self._changed_in[card.id] > version]
            self._packed[version] = json.dumps({card.id: self._html_of(card) for card in lacking})
        return self._packed[version]

    def _order(self, person: Staff) -> str:
        if person.id not in self._orders:
            sections = self.queue.sections(person)
            self._orders[person.id] = json.dumps({name: [c.id for c in cards] for name, cards in sections.items()})
        return self._orders[person.id]

    def _html_of(self, card: Card) -> str:
        known = self._html.get(card.id)
        if known is None or known[0] is not card:
            known = self._html[card.id] = (card, pages.fill("_card.html", card=card))
        return known[1]

    def touch(self, parts: Parts) -> None:
        """Tell the windows of something beside the cards (the call to the person on call, a proof)."""
        self.version, self._packed = self.version + 1, {}
        parts.streams.rouse(BOARD)

    async def run(self, parts: Parts) -> None:
        """Read again whenever something happened, a short while apart; never ends by itself."""
        with parts.streams.follow(CONSOLE) as wake:
            while True:
                wake.clear()
                began = time.monotonic()
                with suppress(RecordUnavailable):  # the next wake or look reads it
                    await self.refresh(parts)
                gap = GAP_SECONDS if parts.streams.count(BOARD) else UNSEEN_SECONDS
                await asyncio.sleep(max(gap, 2 * (time.monotonic() - began)))
                with suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), LOOK_AGAIN_SECONDS)

    async def refresh(self, parts: Parts) -> None:
        """Read the queue now and tell the windows if it changed."""
        async with self._reading:
            async with parts.record.read() as connection:
                queue = (await read_queue(connection, parts.content, parts.staff_names)).keeping(self.queue)
            if queue == self.queue:
                return
            self._take(queue)
        parts.streams.rouse(BOARD)

    def _take(self, queue: Queue) -> None:
        before = {id(card) for card in self.queue.cards()}
        self.queue, self.version, self._orders, self._packed = queue, self.version + 1, {}, {}
        self._changed_in = {card.id: self._changed_in[card.id] if id(card) in before else self.version
                            for card in queue.cards()}
        self._html = {card_id: kept for card_id, kept in self._html.items() if card_id in self._changed_in}


async def read_queue(connection: AsyncConnection, content: Content, names: dict[int, str]) -> Queue:
    """Read every open conversation and the bot's latest."""
    dangers = await _open_alerts(connection, content)
    rows = await _rows(connection, list(dangers))
    ids = [row.id for row in rows]
    last = await _last_words(connection, ids)
    cards = [_card(connection, row, dangers.get(row.id), last, names) for row in rows]
    line = sorted((c for c in cards if c.needs_somebody), key=Card.rank)
    staffs = sorted((c for c in cards if c.is_staffs and not c.needs_somebody), key=_staff_rank)
    bots = sorted((c for c in cards if c.owner == BOT and not c.needs_somebody), key=lambda c: -c.updated_at)
    return Queue(tuple(line), tuple(staffs), tuple(bots), await _calls(connection))


async def _calls(connection: AsyncConnection) -> int:
    today = datetime.now(timezone.utc).date().isoformat()
    calls = sa.select(sa.func.count()).select_from(callbacks).where(callbacks.c.done_at.is_(None))
    due = sa.select(sa.func.count()).select_from(follow_ups).where(
        follow_ups.c.done_at.is_(None), follow_ups.c.due <= today)
    return int((await connection.execute(sa.select(calls.scalar_subquery() + due.scalar_subquery()))).scalar_one())


def _staff_rank(card: Card) -> tuple[bool, int]:
    return card.answered, card.said_at or card.updated_at


async def _rows(connection: AsyncConnection, with_danger: list[str]) -> list[Any]:
    c, m = conversations.c, messages.c
    unread = (sa.select(sa.func.count()).where(
        m.conversation == c.id, m.seq > c.read_seq, m.author == "visitor").scalar_subquery().label("unread"))
    how = (sa.select(claims.c.how).where(claims.c.conversation == c.id).order_by(claims.c.id.desc()).limit(1)
           .scalar_subquery().label("last_claim"))
    offered = (sa.select(transfers.c.to_staff).where(transfers.c.conversation == c.id)
               .scalar_subquery().label("offered_to"))
    theirs = sa.select(conversations, unread, how, offered).where(
        c.erased_at.is_(None), sa.or_(c.owner != BOT, c.id.in_(with_danger)))
    wrote = sa.exists().where(m.conversation == c.id, m.author == "visitor")
    bots = (sa.select(conversations, unread, how, offered)
            .where(c.erased_at.is_(None), c.owner == BOT, c.id.not_in(with_danger),
                   c.updated_at > now() - RECENT_MS, wrote)
            .order_by(c.updated_at.desc()).limit(RECENT_COUNT))
    return [*(await connection.execute(theirs)), *(await connection.execute(bots))]


async def _open_alerts(connection: AsyncConnection, content: Content) -> dict[str, Alert]:
    """The gravest open danger of each conversation; of equals the first raised."""
    rows = await connection.execute(
        sealed.with_key(alerts).where(alerts.c.accepted_at.is_(None)).order_by(alerts.c.id))
    found: dict[str, Alert] = {}
    for row in rows:
        before = found.get(row.conversation)
        if before is None or (before.level != "acute" and row.level == "acute"):
            found[row.conversation] = alert_of(connection, row, content)
    return found


def alert_of(connection: AsyncConnection, row: Any, content: Content) -> Alert:
    """A row of alerts (with its conversation's key beside it) with its kind in words."""
    why = sealed.why_of(connection, row)
    guidance = content.guidance.get(row.kind)
    name = guidance.name if guidance else row.kind.replace("_", " ")
    silence = [reason.removeprefix("silent: ") for reason in why if reason.startswith("silent: ")]
    name = ", ".join([name, *silence])  # switchboard.follow_through asked and nobody answered
    return Alert(row.level, row.kind, name, pages.quoted(why), row.raised_at, row.seq)


async def _last_words(connection: AsyncConnection, ids: list[str]) -> dict[tuple[str, str], Any]:
    """The newest message of (conversation, "visitor" | "staff" | "exit")."""
    m = messages.c
    speaker = sa.case((m.response == "exit", "exit"), else_=m.author).label("speaker")
    newest = (sa.select(m.conversation, speaker, sa.func.max(m.seq).label("seq"))
              .where(m.conversation.in_(ids), sa.or_(m.author.in_(("visitor", "staff")), m.response == "exit"))
              .group_by(m.conversation, speaker).subquery())
    rows = await connection.execute(
        sa.select(m.conversation, newest.c.speaker, m.seq, m.at, m.text, conversations.c.data_key)
        .join(newest, sa.and_(m.conversation == newest.c.conversation, m.seq == newest.c.seq))
        .join(conversations, conversations.c.id == m.conversation))
    return {(row.conversation, row.speaker): row for row in rows}


def _card(
    connection: AsyncConnection,
    row: Any,
    alert: Alert | None,
    last: dict[tuple[str, str], Any],
    names: dict[int, str],
) -> Card:
    lost, offered_to = row.last_claim == "lost", row.offered_to
    said, answer, leaving = (last.get((row.id, who)) for who in ("visitor", "staff", "exit"))
    said_seq = said.seq if said else 0
    staff_id = int(row.owner.partition(":")[2]) if row.owner.startswith("staff:") else None
    return Card(
        id=row.id, channel=row.channel, language=row.language, owner=row.owner, epoch=row.epoch, alert=alert,
        owner_name=names.get(staff_id, "a colleague") if staff_id is not None else None,
        reason=_reason(connection, row, lost), waiting_since=row.waiting_since,
        said=_snippet(connection, said) if said else "", said_at=said.at if said else None,
        unread=row.unread, answered=bool(answer and answer.seq > said_seq),
        left=bool(leaving and leaving.seq > said_seq), lost=lost and row.owner == WAITING,
        offered_to=offered_to, offered_name=names.get(offered_to, "a colleague") if offered_to else None,
        updated_at=row.updated_at if row.owner == BOT and not alert else 0, practice=row.practice,
    )


def _reason(connection: AsyncConnection, row: Any, lost: bool) -> str:
    if row.owner != WAITING:
        return ""
    wish = {} if lost else sealed.opened(connection, row.id, row.data_key, sealed.HANDOFF, row.handoff) or {}
    reason = "lost" if lost else wish.get("reason", "")
    return REASONS.get(reason, str(reason))


def _snippet(connection: AsyncConnection, row: Any) -> str:
    said = sealed.opened(connection, row.conversation, row.data_key, sealed.message_place(row.seq), row.text)
    text = " ".join(said["text"].split()) if said else "(these words cannot be read)"
    return text if len(text) <= SNIPPET else text[:SNIPPET].rstrip() + "…"
