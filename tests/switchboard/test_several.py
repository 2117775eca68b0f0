"""Two real switchboard processes on one PostgreSQL record: nothing waits, nothing is said twice, one may die."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import httpx
import pytest
import sqlalchemy as sa

from haven.centre import DAYS
from haven.settings import load_settings
from switchboard import conversations, relay
from switchboard.conversations import Message
from switchboard.records.record import Record
from switchboard.records.tables import messages, on_call, switchboards, turns
from tests.switchboard.conftest import Assistant
from tests.switchboard.people import Visitor, signed_in
from tests.switchboard.process import Process
from tests.switchboard.receiver import Receiver
from tests.switchboard.sms.conftest import until
from tests.waiting import SECONDS

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
OVERDOSE = "my friend took too much and her lips are blue"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """What the person on call gets."""
    async with Receiver.listening() as made:
        yield made


@pytest.fixture
async def pair(database, tmp_path, assistant, receiver) -> AsyncIterator[list[Process]]:
    """Two switchboards that start at the same moment on an empty database."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                       database_url=database, turn_budget=5.0, proof_seconds=0, on_call=receiver.address,
                       on_call_danger=1.0, on_call_waiting=600.0)
    made = [Process(settings, name) for name in ("a", "b")]
    try:
        await asyncio.gather(*(one.start() for one in made))
        yield made
    finally:
        for one in made:
            one.end()


async def _conversation(record: Record) -> str:
    async with record.read() as connection:
        return (await connection.execute(sa.select(messages.c.conversation).limit(1))).scalar_one()


async def test_two_switchboards_are_one_haven(pair, record, assistant):
    """Visitor on A and staff on B see each other live, one of two claims wins, and when A is killed nothing is lost."""
    a, b = pair
    visitor = await Visitor.start(a.url)
    other, maria = await signed_in(record, a.url, "tom"), await signed_in(record, b.url, "maria")
    queue = asyncio.create_task(_alert_seen(maria))
    await asyncio.sleep(0.5)
    await visitor.say(a.url, OVERDOSE)
    assert "overdose" in (await asyncio.wait_for(queue, SECONDS)).lower()  # the danger is live at the other switchboard

    conversation = await _conversation(record)
    claims = await asyncio.gather(*(http.post(f"/staff/conversations/{conversation}/claim")
                                    for http in (other, maria)))
    assert sorted(answer.status_code for answer in claims) in ([200, 409], [204, 409], [303, 409])
    winner, url = (maria, b.url) if claims[1].status_code != 409 else (other, a.url)

    elsewhere = a.url if url == b.url else b.url
    following = await visitor.following(elsewhere, lambda e, d: e == "message" and d["text"] == "I am here.")
    typing = await visitor.following(elsewhere, lambda e, d: e == "state" and d["staff_typing"])
    await winner.post(f"/staff/conversations/{conversation}/typing")
    await typing
    said = await winner.post(f"/staff/conversations/{conversation}/reply", data={"text": "I am here."})
    assert said.status_code < 400, said.text
    await following

    a.end()
    await visitor.say(b.url, "are you still there")
    everything = await visitor.read(b.url, lambda e, d: e == "message" and d["text"] == "are you still there")
    seqs = [m["seq"] for m in everything]
    assert seqs == sorted(set(seqs)) and "I am here." in [m["text"] for m in everything]
    await other.aclose()
    await maria.aclose()


async def _alert_seen(http: httpx.AsyncClient) -> str:
    async with http.stream("GET", "/staff/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: ") and "overdose" in line.lower():
                return line
    raise AssertionError("the console's stream ended")


async def test_what_a_dead_switchboard_owed_is_answered(pair, record, assistant):
    """A is killed in the middle of a turn: B answers within seconds, once."""
    a, b = pair
    assistant.hold = asyncio.Event()
    visitor = await Visitor.start(a.url)
    await visitor.say(a.url, "what is methadone?")
    while not assistant.asked:
        await asyncio.sleep(0.02)
    a.end()
    assistant.hold.set()
    found = await visitor.read(b.url, lambda e, d: e == "message" and d["text"] == "an answer", seconds=2 * SECONDS)
    await asyncio.sleep(2.5)  # another sweep
    found = await visitor.read(b.url, lambda e, d: e == "state")
    assert [m["text"] for m in found].count("an answer") == 1


async def test_both_take_up_and_one_answers(pair, record, assistant):
    """A message that both switchboards find unanswered is asked about once and answered once."""
    async with record.write() as tx:
        for _ in range(8):
            conversation = await conversations.begin(tx, channel="widget", language="en")
            await conversations.add(tx, conversation, Message(author="visitor", text="what is methadone?"))
        await tx.execute(messages.update().values(at=messages.c.at - 60_000))  # beyond every budget
    answers = sa.select(sa.func.count()).where(messages.c.author == "bot")
    await until(lambda: _count(record, answers), 8, seconds=2 * SECONDS)
    await asyncio.sleep(2.5)
    held = await _count(record, sa.select(sa.func.count()).select_from(turns))
    assert (await _count(record, answers), len(assistant.asked), held) == (8, 8, 0)


async def _count(record: Record, query: sa.Select[tuple[int]]) -> int:
    async with record.read() as connection:
        return (await connection.execute(query)).scalar_one()


