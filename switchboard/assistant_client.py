"""The way from the switchboard to the assistant: one turn, one answer, within a budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from haven.errors import HavenError
from switchboard.calls import Broken, Calls, NotReached, Slow

LEAVE_OUT_SECONDS = 10.0  # an assistant that let a turn hang is asked last for so long
MAX_REPLY_CHARACTERS = 4000  # anything longer is not one of our answers


class AssistantFailed(HavenError):
    """The assistant did not answer, answered late, or answered nonsense."""


@dataclass(frozen=True)
class Reply:
    """One thing the assistant says or asks for."""

    text: str | None
    response: str | None = None
    sources: list[dict[str, Any]] = field(default_factory=list)
    options: list[dict[str, Any]] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)


class _Busy(Exception):
    """This assistant did not take the turn: another may have it."""


class AssistantClient:
    """Asks one of several assistants: the same one for a conversation, as long as it answers.

    An assistant keeps its dialogues to itself, so each conversation has its own by rendezvous hash: one that comes or
    goes moves only its own conversations.
    """

    def __init__(self, urls: Sequence[str], secret: str, *, budget: float) -> None:
        self.budget = budget
        self._urls = tuple(urls)
        self._left_out: dict[str, float] = {}  # assistants that hung, and until when they are not asked
        self._calls = {url: Calls(url, timeout=budget, connect=min(1.0, budget),
                                  headers={"Authorization": f"Bearer {secret}"}) for url in self._urls}

    async def turn(self, body: dict[str, Any]) -> list[Reply]:
        """Let an assistant read one message. Raises AssistantFailed, also for an answer without words."""
        answer = await self._ask(body["conversation"].partition(".")[0], body)
        replies = [_reply(raw) for raw in _list(answer)]
        if not body["crisis"]["said"] and not any(reply.text for reply in replies):
            raise AssistantFailed("no words in the answer")
        return replies

    async def forget(self, conversation_id: str) -> None:
        """Let every assistant drop what it remembers of a conversation; silently nothing if one is down."""
        await asyncio.gather(*(self._post(url, "/webhooks/haven/forget", {"conversation": conversation_id}, self.budget)
                               for url in self._urls), return_exceptions=True)  # a stopped one has forgotten already

    async def ready(self) -> list[bool]:
        """Of each assistant, whether it has a model and answers."""
        return list(await asyncio.gather(*(self._is_ready(url) for url in self._urls)))

    async def is_ready(self) -> bool:
        """Whether any assistant has a model and answers."""
        return any(await self.ready())

    async def close(self) -> None:
        await asyncio.gather(*(calls.close() for calls in self._calls.values()))

    async def _ask(self, conversation_id: str, body: dict[str, Any]) -> Any:
        """The answer of the conversation's assistant, or of the next where that one cannot, all within the budget."""
        limit = time.monotonic() + self.budget
        order = self._order(conversation_id)
        for number, url in enumerate(order, 1):
            left = limit - time.monotonic()
            try:
                return await self._post(url, "/webhooks/haven/turns", body, left if number == len(order) else left / 2)
            except _Busy as error:
                if number == len(order) or time.monotonic() >= limit:
                    raise AssistantFailed(str(error)) from error
        raise AssistantFailed("no assistant")

    def _order(self, conversation_id: str) -> list[str]:
        """The assistants in the order in which this conversation asks them; those that hung come last."""
        moment = time.monotonic()
        return sorted(self._urls, key=lambda url: (
            self._left_out.get(url, 0.0) > moment, sha256(f"{url} {conversation_id}".encode()).digest()))

    async def _post(self, url: str, path: str, body: dict[str, Any], seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._calls[url].post(path, body)
        except (TimeoutError, Slow) as error:
            self._left_out[url] = time.monotonic() + LEAVE_OUT_SECONDS
            raise _Busy(type(error).__name__) from error
        except (NotReached, Broken) as error:
            raise _Busy(str(error)) from error
        if answer.status >= 500:
            raise _Busy(f"HTTP {answer.status}")
        if answer.status != 200:
            raise AssistantFailed(f"HTTP {answer.status}")
        try:
            return answer.json()
        except ValueError as error:
            raise AssistantFailed("not JSON") from error

    async def _is_ready(self, url: str) -> bool:
        try:
            return (await self._calls[url].get("/webhooks/haven/ready")).status == 200
        except (NotReached, Broken):
            return False


def _list(answer: Any) -> list[Any]:
    replies = answer.get("replies") if isinstance(answer, dict) else None
    if not isinstance(replies, list):
        raise AssistantFailed("not a list of replies")
    return replies


def _reply(raw: Any) -> Reply:
    if not isinstance(raw, dict):
        raise AssistantFailed("a reply that is no object")
    text = raw.get("text")
    if text is not None and (not isinstance(text, str) or len(text) > MAX_REPLY_CHARACTERS):
        raise AssistantFailed("a text that is none")
    return Reply(text, raw.get("response"), raw.get("sources") or [], raw.get("options") or [],
                 raw.get("custom") or {})
