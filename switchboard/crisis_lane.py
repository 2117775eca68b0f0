"""The crisis lane: reads every message for danger before anything else happens to it, and words the guidance.

It needs no other process, no network and no database. Used by the switchboard's inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from haven.content import Content, Guidance
from haven.crisis import Assessment, Guard, Turn
from switchboard.conversations import Message

CONTEXT_TURNS = 8  # how far back a danger that is told in pieces is put together


class CrisisLane:
    """Assesses messages on a thread of its own, so that a burst never holds up the event loop."""

    def __init__(self, guard: Guard, content: Content) -> None:
        self.guard = guard
        self._content = content
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crisis")

    async def assess(self, text: str, before: Sequence[Message] = ()) -> Assessment:
        """The danger in a message, read with the conversation's last turns."""
        context = [Turn(m.author, m.text) for m in before[-CONTEXT_TURNS:] if m.author != "system"]
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.guard.assess, text, context)

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
