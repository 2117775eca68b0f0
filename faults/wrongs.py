"""What the fault harness breaks, one function a wrong: it breaks, waits, mends, and says how the part came back."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psutil

from faults.world import World
from tests.twilio import Fault

BACK_SECONDS = {"switchboard": 90.0, "assistant": 180.0, "actions": 60.0}
STOP_SECONDS = 15.0  # stopwaitsecs of deploy/supervisord.conf
Break = Callable[[World, random.Random], Awaitable[None]]


# -- processes ------------------------------------------------------------------------------------------------


def killed(program: str) -> Break:
    """SIGKILL; the runner starts it again."""

    async def break_it(world: World, _: random.Random) -> None:
        with world.journal.breaking(f"{program} killed", program):
            if pid := world.pid(program):
                os.kill(pid, signal.SIGKILL)
            await _back(world, program)

    return break_it


def frozen(program: str, shortest: float, longest: float) -> Break:
    """SIGSTOP for some seconds, then SIGCONT."""

    async def break_it(world: World, chance: random.Random) -> None:
        pid = world.pid(program)
        if pid is None:
            return
        with world.journal.breaking(f"{program} frozen", program):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(chance.uniform(shortest, longest))
            os.kill(pid, signal.SIGCONT)
            await _back(world, program)

    return break_it


def restarted(program: str) -> Break:
    """SIGTERM, as an upgrade does; SIGKILL where it has not ended when the runner would lose patience."""

    async def break_it(world: World, _: random.Random) -> None:
        with world.journal.breaking(f"{program} restarted", program):
            if pid := world.pid(program):
                os.kill(pid, signal.SIGTERM)
                await _ended(pid)
            await _back(world, program)

    return break_it


async def _ended(pid: int) -> None:
    limit = time.monotonic() + STOP_SECONDS
    while psutil.pid_exists(pid) and time.monotonic() < limit:  # noqa: ASYNC110 (another process)
        await asyncio.sleep(0.1)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def without_model(broken: bool) -> Break:
    """The assistant restarts while its model is missing, or is no archive; the file is put back after a while."""

    async def break_it(world: World, chance: random.Random) -> None:
        model = world.settings.models / "haven.tar.gz"
        aside = model.with_name("aside")
        with world.journal.breaking(f"model {'broken' if broken else 'missing'}", "assistant"):
            model.rename(aside)
            if broken:
                model.write_bytes(b"no archive" * 100)
            if pid := world.pid("assistant"):
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(chance.uniform(15, 25))
            aside.replace(model)
            await _back(world, "assistant")

    return break_it


async def _back(world: World, program: str) -> None:
    await asyncio.sleep(0.2)
    if not await world.answers(program, within=BACK_SECONDS[program]):
        world.journal.faults.append(f"{program} did not come back within {BACK_SECONDS[program]:.0f} s")


# -- the record -------------------------------------------------------------------------------------------------


async def locked(world: World, chance: random.Random) -> None:
    """Another process holds SQLite's write lock."""
    path = world.settings.database_url.partition("///")[2]
    seconds = chance.uniform(1, 6)
    with world.journal.breaking("record locked", "record"):
        await asyncio.to_thread(_hold, path, seconds)


def _hold(path: str, seconds: float) -> None:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        signal.sigtimedwait([], seconds)
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:  # the switchboard is busy for ten seconds on end: nothing was locked
        return
    finally:
        connection.close()


async def full(world: World, chance: random.Random) -> None:
    """No byte is left on the disk; without a disk of its own, the switchboard may write no byte further."""
    with world.journal.breaking("disk full", "record"):
        if world.disk is None:
            await _limited(world, chance.uniform(1, 6))
            return
        ballast = world.disk / "ballast"
        _fill(ballast)
        await asyncio.sleep(chance.uniform(1, 6))
        ballast.unlink()


def _fill(ballast: Path) -> None:
    with open(ballast, "ab", buffering=0) as handle:
        for size in (1 << 20, 4096, 1):
            try:
                while handle.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue


async def _limited(world: World, seconds: float) -> None:
    if pid := world.pid("switchboard"):
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        await asyncio.sleep(seconds)
        if world.pid("switchboard") == pid:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


async def database_restarted(world: World, chance: random.Random) -> None:
    """PostgreSQL crashes, is away for a while, and replays its log."""
    assert world.postgres is not None  # noqa: S101 (in its deck alone)
    with world.journal.breaking("PostgreSQL restarted", "record"):
        await asyncio.to_thread(world.postgres.stop)
        await asyncio.sleep(chance.uniform(0.5, 5))
        await asyncio.to_thread(world.postgres.start)


