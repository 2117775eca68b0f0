"""The real nginx with the configuration of deploy/, before two real switchboards on one PostgreSQL record."""

from __future__ import annotations

import asyncio
import json
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import httpx
import pytest

from haven.settings import Networks, load_settings
from tests.deploy.proxy import MISSING, WHY, Proxy
from tests.switchboard.conftest import empty_postgresql, listening_assistant
from tests.switchboard.process import Process
from tests.switchboard.sms.conftest import until

pytestmark = [pytest.mark.skipif(MISSING, reason=WHY), pytest.mark.xdist_group("proxy")]
OF_ONE_ADDRESS = 300  # limit_conn of deploy/nginx.conf


@dataclass
class Place:
    """Two switchboards and what stands before them."""

    switchboards: list[Process]
    proxy: Proxy
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @cached_property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.proxy.certificate))

    def client(self, address: str = "127.0.0.1", **more: Any) -> httpx.AsyncClient:
        """Somebody at an address; loopback has many."""
        limits = httpx.Limits(max_connections=200)
        way = httpx.AsyncHTTPTransport(verify=self.trust, local_address=address, limits=limits)
        self.clients.append(httpx.AsyncClient(transport=way, base_url=self.proxy.url, timeout=120, **more))
        return self.clients[-1]

    async def visitor(self, address: str = "127.0.0.1") -> Visitor:
        http = self.client(address)
        begun = await http.post("/chat/conversations", json={})
        assert begun.status_code == 201, begun.text
        http.headers["Authorization"] = f"Bearer {begun.json()['token']}"
        return Visitor(http)


@dataclass
class Visitor:
    """A visitor who follows the chat and comes back when the line is lost, as the widget does."""

    http: httpx.AsyncClient
    texts: list[str] = field(default_factory=list)
    last: int = 0
    followed: int = 0  # how often the stream has begun

    async def say(self, text: str) -> None:
        """Send until it is stored."""
        body = {"client_id": uuid.uuid4().hex, "text": text}

        async def once() -> bool:
            return (await self.http.post("/chat/messages", json=body)).status_code in (200, 201)

        await until(once)

    async def follow(self) -> None:
        while True:
            try:
                async with self.http.stream("GET", f"/chat/events?after={self.last}") as stream:
                    self.followed += stream.status_code == 200
                    async for line in stream.aiter_lines():
                        self._take(line)
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)

    def _take(self, line: str) -> None:
        if line.startswith("data: ") and "text" in (data := json.loads(line.removeprefix("data: "))):
            self.texts.append(data["text"])
            self.last = data["seq"]


@asynccontextmanager
async def following(*visitors: Visitor) -> AsyncIterator[None]:
    """Their streams are open as long as the block runs."""
    tasks = [asyncio.create_task(visitor.follow()) for visitor in visitors]
    try:
        await until(lambda: all(visitor.followed and visitor.texts for visitor in visitors))
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="module")
async def running(tmp_path_factory) -> AsyncIterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    (folder / "nginx").mkdir()
    async with empty_postgresql() as database, listening_assistant() as assistant:
        settings = replace(load_settings({"HAVEN_HOME": str(folder / "home")}), assistant_port=assistant.port,
                           database_url=database, proof_seconds=0, trusted_proxies=Networks("127.0.0.1"))
        switchboards = [Process(settings, name, logs=folder) for name in ("a", "b")]
        made = Place(switchboards, Proxy(folder / "nginx", [one.settings.port for one in switchboards]))
        try:
            await asyncio.gather(*(one.start() for one in switchboards))
            made.proxy.start()
            await until(lambda: _answers(made))
            yield made
        finally:
            made.proxy.stop()
            for one in switchboards:
                one.end()


@pytest.fixture
async def place(running) -> AsyncIterator[Place]:
    """All of it up, and nobody connected when the test ends."""
    yield running
    while running.clients:
        await running.clients.pop().aclose()


async def _answers(place: Place) -> bool:
    try:
        async with httpx.AsyncClient(verify=place.trust, trust_env=False) as http:
            return (await http.get(f"{place.proxy.url}/health")).status_code == 200
    except httpx.HTTPError:
        return False


