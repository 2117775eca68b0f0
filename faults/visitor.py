"""Visitors of the fault harness: the widget's way of sending and following, and people who text."""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx

from faults.carrier import Carrier
from faults.journal import Journal, Send
from switchboard.sessions import Sessions

PATIENCE = httpx.Timeout(15.0)  # the widget's own
SILENCE = httpx.Timeout(15.0, read=40.0)
LONGEST = 15.0
GIVES_UP = 240.0  # seconds after which the harness (no widget) gives up on a message, so that every run ends
Step = tuple[str, str]  # "ask", "danger", "person" and the words
Pace = Callable[[], Awaitable[bool]]  # waits for its turn; False when the run is over


class Visitor:
    """One chat on a page: one message at a time, tried until it is stored; a stream that resumes."""

    def __init__(self, http: httpx.AsyncClient, journal: Journal, sessions: Sessions, chance: random.Random) -> None:
        self._http, self._journal, self._sessions, self._chance = http, journal, sessions, chance
        self.id = ""
        self.seen: list[int] = []  # what the stream brought, in the order it came
        self.erased = False
        self._cursor = 0
        self._token = ""
        self._speaker = "bot"
        self._offered: dict[str, str] = {}
        self._news = asyncio.Event()

    async def run(self, steps: list[Step], pace: Pace, *, erases: bool) -> None:
        """One whole chat."""
        if not await self.begin(pace):
            return
        following = asyncio.create_task(self._follow())
        try:
            for what, words in steps:
                if not await pace():
                    return
                await self.say(words, danger=what == "danger")
                await self._listen()
                if self._speaker == "waiting" and "resume_bot" in self._offered and self._chance.random() < 0.6:
                    await self.say(self._offered["resume_bot"], choice="resume_bot")
            if erases:
                await self._erase()
            await asyncio.sleep(3)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def begin(self, pace: Pace) -> bool:
        """Open a chat; False when the run was over before."""
        wait = 0.5
        while True:
            try:
                answer = await self._http.post("/chat/conversations", json={}, timeout=PATIENCE)
                if answer.status_code == 201:
                    self._token = answer.json()["token"]
                    self.id = self._sessions.conversation_of(f"Bearer {self._token}")
                    return True
            except httpx.TransportError:
                pass
            await asyncio.sleep(wait := self._longer(wait))
            if not await pace():
                return False

    async def say(self, words: str, *, danger: bool = False, choice: str | None = None) -> Send:
        """Send a message until it is stored, or refused for good; all its tries."""
        send = self._journal.send("widget", self.id, uuid.uuid4().hex, words, danger=danger)
        body = {"client_id": send.client_id, "text": words, **({"choice": choice} if choice else {})}
        wait, until = 0.5, time.monotonic() + GIVES_UP
        while not send.ended:
            await self._try(send, body)
            if not send.ended and time.monotonic() > until:
                send.ended = "cut off"
            if not send.ended:
                await asyncio.sleep(wait := self._longer(wait))
        return send

    async def _try(self, send: Send, body: dict[str, str]) -> None:
        at = time.time()
        try:
            answer = await self._http.post("/chat/messages", json=body, headers=self._headers, timeout=PATIENCE)
        except httpx.TransportError:
            return send.note(at, 0)
        said = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
        kinds = [reply["kind"] for reply in said.get("replies", [])]
        send.note(at, answer.status_code, guidance="guidance" in kinds or bool(said.get("guidance")))
        send.ended = {200: "stored", 201: "stored", 410: "erased", 400: "refused", 413: "refused"}.get(
            answer.status_code, "")
        return None

    async def _listen(self) -> None:
        """Read what comes, think, go on."""
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), self._chance.uniform(2, 8))
        await asyncio.sleep(self._chance.uniform(0.5, 3))

    async def _erase(self) -> None:
        wait, self.erased, until = 0.5, True, time.monotonic() + GIVES_UP
        while time.monotonic() < until:
            try:
                answer = await self._http.delete("/chat/conversation", headers=self._headers, timeout=PATIENCE)
                if answer.status_code in (204, 401, 410):
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(wait := self._longer(wait))

    async def _follow(self) -> None:
        wait = 0.5
        while True:
            try:
                async with self._http.stream("GET", f"/chat/events?after={self._cursor}", headers=self._headers,
                                             timeout=SILENCE) as stream:
                    if stream.status_code in (401, 410):
                        return
                    if stream.status_code == 200:
                        wait = 0.5
                        await self._read(stream)
            except httpx.HTTPError:
                pass
            await asyncio.sleep(wait := self._longer(wait))

    async def _read(self, stream: httpx.Response) -> None:
        event = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                self._take(event, json.loads(line[6:]))

    def _take(self, event: str, data: dict[str, Any]) -> None:
        if event == "state":
            self._speaker = data["speaker"]
        if event == "message":
            self.seen.append(data["seq"])
            self._cursor = max(self._cursor, data["seq"])
            self._offered |= {option["choice"]: option["title"] for option in data["options"]}
            if data["author"] != "visitor":
                self._news.set()

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _longer(self, wait: float) -> float:
        return min(LONGEST, wait * 2) * self._chance.uniform(0.75, 1.25)


class Phone:
    """Somebody who texts; whom the carrier's static answer meets texts once more."""

    def __init__(self, number: str, carrier: Carrier, journal: Journal, chance: random.Random) -> None:
        self.number, self._carrier, self._journal, self._chance = number, carrier, journal, chance

    async def run(self, steps: list[Step], pace: Pace) -> None:
        for what, words in steps:
            for _ in range(2):
                if not await pace():
                    return
                send = self._journal.send("sms", self.number, "", words, danger=what == "danger")
                await self._carrier.hand_in(send)
                await asyncio.sleep(self._chance.uniform(4, 12))
                if send.ended == "stored":
                    break
