"""A real switchboard on a random port in the test's own loop, with staff and visitors who speak HTTP to it.

The assistant is absent: the bot answers that it cannot, and the conversation waits for a person.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from sanic import Sanic

from haven.settings import load_settings
from switchboard import accounts, conversations
from switchboard.app import create_app
from switchboard.console.shift import Patience
from switchboard.limits import Pace
from switchboard.parts import Parts
from switchboard.records import record as records
from tests.waiting import SECONDS

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PASSWORD = "quiet river at night"
DATABASE = "TEST_CONSOLE_DATABASE"  # the address of an empty database; test_on_postgresql sets it
# Nobody is taken for silent because a test is slow: those about it have a watch of their own.
UNHURRIED = Patience(urgent=1e6, ordinary=1e6, line=1e6, transfer=1e6)
ALWAYS = """\
name: Test Centre
retention_days: 30
hours_text: Day and night
hours:
  time_zone: America/New_York
  week: {monday: ["00:00-00:00"], tuesday: ["00:00-00:00"], wednesday: ["00:00-00:00"], thursday: ["00:00-00:00"],
         friday: ["00:00-00:00"], saturday: ["00:00-00:00"], sunday: ["00:00-00:00"]}
"""


@dataclass
class Console:
    """A running switchboard with everything a test needs to look into it."""

    app: Sanic
    url: str
    home: Path
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self) -> httpx.AsyncClient:
        """A browser without script; closed at the end of the test."""
        self.clients.append(httpx.AsyncClient(base_url=self.url, timeout=SECONDS, trust_env=False))
        return self.clients[-1]

    async def close(self) -> None:
        await asyncio.gather(*(client.aclose() for client in self.clients))

    @property
    def parts(self) -> Parts:
        return self.app.ctx.parts

    async def person(self, name: str, *, role: str = "staff", login: str = "") -> Staffer:
        """A new member of staff, signed in."""
        staffer = await self.account(name, role=role, login=login)
        await staffer.sign_in()
        return staffer

    async def account(self, name: str, *, role: str = "staff", login: str = "") -> Staffer:
        """A new member of staff with a real password, not signed in."""
        login = login or f"{name.lower()}-{uuid.uuid4().hex[:6]}"
        async with self.parts.record.write() as tx:
            made = await accounts.add(tx, login=login, name=name, role=role, must_change=False,
                                      password=await _hash())
            self.parts.staff_names[made.id] = made.first_name
        return Staffer(self, made.id, login, self.client())

    async def visitor(self, *words: str, language: str = "en") -> Visitor:
        """Somebody on the website who has written `words`."""
        http = self.client()
        started = (await http.post("/chat/conversations", json={"language": language})).json()
        http.headers["Authorization"] = f"Bearer {started['token']}"
        visitor = Visitor(http, self.parts.sessions.conversation_of(f"Bearer {started['token']}"))
        for text in words:
            await visitor.say(text)
        return visitor

    async def waiting(self, *words: str) -> Visitor:
        """A visitor who waits for a person."""
        visitor = await self.visitor(*(words or ("can somebody talk to me about the waiting list",)))
        await until(lambda: self.owner(visitor.id), "waiting")
        return visitor

    async def owner(self, conversation_id: str) -> str:
        async with self.parts.record.read() as connection:
            return (await conversations.load(connection, conversation_id)).owner


@dataclass
class Visitor:
    """A visitor's side of one conversation."""

    http: httpx.AsyncClient
    id: str

    async def say(self, text: str) -> dict[str, Any]:
        answer = await self.http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": text})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def transcript(self) -> list[dict[str, Any]]:
        """Everything the visitor can read so far."""
        found = []
        async with self.http.stream("GET", "/chat/events?after=0") as stream:
            event = ""
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event == "state":
                    return found
                elif line.startswith("data: ") and event == "message":
                    found.append(json.loads(line.removeprefix("data: ")))
        return found

    async def said_by(self, author: str) -> list[str]:
        return [m["text"] for m in await self.transcript() if m["author"] == author]


