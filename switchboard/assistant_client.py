"""The way from the switchboard to the assistant: one turn, one answer, within a budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from haven.errors import HavenError

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


class AssistantClient:
    """Keeps a few connections to the assistant's channel open."""

    def __init__(self, url: str, secret: str, *, budget: float) -> None:
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=httpx.Timeout(budget, connect=min(1.0, budget)),
            trust_env=False,  # loopback only: no proxy of the environment comes between
        )

    async def turn(self, body: dict[str, Any]) -> list[Reply]:
        """Let the assistant read one message. Raises AssistantFailed, also for an answer without words."""
        answer = await self._post("/webhooks/haven/turns", body)
        replies = [_reply(raw) for raw in _list(answer)]
        if not body["crisis"]["said"] and not any(reply.text for reply in replies):
            raise AssistantFailed("no words in the answer")
        return replies

    async def forget(self, conversation_id: str) -> None:
        """Let the assistant drop what it remembers of a conversation; silently nothing if it is down."""
        try:
            await self._post("/webhooks/haven/forget", {"conversation": conversation_id})
        except AssistantFailed:
            return  # a stopped assistant has forgotten already

    async def is_ready(self) -> bool:
        """Whether the assistant has a model and answers."""
        try:
            return (await self._http.get("/webhooks/haven/ready")).status_code == 200
        except httpx.HTTPError:
            return False

    async def close(self) -> None:
        await self._http.aclose()

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        try:
            response = await self._http.post(path, json=body)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise AssistantFailed(type(error).__name__) from error


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