async def database_frozen(world: World, chance: random.Random) -> None:
    """PostgreSQL is there and says nothing."""
    assert world.postgres is not None  # noqa: S101
    with world.journal.breaking("PostgreSQL frozen", "record"), world.postgres.frozen():
        await asyncio.sleep(chance.uniform(1, 6))


async def backends_ended(world: World, _: random.Random) -> None:
    """Every connection is cut by pg_terminate_backend."""
    assert world.postgres is not None  # noqa: S101
    with world.journal.breaking("connections ended", "record"):
        await asyncio.to_thread(world.postgres.sql, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                                    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")


async def table_locked(world: World, chance: random.Random) -> None:
    """Somebody's maintenance holds the tables of conversations."""
    assert world.postgres is not None  # noqa: S101
    with world.journal.breaking("table locked", "record"):
        await asyncio.to_thread(
            world.postgres.sql, "BEGIN; LOCK TABLE conversations, messages IN ACCESS EXCLUSIVE MODE; "
                                f"SELECT pg_sleep({chance.uniform(1, 5):.1f}); COMMIT")


# -- the carrier ------------------------------------------------------------------------------------------------


async def carrier_down(world: World, chance: random.Random) -> None:
    with world.journal.breaking("carrier down", "carrier"):
        await world.carrier.go_down()
        await asyncio.sleep(chance.uniform(2, 10))
        await world.carrier.come_back()


def carrier(kind: str, fault: Callable[[random.Random], Fault]) -> Break:
    """Every call of some seconds goes wrong in the same way."""

    async def break_it(world: World, chance: random.Random) -> None:
        with world.journal.breaking(f"carrier {kind}", "carrier"):
            world.carrier.mood = lambda: fault(chance)
            await asyncio.sleep(chance.uniform(2, 10))
            world.carrier.mood = None

    return break_it


PROCESSES: list[tuple[int, str, Break]] = [
    (5, "switchboard", killed("switchboard")), (4, "switchboard", frozen("switchboard", 1, 6)),
    (2, "switchboard", restarted("switchboard")),
    (2, "assistant", killed("assistant")), (5, "assistant", frozen("assistant", 1, 8)),
    (1, "assistant", without_model(False)), (1, "assistant", without_model(True)),
    (3, "actions", killed("actions")), (3, "actions", frozen("actions", 2, 8)),
]
CARRIER: list[tuple[int, str, Break]] = [
    (2, "carrier", carrier_down),
    (2, "carrier", carrier("slow", lambda chance: Fault(delay=chance.uniform(3, 18)))),
    (2, "carrier", carrier("failing (500)", lambda chance: Fault(code=20500, taken=chance.random() < 0.5))),
    (2, "carrier", carrier("busy (429)", lambda chance: Fault(code=20429, retry_after=chance.choice((None, 1, 3))))),
    (1, "carrier", carrier("cutting the line", lambda chance: Fault(cut=True, taken=chance.random() < 0.5))),
]
RECORD: dict[str, list[tuple[int, str, Break]]] = {
    "sqlite": [(4, "record", locked), (4, "record", full)],
    "postgresql": [(3, "record", database_restarted), (2, "record", database_frozen), (2, "record", backends_ended),
                   (2, "record", table_locked)],
}


async def break_things(world: World, database: str, count: int, every: float, chance: random.Random) -> None:
    """`count` wrongs, one about every `every` seconds, in turn and shuffled; two never hit one part at once."""
    cards = PROCESSES + CARRIER + RECORD[database]
    deck: list[tuple[str, Break]] = []
    busy: dict[str, asyncio.Task[None]] = {}
    running: set[asyncio.Task[None]] = set()
    due = time.monotonic()
    for _ in range(count):
        due += chance.uniform(0.7, 1.3) * every
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if world.over.is_set():
            break
        while (free := _free(deck, busy)) is None:
            if {part for _, part, _ in cards} <= {part for part, task in busy.items() if not task.done()}:
                await asyncio.sleep(0.5)  # everything is broken already
                continue
            fresh = [(part, wrong) for weight, part, wrong in cards for _ in range(weight)]
            chance.shuffle(fresh)
            deck += fresh
        part, wrong = deck.pop(free)
        busy[part] = asyncio.create_task(wrong(world, chance))
        running.add(busy[part])
    await asyncio.gather(*running)


def _free(deck: list[tuple[str, Break]], busy: dict[str, asyncio.Task[None]]) -> int | None:
    """The first card of the deck whose part is whole at this moment."""
    return next((n for n, (part, _) in enumerate(deck) if part not in busy or busy[part].done()), None)
