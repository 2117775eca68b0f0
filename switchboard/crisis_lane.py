"""The crisis lane: reads every message for danger before anything else happens to it, and words the guidance.

It needs no other process, no network and no database. Used by the switchboard's inbox.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

from haven.content import Content, Guidance
from haven.crisis import Assessment, Guard, Turn
from switchboard.conversations import Message

CONTEXT_TURNS = 8  # how far back a danger that is told in pieces is put together
BUSY = 8  # messages that wait: from here on a sender above the limit is judged by hints alone
FULL = 100  # a third of a second of reading; then ordinary messages are asked to wait


@dataclass(frozen=True)
class Job:
    """One message to read."""

    text: str
    context: list[Turn]
    done: Future[Assessment]


class CrisisLane:
    """Assesses messages on a thread of its own, so that a burst never holds up the event loop.

    Where messages wait, those that look like danger are read first, and those of senders above their limit last.
    """

    def __init__(self, guard: Guard, content: Content) -> None:
        self.guard = guard
        self._content = content
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crisis")
        self._numbers = count()
        self._queue: list[tuple[int, int, Job]] = []

    @property
    def waiting(self) -> int:
        """How many messages wait to be read."""
        return len(self._queue)

    @property
    def is_busy(self) -> bool:
        return self.waiting >= BUSY

    @property
    def is_full(self) -> bool:
        return self.waiting >= FULL

    async def assess(self, text: str, before: Sequence[Message] = (), *, late: bool = False) -> Assessment:
        """The danger in a message, read with the conversation's last turns; `late`: after everybody else's."""
        context = [Turn(m.author, m.text) for m in before[-CONTEXT_TURNS:] if m.author != "system" and m.readable]
        done: Future[Assessment] = Future()
        heapq.heappush(self._queue, (self._rank(text, late=late), next(self._numbers), Job(text, context, done)))
        self._thread.submit(self._read_first)
        return await asyncio.wrap_future(done)

    def _rank(self, text: str, *, late: bool) -> int:
        if late:
            return 2
        return 1 if self.waiting and not self.guard.hints_at_danger(text) else 0  # whom nobody waits before is next

    def _read_first(self) -> None:
        """Read what matters most of what waits; runs on the lane's thread, once for each message."""
        _, _, job = heapq.heappop(self._queue)
        if job.done.set_running_or_notify_cancel():
            job.done.set_result(self.guard.assess(job.text, job.context))

    def guidance(self, assessment: Assessment, channel: str) -> Message:
        """The fixed, reviewed guidance for a danger on a channel."""
        guidance = self._content.guidance[assessment.kind or "overdose_other"]
        return Message(
            author="bot",
            kind="guidance",
            text=_wording(guidance, channel, assessment.language),
            language=assessment.language,
            crisis=as_json(assessment),
            response=f"crisis/{guidance.kind}",
        )

    @staticmethod
    def reading(crisis: dict[str, Any], language: str) -> Assessment:
        """The assessment that a stored message carries."""
        return Assessment(crisis["level"], crisis["kind"], tuple(crisis["why"]), language)

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def as_json(assessment: Assessment) -> dict[str, Any]:
    return {"level": assessment.level, "kind": assessment.kind, "why": list(assessment.why)}


def _wording(guidance: Guidance, channel: str, language: str) -> str:
    if language == "es" and channel != "sms" and not guidance.web_es and guidance.sms_es:
        return guidance.sms_es  # the short Spanish text says more to its reader than the long English one
    return guidance.say(language=language, channel=channel)
