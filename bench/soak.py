"""`make soak`: a steady load on both channels for an hour; does the memory of any process grow?

    PYTHONPATH=. .venv/switchboard/bin/python -m bench.soak --minutes 60 --rate 5

The whole stack runs with a stand-in for Twilio. Half of the messages come from website visitors, who open a stream,
write four times and erase their chat; half are texts of 300 phones. One in twenty is a message of danger; somebody at
an open console sets the dangers aside. Resident memory is sampled every half minute; after a warm-up a straight line is
fitted to it. Exits with 1 when a process grew (for certain, and by more than LEAK_MIB an hour), ended, or a message was
not answered.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import click
import httpx

from bench import machine
from bench.questions import dangers, ordinary
from bench.visitors import Visitor, begin
from bench.whole_stack import ALL, Running, running
from haven.settings import Secret
from switchboard import accounts
from switchboard.records.record import Record
from tests.twilio import ACCOUNT, OURS, PUBLIC, TOKEN, Twilio

SAMPLE_SECONDS = 30.0
WARM_UP = 1 / 3  # share of the time in which caches and pools may fill, as the assistant's memory of conversations
LEAK_MIB = 4.0  # an hour; at 5 messages a second that is 230 bytes a message
TURNS, TURN_SECONDS = 4, 2.0
PHONES = 300
DANGER_EVERY = 20
PASSWORD = "quiet river at night"  # noqa: S105 (of an account that lives for one run)


@dataclass
class Soak:
    """What was sent, what went wrong, and the samples: (minutes since the start, MiB) of each process."""

    sent: int = 0
    answered: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    samples: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: {name: [] for name in ALL})
    words: Iterator[str] = field(default_factory=lambda: mixed())

    def fault(self, what: str) -> None:
        self.faults[what] = self.faults.get(what, 0) + 1


@dataclass(frozen=True)
class Growth:
    """A straight line through the samples after the warm-up: MiB an hour, with twice its standard error."""

    first: float
    last: float
    slope: float
    doubt: float

    @property
    def leaks(self) -> bool:
        return self.slope - self.doubt > LEAK_MIB

    @classmethod
    def of(cls, samples: list[tuple[float, float]]) -> Growth:
        """Least squares over (minutes, MiB); needs three samples."""
        n = len(samples)
        mean_x, mean_y = sum(x for x, _ in samples) / n, sum(y for _, y in samples) / n
        spread = sum((x - mean_x) ** 2 for x, _ in samples)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread
        left = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in samples)
        error = math.sqrt(left / (n - 2) / spread)
        return cls(samples[0][1], samples[-1][1], slope * 60, 2 * error * 60)


@click.command()
@click.option("--minutes", default=60.0)
@click.option("--rate", default=5.0, help="Messages a second, both channels together.")
def main(minutes: float, rate: float) -> None:
    """Run once and print the table."""
    soak = Soak()
    about = machine.about()
    asyncio.run(run(soak, minutes, rate))
    grown = {name: Growth.of(_after_warm_up(samples, minutes)) for name, samples in soak.samples.items()}
    print(json.dumps({**about, "minutes": minutes, "rate": rate, "sent": soak.sent, "answered": soak.answered,
                      "faults": soak.faults, "samples": soak.samples}))
    print(table(soak, grown))
    sys.exit(1 if soak.faults or any(growth.leaks for growth in grown.values()) else 0)


def table(soak: Soak, grown: dict[str, Growth]) -> str:
    """The figures of each process."""
    rows = [f"| {name} | {g.first:.0f} | {g.last:.0f} | {g.slope:+.1f} ± {g.doubt:.1f} | "
            f"{'grows' if g.leaks else 'flat'} |"
            for name, g in grown.items()]
    head = "| process | MiB after warm-up | MiB at the end | MiB an hour | |"
    return "\n".join([f"{soak.sent} messages, {soak.answered} answered, faults: {soak.faults or 'none'}", "",
                      head, "|---|---|---|---|---|", *rows])


def _after_warm_up(samples: list[tuple[float, float]], minutes: float) -> list[tuple[float, float]]:
    return [sample for sample in samples if sample[0] >= WARM_UP * minutes]


def mixed() -> Iterator[str]:
    """Endless messages, one in DANGER_EVERY of danger."""
    calm, grave = ordinary(), dangers()
    for number in count(1):
        yield next(grave) if number % DANGER_EVERY == 0 else next(calm)


async def run(soak: Soak, minutes: float, rate: float) -> None:
    """Load a stack of its own for so long."""
    token = TOKEN.replace(" ", "-")
    async with Twilio(token=token, strict=False) as twilio:
        with running(sms_account=ACCOUNT, sms_tokens=(Secret(token),), sms_from=OURS, sms_addresses=(PUBLIC,),
                     sms_api=twilio.api) as stack:
            twilio.switchboard = stack.url
            await _account(stack)
            work = [asyncio.create_task(part) for part in (
                _website(soak, stack, rate / 2), _phones(soak, twilio, rate / 2), _nurse(soak, stack),
                _sample(soak, stack))]
            await asyncio.wait(work, timeout=minutes * 60, return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                if task.done():
                    soak.fault(f"ended: {task.exception()!r}")
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


async def _sample(soak: Soak, stack: Running) -> None:
    pids = {name: stack.stack.control("pid", name) for name in ALL}
    begun = time.monotonic()
    for number in count(1):
        await asyncio.sleep(begun + number * SAMPLE_SECONDS - time.monotonic())
        for name in ALL:
            if await asyncio.to_thread(stack.stack.control, "pid", name) != pids[name]:
                soak.fault(f"{name} ended")
            soak.samples[name].append(((time.monotonic() - begun) / 60, machine.memory_mib(int(pids[name]))))
        now = ", ".join(f"{name} {soak.samples[name][-1][1]:.1f} MiB" for name in ALL)
        click.echo(f"{number * SAMPLE_SECONDS / 60:.1f} min: {now}; {soak.sent} sent, faults {soak.faults}",
                   err=True)


# -- website --------------------------------------------------------------------------------------------------


async def _website(soak: Soak, stack: Running, rate: float) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    async with (httpx.AsyncClient(base_url=stack.url, timeout=30.0, trust_env=False, limits=limits) as http,
                asyncio.TaskGroup() as visits):
        begun = time.monotonic()
        for number in count():
            await asyncio.sleep(max(0.0, begun + number * TURNS / rate - time.monotonic()))
            visits.create_task(_visit(soak, http))


async def _visit(soak: Soak, http: httpx.AsyncClient) -> None:
    """One visitor from the first word to the erased chat."""
    following = None
    try:
        visitor = await begin(http)
        following = asyncio.create_task(visitor.follow())
        for _ in range(TURNS):
            soak.sent += 1
            await _ask(soak, visitor)
            await asyncio.sleep(TURN_SECONDS)
        await visitor.erase()
    except httpx.HTTPError as error:
        soak.fault(f"website: {type(error).__name__}")
    finally:
        if following:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _ask(soak: Soak, visitor: Visitor) -> None:
    try:
        await visitor.ask(next(soak.words))
        soak.answered += 1
    except TimeoutError:
        soak.fault("website: no answer")


# -- phones ---------------------------------------------------------------------------------------------------


async def _phones(soak: Soak, twilio: Twilio, rate: float) -> None:
    numbers = [f"+1615{5_000_000 + number:07}" for number in range(PHONES)]
    begun = time.monotonic()
    async with asyncio.TaskGroup() as texts:
        for number in count():
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            texts.create_task(_text(soak, twilio, numbers[number % PHONES]))


async def _text(soak: Soak, twilio: Twilio, number: str) -> None:
    soak.sent += 1
    begun = time.monotonic()
    try:
        answer = await twilio.text(number, next(soak.words))
        if answer.status_code != 200:
            soak.fault(f"text: {answer.status_code}")
    except httpx.HTTPError as error:
        soak.fault(f"text: {type(error).__name__}")
    while not any(message.to == number and message.at > begun for message in twilio.messages):
        if time.monotonic() - begun > 30:
            soak.fault("text: no answer")
            return
        await asyncio.sleep(0.5)
    soak.answered += 1
    twilio.messages[:] = [message for message in twilio.messages if message.at > time.monotonic() - 120]
    twilio.calls.clear()


# -- the console ----------------------------------------------------------------------------------------------


async def _account(stack: Running) -> None:
    record = Record.of(stack.settings)
    async with record.write() as tx:
        await accounts.add(tx, login="nurse", name="Night Nurse", role="staff",
                           password=await accounts.hashed(PASSWORD), must_change=False)
    await record.close()


async def _nurse(soak: Soak, stack: Running) -> None:
    """Sits at an open console and sets every danger aside as it comes; a window that lost its line opens it again."""
    async with httpx.AsyncClient(base_url=stack.url, timeout=30.0, trust_env=False) as http:
        await http.post("/staff/login", data={"login": "nurse", "password": PASSWORD})
        page = (await http.get("/staff/")).text
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found, "the nurse is not signed in"  # noqa: S101
        while True:
            try:
                await _at_the_console(http, found[1])
            except httpx.HTTPError as error:
                soak.fault(f"console: {type(error).__name__}")
            await asyncio.sleep(1.0)


async def _at_the_console(http: httpx.AsyncClient, csrf: str) -> None:
    async with http.stream("GET", "/staff/events", timeout=None) as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: ") or '"order": {' not in line:
                continue
            for conversation in json.loads(line.removeprefix("data: "))["order"]["line"]:
                with suppress(httpx.HTTPError):
                    await http.post(f"/staff/conversations/{conversation}/aside",
                                    data={"csrf": csrf, "reason": "looked at"})


if __name__ == "__main__":
    main()
