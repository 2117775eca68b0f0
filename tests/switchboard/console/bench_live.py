"""Measures how soon staff see a visitor's message: 200 open conversations, 20 windows, on this machine.

Run by hand: `python -m tests.switchboard.console.bench_live [messages a second] [seconds]`. The switchboard
runs in a process of its own; the windows and the visitors share another.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx

from haven.settings import load_settings
from switchboard import accounts, conversations, handoff
from switchboard.conversations import WAITING, Conversation, Message
from switchboard.records.record import Record, now
from switchboard.sessions import Sessions

CONVERSATIONS, WINDOWS, PEOPLE = 200, 20, 10
PASSWORD = "quiet river at night"


async def fill(home: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """A record with everything in it; visitors' conversation ids and (login, conversation they look at)."""
    settings = load_settings({"HAVEN_HOME": str(home)})
    record = Record(settings.database_url)
    await record.migrate()
    digest = await accounts.hashed(PASSWORD)
    async with record.write() as tx:
        people = [await accounts.add(tx, login=f"nurse{n}", name=f"Nurse{n}", role="staff", password=digest,
                                     must_change=False) for n in range(PEOPLE)]
        ids = [await _conversation(tx, n, people) for n in range(CONVERSATIONS)]
    await record.close()
    return ids, [(f"nurse{n % PEOPLE}", ids[n]) for n in range(WINDOWS)]


async def _conversation(tx: object, number: int, people: list[accounts.Staff]) -> str:
    conversation: Conversation = await conversations.begin(tx, channel="widget", language="en")
    for line in range(10):
        await conversations.add(tx, conversation, Message(
            author=("visitor", "bot")[line % 2], text=f"line {line} of a conversation that has gone on for a while"))
    conversation = await conversations.load(tx, conversation.id)
    conversation = await conversations.give(tx, conversation, WAITING, handoff={"reason": "asked"},
                                            waiting_since=now())
    if number % 2:
        await handoff._take(tx, _Silent(), conversation, people[number % PEOPLE], "handoff_accepted")
    return conversation.id


class _Silent:
    """Words for the notices; content is not what is measured."""

    def notice(self, name: str, conversation: Conversation, /, **_: str) -> Message:
        return Message(author="system", kind="notice", text=name, language=conversation.language)


async def window(url: str, login: str, conversation_id: str, seen: dict[str, dict[str, float]]) -> None:
    patience = httpx.Timeout(15, read=None)
    async with httpx.AsyncClient(base_url=url, timeout=patience, trust_env=False) as http:
        await http.post("/staff/login", data={"login": login, "password": PASSWORD})
        async with http.stream("GET", f"/staff/events?conversation={conversation_id}&after=12") as stream:
            event = ""
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: ") and event in ("queue", "message"):
                    _note(event, line, seen)


def _note(event: str, line: str, seen: dict[str, dict[str, float]]) -> None:
    moment, position = time.perf_counter(), 0
    while (position := line.find("mark-", position)) >= 0:
        mark = line[position:position + 37]
        seen[event].setdefault(mark, moment)
        seen[f"{event} last"][mark] = moment
        position += 37


async def write(url: str, tokens: list[str], ids: list[str], rate: float, seconds: float) -> dict[str, float]:
    sent: dict[str, float] = {}
    async with httpx.AsyncClient(base_url=url, timeout=15, trust_env=False) as http:
        async def one() -> None:
            mark = f"mark-{uuid.uuid4().hex}"
            # every second message goes to a conversation that a window has open
            place = random.randrange(WINDOWS) if random.random() < 0.5 else random.randrange(len(tokens))  # noqa: S311
            sent[mark] = time.perf_counter()
            answer = await http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": mark},
                                     headers={"Authorization": f"Bearer {tokens[place]}"})
            if answer.status_code != 201:
                sent.pop(mark)
        tasks, end = [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            tasks.append(asyncio.create_task(one()))
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*tasks)
        await asyncio.sleep(1.5)
    return sent


def report(name: str, sent: dict[str, float], seen: dict[str, float]) -> None:
    delays = sorted(1000 * (seen[mark] - at) for mark, at in sent.items() if mark in seen)
    if delays:
        at = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))]  # noqa: E731
        print(f"{name:28} n={len(delays):5} median {at(.5):6.0f} ms  p95 {at(.95):6.0f} ms  p99 {at(.99):6.0f} ms  "
              f"worst {delays[-1]:6.0f} ms")


async def main() -> None:
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    with tempfile.TemporaryDirectory() as folder:
        ids, looks = await fill(Path(folder))
        settings = load_settings({"HAVEN_HOME": folder})
        tokens = [Sessions(settings.session_secret, days=7).token_for(id) for id in ids]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = {**os.environ, "HAVEN_HOME": folder, "HAVEN_PORT": str(port), "HAVEN_ASSISTANT_PORT": "1"}
        process = subprocess.Popen([sys.executable, "-m", "switchboard.app"], env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            await _until_up(url)
            seen: dict[str, dict[str, float]] = {"queue": {}, "message": {}, "queue last": {}, "message last": {}}
            windows = [asyncio.create_task(window(url, *look, seen)) for look in looks]
            await asyncio.sleep(6)
            before = _cpu(process.pid)
            sent = await write(url, tokens, ids, rate, seconds)
            print(f"{rate:.0f} messages a second for {seconds:.0f} s, {len(sent)} stored, "
                  f"switchboard's CPU {(_cpu(process.pid) - before) / seconds * 100:.0f} %")
            report("card, first window", sent, seen["queue"])
            report("card, last of 20 windows", sent, seen["queue last"])
            report("transcript, last window", sent, seen["message last"])
            for task in windows:
                task.cancel()
            await asyncio.gather(*windows, return_exceptions=True)
        finally:
            process.terminate()
            process.wait(10)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _until_up(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(120):
            try:
                await http.get(f"{url}/health")
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.25)
    raise SystemExit("The switchboard did not start.")


if __name__ == "__main__":
    print(json.dumps({"conversations": CONVERSATIONS, "windows": WINDOWS}))
    asyncio.run(main())
