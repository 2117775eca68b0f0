"""Visitors who ask and wait for the answer on their event stream, many at once."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

ANSWER_SECONDS = 30.0  # after which an answer counts as missing


class Visitor:
    """One conversation on the website's interface, following its event stream all the time."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._heard: tuple[int, float] = (0, 0.0)
        self._news = asyncio.Event()

    async def send(self, text: str) -> dict[str, Any]:
        """Send one message that must be stored; what the switchboard says to the send itself."""
        answer = await self.post(text)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    async def post(self, text: str) -> httpx.Response:
        """Send one message; the answer, whatever it is."""
        return await self._http.post(
            "/chat/messages", json={"client_id": uuid.uuid4().hex, "text": text}, headers=self._headers)

    async def ask(self, text: str) -> float:
        """Send, wait for the first answer on the stream; milliseconds from the one to the other."""
        start = time.perf_counter()
        seq = (await self.send(text))["message"]["seq"]
        return (await self._arrival(seq) - start) * 1000

    async def _arrival(self, asked: int) -> float:
        while self._heard[0] <= asked:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), ANSWER_SECONDS)
        return self._heard[1]

    async def erase(self) -> None:
        """Erase the chat, which ends the stream too."""
        (await self._http.delete("/chat/conversation", headers=self._headers)).raise_for_status()

    async def follow(self) -> None:
        """Read the stream until cancelled; notes when the bot or the system last spoke."""
        async with self._http.stream("GET", "/chat/events", headers=self._headers, timeout=None) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    self._note(json.loads(line.removeprefix("data: ")))

    def _note(self, data: dict[str, Any]) -> None:
        if data.get("author", "visitor") != "visitor":
            self._heard = (data["seq"], time.perf_counter())
            self._news.set()


@asynccontextmanager
async def visitors(url: str, count: int) -> AsyncIterator[list[Visitor]]:
    """`count` visitors in conversations of their own, each on its stream."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS, trust_env=False, limits=limits) as http:
        made = [await begin(http) for _ in range(count)]
        following = [asyncio.create_task(visitor.follow()) for visitor in made]
        try:
            yield made
        finally:
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)


async def begin(http: httpx.AsyncClient) -> Visitor:
    """One more visitor, in a conversation of their own."""
    answer = await http.post("/chat/conversations", json={})
    answer.raise_for_status()
    return Visitor(http, answer.json()["token"])
