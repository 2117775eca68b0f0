"""Staff of the fault harness at the console over HTTP: they take who waits, answer, and give back to the bot."""

from __future__ import annotations

import asyncio
import random
import re
import time
import uuid
from collections.abc import Mapping

import httpx

from faults.journal import Journal
from faults.world import PASSWORD

AT_ONCE = 5
HEADERS = {"x-console": "1"}
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_MINE = re.compile(r'id="mine-part".*?</details>', re.S)
_CARD = re.compile(r'data-id="([0-9a-f]+)"')
WORDS = ("Hello, I'm here now. How can I help?", "I have read what you wrote. Tell me more.", "Thank you for waiting.",
         "That is a good question; a nurse can go through it with you tomorrow.")


class Nurse:
    """One signed-in person with an open console."""

    def __init__(self, url: str, number: int, journal: Journal, chance: random.Random) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=10.0, trust_env=False)
        self._login, self._journal, self._chance = f"nurse{number}", journal, chance
        self._cases: dict[str, asyncio.Task[None]] = {}

    async def run(self, over: asyncio.Event) -> None:
        """Work until the run is over; then finish what is begun."""
        await self._sign_in()
        window = asyncio.create_task(self._follow())
        try:
            while not over.is_set() or self._cases:
                await self._look(over)
                await asyncio.sleep(self._chance.uniform(0.8, 1.6))
        finally:
            window.cancel()
            await asyncio.gather(window, *self._cases.values(), return_exceptions=True)
            await self._http.aclose()

    async def _sign_in(self) -> None:
        while True:
            try:
                await self._http.post("/staff/login", data={"login": self._login, "password": PASSWORD})
                found = _CSRF.search((await self._http.get("/staff/")).text)
                if found:
                    self._http.headers.update({"x-csrf": found[1]})
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(1)

    async def _follow(self) -> None:
        while True:
            try:
                async with self._http.stream("GET", "/staff/events", timeout=httpx.Timeout(10, read=40)) as stream:
                    async for _ in stream.aiter_bytes():
                        pass
            except httpx.HTTPError:
                pass
            await asyncio.sleep(1)

    async def _look(self, over: asyncio.Event) -> None:
        """Take up what is mine and was not begun (a claim whose answer was lost), then who waits next."""
        page = await self._get("/staff/")
        mine = _MINE.search(page or "")
        for found in _CARD.findall(mine[0]) if mine else ():
            self._begin(found)
        for _ in range(AT_ONCE - len(self._cases) if not over.is_set() else 0):
            _, where = await self._post("/staff/next", {}, headers={})
            found_id = re.search(r"/staff/conversations/([0-9a-f]+)", where)
            if not found_id:
                return
            self._begin(found_id[1])

    def _begin(self, conversation_id: str) -> None:
        if conversation_id not in self._cases:
            task = asyncio.create_task(self._case(conversation_id))
            self._cases[conversation_id] = task
            task.add_done_callback(lambda _: self._cases.pop(conversation_id, None))

    async def _case(self, conversation_id: str) -> None:
        """Read, answer once or twice, and give back; ends early when it is somebody else's."""
        await self._get(f"/staff/conversations/{conversation_id}")
        for _ in range(self._chance.choice((1, 1, 2))):
            if not await self._reply(conversation_id):
                return
            await asyncio.sleep(self._chance.uniform(1, 3))
        for _ in range(30):
            status, _ = await self._post(f"/staff/conversations/{conversation_id}/return", {})
            if status and status < 500:
                return
            await asyncio.sleep(1)

    async def _reply(self, conversation_id: str) -> bool:
        send = self._journal.send("staff", conversation_id, uuid.uuid4().hex, self._chance.choice(WORDS))
        while not send.ended:
            at = time.time()
            status, _ = await self._post(f"/staff/conversations/{conversation_id}/reply",
                                         {"text": send.text, "client_id": send.client_id})
            send.note(at, status)
            if status in (204, 303):
                send.ended = "stored"
            elif 400 <= status < 500:
                send.ended = "erased" if status == 410 else "refused"
            else:
                await asyncio.sleep(1)
        return send.ended == "stored"

    async def _get(self, path: str) -> str | None:
        try:
            answer = await self._http.get(path)
            return answer.text if answer.status_code == 200 else None
        except httpx.HTTPError:
            return None

    async def _post(
        self, path: str, values: dict[str, str], *, headers: Mapping[str, str] = HEADERS
    ) -> tuple[int, str]:
        """The status (0: no answer) and where it leads."""
        try:
            answer = await self._http.post(path, data=values, headers=headers)
        except httpx.HTTPError:
            return 0, ""
        return answer.status_code, answer.headers.get("location", "")
