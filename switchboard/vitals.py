"""How each part is and since when; the figures that monitoring reads when it asks. Part of the switchboard."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from switchboard.calls import Broken, Calls, NotReached
from switchboard.console.board import Board
from switchboard.conversations import as_text
from switchboard.parts import Parts
from switchboard.proof import Proof
from switchboard.records.record import RecordUnavailable, now
from switchboard.records.tables import sms_deliveries as d
from switchboard.sms.deliveries import EXPIRED, FAILED, LOST, OPEN, REFUSED

logger = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
STILL_SECONDS = 60.0  # a clock or outbox that has not looked for so long stands still: both look twice as often
STUCK_SECONDS = 300.0  # a text that has waited for so long shows that none go out
DAY_MS = 86_400_000
WAY = ("record", "assistant", "actions")  # what a message needs to get its whole way
GOOD = frozenset({"up", "elsewhere", "whole", "runs", "flows", "proven", "off", "not set up", "starting"})


@dataclass(frozen=True)
class State:
    """One part: a word or two, and since when (the record's milliseconds)."""

    words: str
    since: int

    @property
    def is_good(self) -> bool:
        return self.words in GOOD


class Vitals:
    """Looks at every part again and again, and remembers since when it is as it is."""

    def __init__(self, parts: Parts, board: Board, proof: Proof) -> None:
        self._parts = parts
        self._board = board
        self._proof = proof
        self._action_server = Calls(parts.settings.actions_url, timeout=1.0, connect=1.0)
        self.states: dict[str, State] = {}
        self.oldest_text: int | None = None  # when the oldest text that still waits was made

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            with suppress(RecordUnavailable):
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        await self._action_server.close()

    async def look(self) -> dict[str, State]:
        """The present state of every part."""
        record, assistants, actions = await asyncio.gather(
            self._record(), self._parts.assistant.ready(), self._actions())
        words = {"record": "up" if record else "away", "assistant": "up" if any(assistants) else "away",
                 "actions": actions, **self._inside()}
        if len(assistants) > 1:
            words |= {f"assistant {n}": "up" if up else "away" for n, up in enumerate(assistants, 1)}
        for part, said in words.items():
            self._note(part, said)
        return self.states

    def _inside(self) -> dict[str, str]:
        parts, line = self._parts, self._parts.line
        return {
            "guard": "whole" if parts.lane.guard.degraded is None else "rules alone",
            "clock": _moves(parts.clock.looked_at, "runs"),
            "outbox": _moves(line.outbox.looked_at, "flows") if line else "not set up",
            "text line": self._text_line(),
            "danger": self._danger(),
        }

    def _text_line(self) -> str:
        line = self._parts.line
        if line is None:
            return "not set up"
        stuck = self.oldest_text is not None and now() - self.oldest_text > STUCK_SECONDS * 1000
        return "stuck" if stuck else "up"

    def _danger(self) -> str:
        """Whether the way of a danger was proven lately (switchboard.proof)."""
        if not self._proof.seconds:
            return "off"
        if self._proof.is_overdue:
            return "not proven"
        return "proven" if self._proof.last else "starting"

    def _note(self, part: str, words: str) -> None:
        before = self.states.get(part)
        if before is None or before.words != words:
            self.states[part] = State(words, now())
            if before is not None:
                logger.warning("%s: %s, was %s", part, words, before.words)
        self._parts.metrics.part_up.labels(part).set(self.states[part].is_good)

    async def _record(self) -> bool:
        """Whether the record answers; reads the oldest text that waits on the way."""
        try:
            async with self._parts.record.read() as connection:
                self.oldest_text = (await connection.execute(
                    sa.select(sa.func.min(d.c.made_at)).where(d.c.state.in_(OPEN)))).scalar()
            return True
        except RecordUnavailable:
            return False

    async def _actions(self) -> str:
        if self._parts.settings.assistant_addresses:
            return "elsewhere"  # beside assistants elsewhere, whose own health checks watch it
        try:
            return "up" if (await self._action_server.get("/health")).status == 200 else "away"
        except (NotReached, Broken):
            return "away"

    # -- what is shown ----------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Whether a message gets its whole way. What else is wrong is shown and keeps nobody out."""
        return all(self.states[part].is_good for part in WAY)

    def shown(self, *, inside: bool) -> dict[str, Any]:
        """Part by part; times for those who run this Haven alone."""
        shown: dict[str, Any] = {part: {"state": state.words} | ({"since": as_text(state.since)} if inside else {})
                                 for part, state in self.states.items()}
        if inside and self._parts.line:
            reached = self._parts.line.outbox.reached_at
            shown["text line"] |= {"last_call": as_text(reached) if reached else None,
                                   "oldest_waiting": as_text(self.oldest_text) if self.oldest_text else None}
        if inside and self._proof.last:
            shown["danger"]["last_proven"] = as_text(self._proof.last)
        return shown

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        parts, metrics = self._parts, self._parts.metrics
        line = [card for card in self._board.queue.line if card.practice is None]
        metrics.streams.labels("visitor").set(parts.crowd.count())
        metrics.streams.labels("console").set(parts.presence.windows())
        metrics.staff_present.set(parts.presence.count())
        metrics.waiting.set(len(line))
        metrics.longest_wait.set((now() - min(card.since for card in line)) / 1000 if line else 0)
        metrics.guard_whole.set(parts.lane.guard.degraded is None)
        metrics.lane_waiting.set(parts.lane.waiting)
        if parts.line:
            with suppress(RecordUnavailable):
                await self._texts()

    async def _texts(self) -> None:
        metrics, since = self._parts.metrics, now() - DAY_MS
        async with self._parts.record.read() as connection:
            rows = list(await connection.execute(
                sa.select(d.c.state, d.c.status, sa.func.count().label("many"),
                          sa.func.min(d.c.made_at).label("oldest"))
                .where(d.c.made_at > since).group_by(d.c.state, d.c.status)))
        metrics.deliveries.clear()
        for row in rows:
            metrics.deliveries.labels(row.state).inc(row.many)
        waiting = [row.oldest for row in rows if row.state in OPEN]
        metrics.oldest_delivery.set((now() - min(waiting)) / 1000 if waiting else 0)
        metrics.deliveries_failed.set(sum(
            row.many for row in rows if row.state in (REFUSED, LOST, EXPIRED) or row.status in FAILED))


def _moves(looked_at: float, words: str) -> str:
    """`looked_at`: of a monotonic clock."""
    return words if time.monotonic() - looked_at < STILL_SECONDS else "stands still"
