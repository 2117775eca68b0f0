"""switchboard.relay: whenever PostgreSQL cuts the line, in the middle of a statement too, it is made anew."""

from __future__ import annotations

import asyncio
import random
import time

import asyncpg
import pytest

from switchboard import relay
from switchboard.relay import Relay
from switchboard.streams import Streams
from tests.waiting import SECONDS

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
CUTTING_SECONDS, MANY = 8.0, 20


async def test_cut_at_any_moment(record, database, monkeypatch):
    """Through cuts at random moments, for eight seconds and until there were many, neither end stops for good; a word
    goes over afterwards."""
    monkeypatch.setattr(relay, "POLL_SECONDS", 0.02)
    streams = [Streams(), Streams()]
    lines = [asyncio.create_task(Relay(record, each).run()) for each in streams]
    killer = await asyncpg.connect(database.replace("+asyncpg", ""))
    chance = random.Random(1)  # noqa: S311 (moments, not secrets)
    cuts, end = 0, time.monotonic() + CUTTING_SECONDS
    while time.monotonic() < end or cuts <= MANY:
        await asyncio.sleep(chance.random() * 0.02)
        streams[0].tell("something")
        cuts += len(await killer.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                                       "current_database() AND query ~ 'pg_notify|LISTEN' AND pid <> pg_backend_pid()"))
    await killer.close()

    assert not [line for line in lines if line.done()]
    with streams[1].follow("conversation") as wake:
        async with asyncio.timeout(SECONDS):
            while not wake.is_set():
                streams[0].tell("conversation")
                await asyncio.sleep(0.05)
    for line in lines:
        line.cancel()
    await asyncio.gather(*lines, return_exceptions=True)
