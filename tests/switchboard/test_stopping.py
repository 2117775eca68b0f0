"""switchboard.leaving: a switchboard that is told to stop ends in seconds, whoever is connected, whatever is gone."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from faults.postgres import Postgres
from haven.settings import ROOT, Settings, load_settings
from switchboard import leaving
from switchboard.records.record import Record
from tests import waiting
from tests.switchboard.people import Visitor, signed_in
from tests.switchboard.process import Process
from tests.switchboard.sms.conftest import until


@pytest.fixture
def settings(tmp_path, assistant) -> Settings:
    return replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port, proof_seconds=0)


@pytest.fixture
async def switchboard(settings) -> AsyncIterator[Process]:
    """One on SQLite, as a process of its own; a turn may take as long as a test holds it."""
    made = Process(replace(settings, turn_budget=waiting.SECONDS))
    try:
        await made.start()
        yield made
    finally:
        made.end()


async def test_with_people_connected(switchboard, assistant):
    """Streams of a chat and a console end at once; the turn under way is answered; nobody's connection holds it up."""
    record = Record.of(switchboard.settings)
    maria = await signed_in(record, switchboard.url, "maria")
    visitor, other = await Visitor.start(switchboard.url), await Visitor.start(switchboard.url)
    async with asyncio.TaskGroup() as people:
        chat = await _following(switchboard.url, "/chat/events", headers=visitor.headers)
        console = await _following(switchboard.url, "/staff/events", cookies=maria.cookies)
        writing = people.create_task(_writes_on(switchboard.url, other))
        _, half = await asyncio.open_connection("127.0.0.1", switchboard.settings.port)
        half.write(b"GET /health HTTP/1.1\r\nHost: ha")  # and nothing more
        assistant.hold = asyncio.Event()
        await visitor.say(switchboard.url, "what is methadone?")
        await until(lambda: assistant.asked)
        switchboard.send(signal.SIGTERM)
        await asyncio.gather(chat, console)  # while the turn is still under way
        assistant.hold.set()
        assert await switchboard.ended() == 0
        writing.cancel()
    half.close()
    await maria.aclose()

    await switchboard.start()
    [answer] = await visitor.read(switchboard.url, lambda e, d: e == "message" and d["author"] == "bot", after=2)
    assert answer["text"] == "an answer"
    assert [asked["text"] for asked in assistant.asked].count("what is methadone?") == 1
    await record.close()


async def _following(url: str, path: str, **who: Any) -> asyncio.Task[None]:
    """A task that follows a stream, which has begun, to its end."""
    begun = asyncio.Event()

    async def follow() -> None:
        async with (httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, **who) as http,
                    http.stream("GET", path) as stream):
            async for _ in stream.aiter_lines():
                begun.set()

    task = asyncio.create_task(follow())
    await asyncio.wait_for(begun.wait(), waiting.SECONDS)
    return task


async def _writes_on(url: str, visitor: Visitor) -> None:
    """Ask again and again over one kept connection, as a page does whose visitor writes on."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, headers=visitor.headers) as http:
        while True:
            with suppress(httpx.HTTPError):
                await http.post("/chat/typing")
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("fault", ["gone", "frozen"])
async def test_without_its_database(settings, assistant, own_postgresql, fault):
    """With PostgreSQL gone, or there and silent, streams open and a turn under way: it ends all the same."""
    switchboard = Process(replace(settings, database_url=own_postgresql.url))
    try:
        await switchboard.start()
        visitor = await Visitor.start(switchboard.url)
        assistant.hold = asyncio.Event()
        await visitor.say(switchboard.url, "what is methadone?")
        await until(lambda: assistant.asked)
        following = await _following(switchboard.url, "/chat/events", headers=visitor.headers)
        with _without(own_postgresql, fault):
            switchboard.send(signal.SIGTERM)
            assistant.hold.set()
            await switchboard.ended()
        await asyncio.gather(following, return_exceptions=True)
    finally:
        switchboard.end()


def test_all_waits_together_are_within_the_runner_s_patience(settings):
    """Unbounded, Sanic waits 15 s for connections, the outbox 30, a frozen database for ever; it would be killed."""
    longest = (settings.turn_budget + 1.0 + 2 * leaving.TASK_SECONDS + leaving.LEAVE_SECONDS + leaving.REQUEST_SECONDS
               + 2 * leaving.CLOSE_SECONDS)
    runner = (ROOT / "deploy" / "supervisord.conf").read_text(encoding="utf-8").partition("[program:switchboard]")[2]
    assert longest < int(re.search(r"stopwaitsecs=(\d+)", runner)[1])


def _without(postgres: Postgres, fault: str) -> AbstractContextManager[object]:
    """Take the database away until the block ends."""
    if fault == "frozen":
        return postgres.frozen()
    things = ExitStack()
    postgres.stop()
    things.callback(postgres.start)
    return things
