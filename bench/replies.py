"""End to end: from the visitor's send to the answer on their stream at a steady rate; a long conversation."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.machine import processor_ms
from bench.questions import ordinary
from bench.timings import Timings
from bench.visitors import visitors
from bench.whole_stack import ALL, Running, running
from cli.ask import whole_way
from switchboard import conversations

RATE = 20  # messages a second
SECONDS = 30
VISITORS = 120
FEW, REPLIES = 10, 60
LENGTHS = (10, 50, 100, 200, 400)


def measure() -> dict[str, Any]:
    """{"alone", "steady": percentiles, "processor_ms_a_message", "memory_mib": of each process,
    "switchboard_ready_s", "long": ms of message n}."""
    with running() as stack:
        alone = asyncio.run(one_by_one(stack.url))
        before = _processor_ms(stack)
        steady = asyncio.run(_steady(stack.url))
        used = {name: round((ms - before[name]) / (RATE * SECONDS), 1) for name, ms in _processor_ms(stack).items()}
        memory = {name: stack.memory(name) for name in ALL}
        stack.stack.control("stop", "switchboard")
        start = time.perf_counter()
        stack.stack.control("start", "switchboard")
        stack.stack.wait_until_ready()
        ready = round(time.perf_counter() - start, 1)
    return {"alone": alone, "steady": steady, "processor_ms_a_message": used, "memory_mib": memory,
            "switchboard_ready_s": ready, "long": asyncio.run(_long())}


def _processor_ms(stack: Running) -> dict[str, float]:
    return {name: processor_ms(int(stack.stack.control("pid", name))) for name in ALL}


async def one_by_one(url: str) -> dict[str, float]:
    """Ordinary replies of a few visitors, one after the other: nothing waits for anything."""
    timings, questions = Timings(), ordinary()
    async with visitors(url, FEW) as asking:
        for number in range(REPLIES):
            timings.taken.append(await asking[number % FEW].ask(next(questions)))
    return timings.summary()


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
