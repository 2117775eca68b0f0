"""A visitor and a member of staff who speak HTTP to any of several switchboards."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx

from switchboard import accounts
from switchboard.records.record import Record
from tests.waiting import SECONDS


class Visitor:
    """A visitor who may change the switchboard."""

    def __init__(self, token: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}

    @classmethod
    async def start(cls, url: str) -> Visitor:
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
            return cls((await http.post(f"{url}/chat/conversations", json={})).json()["token"])

    async def say(self, url: str, text: str) -> dict[str, Any]:
        """Write until it is stored, as the widget does: on a slow machine guidance comes before that."""
        body = {"client_id": uuid.uuid4().hex, "text": text}
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
            for _ in range(round(4 * SECONDS)):
                answer = await http.post(f"{url}/chat/messages", headers=self.headers, json=body)
                if answer.status_code != 503:
                    break
                await asyncio.sleep(0.25)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def read(self, url: str, wanted: Any, *, after: int = 0, seconds: float = SECONDS) -> list[dict[str, Any]]:
        """What the stream brings until an event for which wanted(name, data) holds."""
        found = []
        async with (asyncio.timeout(seconds), httpx.AsyncClient(trust_env=False, timeout=30) as http,
                    http.stream("GET", f"{url}/chat/events?after={after}", headers=self.headers) as stream):
            event = ""
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    found += [data] if event == "message" else []
                    if wanted(event, data):
                        return found
        raise AssertionError(f"the stream ended with {found}")

    async def following(self, url: str, wanted: Any, *, seconds: float = SECONDS) -> asyncio.Task[list[dict[str, Any]]]:
        """The same as a task, once the stream is open and has brought all that was there before."""
        opened = asyncio.Event()

        def seen(event: str, data: dict[str, Any]) -> bool:
            if event == "state":
                opened.set()
            return bool(wanted(event, data))

        task = asyncio.create_task(self.read(url, seen, seconds=seconds))
        await asyncio.wait((task, asyncio.create_task(opened.wait())), return_when=asyncio.FIRST_COMPLETED)
        return task


async def signed_in(record: Record, url: str, name: str, role: str = "staff") -> httpx.AsyncClient:
    """A new member of staff at one switchboard."""
    async with record.write() as tx:
        await accounts.add(tx, login=name, name=name.capitalize(), role=role, must_change=False,
                           password=await accounts.hashed("quiet river at night"))
    http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS)
    answer = await http.post("/staff/login", data={"login": name, "password": "quiet river at night"})
    assert answer.status_code == 303, answer.text
    page = (await http.get("/staff/")).text
    http.headers["X-CSRF"] = page.partition('name="csrf" value="')[2].partition('"')[0]
    http.headers["X-Console"] = "1"
    return http
