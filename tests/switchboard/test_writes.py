"""switchboard.records.writes: a burst of small writes shares a commit, and one that fails takes no other with it."""

from __future__ import annotations

import asyncio

import pytest

from switchboard import conversations
from switchboard.records.writes import Writes


async def test_a_burst(record):
    """All writes of a burst are done once, and each caller gets its own result."""
    writes, done = Writes(record), []

    async def begin(tx, number):
        made = await conversations.begin(tx, channel="sms", language="en", address=str(number))
        done.append(number)
        return made

    made = await asyncio.gather(*(writes.do(lambda tx, n=n: begin(tx, n)) for n in range(100)))

    assert [each.address for each in made] == [str(n) for n in range(100)]
    assert sorted(done) == list(range(100))


async def test_one_fails(record):
    """One that fails among others gets its own error; the others are written."""
    writes = Writes(record)

    async def begin(tx, number):
        made = await conversations.begin(tx, channel="sms", language="en", address=str(number))
        if number == 3:
            raise ValueError("three")
        return made

    results = await asyncio.gather(*(writes.do(lambda tx, n=n: begin(tx, n)) for n in range(6)), return_exceptions=True)

    assert [isinstance(result, ValueError) for result in results] == [n == 3 for n in range(6)]
    async with record.read() as connection:
        kept = [await conversations.by_address(connection, "sms", str(n)) for n in range(6)]
    assert [place is not None for place in kept] == [n != 3 for n in range(6)]


async def test_a_caller_that_left(record):
    """A caller that was cancelled holds nobody up."""
    writes, hold = Writes(record), asyncio.Event()

    async def wait(tx):
        await hold.wait()

    async def say(tx):
        return "done"

    left = asyncio.create_task(writes.do(wait))
    await asyncio.sleep(0.05)
    after = asyncio.create_task(writes.do(say))
    left.cancel()
    hold.set()

    assert await after == "done"
    with pytest.raises(asyncio.CancelledError):
        await left
