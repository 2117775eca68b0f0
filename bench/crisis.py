"""The crisis lane: how long guidance takes beside a saturated assistant, and beside a stopped one."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.questions import dangers, ordinary
from bench.timings import Timings
from bench.visitors import Visitor, visitors
from bench.whole_stack import Running, running

AT_ONCE = 50
DANGERS = 200
GAP_SECONDS = 0.1


def measure() -> dict[str, Any]:
    """Guidance in the answer to the send: {"saturated": ..., "alone": ...}, and the ordinary reply beside it."""
    with running() as stack:
        result = asyncio.run(_saturated(stack))
        stack.stack.control("stop", "assistant", "actions")
        result["alone"] = asyncio.run(_alone(stack))
        return result


async def _saturated(stack: Running) -> dict[str, Any]:
    plain, questions = Timings(), ordinary()
    async with visitors(stack.url, AT_ONCE) as asking, visitors(stack.url, DANGERS // 4) as endangered:
        done = asyncio.Event()

        async def ask_on(visitor: Visitor) -> None:
            while not done.is_set():
                plain.taken.append(await visitor.ask(next(questions)))
                await asyncio.sleep(1.5)  # the pace that one visitor is held to; together they saturate the assistant

        load = [asyncio.create_task(ask_on(visitor)) for visitor in asking]
        await asyncio.sleep(5)
        guided = await _guided(endangered)
        done.set()
        await asyncio.gather(*load, return_exceptions=True)
    return {"saturated": guided, "ordinary": plain.summary()}


async def _alone(stack: Running) -> dict[str, Any]:
    async with visitors(stack.url, DANGERS // 4) as endangered:
        return await _guided(endangered)


async def _guided(endangered: list[Visitor]) -> dict[str, Any]:
    """Send DANGERS messages at even gaps; the time to the answer of each, and how many brought guidance."""
    timings, words = Timings(), dangers()

    async def one(number: int) -> bool:
        await asyncio.sleep(number * GAP_SECONDS)
        start = time.perf_counter()
        body = await endangered[number % len(endangered)].send(next(words))
        timings.taken.append((time.perf_counter() - start) * 1000)
        return any(reply["kind"] == "guidance" for reply in body["replies"])

    found = sum(await asyncio.gather(*[one(number) for number in range(DANGERS)]))
    return {**timings.summary(), "with_guidance": found}
