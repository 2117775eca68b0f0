"""Several assistants: a conversation stays with one, and another steps in within the turn's budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from cli.stack import free_port
from switchboard.assistant_client import AssistantClient, AssistantFailed
from tests.switchboard.conftest import Assistant

BUDGET = 6.0  # seconds: no machine is so slow that it takes half of them for one answer


@pytest.fixture
async def two() -> AsyncIterator[tuple[list[Assistant], AssistantClient]]:
    made, servers = [Assistant(), Assistant()], []
    for one in made:
        servers.append(await asyncio.start_server(one.serve, "127.0.0.1", 0))
    urls = [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    client = AssistantClient(urls, "secret", budget=BUDGET)
    yield made, client
    await client.close()
    for server in servers:
        server.close()


def turn(conversation: str) -> dict:
    return {"conversation": f"{conversation}.0", "crisis": {"said": False}}


async def test_a_conversation_stays_with_its_assistant(two):
    """Each conversation is asked about at one assistant, and both get some."""
    assistants, client = two
    for number in range(16):
        await client.turn(turn(f"c{number}"))
        await client.turn(turn(f"c{number}"))
    asked = [{body["conversation"] for body in one.asked} for one in assistants]
    assert all(asked) and not asked[0] & asked[1]


@pytest.mark.parametrize("status", [500, 503])
async def test_the_other_answers_at_once_for_one_that_refuses(two, status):
    """An assistant that answers 503 or fails costs no visitor an answer."""
    assistants, client = two
    assistants[0].status = status
    assert all([await client.turn(turn(f"c{number}")) for number in range(8)])


async def test_one_that_hangs_is_left_out(two):
    """A hanging assistant costs half the budget once; then the other is asked first."""
    assistants, client = two
    assistants[0].delay = 60.0
    for number in range(8):
        assert await client.turn(turn(f"c{number}"))
    began = time.monotonic()
    for number in range(8):
        assert await client.turn(turn(f"c{number}"))
    assert time.monotonic() - began < BUDGET / 2  # what a single one that hangs would cost


async def test_with_nobody_there_the_turn_fails_in_time():
    """Where no assistant answers, the brain hears so within the budget."""
    client = AssistantClient([f"http://127.0.0.1:{free_port()}" for _ in range(2)], "secret", budget=BUDGET)
    began = time.monotonic()
    with pytest.raises(AssistantFailed):
        await client.turn(turn("c1"))
    assert time.monotonic() - began < BUDGET
    assert await client.ready() == [False, False]
    await client.close()
