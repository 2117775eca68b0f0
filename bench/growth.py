"""Growth: stored conversations, open event streams, FAQ entries; what an ordinary reply costs beside them."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.idle_streams import idle_streams
from bench.questions import ordinary
from bench.replies import one_by_one
from bench.timings import Timings
from bench.whole_stack import Running, running
from haven.content import Content
from haven.encoder import Encoder
from haven.retrieval import Example, Retriever
from haven.settings import ROOT, Settings
from switchboard import sealed
from switchboard.records.keyring import Keyring
from switchboard.records.record import Record, now
from switchboard.records.tables import conversations, messages
from switchboard.requests import open_files

STORED = (1_000, 10_000, 100_000)
MESSAGES_EACH = 6
STREAMS = (100, 1_000, 10_000)
ENTRIES_TIMES = 10


def measure() -> dict[str, Any]:
    """{"stored": {n: ...}, "streams": {n: ...}, "entries": {n: ...}}, each with the ordinary reply's percentiles."""
    return {"stored": _stored(), "streams": _streams(), "entries": _entries()}


def _stored() -> dict[str, Any]:
    results, there = {}, 0
    with running() as stack:
        for count in STORED:
            stack.stack.control("stop", "switchboard")
            asyncio.run(_fill(stack.settings, there, count))
            there = count
            start = time.perf_counter()
            stack.stack.control("start", "switchboard")
            stack.stack.wait_until_ready()
            ready = round(time.perf_counter() - start, 1)
            size = (stack.settings.home / "haven.db").stat().st_size / 2**20
            results[str(count)] = {**asyncio.run(one_by_one(stack.url)), "switchboard_ready_s": ready,
                                   "record_mib": round(size, 1)}
    return results


async def _fill(settings: Settings, there: int, wanted: int) -> None:
    keyring, words, moment = Keyring(settings.record_keys), ordinary(), now()
    record = Record(settings.database_url, keyring)
    for first in range(there, wanted, 1_000):
        ids = [f"{number:032x}" for number in range(first, min(first + 1_000, wanted))]
        keys = {id: keyring.new(id) for id in ids}
        async with record.write() as tx:
            await tx.execute(conversations.insert(), [
                {"id": id, "channel": "widget", "opened_at": moment, "updated_at": moment, "data_key": keys[id],
                 "last_seq": MESSAGES_EACH, "handled_seq": MESSAGES_EACH} for id in ids])
            await tx.execute(messages.insert(), [
                {"conversation": id, "seq": seq, "author": "visitor" if seq % 2 else "bot", "epoch": 0, "at": moment,
                 "text": sealed.seal(tx, id, keys[id], sealed.message_place(seq), {"text": next(words)})}
                for id in ids for seq in range(1, MESSAGES_EACH + 1)])
    await record.close()


def _streams() -> dict[str, Any]:
    allowed = open_files()
    results = {}
    with running() as stack:
        for count in STREAMS:
            if count + 500 > allowed:
                results[str(count)] = {"skipped": f"this machine allows {allowed} open files"}
                continue
            results[str(count)] = asyncio.run(_beside_streams(stack, count))
    return results


async def _beside_streams(stack: Running, count: int) -> dict[str, Any]:
    async with idle_streams(stack.url, count) as came:
        if came["200"] < count:
            raise AssertionError(f"not all streams were given: {came}")
        return {**await one_by_one(stack.url), "switchboard_mib": stack.memory("switchboard")}


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
            retriever.decide(retriever.probabilities(text, vector))
    return timings.summary()