async def test_a_stop_ends_streams_and_finishes_turns(pair, record, assistant):
    """SIGTERM: the turn under way is answered, event streams end at once, and the process is gone in seconds."""
    a, b = pair
    assistant.delay = 0.7
    visitor = await Visitor.start(a.url)
    following = await visitor.following(a.url, lambda e, d: False, seconds=2 * SECONDS)
    await visitor.say(a.url, "what is methadone?")
    while not assistant.asked:
        await asyncio.sleep(0.02)
    a.send(signal.SIGTERM)
    with pytest.raises((AssertionError, httpx.TransportError)):
        await following
    assert await a.ended() == 0
    found = await visitor.read(b.url, lambda e, d: e == "message" and d["text"] == "an answer")
    assert len(assistant.asked) == 1 and found
    await until(lambda: _count(record, sa.select(sa.func.count()).select_from(switchboards)), 1)


async def test_a_lost_line_holds_up_nothing(pair, record, assistant, database):
    """While the listening connections are killed again and again, a word at A is at B within two seconds.

    On a machine that has time: one look of the relay may pass. A stream left to itself would look in five minutes.
    """
    assert relay.POLL_SECONDS <= 1.0
    a, b = pair
    visitor = await Visitor.start(a.url)
    dsn = database.replace("+asyncpg", "")
    killer = await asyncpg.connect(dsn)
    try:
        for number in range(3):
            words = f"hello number {number}"
            following = await visitor.following(
                b.url, lambda e, d, words=words: e == "message" and d["text"] == words)
            await killer.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                 "WHERE query LIKE '%pg_notify%' AND pid <> pg_backend_pid()")
            await visitor.say(a.url, words)
            await following
    finally:
        await killer.close()


async def test_sequence_numbers_become_visible_in_order(record):
    """While one transaction with a message is open, another cannot store the next: `seq > n` skips nothing."""
    async with record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
    async with record.write() as first:
        await conversations.add(first, conversation, Message(author="visitor", text="one"))

        async def second() -> None:
            async with record.write() as tx:
                await conversations.add(tx, conversation, Message(author="visitor", text="two"))

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.3)
        assert not waiting.done()
        async with record.read() as reader:
            assert await conversations.after(reader, conversation.id, 0) == []
    await waiting
    async with record.read() as reader:
        assert [m.text for m in await conversations.after(reader, conversation.id, 0)] == ["one", "two"]


async def test_the_person_on_call_is_called_once(pair, record, receiver):
    """Two switchboards see the same danger: one call, which staff at both read; one call more when it is over."""
    a, b = pair
    visitor = await Visitor.start(a.url)
    async with asyncio.timeout(4 * SECONDS):
        await visitor.say(a.url, OVERDOSE)
        staff = [await signed_in(record, one.url, name) for one, name in ((a, "tom"), (b, "maria"))]
        for http in staff:
            await until(lambda http=http: _reads(http, "The person on call was told at"))
        await asyncio.sleep(3)  # three looks of each
        assert [_first_words(call) for call in receiver.got] == ["1 person needs somebody"]

        await staff[1].post(f"/staff/conversations/{await _conversation(record)}/claim")
        for http in staff:
            await until(lambda http=http: _reads(http, "The person on call was told at"), False)
        await asyncio.sleep(3)
    assert [_first_words(call) for call in receiver.got][1:] == ["Nobody waits any more"]
    for http in staff:
        await http.aclose()


async def test_the_call_goes_on_when_the_caller_dies(pair, record, receiver):
    """The switchboard that called is killed: the other one tells of the next danger, and does not repeat the first."""
    visitor = await Visitor.start(pair[0].url)
    await visitor.say(pair[0].url, OVERDOSE)
    await until(lambda: _noted(record))  # killed before that, it leaves its call under way for twenty seconds
    pair[0].end()
    other = await Visitor.start(pair[1].url)
    await other.say(pair[1].url, OVERDOSE)
    await until(lambda: len(receiver.got) == 2, seconds=2 * SECONDS)
    assert [_first_words(call) for call in receiver.got] == ["1 person needs somebody", "2 people need somebody"]


async def _noted(record: Record) -> bool:
    """Whether the record knows of a call that was made."""
    async with record.read() as connection:
        return (await connection.execute(sa.select(on_call.c.told_at))).scalar_one() > 0


def _first_words(call: dict[str, str]) -> str:
    return call["message"].partition(",")[0].partition(":")[0]


async def _reads(http: httpx.AsyncClient, words: str) -> bool:
    return words in (await http.get("/staff/")).text


async def test_hours_and_presence_are_shared(pair, record, assistant):
    """Hours set at A count at B; who is at the console of A is present at B, and is not once A is dead."""
    a, b = pair
    carla = await signed_in(record, a.url, "carla", "supervisor")
    always, never = ["00:00-24:00"] * 7, [""] * 7
    for week, is_open in ((always, True), (never, False), (always, True)):
        days = dict(zip(DAYS, week, strict=True))
        answer = await carla.post("/staff/hours", data={"time_zone": "America/New_York", "holidays": "", **days})
        assert answer.status_code == 303, answer.text
        await until(lambda is_open=is_open: _told(b, assistant, "open", is_open))

    await until(lambda: _told(b, assistant, "present", 1))
    a.end()
    await until(lambda: _told(b, assistant, "present", 0))
    await carla.aclose()


async def _told(switchboard: Process, assistant: Assistant, name: str, wanted: object) -> bool:
    """Whether the assistant is told so of the staff with the next question."""
    before = len(assistant.asked)
    await (await Visitor.start(switchboard.url)).say(switchboard.url, "what is methadone?")
    await until(lambda: len(assistant.asked) > before)
    await asyncio.sleep(0.3)
    return assistant.asked[-1]["staff"][name] == wanted
