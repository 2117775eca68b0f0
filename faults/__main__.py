"""`make faults`: runs real traffic against the real stack, breaks its parts, and holds the ledger against it."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable
from typing import Any

import click
import httpx

from bench import machine, questions
from faults import report
from faults.ledger import Findings, examine
from faults.nurse import Nurse
from faults.visitor import Phone, Step, Visitor
from faults.world import PEOPLE, World, world
from faults.wrongs import break_things
from haven.crisis import Guard
from switchboard.sessions import Sessions

WAYS_TO_A_PERSON = ("can i talk to a real person", "i would like to talk to someone please", "is there a human there?")
CHATS, PHONES = 80, 20  # people writing at the same time
DANGERS = 60
STAFF_TOO = 1.3  # messages of everybody for each of visitors'


class Crowd:
    """People who write, at a steady rate altogether, until enough was written."""

    def __init__(self, place: World, chance: random.Random, messages: int, rate: float) -> None:
        self._world, self._chance, self._messages, self._gap = place, chance, messages, 1 / rate
        self._sessions = Sessions(place.settings.session_secret, days=7)
        self._next = time.monotonic()
        self._ordinary = questions.ordinary()
        self._dangers = _acute(place)
        self.visitors: list[Visitor] = []
        self.broken_enough = False  # people write on while things are still being broken

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        async with httpx.AsyncClient(base_url=self._world.url, trust_env=False, limits=limits) as http:
            await asyncio.gather(*(self._chats(http) for _ in range(CHATS)), *(self._phones(n) for n in range(PHONES)))

    async def _chats(self, http: httpx.AsyncClient) -> None:
        while not self._enough():
            visitor = self.visitor(http)
            await visitor.run(self._steps(3, 8), self._pace, erases=self._chance.random() < 0.05)

    def visitor(self, http: httpx.AsyncClient) -> Visitor:
        """One more who has a page."""
        self.visitors.append(Visitor(http, self._world.journal, self._sessions, self._chance))
        return self.visitors[-1]

    def danger(self) -> str:
        """Words of somebody in danger."""
        return self._chance.choice(self._dangers)

    async def _phones(self, place: int) -> None:
        turn = 0
        while not self._enough():
            number = f"+1615{2_000_000 + 10_000 * place + turn:07}"
            phone = Phone(number, self._world.carrier, self._world.journal, self._chance)
            await phone.run(self._steps(2, 5), self._pace)
            turn += 1

    def _steps(self, fewest: int, most: int) -> list[Step]:
        return [self._step() for _ in range(self._chance.randint(fewest, most))]

    def _step(self) -> Step:
        dice = self._chance.random()
        if dice < 0.10:
            return "danger", self.danger()
        if dice < 0.18:
            return "person", self._chance.choice(WAYS_TO_A_PERSON)
        return "ask", next(self._ordinary)

    def _enough(self) -> bool:
        return self._world.over.is_set() or (self.broken_enough and len(self._world.journal.sends) >= self._messages)

    async def _pace(self) -> bool:
        """Wait for one's turn among all who write."""
        self._next = max(self._next + self._gap, time.monotonic() - 5)
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))
        return not self._enough()


def _acute(place: World) -> list[str]:
    """Messages of people in danger that the guard, asked alone, calls acute: this measures faults, not the guard."""
    guard = Guard.load(place.settings.data, place.settings.models)
    found = (text for text in questions.dangers() if guard.assess(text, []).level == "acute")
    return [next(found) for _ in range(DANGERS)]


@click.command()
@click.option("--messages", default=10_000, show_default=True, help="Messages of visitors and staff.")
@click.option("--faults", "count", default=200, show_default=True)
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option("--rate", default=10.0, show_default=True, help="Messages a second.")
@click.option("--minutes", default=60.0, show_default=True, help="After so long traffic ends, whatever is left.")
@click.option("--write/--no-write", default=False, help="Keep the figures in docs/reliability.md.")
def main(messages: int, count: int, database: str, seed: int, rate: float, minutes: float,
         write: bool) -> None:
    """Ends with 1 when a promise was broken; each violation is printed with what was broken around it."""
    about = {"machine": machine.about(), "database": database, "seed": seed}
    findings, result, lines = asyncio.run(_run(messages, count, database, seed, rate, minutes, about))
    for line in lines:
        click.echo(line)
    click.echo(report.json.dumps(result, indent=1))
    if write:
        report.write(result)
    sys.exit(1 if findings.violations else 0)


async def _run(
    messages: int, count: int, database: str, seed: int, rate: float, limit: float, about: dict[str, Any]
) -> tuple[Findings, dict[str, Any], list[str]]:
    chance = random.Random(seed)  # noqa: S311 (a repeatable run, not a secret)
    async with world(database) as place:
        began = time.time()
        crowd = Crowd(place, chance, messages, rate)
        people = [Nurse(place.url, number, place.journal, chance) for number in range(PEOPLE)]
        nurses = [asyncio.create_task(nurse.run(place.over)) for nurse in people]
        asyncio.get_running_loop().call_later(limit * 60, place.over.set)
        telling = asyncio.create_task(_tell(place, messages))
        every = messages / (STAFF_TOO * rate) / count
        breaking = asyncio.create_task(
            _broken(crowd, break_things(place, database, count, every, random.Random(seed))))  # noqa: S311
        await asyncio.gather(crowd.run(), breaking)
        telling.cancel()
        place.over.set()
        await asyncio.wait(nurses, timeout=120)
        minutes = round((time.time() - began) / 60, 1)
        findings = await examine(place, crowd.visitors)
        lines = [report.told(violation, place.journal) for violation in findings.violations]
        return findings, report.figures(findings, place.journal, {**about, "minutes": minutes}), lines


async def _broken(crowd: Crowd, breaking: Awaitable[None]) -> None:
    try:
        await breaking
    finally:
        crowd.broken_enough = True


async def _tell(place: World, messages: int) -> None:
    """Say once in a while how far it is."""
    while True:
        await asyncio.sleep(20)
        now = [wrong.kind for wrong in place.journal.wrongs if wrong.end == float("inf")]
        click.echo(f"{len(place.journal.sends)} of {messages} messages, {len(place.journal.wrongs)} faults; "
                   f"broken now: {', '.join(now) or 'nothing'}", err=True)


if __name__ == "__main__":
    main()