@dataclass
class Staffer:
    """A member of staff with a browser that runs no script."""

    console: Console
    id: int
    login: str
    http: httpx.AsyncClient
    csrf: str = ""

    async def sign_in(self, password: str = PASSWORD, **more: str) -> httpx.Response:
        answer = await self.http.post("/staff/login", data={"login": self.login, "password": password, **more})
        page = await self.http.get("/staff/", follow_redirects=True)
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        self.csrf = token.group(1) if token else ""
        return answer

    async def page(self, path: str = "/staff/") -> str:
        answer = await self.http.get(path, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def do(self, path: str, **values: str) -> httpx.Response:
        return await self.http.post(f"/staff/{path}", data={"csrf": self.csrf, **values})

    async def act(self, visitor: Visitor, what: str, **values: str) -> httpx.Response:
        """One form of a conversation's page."""
        return await self.do(f"conversations/{visitor.id}/{what}", **values)

    @asynccontextmanager
    async def window(self, visitor: Visitor | None = None, after: int = 0) -> AsyncIterator[asyncio.Queue[Any]]:
        """An open console with script: (event, data) pairs as they come."""
        events: asyncio.Queue[Any] = asyncio.Queue()
        query = f"?conversation={visitor.id}&after={after}" if visitor else ""

        async def follow() -> None:
            async with self.http.stream("GET", f"/staff/events{query}", timeout=None) as stream:
                event = ""
                async for line in stream.aiter_lines():
                    if line.startswith("event: "):
                        event = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        await events.put((event, json.loads(line.removeprefix("data: "))))

        task = asyncio.create_task(follow())
        try:
            yield events
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(read: Callable[[], Any], wanted: Any, *, seconds: float = SECONDS) -> None:
    """Wait until `await read()` gives `wanted` (a value, or a function that says so)."""
    limit = asyncio.get_running_loop().time() + seconds
    while True:
        found = await read()
        if wanted(found) if callable(wanted) else found == wanted:
            return
        assert asyncio.get_running_loop().time() < limit, f"still {found!r}"
        await asyncio.sleep(0.05)


async def next_event(events: asyncio.Queue[Any], wanted: Callable[[str, Any], bool], seconds: float = SECONDS) -> Any:
    """The data of the first event for which `wanted(event, data)` holds."""
    async with asyncio.timeout(seconds):
        while True:
            event, data = await events.get()
            if wanted(event, data):
                return data


_KEPT: dict[str, str] = {}


async def _hash() -> str:
    if "hash" not in _KEPT:
        _KEPT["hash"] = await accounts.hashed(PASSWORD)
    return _KEPT["hash"]


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Console]:
    """A switchboard with an empty record in `home`, always open, on a free port."""
    root = Path(__file__).resolve().parents[3]
    shutil.copytree(root / "data", home / "data")
    (home / "data" / "centre.yml").write_text(ALWAYS, encoding="utf-8")
    settings = replace(load_settings({"HAVEN_HOME": str(home), "HAVEN_DATABASE_URL": os.environ.get(DATABASE, "")}),
                       data=home / "data", assistant_port=1, actions_port=1, proof_seconds=0)
    app = create_app(settings, name=f"switchboard_{uuid.uuid4().hex[:8]}")
    app.ctx.patience = UNHURRIED
    app.config.TOUCHUP = False  # rewrites its own source, which works for one application a process
    listening = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BUSY_SECONDS", SECONDS)  # on PostgreSQL all at once wait for one another
        await server.before_start()
    await server.after_start()
    if app.ctx.opening:
        await app.ctx.opening  # a slow machine needs more than the first try
    # Every test signs in and starts chats from the same address.
    app.ctx.sign_in_pace = Pace(burst=10_000, seconds=1.0)
    app.ctx.parts = replace(app.ctx.parts, start_pace=Pace(burst=10_000, seconds=1.0))
    try:
        yield Console(app, f"http://127.0.0.1:{listening.getsockname()[1]}", home)
    finally:
        await server.before_stop()
        server.close()
        await server.after_stop()
        Sanic.unregister_app(app)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def switchboard(tmp_path_factory: Any) -> AsyncIterator[Console]:
    """One switchboard for all tests of the console."""
    async with running(tmp_path_factory.mktemp("console")) as console:
        yield console


@pytest_asyncio.fixture(loop_scope="session")
async def console(switchboard: Console) -> AsyncIterator[Console]:
    """That switchboard, with browsers that are closed when the test ends."""
    console = Console(switchboard.app, switchboard.url, switchboard.home)
    yield console
    await console.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_console(console: Console, chromium: Browser) -> AsyncIterator[Any]:
    """Signs a person in, in a browser of their own; a fault in the page's script fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    async def open_for(person: Staffer, **options: Any) -> Page:
        context = await chromium.new_context(viewport=options.pop("viewport", WIDE), base_url=console.url, **options)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" and not any(
            wanted in m.text for wanted in ("409", "ERR_INTERNET_DISCONNECTED")) else None)
        await page.goto("/staff/login")
        await page.get_by_label("Login").fill(person.login)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/staff/")
        return page

    yield open_for
    for context in contexts:
        await context.close()
    assert faults == []
