"""switchboard.calls: what a call that fails means, and that none takes longer than it may."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from cli.stack import free_port
from switchboard.calls import Broken, Calls, NotReached
from tests.waiting import SECONDS

WORDS = "what nobody may read in a log"


@asynccontextmanager
async def service(*writes: bytes, gap: float = 0.0, hang: bool = False, **limits: float):
    """A server that writes these bytes to whoever calls, then hangs or hangs up; gives a caller of it.

    The caller has time for a slow machine, unless `limits` (`timeout`, `silence`) say otherwise.
    """
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for part in writes:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(gap)
        if hang:
            await asyncio.sleep(2 * SECONDS)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    calls = Calls(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
                  **{"timeout": SECONDS, "connect": SECONDS, **limits})
    try:
        yield calls
    finally:
        await calls.close()
        server.close()


async def test_an_answer():
    """Status, headers and body come back as they were sent, a failure of the service too."""
    async with service(b"HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 8\r\n\r\n{\"a\": 1}") as calls:
        answer = await calls.post("/x", {"text": WORDS})

    assert (answer.status, answer.headers["retry-after"], answer.json()) == (429, "7", {"a": 1})


async def test_nobody_listens():
    """Where no connection can be made, the call certainly did not arrive."""
    calls = Calls(f"http://127.0.0.1:{free_port()}", timeout=SECONDS, connect=SECONDS)
    with pytest.raises(NotReached):
        await calls.post_form("/x", {"Body": WORDS})
    await calls.close()


@pytest.mark.parametrize(("writes", "more"), [
    ((), {"hang": True, "silence": 0.2}),
    ((b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nab",), {"hang": True, "silence": 0.2}),
    ((b"HTTP/1.1 200 X\r\nContent-Length: 999\r\n\r\n", *[b"a"] * 600), {"gap": 0.1, "timeout": 2.0}),
    ((), {}),
    ((b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nab",), {}),
    ((b"\x00\x01 no such thing\r\n\r\n",), {}),
], ids=["silent", "silent half-way", "trickling", "cut", "cut half-way", "nonsense"])
async def test_no_answer(writes, more):
    """Silence, a trickle, a cut and nonsense end within the time given, as a call that may have arrived."""
    began = time.monotonic()
    async with service(*writes, **more) as calls:
        with pytest.raises(Broken) as failed:
            await calls.post("/x", {"text": WORDS})

    assert time.monotonic() - began < SECONDS  # the service would have gone on for longer
    assert WORDS not in str(failed.value)


async def test_no_redirect_is_followed():
    """Words for one service are never carried on to another."""
    async with service(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as calls:
        assert (await calls.post("/x", {"text": WORDS})).status == 307
