"""`python -m faults.restarts`: how soon guidance comes in the first moments after a switchboard's start."""

from __future__ import annotations

import asyncio
import math
import os
import random
import signal

import click
import httpx

from faults.__main__ import Crowd
from faults.report import spread
from faults.visitor import Visitor
from faults.world import World, world

DANGERS = 8  # after each start, by page and text in turn
GAP_SECONDS = 0.18
RATE = 15.0  # messages a second of everybody
WARM_SECONDS, REST_SECONDS = 12.0, 6.0


@click.command()
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--times", default=12, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(database: str, times: int, seed: int) -> None:
    """Prints how long dangers waited for guidance, from the first sending to the end of the try that brought it."""
    took = asyncio.run(_run(database, times, random.Random(seed)))  # noqa: S311 (a repeatable run, not a secret)
    click.echo(f"{database}: {spread(took)} ms")


async def _run(database: str, times: int, chance: random.Random) -> list[float]:
    async with world(database) as place:
        crowd = Crowd(place, chance, messages=1 << 30, rate=RATE)
        writing = asyncio.create_task(crowd.run())
        await asyncio.sleep(WARM_SECONDS)
        took: list[float] = []
        async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
            for number in range(times):
                took += await _once(place, crowd, http, number)
                await asyncio.sleep(REST_SECONDS)
        place.over.set()
        await asyncio.wait((writing,))
        return took


async def _once(place: World, crowd: Crowd, http: httpx.AsyncClient, number: int) -> list[float]:
    visitors = [crowd.visitor(http) for _ in range(DANGERS // 2)]
    for visitor in visitors:
        await visitor.begin(_at_once)
    os.kill(place.pid("switchboard") or 0, signal.SIGKILL)
    await asyncio.sleep(1.0)
    if not await place.answers("switchboard", within=60.0):
        raise click.ClickException("the switchboard did not come back")
    return await asyncio.gather(*(
        _told(place, crowd, None if turn % 2 else visitors[turn // 2], f"+1615{9_000_000 + number * DANGERS + turn}",
              after=turn * GAP_SECONDS) for turn in range(DANGERS)))


async def _told(place: World, crowd: Crowd, visitor: Visitor | None, number: str, *, after: float) -> float:
    """Seconds until somebody's guidance: a visitor's, or where there is none that of a number that texts."""
    await asyncio.sleep(after)
    if visitor:
        send = await visitor.say(crowd.danger(), danger=True)
    else:
        send = place.journal.send("sms", number, "", crowd.danger(), danger=True)
        await place.carrier.hand_in(send)
    return next((each.end for each in send.tries if each.guidance), math.inf) - send.tries[0].at


async def _at_once() -> bool:
    return True


if __name__ == "__main__":
    main()
