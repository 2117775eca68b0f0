"""Calls the person on call while somebody needs a person and nobody accepts. Part of the switchboard's console.

What is sent says how many wait and for how long: no visitor's word, no number, no name.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from apprise import Apprise

from switchboard import audit
from switchboard.console import pages
from switchboard.console.board import Board, Card
from switchboard.console.call_book import CallBook, Entry
from switchboard.parts import Parts
from switchboard.records.record import RecordUnavailable, now

logger = logging.getLogger(__name__)
logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its warnings name addresses and quote answers

LOOK_SECONDS = 1.0
SEND_SECONDS = 15.0  # for all that one target does; a text message service may be slow
AT_ONCE = 4  # targets asked at the same time; a hanging one must not hold up the next


@dataclass(frozen=True)
class Haste:
    """Seconds until the person on call is told, and until they are told again."""

    danger: float  # an acute danger that nobody has accepted
    waiting: float  # everybody else in the line
    again: float


@dataclass(frozen=True)
class Told:
    """How the last call went: when (the record's milliseconds), and what each target that failed did."""

    at: int
    targets: int
    failures: tuple[str, ...]


class OnCall:
    """Watches the line of the queue and tells every target, again and again, until nobody is left in it."""

    def __init__(self, targets: Iterable[str], haste: Haste, *, centre: str, patience: float = SEND_SECONDS) -> None:
        """`targets` are addresses as apprise reads them; one it cannot read counts as a failure of every call."""
        self._targets = [Apprise.instantiate(target, suppress_exceptions=True) for target in targets]
        self._haste = haste
        self._centre = centre
        self._patience = patience
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="on-call")
        self._told_of: set[str] = set()  # conversations the call that is under way was about
        self._heard_at = 0  # when another switchboard made the last call
        self.book: CallBook | None = None  # where several switchboards share a record
        self.tell_others: Callable[[str], None] = lambda _: None  # how a call went, for their staff to read
        self.told: Told | None = None
        self._told_elsewhere: Told | None = None
        self.is_calling = False

    @property
    def has_targets(self) -> bool:
        return bool(self._targets)

    async def run(self, parts: Parts, board: Board) -> None:
        """Look once a second for ever; whatever goes wrong with a call, the next look comes."""
        said = ""
        while self.has_targets:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if await self.look(board.queue.line, lambda: _read_again(board, parts)):
                    await self._note(parts)
            except Exception as error:  # a fault of one service must not end the watch
                logger.exception("the person on call could not be told: %s", type(error).__name__)
            before, said = said, self.shown(parts.centre.hours.zone)
            if said != before:
                board.touch(parts)

    async def look(self, line: Iterable[Card], again: Callable[[], Awaitable[Iterable[Card]]] | None = None) -> bool:
        """Call if somebody has been without a person for too long; whether anything was sent.

        `again` reads the line anew. Where another switchboard may have called, what is in memory here may be older than
        its call: without a second look each would contradict the other.
        """
        entry = await self._others()
        due = self._due(line)
        if self._is_time(due) and self.book and again:
            due = self._due(await again())
        if not self._is_time(due) or not await self._may_tell(entry):
            return False
        self._told_of, self.is_calling = {card.id for card in due}, bool(due)
        told = await self.tell(_words(due) if due else "Nobody waits any more: somebody has accepted.")
        await self._enter()
        self.tell_others(json.dumps([told.at, told.targets, told.failures]))
        return True

    def heard(self, value: str) -> None:
        """Take in how another switchboard's call went, to show it here as well."""
        at, targets, failures = json.loads(value)
        self._told_elsewhere = Told(at, targets, tuple(failures))

    def _due(self, line: Iterable[Card]) -> list[Card]:
        return [card for card in line if self._is_due(card)]

    def _is_time(self, due: list[Card]) -> bool:
        """Whether something is to be said: that somebody waits, again that they do, or that nobody does any more."""
        if not due or not self.is_calling:
            return bool(due) or self.is_calling
        worse = any(_is_acute(card) and card.id not in self._told_of for card in due)
        return worse or now() - self._last_at() >= self._haste.again * 1000

    def _last_at(self) -> int:
        return max(self._heard_at, self.told.at if self.told else 0)

    async def _others(self) -> Entry | None:
        """What the record says of calls, from whichever switchboard; None where there is no book to read."""
        if self.book is None:
            return None
        try:
            entry = await self.book.read()
        except RecordUnavailable:
            return None
        if entry.told_at > self._last_at():
            self._heard_at, self._told_of, self.is_calling = entry.told_at, set(entry.about), bool(entry.about)
        return entry

    async def _may_tell(self, entry: Entry | None) -> bool:
        """Whether the call is ours. Without the record it is: told twice is better than not at all."""
        if self.book is None or entry is None:
            return True
        try:
            return not entry.is_under_way and await self.book.claim(entry)
        except RecordUnavailable:
            return True

    async def _enter(self) -> None:
        if self.book:
            with suppress(RecordUnavailable):
                await self.book.told(self._told_of)

    async def tell(self, words: str) -> Told:
        """Send one sentence to every target and keep how it went. Never raises for a target's sake."""
        outcomes = await asyncio.gather(*(self._send(number, target, words)
                                          for number, target in enumerate(self._targets, 1)))
        failures = tuple(failure for failure in outcomes if failure)
        self.told = Told(now(), len(self._targets), failures)
        for failure in failures:
            logger.error("on call: %s", failure)
        return self.told

    def shown(self, zone: Any) -> str:
        """What staff read about the call: nothing while there is none and the last one went well."""
        told = max(filter(None, (self.told, self._told_elsewhere)), key=lambda told: told.at, default=None)
        if told is None or not (self.is_calling or told.failures):
            return ""
        when, failures = pages.clock(told.at, zone), "; ".join(told.failures)
        if not told.failures:
            return f"The person on call was told at {when}."
        if len(told.failures) == told.targets:
            return f"The person on call could NOT be told at {when}: {failures}. Call them yourself."
        return f"The person on call was told at {when}, but not by every way: {failures}."

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _is_due(self, card: Card) -> bool:
        if card.practice is not None:
            return False
        since = card.alert.raised_at if card.alert and _is_acute(card) else card.since
        return now() - since >= 1000 * (self._haste.danger if _is_acute(card) else self._haste.waiting)

    async def _send(self, number: int, target: Any, words: str) -> str:
        """What went wrong with one target in a few words, or nothing."""
        name = f"way {number} of HAVEN_ON_CALL"
        if target is None:
            return f"{name} cannot be read"
        call: Callable[[], bool] = lambda: target.notify(title=f"Haven, {self._centre}", body=words)  # noqa: E731
        try:
            sent = await asyncio.wait_for(
                asyncio.get_running_loop().run_in_executor(self._threads, call), self._patience)
        except TimeoutError:
            return f"{name} did not answer"
        except Exception as error:  # whatever a service's code raises, the others are still told
            return f"{name} failed ({type(error).__name__})"
        return "" if sent else f"{name} refused or could not be reached"

    async def _note(self, parts: Parts) -> None:
        if self.told is None:
            return
        reached = self.told.targets - len(self.told.failures)
        with suppress(RecordUnavailable):  # the call went out all the same
            async with parts.record.write() as tx:
                await audit.note(tx, "on_call_told" if self.is_calling else "on_call_all_clear", None,
                                 detail=f"{reached} of {self.told.targets} ways")


async def _read_again(board: Board, parts: Parts) -> Iterable[Card]:
    with suppress(RecordUnavailable):  # then what is known here counts: told twice is better than not at all
        await board.refresh(parts)
    return board.queue.line


def _is_acute(card: Card) -> bool:
    return card.alert is not None and card.alert.level == "acute"


def _words(due: list[Card]) -> str:
    acute = sum(_is_acute(card) for card in due)
    longest = pages.span(now() - min(card.since for card in due))
    people = "1 person needs" if len(due) == 1 else f"{len(due)} people need"
    danger = f", {acute} in acute danger" if acute else ""
    return f"{people} somebody{danger}. Longest wait: {longest}. Please open the staff console."
