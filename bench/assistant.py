"""The assistant alone, one worker, through its channel: ours and, where it was trained, Rasa's default as the peer."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from bench.machine import memory_mib
from bench.questions import ordinary
from bench.timings import Timings
from bench.whole_stack import running
from cli.stack import READY_SECONDS, environment, free_port, is_answering
from haven.settings import ROOT

MESSAGES = 400
TURNS = 8  # messages of one conversation
LENGTHS = (10, 50, 100, 200, 400)
TIMED = MESSAGES // 2 + MESSAGES + max(LENGTHS) + 3  # turns of one measurement
PEER = ROOT / "models" / "peer"  # made by `make bench-peer`


@dataclass(frozen=True)
class Asked:
    """An assistant that answers."""

    url: str
    secret: str
    pid: int
    ready_seconds: float


def measure() -> dict[str, Any]:
    """{"haven": {...}, "peer": {...} or None}: speed at 1 and 20 at once, growth of a conversation, start, memory."""
    with _ours() as asked:
        haven = asyncio.run(_figures(asked))
    if not (PEER / "haven.tar.gz").is_file():
        return {"haven": haven, "peer": None}
    with _peer() as asked:
        return {"haven": haven, "peer": asyncio.run(_figures(asked))}


@contextmanager
def _ours() -> Iterator[Asked]:
    with running("actions", "assistant") as stack:
        yield Asked(stack.assistant_url, stack.settings.loopback_secret, int(stack.stack.control("pid", "assistant")),
                    stack.ready_seconds)


@contextmanager
def _peer() -> Iterator[Asked]:
    """Rasa as `rasa run` starts it, without our changes to it, its dialogues in its own store; our channel alone."""
    with running("actions") as stack:
        port, start = free_port(), time.perf_counter()
        process = subprocess.Popen(_rasa_run(port), cwd=ROOT, env=environment(stack.settings),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _until_ready(f"http://127.0.0.1:{port}/webhooks/haven/ready")
            yield Asked(f"http://127.0.0.1:{port}", stack.settings.loopback_secret, process.pid,
                        round(time.perf_counter() - start, 1))
        finally:
            process.kill()  # nothing of it is needed any more, and Rasa may take its time to end
            process.wait()


def _rasa_run(port: int) -> list[str]:
    return [".venv/assistant/bin/python", "-m", "rasa", "run", "--interface", "127.0.0.1", "--port", str(port),
            "--model", str(PEER / "haven.tar.gz"), "--endpoints", "bench/peer/endpoints.yml",
            "--credentials", "credentials.yml"]


def _until_ready(url: str) -> None:
    limit = time.monotonic() + READY_SECONDS
    while not is_answering(url):
        if time.monotonic() > limit:
            raise AssertionError(f"the peer did not answer within {READY_SECONDS:.0f} s")
        time.sleep(0.25)


async def _figures(asked: Asked) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {asked.secret}"}
    async with httpx.AsyncClient(base_url=asked.url, headers=headers, timeout=60.0, trust_env=False) as http:
        await _throughput(http, at_once=4, count=40, name="warm")
        before = _processor(asked.pid)
        return {
            "one": await _throughput(http, at_once=1, count=MESSAGES // 2, name="one"),
            "twenty": await _throughput(http, at_once=20, count=MESSAGES, name="twenty"),
            "long": await _long(http),
            "processor_ms_a_turn": round((_processor(asked.pid) - before) * 1000 / TIMED, 2),
            "ready_s": asked.ready_seconds,
            "memory_mib": round(memory_mib(asked.pid), 1),
        }


def _processor(pid: int) -> float:
    """Processor seconds the assistant has used: says more than wall time where something else runs beside it."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


async def _throughput(http: httpx.AsyncClient, *, at_once: int, count: int, name: str) -> dict[str, Any]:
    timings, questions, numbers, silent = Timings(), ordinary(), iter(range(count)), 0

    async def one_visitor() -> None:
        nonlocal silent
        for number in numbers:  # shared: whoever is free takes the next
            with timings.one():
                replies = await _turn(http, f"{name}-{number // TURNS}", next(questions))
            silent += not replies

    start = time.perf_counter()
    await asyncio.gather(*[one_visitor() for _ in range(at_once)])
    took = time.perf_counter() - start
    return {"per_second": round(count / took, 1), **timings.summary(), "without_reply": silent}


async def _long(http: httpx.AsyncClient) -> dict[str, float]:
    """Milliseconds of message n of one conversation, the median of the five around n."""
    questions, taken = ordinary(), []
    for _ in range(max(LENGTHS) + 3):
        start = time.perf_counter()
        await _turn(http, "long", next(questions))
        taken.append((time.perf_counter() - start) * 1000)
    return {str(n): round(sorted(taken[n - 3:n + 2])[2], 2) for n in LENGTHS}


async def _turn(http: httpx.AsyncClient, conversation: str, text: str) -> list[Any]:
    answer = await http.post("/webhooks/haven/turns", json={
        "conversation": conversation, "text": text, "choice": None, "channel": "widget", "language": "en",
        "offer": None, "topic": None, "crisis": {"level": "none", "kind": None, "why": [], "said": False},
        "staff": {"open": True, "present": 0, "next_open": None}})
    answer.raise_for_status()
    replies: list[Any] = answer.json()["replies"]
    return replies
