"""Measures how soon staff and visitors see each other's words: 200 open conversations, 20 staff windows; prints JSON.

    PYTHONPATH=. .venv/switchboard/bin/python bench/console_live.py --visitors 10 --staff 5 --seconds 30

The switchboard runs in a process of its own on this machine; every visitor and every window follows its stream from
another. A message is timed from just before it is sent to when the other side's stream has brought it. Half of the
visitors' messages go to conversations that a window has open. Exits with 1 when a message was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.until_up import until_up
from cli.stack import environment, free_port
from haven.content import Content
from haven.settings import Settings, load_settings
from switchboard import accounts, conversations, handoff
from switchboard.conversations import WAITING, Conversation, Message
from switchboard.records.record import Record, now
from switchboard.sessions import Sessions
from switchboard.texts import Texts

CONVERSATIONS, WINDOWS, PEOPLE = 200, 20, 10
PASSWORD = "quiet river at night"  # noqa: S105 (of accounts that live for one run)
MARK = re.compile(r"mark-[0-9a-f]{32}")
SETTLE_SECONDS = 3.0
OPEN_SECONDS = 120.0  # until every stream has brought its first event


@dataclass
class Seen:
    """When each mark was sent, and when it came in on which kind of stream."""

    sent: dict[str, float] = field(default_factory=dict)
    streams: int = 0
    came: dict[str, dict[str, dict[int, float]]] = field(
        default_factory=lambda: {name: defaultdict(dict) for name in ("visitor", "transcript", "card")})

    def note(self, kind: str, stream: int, line: str) -> None:
        """Keep the first coming of every mark in a line on this stream."""
        moment = time.perf_counter()
        for mark in MARK.findall(line):
            self.came[kind][mark].setdefault(stream, moment)

    def delays(self, kind: str, marks: list[str], which: Callable[[Iterable[float]], float]) -> dict[str, Any]:
        """Count, not seen, median, p95, p99 and worst in whole milliseconds; `which` of several streams counts."""
        came = self.came[kind]
        found = sorted(1000 * (which(came[mark].values()) - self.sent[mark]) for mark in marks if mark in came)
        at: Callable[[float], int] = lambda share: round(found[min(len(found) - 1, int(len(found) * share))])  # noqa: E731
        spread = {"median_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "worst_ms": at(1)} if found else {}
        return {"messages": len(marks), "not_seen": len(marks) - len(found), **spread}


def main() -> None:
    """One JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visitors", type=float, default=15.0, help="visitors' messages a second")
    parser.add_argument("--staff", type=float, default=5.0, help="replies of staff a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--database", default="", help="address of an empty database instead of SQLite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="haven-bench-") as folder:
        figures = asyncio.run(measure(Path(folder), given))
    print(json.dumps(figures, indent=2))
    whole = ("staff_to_visitor", "visitor_to_staff_transcript")
    sys.exit(1 if any(figures["seen"][name]["not_seen"] for name in whole) else 0)


async def measure(home: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Fill a record, start a switchboard on it, let both sides write, and count."""
    port = free_port()
    own = {"HAVEN_HOME": str(home), "HAVEN_PORT": str(port), "HAVEN_ASSISTANT_PORT": "1",
           "HAVEN_DATABASE_URL": given.database}
    ids = await fill(own)
    settings = load_settings(own)
    tokens = [Sessions(settings.session_secret, days=7).token_for(id) for id in ids]
    process = _start(settings)
    seen, url = Seen(), f"http://127.0.0.1:{port}"
    try:
        await asyncio.to_thread(until_up, url)
        async with _streams(url, ids, tokens, seen) as desks:
            cpu, own_cpu = _cpu(process.pid), time.process_time()
            begun = time.perf_counter()
            visitors, staff = await asyncio.gather(
                _visitors(url, tokens, seen, given.visitors, given.seconds),
                _staff(desks, ids, seen, given.staff, given.seconds))
            took = time.perf_counter() - begun
            busy, own_busy = (_cpu(process.pid) - cpu) / took, (time.process_time() - own_cpu) / took
            await asyncio.sleep(SETTLE_SECONDS)
    finally:
        process.terminate()
        process.wait(10)
    open_ones = [mark for mark, is_open in visitors if is_open]
    return {
        "conversations": CONVERSATIONS, "windows": WINDOWS, "cores": os.cpu_count(), "database":
        "sqlite" if not given.database else given.database.partition("+")[0],
        "visitors_per_second": given.visitors, "staff_per_second": given.staff, "seconds": given.seconds,
        "switchboard_cpu_share": round(busy, 2), "client_cpu_share": round(own_busy, 2),
        "load_average": [round(load, 1) for load in os.getloadavg()],
        "seen": {
            "staff_to_visitor": seen.delays("visitor", staff, max),
            "visitor_to_staff_transcript": seen.delays("transcript", open_ones, max),
            # A card shows the last message alone: one that was followed at once may never stand there.
            "visitor_to_staff_card_first_window": seen.delays("card", [mark for mark, _ in visitors], min),
            "visitor_to_staff_card_last_window": seen.delays("card", [mark for mark, _ in visitors], max),
        },
    }


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "switchboard.app"], env=environment(settings))


# -- what is there before -------------------------------------------------------------------------------------


async def fill(own: dict[str, str]) -> list[str]:
    """Accounts, and conversations of ten lines; the first WINDOWS belong to whoever has their window open."""
    settings = load_settings(own)
    record = Record.of(settings)
    texts = Texts(Content.load(settings.data))
    await record.migrate()
    digest = await accounts.hashed(PASSWORD)
    async with record.write() as tx:
        people = [await accounts.add(tx, login=f"nurse{n}", name=f"Nurse{n}", role="staff", password=digest,
                                     must_change=False) for n in range(PEOPLE)]
        ids = [await _conversation(tx, texts, people[n % PEOPLE], taken=n < WINDOWS or n % 2 == 1)
               for n in range(CONVERSATIONS)]
    await record.close()
    return ids


async def _conversation(tx: Any, texts: Texts, person: accounts.Staff, *, taken: bool) -> str:
    conversation: Conversation = await conversations.begin(tx, channel="widget", language="en")
    for line in range(10):
        await conversations.add(tx, conversation, Message(
            author=("visitor", "bot")[line % 2], text=f"line {line} of a conversation that has gone on for a while"))
    conversation = await conversations.load(tx, conversation.id)
    await conversations.give(tx, conversation, WAITING, handoff={"reason": "asked"}, waiting_since=now())
    if taken:
        await handoff.claim(tx, texts, conversation.id, person)
        await handoff.reply(tx, conversation.id, person, "I'm here.", client_id=f"staff-{conversation.id[:8]}")
    return conversation.id


# -- both sides -------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """One signed-in person."""

    http: httpx.AsyncClient
    csrf: str


@asynccontextmanager
async def _streams(url: str, ids: list[str], tokens: list[str], seen: Seen) -> AsyncIterator[list[Desk]]:
    """Every visitor's stream and every window, open; the people by their number."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
    patience = httpx.Timeout(30, read=None)
    async with httpx.AsyncClient(base_url=url, timeout=patience, limits=limits, trust_env=False) as visitors:
        desks = [await _sign_in(url, number, patience) for number in range(PEOPLE)]
        tasks = [asyncio.create_task(_follow(
            visitors, "/chat/events?after=10", {"message": "visitor"}, seen, number,
            {"Authorization": f"Bearer {token}"})) for number, token in enumerate(tokens)]
        tasks += [asyncio.create_task(_follow(
            desks[n % PEOPLE].http, f"/staff/events?conversation={ids[n]}&after=10",
            {"message": "transcript", "queue": "card"}, seen, n, {})) for n in range(WINDOWS)]
        async with asyncio.timeout(OPEN_SECONDS):
            while seen.streams < len(tasks):  # noqa: ASYNC110 (each stream counts for itself)
                await asyncio.sleep(0.1)
        await asyncio.sleep(SETTLE_SECONDS)
        try:
            yield desks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(desk.http.aclose() for desk in desks))


async def _sign_in(url: str, number: int, patience: httpx.Timeout) -> Desk:
    http = httpx.AsyncClient(base_url=url, timeout=patience, trust_env=False)
    await http.post("/staff/login", data={"login": f"nurse{number}", "password": PASSWORD})
    token = re.search(r'name="csrf" value="([^"]+)"', (await http.get("/staff/")).text)
    if token is None:
        raise SystemExit("Signing in did not work.")
    return Desk(http, token.group(1))


async def _follow(
    http: httpx.AsyncClient, path: str, wanted: dict[str, str], seen: Seen, number: int, headers: dict[str, str]
) -> None:
    async with http.stream("GET", path, headers=headers) as stream:
        event = ""
        async for line in stream.aiter_lines():
            if not event and line.startswith("event: "):
                seen.streams += 1
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event in wanted:
                seen.note(wanted[event], number, line)


async def _visitors(
    url: str, tokens: list[str], seen: Seen, rate: float, seconds: float
) -> list[tuple[str, bool]]:
    """Let visitors write; the marks that were stored, each with whether a window had the conversation open."""
    stored: list[tuple[str, bool]] = []
    async with httpx.AsyncClient(base_url=url, timeout=15, trust_env=False) as http:
        async def one() -> None:
            place = random.randrange(WINDOWS if random.random() < 0.5 else CONVERSATIONS)  # noqa: S311
            mark = _mark(seen)
            answer = await http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": mark},
                                     headers={"Authorization": f"Bearer {tokens[place]}"})
            if answer.status_code == 201:
                stored.append((mark, place < WINDOWS))

        await _steadily(one, rate, seconds)
    return stored


async def _staff(desks: list[Desk], ids: list[str], seen: Seen, rate: float, seconds: float) -> list[str]:
    """Let staff reply in the conversations they have open; the marks that were stored."""
    stored: list[str] = []

    async def one() -> None:
        place = random.randrange(WINDOWS)  # noqa: S311
        desk, mark = desks[place % PEOPLE], _mark(seen)
        answer = await desk.http.post(
            f"/staff/conversations/{ids[place]}/reply", data={"text": mark, "client_id": uuid.uuid4().hex},
            headers={"x-console": "1", "x-csrf": desk.csrf})
        if answer.status_code == 204:
            stored.append(mark)

    await _steadily(one, rate, seconds)
    return stored


def _mark(seen: Seen) -> str:
    mark = f"mark-{uuid.uuid4().hex}"
    seen.sent[mark] = time.perf_counter()
    return mark


async def _steadily(work: Callable[[], Awaitable[None]], rate: float, seconds: float) -> None:
    """Begin `work` so many times a second, whether or not the last one is done."""
    tasks, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        tasks.append(asyncio.ensure_future(work()))
        await asyncio.sleep(1 / rate)
    await asyncio.gather(*tasks)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
