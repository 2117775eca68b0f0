"""The assistant alone, one worker, through its channel: ours and, where it was trained, Rasa's default as the peer."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx

from bench.questions import ordinary
from bench.timings import Timings
from bench.whole_stack import Running, running
from haven.settings import ROOT

MESSAGES = 400
TURNS = 8  # messages of one conversation
LENGTHS = (10, 50, 100, 200, 400)
PEER = ROOT / "var" / "peer"


def measure() -> dict[str, Any]:
    """{"haven": {...}, "peer": {...} or None}: speed at 1 and 20 at once, growth of a conversation, start, memory."""
    return {"haven": _system(None), "peer": _system(PEER) if (PEER / "haven.tar.gz").is_file() else None}


def _system(models: Path | None) -> dict[str, Any]:
    with running("actions", "assistant", models=models) as stack:
        ready = stack.ready_seconds
        speeds = asyncio.run(_speeds(stack))
        return {**speeds, "ready_s": ready, "memory_mib": stack.memory("assistant"), **_training(models)}


def _training(models: Path | None) -> dict[str, Any]:
    """What `bench/peer` or `bin/haven train` noted of the training, if it did."""
    notes = (models or ROOT / "models") / "training.json"
    return {"training": json.loads(notes.read_text(encoding="utf-8"))} if notes.is_file() else {}


async def _speeds(stack: Running) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {stack.settings.loopback_secret}"}
    async with httpx.AsyncClient(base_url=stack.assistant_url, headers=headers, timeout=60.0, trust_env=False) as http:
        await _throughput(http, at_once=4, count=40, name="warm")
        return {
            "one": await _throughput(http, at_once=1, count=MESSAGES // 2, name="one"),
            "twenty": await _throughput(http, at_once=20, count=MESSAGES, name="twenty"),
            "long": await _long(http),
        }


async def _throughput(http: httpx.AsyncClient, *, at_once: int, count: int, name: str) -> dict[str, Any]:
    timings, questions, numbers = Timings(), ordinary(), iter(range(count))

    async def one_visitor() -> None:
        for number in numbers:  # shared: whoever is free takes the next
            with timings.one():
                await _turn(http, f"{name}-{number // TURNS}", next(questions))

    start = time.perf_counter()
    await asyncio.gather(*[one_visitor() for _ in range(at_once)])
    return {"per_second": round(count / (time.perf_counter() - start), 1), **timings.summary()}


async def _long(http: httpx.AsyncClient) -> dict[str, float]:
    """Milliseconds of message n of one conversation, the median of the five around n."""
    questions, taken = ordinary(), []
    for _ in range(max(LENGTHS) + 3):
        start = time.perf_counter()
        await _turn(http, "long", next(questions))
        taken.append((time.perf_counter() - start) * 1000)
    return {str(n): round(sorted(taken[n - 3:n + 2])[2], 2) for n in LENGTHS}


async def _turn(http: httpx.AsyncClient, conversation: str, text: str) -> None:
    answer = await http.post("/webhooks/haven/turns", json={
        "conversation": conversation, "text": text, "choice": None, "channel": "widget", "language": "en",
        "offer": None, "topic": None, "crisis": {"level": "none", "kind": None, "why": [], "said": False},
        "staff": {"open": True, "present": 0, "next_open": None}})
    answer.raise_for_status()
    if not answer.json()["replies"]:
        raise AssertionError(f"no answer to {text!r}")

