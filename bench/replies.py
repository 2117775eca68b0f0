"""End to end: from the visitor's send to the answer on their stream at a steady rate; a long conversation."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.questions import ordinary
from bench.timings import Timings
from bench.visitors import visitors
from bench.whole_stack import running
from cli.ask import whole_way
from switchboard import conversations

RATE = 20  # messages a second
SECONDS = 30
VISITORS = 120
LENGTHS = (10, 50, 100, 200, 400)


def measure() -> dict[str, Any]:
    """{"steady": percentiles, "long": ms of message n, "memory_mib": ..., "switchboard_ready_s": ...}."""
    with running() as stack:
        steady = asyncio.run(_steady(stack.url))
        memory = {name: stack.memory(name) for name in ("switchboard", "assistant", "actions")}
        start = time.perf_counter()
        stack.stack.control("restart", "switchboard")
        stack.stack.wait_until_ready()
        ready = round(time.perf_counter() - start, 1)
    return {"steady": steady, "memory_mib": memory, "switchboard_ready_s": ready, "long": asyncio.run(_long())}


async def _steady(url: str) -> dict[str, Any]:
    timings, questions = Timings(), ordinary()
    async with visitors(url, VISITORS) as asking:

        async def one(number: int) -> None:
            await asyncio.sleep(number / RATE)
            timings.taken.append(await asking[number % VISITORS].ask(next(questions)))

        outcomes = await asyncio.gather(*[one(n) for n in range(RATE * SECONDS)], return_exceptions=True)
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    return {"rate_per_second": RATE, **timings.summary(), "failed": len(failed)}


async def _long() -> dict[str, float]:
    """Message n of one conversation through inbox, record, assistant; a switchboard in this process, since the
    website's interface holds one visitor to a human pace."""
    questions, taken = ordinary(), []
    async with whole_way() as parts:
        async with parts.record.write() as tx:
            conversation = await conversations.begin(tx, channel="widget", language="en")
        for number in range(max(LENGTHS) + 3):
            start = time.perf_counter()
            await parts.inbox.receive(conversation.id, next(questions), client_id=str(number))
            with parts.streams.follow(conversation.id) as wake:
                while parts.brain.is_busy(conversation.id):
                    wake.clear()
                    await wake.wait()
            taken.append((time.perf_counter() - start) * 1000)
    return {str(n): round(sorted(taken[n - 3:n + 2])[2], 2) for n in LENGTHS}
