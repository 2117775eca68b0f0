"""The call to the person on call, against a real receiver on this machine that answers, refuses, hangs or babbles."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from switchboard.console.board import Alert, Card
from switchboard.console.on_call import Haste, OnCall
from switchboard.records.record import now
from switchboard.records.tables import audit
from tests.switchboard.console.conftest import Console, until
from tests.switchboard.receiver import Receiver, address_of
from tests.waiting import SECONDS

SOON = Haste(danger=0.0, waiting=0.0, again=1e6)
DANGER = Card(
    id="a1", channel="widget", language="en", owner="bot", owner_name=None, epoch=0, reason="", waiting_since=None,
    alert=Alert("acute", "overdose_other", "Overdose", ("lips r grey",), raised_at=0, seq=1),
    said="lips r grey call me at 555 201 3344", said_at=0, unread=1, answered=False, left=False, lost=False,
    offered_to=None, offered_name=None, updated_at=0, practice=None)
WAITING = replace(DANGER, id="b2", owner="waiting", alert=None, waiting_since=0)


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver.listening() as made:
        yield made


def caller(*targets: str, haste: Haste = SOON, patience: float = 15.0) -> OnCall:
    return OnCall(targets, haste, centre="Test Centre", patience=patience)


async def test_the_call_says_how_many_wait_and_nothing_else(receiver: Receiver) -> None:
    """A danger and a request reach the service in one sentence without a word or number of theirs."""
    on_call = caller(receiver.address)
    assert await on_call.look([DANGER, WAITING])
    sent = receiver.got[0]
    assert sent["message"].startswith("2 people need somebody, 1 in acute danger. Longest wait: ")
    assert not any(word in json.dumps(sent) for word in ("grey", "lips", "555", "Overdose", "a1"))
    assert "was told at" in on_call.shown(None) and on_call.told.failures == ()


async def test_it_is_repeated_until_somebody_accepts_and_then_called_off(receiver: Receiver) -> None:
    """Within the interval it is quiet, after it the call comes again; an empty line ends it with one word."""
    on_call = caller(receiver.address, haste=replace(SOON, again=100.0))
    assert await on_call.look([WAITING])
    assert not await on_call.look([WAITING])
    on_call.told = replace(on_call.told, at=now() - 101_000)
    assert await on_call.look([WAITING])
    assert await on_call.look([])
    assert not await on_call.look([])
    assert [call["message"][:8] for call in receiver.got] == ["1 person", "1 person", "Nobody w"]
    assert on_call.shown(None) == ""


async def test_a_new_danger_does_not_wait_for_the_next_round(receiver: Receiver) -> None:
    """Somebody in acute danger while an ordinary call is under way is told of at once, and once."""
    on_call = caller(receiver.address)
    await on_call.look([WAITING])
    assert await on_call.look([WAITING, DANGER])
    assert not await on_call.look([WAITING, DANGER])


async def test_who_has_only_just_come_and_who_is_made_for_practice_wakes_nobody(receiver: Receiver) -> None:
    """Each has its own time; practice has none."""
    on_call = caller(receiver.address, haste=Haste(danger=60, waiting=60, again=1))
    fresh = replace(DANGER, alert=replace(DANGER.alert, raised_at=now()))
    assert not await on_call.look([fresh, replace(WAITING, waiting_since=now())])
    assert not await caller(receiver.address).look([replace(DANGER, practice=7)])
    assert receiver.got == []


@pytest.mark.parametrize(("status", "body", "hangs", "says"), [
    (500, b"", False, "refused or could not be reached"),
    (403, b"{}", False, "refused or could not be reached"),
    (200, b"", True, "did not answer"),
])
async def test_a_service_that_refuses_or_hangs_is_named_and_holds_up_nobody(
    receiver: Receiver, status: int, body: bytes, hangs: bool, says: str
) -> None:
    """Staff read which way failed, without its address, and the other way still gets the call."""
    receiver.status, receiver.body, receiver.hangs = status, body, hangs
    other = Receiver()
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0)
    on_call = caller(receiver.address, address_of(server),
                     patience=SECONDS / 2 if hangs else SECONDS)  # of both alike, and one answers
    await on_call.look([DANGER])
    server.close()
    assert len(other.got) == 1
    assert f"way 1 of HAVEN_ON_CALL {says}" in on_call.shown(None)
    assert "127.0.0.1" not in on_call.shown(None) and "Call them yourself" not in on_call.shown(None)


@pytest.mark.parametrize("target", ["no address at all", "json://127.0.0.1:1", "nonsense://x"])
async def test_when_no_way_works_staff_are_told_to_call_themselves(target: str) -> None:
    """An address that cannot be read or reached is said in the console; the next look tries again."""
    on_call = caller(target, haste=replace(SOON, again=0.0))
    await on_call.look([DANGER])
    assert "could NOT be told" in on_call.shown(None) and "Call them yourself" in on_call.shown(None)
    assert await on_call.look([DANGER])


async def test_an_answer_that_is_nonsense_counts_by_its_status(receiver: Receiver) -> None:
    """A service that babbles after taking the call has taken it."""
    receiver.body = b"\x00<<not json>>"
    on_call = caller(receiver.address)
    await on_call.look([DANGER])
    assert on_call.told.failures == ()


async def test_the_running_console_calls_and_shows_it(console: Console, receiver: Receiver) -> None:
    """Nobody takes a danger: the service is called, the open page says so, the log keeps it; then it is called off."""
    on_call = caller(receiver.address)
    console.app.ctx.on_call, before = on_call, console.app.ctx.on_call
    task = asyncio.create_task(on_call.run(console.parts, console.app.ctx.board))
    try:
        anna = await console.person("Anna")
        visitor = await console.visitor("my friend is blue and wont wake up")
        await until(lambda: _count(receiver), lambda count: count > 0)
        await until(lambda: anna.page(), lambda page: "The person on call was told" in page)
        await anna.act(visitor, "claim")
        await until(lambda: _logged(console), lambda rows: bool(rows))  # after it is shown
        rows = await _logged(console)
        assert rows[-1].staff is None and rows[-1].detail == "1 of 1 ways"
    finally:
        task.cancel()
        console.app.ctx.on_call = before


async def _logged(console: Console) -> list[Any]:
    async with console.parts.record.read() as connection:
        return list(await connection.execute(sa.select(audit).where(audit.c.action == "on_call_told")))


async def _count(receiver: Receiver) -> int:
    return len(receiver.got)


async def test_a_supervisor_tries_the_call_and_reads_how_it_went(console: Console, receiver: Receiver) -> None:
    """The test says that it is one; without any way, it says that nobody is on call; staff may not."""
    carla, anna = await console.person("Carla", role="supervisor"), await console.person("Anna")
    assert "Nobody is on call" in (await carla.do("on-call/test")).text
    console.app.ctx.on_call, before = caller(receiver.address), console.app.ctx.on_call
    try:
        assert "The test went out." in (await carla.do("on-call/test")).text
        assert receiver.got[0]["message"].startswith("This is a test")
        assert (await anna.do("on-call/test")).status_code == 403
    finally:
        console.app.ctx.on_call = before
