"""A whole night with planted words and numbers: afterwards no log, file, error or figure holds one of them."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.stack import Stack, free_port
from haven.settings import Settings, load_settings
from switchboard import accounts
from switchboard.records.record import Record
from tests.stack import NEVER, ROOT
from tests.twilio import ACCOUNT, OURS, PUBLIC, Twilio

pytestmark = pytest.mark.journey

PASSWORD = "a long quiet evening"
SMS_TOKEN = "0123456789abcdef-of-the-stand-in"
# What a visitor, a texting visitor and a nurse write, and the numbers however written.
WORDS = ("xanthippe", "rosalind", "narwhal", "zeppelin", "quagmire", "marzipan", "rhubarb", "kingfisher", "ottoman",
         "figment", "tangerine", "sarsaparilla", "36.1627")
NUMBERS = re.compile(rb"615\W{0,3}555\W{0,2}0142|310\W{0,3}555\W{0,2}0143")
ANA, BEN = "+16155550142", "+13105550143"


class Night:
    """The real stack with a text line, and everything it ever answered with an error."""

    def __init__(self, settings: Settings, stack: Stack, twilio: Twilio) -> None:
        self.settings = settings
        self.stack = stack
        self.twilio = twilio
        self.url = f"http://127.0.0.1:{settings.port}"
        self.errors: list[bytes] = []

    async def client(self) -> httpx.AsyncClient:
        async def keep(response: httpx.Response) -> None:
            if response.status_code >= 400:
                self.errors.append(await response.aread())

        return httpx.AsyncClient(base_url=self.url, timeout=20, trust_env=False, event_hooks={"response": [keep]})

    async def control(self, *words: str) -> None:
        await asyncio.to_thread(self.stack.control, *words)


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    data = tmp_path / "data"
    shutil.copytree(ROOT / "data", data)
    (data / "centre.yml").write_text(NEVER, encoding="utf-8")
    async with Twilio(token=SMS_TOKEN) as twilio:
        settings = replace(
            load_settings({
                "HAVEN_HOME": str(tmp_path), "HAVEN_SMS_ACCOUNT": ACCOUNT, "HAVEN_SMS_TOKENS": SMS_TOKEN,
                "HAVEN_SMS_FROM": OURS, "HAVEN_SMS_ADDRESSES": PUBLIC, "HAVEN_SMS_API": twilio.api,
                "HAVEN_TURN_BUDGET": "20"}),
            data=data, port=free_port(), assistant_port=free_port(), actions_port=free_port())
        stack = Stack(settings, programs=("actions", "assistant", "switchboard"), log=tmp_path / "haven.log")
        stack.start()
        try:
            await asyncio.to_thread(stack.wait_until_ready)
            made = Night(settings, stack, twilio)
            twilio.switchboard = made.url
            yield made
        finally:
            await asyncio.to_thread(stack.stop)


class Chat:
    """One visitor on the website."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def begin(self) -> Chat:
        started = (await self.http.post("/chat/conversations", json={})).json()
        self.http.headers["Authorization"] = f"Bearer {started['token']}"
        self.seen = 1
        return self

    async def say(self, text: str) -> httpx.Response:
        return await self.http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": text})

    async def ask(self, text: str, wanted: str = "") -> str:
        """Say something and wait for the next words of bot or system (that hold `wanted`)."""
        seq = (await self.say(text)).json()["message"]["seq"]
        with suppress(TimeoutError):
            async with asyncio.timeout(30), self.http.stream("GET", f"/chat/events?after={seq}") as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("data: ") and '"author"' in line and wanted in line:
                        return line
        said = []
        with suppress(TimeoutError):
            async with asyncio.timeout(3), self.http.stream("GET", "/chat/events?after=0") as stream:
                async for line in stream.aiter_lines():
                    said.append(line[:140])
        raise AssertionError(f"no answer to {text!r}: {said}")


async def nurse(night: Night, http: httpx.AsyncClient) -> str:
    """Sign a nurse in; the token of her forms."""
    record = Record.of(night.settings)
    async with record.write() as tx:
        await accounts.add(tx, login="eve", name="Eve", role="staff", must_change=False,
                           password=await accounts.hashed(PASSWORD))
    await record.close()
    await http.post("/staff/login", data={"login": "eve", "password": "tangerine"})
    await http.post("/staff/login", data={"login": "eve", "password": PASSWORD})
    page = await http.get("/staff/", follow_redirects=True)
    return re.search(r'name="csrf" value="([^"]+)"', page.text)[1]