async def test_a_chat_over_tls(place):
    """A visitor chats over TLS and reads at once what the open stream brings; what is for inside stays inside."""
    visitor = await place.visitor()
    async with following(visitor):
        await visitor.say("what is methadone?")
        await until(lambda: visitor.texts[-1], "an answer")  # a buffered stream would bring it when it ends
        assert visitor.followed == 1 and "what is methadone?" in visitor.texts

    for path in ("/metrics", "/ready"):
        assert (await visitor.http.get(path)).status_code == 404
    page = await visitor.http.get("/")
    assert page.status_code == 200 and "max-age" in page.headers["strict-transport-security"]
    assert page.headers["server"] == "nginx"
    plain = await visitor.http.get(f"http://localhost:{place.proxy.plain_port}/staff/")
    assert plain.status_code == 301 and plain.headers["location"].startswith("https://localhost")


async def test_too_long(place):
    """A body that is too long is refused: by the switchboard above what a message may be, by the proxy above all."""
    visitor = await place.visitor()
    for size in (20_000, 70_000):
        answer = await visitor.http.post("/chat/messages", content=b"x" * size)
        assert answer.status_code == 413
    await visitor.say("what is methadone?")


async def test_a_flood_of_connections(place):
    """Whoever holds all connections that one address may hold gets no more; somebody else does not notice."""
    host = ("localhost", place.proxy.port)
    async with asyncio.TaskGroup() as group:
        dripping = [group.create_task(_drip(*host, place.trust)) for _ in range(OF_ONE_ADDRESS)]
        await until(lambda: _health(place, "127.0.0.2"), 429)
        visitor = await place.visitor("127.0.0.3")
        async with following(visitor):
            await visitor.say("what is methadone?")
            await until(lambda: visitor.texts[-1], "an answer")
        assert await _health(place, "127.0.0.2") == 429
        for task in dripping:
            task.cancel()


async def _health(place: Place, address: str) -> int:
    return (await place.client(address).get("/health")).status_code


async def _drip(host: str, port: int, trust: ssl.SSLContext) -> None:
    """Send a body of which a byte comes now and then: one that does not come at all is given up after ten seconds."""
    _, writer = await asyncio.open_connection(host, port, ssl=trust, local_addr=("127.0.0.2", 0))
    try:
        writer.write(b"POST /chat/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n")
        while True:
            writer.write(b"x")
            await asyncio.sleep(1)
    finally:
        writer.transport.abort()


async def test_a_forged_address(place):
    """A stranger who claims another address with each try is limited all the same, and limits nobody else."""
    stranger, staff = place.client("127.0.0.4"), place.client("127.0.0.5")
    tries = [asyncio.create_task(_sign_in(stranger, place, number)) for number in range(150)]  # each allows 60
    try:
        for answer in asyncio.as_completed(tries):
            if await answer == 429:
                break
        else:
            raise AssertionError("nobody was refused")
        assert await _sign_in(staff, place, 1) in (401, 503)  # wrong, or not looked at among so many
    finally:
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)


async def _sign_in(http: httpx.AsyncClient, place: Place, number: int) -> int:
    answer = await http.post("/staff/login", data={"login": "x", "password": "y"}, headers={
        "X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"198.51.100.{number}", "Origin": place.proxy.url})
    return answer.status_code


async def test_one_switchboard_dies(place):
    """One of two is killed: every visitor's stream comes back; what is written next is stored and answered once."""
    dying = place.switchboards[0]
    visitors = [await place.visitor() for _ in range(4)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(visitor.follow()) for visitor in visitors]
        while not await _streams(dying):  # the proxy chooses: until one of them is at the switchboard that dies
            await until(lambda: all(visitor.followed for visitor in visitors))
            visitors.append(await place.visitor())
            tasks.append(group.create_task(visitors[-1].follow()))
        begun = sum(visitor.followed for visitor in visitors)
        dying.end()
        await until(lambda: sum(visitor.followed for visitor in visitors) > begun)
        await asyncio.gather(*(visitor.say("what is methadone?") for visitor in visitors))
        await until(lambda: all("an answer" in visitor.texts for visitor in visitors))
        for task in tasks:
            task.cancel()
    for visitor in visitors:
        assert [visitor.texts.count(text) for text in ("what is methadone?", "an answer")] == [1, 1]
    await dying.start()


async def _streams(switchboard: Process) -> int:
    """How many visitors' streams are open at one switchboard."""
    async with httpx.AsyncClient(trust_env=False, timeout=120) as http:
        figures = (await http.get(f"{switchboard.url}/metrics")).text
    line = next(line for line in figures.splitlines() if line.startswith('haven_event_streams{kind="visitor"}'))
    return int(float(line.rpartition(" ")[2]))
