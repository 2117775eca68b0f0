"""What floods and slow clients meet, over the real server: a limit for them, and none for danger."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import uuid
from contextlib import closing
from dataclasses import replace

import httpx
import pytest

from switchboard import requests
from switchboard.crowd import Crowd, NoPlace
from switchboard.limits import Pace
from switchboard.passwords import Passwords, TooManySignIns
from switchboard.sms import door
from tests.switchboard.sms.conftest import ANA, line, twilio, until  # noqa: F401 (fixtures)
from tests.waiting import SECONDS

DANGER = "he is not breathing and his lips are blue"


@pytest.fixture
async def http(line):  # noqa: F811
    async with httpx.AsyncClient(base_url=line.url, timeout=SECONDS, trust_env=False) as client:
        token = (await client.post("/chat/conversations", json={})).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def say(http: httpx.AsyncClient, text: str) -> httpx.Response:
    return await http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": text})


async def raw(line, request: bytes, *, seconds: float = SECONDS) -> bytes:  # noqa: F811
    """What the server answers to these very bytes before it closes, or in `seconds`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(line.url.rpartition(":")[2]))
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    finally:
        writer.close()


@pytest.mark.parametrize(("path", "most"), [("/chat/messages", 16_384), ("/sms/inbound", 32_768)])
async def test_a_long_body_is_refused_before_it_is_read(line, path, most):  # noqa: F811
    """413 comes although only the head of the request was sent."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {most + 1}\r\n\r\n".encode()
    assert b" 413 " in (await raw(line, head)).splitlines()[0]
    assert line.parts.metrics.limits.labels("body")._value.get() == 1


async def test_a_body_that_trickles_in_is_given_up(line, monkeypatch):  # noqa: F811
    """408 ends a request that does not come, and its connection."""
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.3)
    head = b"POST /chat/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    assert b" 408 " in (await raw(line, head)).splitlines()[0]


async def test_a_text_that_is_too_long_is_named(http):
    """1,602 characters are refused with a sentence, 1,600 are taken."""
    refused = await say(http, "ab" * 801)
    assert refused.status_code == 413 and refused.json()["error"]["code"] == "too_long"
    assert (await say(http, "ab" * 800)).status_code == 201


async def test_a_sender_above_the_limit_waits_and_danger_does_not(line, http):  # noqa: F811
    """A message too many is refused with the emergency line and a time to wait; danger gets its guidance."""
    line.app.ctx.parts = replace(line.parts, pace=Pace(burst=1, seconds=1e6))
    assert (await say(http, "how long does detox take")).status_code == 201
    refused = await say(http, "how long does detox take")
    assert refused.status_code == 429 and "911" in refused.text and refused.headers["retry-after"]
    danger = await say(http, DANGER)
    assert danger.status_code == 201 and "911" in danger.json()["replies"][0]["text"]


async def test_when_the_lane_is_full_danger_goes_first(line, http, monkeypatch):  # noqa: F811
    """While messages wait to be read, ordinary ones are asked to wait and danger is read before all that waits."""
    lane, guard, gate, order = line.parts.lane, line.parts.lane.guard, threading.Event(), []
    assess = guard.assess

    def slow(text, context=()):
        gate.wait(SECONDS)
        order.append(text)
        return assess(text, context)

    monkeypatch.setattr(guard, "assess", slow)
    waiting = [asyncio.create_task(lane.assess(f"what does it cost {n}")) for n in range(110)]
    await until(lambda: lane.is_full)
    refused = await say(http, "how long does detox take")
    assert refused.status_code == 503 and refused.json()["error"]["code"] == "busy" and "911" in refused.text
    before = lane.waiting
    danger = asyncio.create_task(say(http, DANGER))
    await until(lambda: lane.waiting > before)  # it waits with the others
    gate.set()
    assert (await danger).status_code == 201
    await asyncio.gather(*waiting)
    assert order.index(DANGER) <= 2  # behind what was being read, or next, while nothing waited


async def test_a_flood_of_texts_is_kept_and_answered_once(line, twilio):  # noqa: F811
    """A number above its limit reads so once a minute, however much it sends; danger among it gets guidance."""
    line.parts.line.door._pace = Pace(burst=1, seconds=1e6)
    await twilio.text(ANA, "how long does detox take")
    said = [(await twilio.text(ANA, f"how long does it take {n}")).text for n in range(4)]
    assert sum("faster than I can read" in text for text in said) == 1
    assert "911" in (await twilio.text(ANA, DANGER)).text


async def test_a_text_that_waits_for_the_record_is_no_flood(line, twilio, monkeypatch):  # noqa: F811
    """However often a kept text is tried while the record is locked, it counts once and is answered."""
    monkeypatch.setattr(door, "SPOOL_SECONDS", 0.01)
    monkeypatch.setattr(line.parts.record._shared, "_patience", 0.05)
    line.parts.line.door._pace = Pace(burst=1, seconds=1e6)
    path = line.parts.settings.database_url.partition("///")[2]
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        await twilio.text(ANA, "how long does detox take")
        await asyncio.sleep(1.0)  # many tries
        lock.execute("ROLLBACK")
    await until(lambda: any("You asked: how long does detox take" in text for text in twilio.to(ANA)))


async def test_a_conversation_has_six_streams_and_the_oldest_goes(line, http):  # noqa: F811
    """The seventh stream is given, and the first ends."""
    async with httpx.AsyncClient(base_url=line.url, headers=http.headers, timeout=SECONDS, trust_env=False) as seven:
        ended = asyncio.create_task(seven.get("/chat/events"))
        await until(lambda: line.parts.crowd.count() == 1)
        others = [asyncio.create_task(seven.get("/chat/events")) for _ in range(6)]
        assert (await ended).status_code == 200
        await until(lambda: line.parts.crowd.count() == 6)
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def test_places_in_the_crowd():
    """One address may not take all; when all are taken, the greediest makes room for whoever has few."""
    crowd = Crowd(from_one=20, in_all=30)
    held = [crowd.place(f"a{n}", "10.0.0.1") for n in range(20)]
    places = [one.__enter__() for one in held]
    with pytest.raises(NoPlace) as refused, crowd.place("a", "10.0.0.1"):
        pass
    assert refused.value.kind == "stream_address"
    held += [crowd.place(f"b{n}", "10.0.0.2") for n in range(10)] + [crowd.place("c", "10.0.0.3")]
    for one in held[20:]:
        one.__enter__()
    assert places[0].over and not places[1].over and crowd.count() == 30
    with pytest.raises(NoPlace) as refused, crowd.place("b", "10.0.0.2"):
        pass
    assert refused.value.kind == "stream_total"


async def test_sign_ins_queue_up_below_everything_else():
    """One password is checked at a time; beyond a short line the next is refused at once."""
    passwords, gate = Passwords(waiting=2), threading.Event()
    two = [asyncio.create_task(passwords.do(gate.wait, SECONDS)) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(TooManySignIns):
        await passwords.do(gate.wait, SECONDS)
    gate.set()
    await asyncio.gather(*two)
    assert await passwords.do(int, "3") == 3
