"""The crisis lane: how long guidance takes beside a saturated assistant, and beside a stopped one."""

from __future__ import annotations

import asyncio
from typing import Any

from bench.beside import Beside
from bench.questions import dangers
from bench.timings import Timings
from bench.visitors import Visitor, visitors
from bench.whole_stack import Running, running

AT_ONCE = 50
DANGERS = 200
GAP_SECONDS = 0.1
WARM_SECONDS = 5.0


def measure() -> dict[str, Any]:
    """Guidance in the answer to the send: {"saturated": ..., "alone": ...}, and the ordinary reply beside it."""
    with running() as stack:
        result = asyncio.run(_saturated(stack))
        stack.stack.control("stop", "assistant", "actions")
        result["alone"] = asyncio.run(_alone(stack))
        return result


async def _saturated(stack: Running) -> dict[str, Any]:
    async with visitors(stack.url, DANGERS // 4) as endangered:
        crowd = await Beside.start("bench.askers", stack.url, AT_ONCE, WARM_SECONDS + DANGERS * GAP_SECONDS)
        await asyncio.sleep(WARM_SECONDS)
        guided = await _guided(endangered)
    return {"saturated": guided, "ordinary": await crowd.said()}


async def _alone(stack: Running) -> dict[str, Any]:
    async with visitors(stack.url, DANGERS // 4) as endangered:
        return await _guided(endangered)


async def _guided(endangered: list[Visitor]) -> dict[str, Any]:
    """Send DANGERS messages at even gaps; the time to the answer of each, and how many brought guidance."""
    timings, words, refused = Timings(), dangers(), 0

    async def one(number: int) -> bool:
        nonlocal refused
        await asyncio.sleep(number * GAP_SECONDS)
        with timings.one():
            answer = await endangered[number % len(endangered)].post(next(words))
        refused += answer.status_code != 201
        body = answer.json()  # what could not be stored is refused with the guidance all the same
        return bool(body.get("guidance")) or any(reply["kind"] == "guidance" for reply in body.get("replies", []))

    found = sum(await asyncio.gather(*[one(number) for number in range(DANGERS)]))
    return {**timings.summary(), "with_guidance": found, "refused": refused}
