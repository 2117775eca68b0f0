"""Visitors who ask on and on, in a process of their own: what they cost themselves must not show in what is measured.

    PYTHONPATH=. .venv/switchboard/bin/python -m bench.askers URL COUNT SECONDS

Says when they are at it, and at the end how long they waited for answers. Its priority is low, since real visitors have
processors of their own.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import httpx

from bench.questions import ordinary
from bench.timings import Timings
from bench.visitors import Visitor, visitors

PACE_SECONDS = 1.5  # what one visitor is held to


async def ask(url: str, count: int, seconds: float) -> dict[str, Any]:
    """Let `count` visitors ask for so long; the percentiles of their answers."""
    timings, questions, missed = Timings(), ordinary(), 0
    async with visitors(url, count) as asking:
        print("at it", flush=True)
        until = time.monotonic() + seconds

        async def on(visitor: Visitor) -> None:
            nonlocal missed
            while time.monotonic() < until:
                try:
                    timings.taken.append(await visitor.ask(next(questions)))
                except (httpx.HTTPError, TimeoutError):  # refused, or not answered in time: the load must go on
                    missed += 1
                await asyncio.sleep(PACE_SECONDS)

        await asyncio.gather(*(on(visitor) for visitor in asking))
    return {**timings.summary(), "refused_or_late": missed}


def main() -> None:
    """One crowd."""
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    os.nice(10)
    print(json.dumps(asyncio.run(ask(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))


if __name__ == "__main__":
    main()
