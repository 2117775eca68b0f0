"""Growth: stored conversations, open event streams, FAQ entries; what an ordinary reply costs beside them."""

from __future__ import annotations

import asyncio
import resource
import time
from typing import Any

import httpx

from bench.questions import ordinary
from bench.timings import Timings
from bench.visitors import visitors
from bench.whole_stack import Running, running
from haven.content import Content
from haven.encoder import Encoder
from haven.retrieval import Example, Retriever
from haven.settings import ROOT
from switchboard.records.record import Record, now
from switchboard.records.tables import conversations, messages

STORED = (1_000, 10_000, 100_000)
MESSAGES_EACH = 6
STREAMS = (100, 1_000, 10_000)
ENTRIES_TIMES = 10
REPLIES = 60


def measure() -> dict[str, Any]:
    """{"stored": {n: ...}, "streams": {n: ...}, "entries": {n: ...}}, each with the ordinary reply's percentiles."""
    return {"stored": _stored(), "streams": _streams(), "entries": _entries()}


def _stored() -> dict[str, Any]:
    results, there = {}, 0
    with running() as stack:
        for count in STORED:
            stack.stack.control("stop", "switchboard")
            asyncio.run(_fill(stack.settings.database_url, there, count))
            there = count
            start = time.perf_counter()
            stack.stack.control("start", "switchboard")
            stack.stack.wait_until_ready()
            ready = round(time.perf_counter() - start, 1)
            size = (stack.settings.home / "haven.db").stat().st_size / 2**20
            results[str(count)] = {**asyncio.run(_replies(stack.url)), "switchboard_ready_s": ready,
                                   "record_mib": round(size, 1)}
    return results


async def _fill(url: str, there: int, wanted: int) -> None:
    record, words, moment = Record(url), ordinary(), now()
    for first in range(there, wanted, 1_000):
        ids = [f"{number:032x}" for number in range(first, min(first + 1_000, wanted))]
        async with record.write() as tx:
            await tx.execute(conversations.insert(), [
                {"id": id, "channel": "widget", "opened_at": moment, "updated_at": moment,
                 "last_seq": MESSAGES_EACH, "handled_seq": MESSAGES_EACH} for id in ids])
            await tx.execute(messages.insert(), [
                {"conversation": id, "seq": seq, "author": "visitor" if seq % 2 else "bot", "text": next(words),
                 "epoch": 0, "at": moment} for id in ids for seq in range(1, MESSAGES_EACH + 1)])
    await record.close()


async def _replies(url: str) -> dict[str, float]:
    timings, questions = Timings(), ordinary()
    async with visitors(url, 10) as asking:
        for number in range(REPLIES):
            timings.taken.append(await asking[number % 10].ask(next(questions)))
    return timings.summary()


def _streams() -> dict[str, Any]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    results = {}
    with running() as stack:
        for count in STREAMS:
            if count + 500 > hard:
                results[str(count)] = {"skipped": f"this machine allows {hard} open files"}
                continue
            results[str(count)] = asyncio.run(_beside_streams(stack, count))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return results


async def _beside_streams(stack: Running, count: int) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as http:
        tokens = [(await http.post("/chat/conversations", json={})).json()["token"] for _ in range(20)]
    opened = [await _open_stream(stack.settings.port, tokens[number % 20]) for number in range(count)]
    try:
        return {**await _replies(stack.url), "switchboard_mib": stack.memory("switchboard")}
    finally:
        for writer in opened:
            writer.close()


async def _open_stream(port: int, token: str) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /chat/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    status = await reader.readline()
    if b"200" not in status:
        raise AssertionError(f"no stream: {status!r}")
    return writer


def _entries() -> dict[str, Any]:
    """The retriever with the real entries, and with each split in ten: ten times the entries, the same examples."""
    encoder = Encoder.load(ROOT / "models" / "encoder")
    content = Content.load(ROOT / "data")
    rows = [(answer.id, number, variant.text) for answer in content.answers.values()
            for number, variant in enumerate(answer.variants)]
    results = {}
    for times in (1, ENTRIES_TIMES):
        examples = [Example(text, f"faq/{id}-{number % times}") for id, number, text in rows]
        start = time.perf_counter()
        retriever = Retriever.fit(examples, encoder)
        fitted = round(time.perf_counter() - start, 1)
        results[str(len({example.label for example in examples}))] = {
            "examples": len(examples), "fit_s": fitted, **_reads(retriever, encoder)}
    return results


def _reads(retriever: Retriever, encoder: Encoder) -> dict[str, float]:
    timings, questions = Timings(), ordinary()
    for _ in range(300):
        text = next(questions)
        vector = encoder.encode([text])[0]
        with timings.one():
            retriever.read(text, vector)
    return timings.summary()
