"""Where the power goes: a mortal switchboard with stand-ins around it, and clients that try again as real ones do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from cli.stack import free_port
from haven.settings import Settings, load_settings
from switchboard import accounts, conversations
from switchboard.conversations import Message
from switchboard.records.record import Record
from switchboard.sessions import Sessions
from tests.twilio import ACCOUNT, OURS, PUBLIC, Twilio

PASSWORD = "a long quiet evening"
PHONE = "+16155550142"


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What the stand-in for the assistant says."""
    if "person" in asked.get("text", ""):
        return {"replies": [{"text": "Somebody will be with you.", "response": "utter_waiting_open", "custom": {
            "handoff": {"reason": "asked", "urgency": "normal", "wait": True}}}]}
    return {"replies": [{"text": "an answer", "response": "utter_faq/FAQ-001"}]}


class Nursery:
    """The process from which switchboards are forked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def switchboard(self, settings: dict[str, str], die_at: int, moment: str, migrations: str) -> int:
        """Start one; its process id."""
        assert self._process.stdin and self._process.stdout
        order = {"settings": settings, "die_at": die_at, "moment": moment, "migrations": migrations}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return int(await self._process.stdout.readline())


class Place:
    """One home folder, and the switchboard that lives and dies on it."""

    def __init__(self, home: Path, nursery: Nursery, twilio: Twilio, assistant_port: int) -> None:
        self._nursery, self.twilio = nursery, twilio
        self._own = {
            "HAVEN_HOME": str(home), "HAVEN_PORT": str(free_port()), "HAVEN_ASSISTANT_PORT": str(assistant_port),
            "HAVEN_ACTIONS_PORT": "1", "HAVEN_SMS_ACCOUNT": ACCOUNT, "HAVEN_SMS_TOKENS": twilio.token,
            "HAVEN_SMS_FROM": OURS, "HAVEN_SMS_ADDRESSES": PUBLIC, "HAVEN_SMS_API": twilio.api,
            "HAVEN_SMS_PAUSE": "0", "HAVEN_PROOF_SECONDS": "0"}
        self.settings: Settings = load_settings(self._own)
        self.url = twilio.switchboard = f"http://127.0.0.1:{self.settings.port}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=10, trust_env=False)
        self.pid = 0
        self.revives = True

    # -- life and death -----------------------------------------------------------------------------------------

    async def start(self, die_at: int = 0, moment: str = "before", *, migrations: str = "") -> None:
        """Start the switchboard and wait until it answers or is dead already."""
        self.pid = await self._nursery.switchboard(self._own, die_at, moment, migrations)
        for _ in range(600):
            try:
                if (await self.http.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                if not self.lives():
                    return
            await asyncio.sleep(0.05)
        raise AssertionError((self.settings.home / "log").read_text()[-3000:])

    def lives(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def stop(self) -> None:
        if self.lives():
            os.kill(self.pid, 9)

    @property
    def commits(self) -> int:
        """How many commits were made since the first start."""
        path = self.settings.home / "commits"
        return path.stat().st_size if path.exists() else 0

    async def until(self, look: Callable[[], Awaitable[Any]], *, seconds: float = 30.0) -> Any:
        """What `look` gives once it is true; a switchboard that died meanwhile is started again."""
        for _ in range(int(seconds / 0.05)):
            try:
                if found := await look():
                    return found
            except httpx.TransportError:
                pass
            if self.revives and not self.lives():
                await self.start()
            await asyncio.sleep(0.05)
        raise AssertionError(f"waited {seconds} s in vain; {(self.settings.home / 'log').read_text()[-2000:]}")

    async def call(self, method: str, path: str, *good: int, **more: Any) -> httpx.Response:
        """A request that is made until it is answered with one of `good`."""

        async def once() -> httpx.Response | None:
            answer = await self.http.request(method, path, **more)
            return answer if answer.status_code in good else None

        found: httpx.Response = await self.until(once)
        return found

    # -- people -------------------------------------------------------------------------------------------------

    async def visitor(self) -> dict[str, str]:
        """Begin a chat; its headers."""
        begun = await self.call("POST", "/chat/conversations", 201, json={})
        return {"Authorization": f"Bearer {begun.json()['token']}"}

    async def say(self, who: dict[str, str], text: str) -> dict[str, Any]:
        """Send a message until it is stored; what the send was answered with."""
        body = {"client_id": uuid.uuid4().hex, "text": text}
        answer = await self.call("POST", "/chat/messages", 200, 201, json=body, headers=who)
        said: dict[str, Any] = answer.json()
        return said

    def id_of(self, who: dict[str, str]) -> str:
        return Sessions(self.settings.session_secret, days=7).conversation_of(who["Authorization"])

    async def text(self, words: str) -> None:
        """A phone texts: Twilio tries until there is an answer (its fallback is left out here)."""
        sid = f"SM{secrets.token_hex(16)}"

        async def once() -> bool:
            return (await self.twilio.text(PHONE, words, sid=sid)).status_code == 200

        await self.until(once)

    async def nurse(self) -> None:
        """Somebody signs in."""
        record = Record.of(self.settings)
        async with record.write() as tx:
            await accounts.add(tx, login="ana", name="Ana", role="staff", must_change=False,
                               password=await accounts.hashed(PASSWORD))
        await record.close()
        await self.call("POST", "/staff/login", 303, data={"login": "ana", "password": PASSWORD})
        page = await self.call("GET", "/staff/", 200)
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert token
        self.http.headers.update({"x-csrf": token[1], "x-console": "1"})

    # -- what is there ------------------------------------------------------------------------------------------

    async def rows(self, query: Any) -> list[Any]:
        record = Record.of(self.settings)
        try:
            async with record.read() as connection:
                return list(await connection.execute(query))
        finally:
            await record.close()

    async def transcript(self, conversation_id: str) -> list[Message]:
        record = Record.of(self.settings)
        try:
            async with record.read() as connection:
                return await conversations.after(connection, conversation_id, 0)
        finally:
            await record.close()

    async def count(self, table: sa.Table) -> int:
        found = await self.rows(sa.select(sa.func.count()).select_from(table))
        return int(found[0][0])