async def on_the_website(night: Night, http: httpx.AsyncClient, staff: httpx.AsyncClient) -> None:
    """Danger, a call-back with name and number, a person who takes over, answers, notes and closes."""
    chat = await Chat(http).begin()
    await chat.say("my friend Xanthippe is blue and wont wake up, narwhal")
    waiting = await Chat(await night.client()).begin()
    await waiting.ask("can i talk to a real person about zeppelin", "call you back")
    await waiting.ask("yes please", "first name")
    await waiting.ask("Kevin", "number")  # a name the assistant knows for one
    await waiting.ask("615 555 0142", "good time")
    await waiting.ask("weekday mornings, ask for Rosalind", "call")
    token = await nurse(night, staff)  # only now: somebody who is here would be waited for
    page = await staff.get("/staff/")
    conversation = re.search(r"/staff/conversations/([0-9a-f]{32})", page.text)[1]

    async def act(path: str, /, **values: str) -> None:
        answer = await staff.post(f"/staff/conversations/{conversation}/{path}", data={"csrf": token, **values})
        assert answer.status_code < 400, answer.text[:300]

    await act("claim")
    await act("reply", text="hello, marzipan", client_id="n1")
    await act("notes", text="rhubarb, keep an eye")
    await act("follow-ups", due="2030-01-01", what="kingfisher")
    await act("close", result="answered", danger="past", referred="911", note="ottoman")
    assert "Rosalind" in (await staff.get("/staff/callbacks")).text
    await waiting.http.aclose()


async def by_text(night: Night) -> None:
    """A text, danger, a place, an opt-out, and one that nobody signed."""
    twilio = night.twilio
    await twilio.text(ANA, "what is naloxone, figment")
    await twilio.text(ANA, "my son sarsaparilla is blue and wont wake up")
    await twilio.text(ANA, "", Latitude="36.1627", Longitude="-86.7816")
    await twilio.text(BEN, "narwhal, call me at 310 555 0143")
    await twilio.post("/sms/inbound", twilio.fields(BEN, "ottoman wont wake up", sid="SM1"), signature="forged")
    await twilio.text(BEN, "STOP")
    await asyncio.sleep(3)
    await twilio.settled()


async def while_things_fail(night: Night, http: httpx.AsyncClient) -> None:
    """The action server, the assistant and then the record itself fail under people's words."""
    chat = await Chat(http).begin()
    await night.control("stop", "actions")
    await chat.ask("can i talk to somebody about marzipan")
    await night.control("stop", "assistant")
    await (await Chat(http).begin()).ask("how long does detox take, narwhal")
    chat = await Chat(http).begin()
    record = sqlite3.connect(night.settings.home / "haven.db", isolation_level=None, timeout=10)
    record.execute("CREATE TRIGGER broken BEFORE INSERT ON messages WHEN NEW.author = 'visitor' "
                   "BEGIN SELECT RAISE(ABORT, 'broken'); END")
    assert (await chat.say("tell me of Rosalind, 615-555-0142")).status_code == 500
    assert (await chat.say("my friend zeppelin is blue and wont wake up")).status_code == 503
    await night.twilio.text(ANA, "kingfisher?")
    record.execute("DROP TRIGGER broken")
    record.close()
    for body in (b'{"text": "narwhal', b'{"text": 7, "client_id": "tangerine"}'):
        await http.post("/chat/messages", content=body)
    await http.get("/chat/events?after=narwhal")
    await http.get("/xanthippe/quagmire")


def planted(raw: bytes) -> list[str]:
    """The planted words and numbers in some bytes."""
    small = raw.lower()
    return [word for word in WORDS if word.encode() in small] + [hit.decode() for hit in NUMBERS.findall(raw)]


async def test_nothing_planted_is_found(night: Night) -> None:
    """Danger, handoff, call-back, texts and every failure leave no word or number in logs, errors, figures or files."""
    async with await night.client() as http, await night.client() as staff:
        await on_the_website(night, http, staff)
        await by_text(night)
        await while_things_fail(night, http)
        shown = [await http.get(path) for path in ("/health", "/ready", "/metrics", "/chat/centre")]
    files = {path: path.read_bytes() for path in Path(night.settings.home).rglob("*")
             if path.is_file() and not path.is_relative_to(night.settings.data)}
    names = {path.name for path in files}

    assert {"haven.log", "haven.db", "haven.db-wal"} <= names  # looked at while everything runs
    assert len(night.errors) > 4
    found: dict[str, Any] = {str(path.name): planted(raw) for path, raw in files.items()}
    found |= {f"error {number}": planted(raw) for number, raw in enumerate(night.errors)}
    found |= {str(answer.url.path): planted(answer.content) for answer in shown if answer.status_code == 200}
    assert {where: hits for where, hits in found.items() if hits} == {}
    assert b"500" in files[night.settings.home / "haven.log"] or b"unforeseen" in files[
        night.settings.home / "haven.log"]  # the failure was logged, without its words
