"""Texts at a steady rate for a while through one real switchboard, with stand-ins for Twilio and the assistant.

    PYTHONPATH=. .venv/switchboard/bin/python bench/sms_load.py --rate 50 --seconds 60

Writes JSON: what was asked, lost, doubled or out of order, how long acknowledgements and answers took. The assistant is
a stand-in that answers at once, so that the figures are of the text line and the record alone. Exits with 1 when a text
was not answered exactly once and in order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from bench.machine import processor_ms
from bench.until_up import until_up
from haven.settings import ROOT
from tests.twilio import ACCOUNT, OURS, PUBLIC, TOKEN, Twilio

PHONES_PER_RATE = 6  # texts of one phone come this many seconds apart


def main() -> None:
    """Run once and print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rate", type=int, default=50)
    options.add_argument("--seconds", type=int, default=60)
    given = options.parse_args()
    figures = asyncio.run(run(given.rate, given.seconds))
    print(json.dumps(figures, indent=2))
    sys.exit(0 if figures["answered_once_in_order"] == figures["texts"] else 1)


async def run(rate: int, seconds: int) -> dict[str, Any]:
    """One load against a switchboard of its own."""
    token = TOKEN.replace(" ", "-")
    with tempfile.TemporaryDirectory(prefix="haven-sms-load-") as home:
        async with Twilio(token=token, strict=False) as twilio:
            assistant = await asyncio.start_server(_assistant, "127.0.0.1", 0)
            process = _switchboard(Path(home), twilio, assistant.sockets[0].getsockname()[1])
            try:
                await asyncio.to_thread(until_up, twilio.switchboard)
                before = _used(process)
                figures = await _load(twilio, rate, seconds)
                return {**figures, **{f"{name}_cpu_ms_per_text": round((ms - before[name]) / figures["texts"], 1)
                                      for name, ms in _used(process).items()}}
            finally:
                process.terminate()
                process.wait(20)
                assistant.close()


def _used(switchboard: subprocess.Popen[bytes]) -> dict[str, float]:
    own = os.times()  # without the switchboard, which is a child of this process
    return {"switchboard": processor_ms(switchboard.pid), "stand_ins": 1000 * (own.user + own.system)}


def _switchboard(home: Path, twilio: Twilio, assistant_port: int) -> subprocess.Popen[bytes]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    twilio.switchboard = f"http://127.0.0.1:{port}"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HAVEN_")} | {
        "PYTHONPATH": str(ROOT), "HAVEN_HOME": str(home), "HAVEN_PORT": str(port), "OMP_NUM_THREADS": "1",
        "HAVEN_ASSISTANT_PORT": str(assistant_port), "HAVEN_ACTIONS_PORT": "1", "HAVEN_SMS_ACCOUNT": ACCOUNT,
        "HAVEN_SMS_TOKENS": twilio.token, "HAVEN_SMS_FROM": OURS, "HAVEN_SMS_ADDRESSES": PUBLIC,
        "HAVEN_SMS_API": twilio.api,
        "HAVEN_TURN_BUDGET": "60"}  # the stand-in shares the cores: a slow one shows in the times, not as a failure
    database = os.environ.get("BENCH_DATABASE_URL")
    if database:
        environment["HAVEN_DATABASE_URL"] = database
    return subprocess.Popen([sys.executable, "-m", "switchboard.app"], env=environment, cwd=ROOT)


async def _assistant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says back what it was asked, at once, on a kept connection."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(line.split(":")[1]) for line in head.splitlines()
                           if line.lower().startswith("content-length:")), 0)
            asked = json.loads(await reader.readexactly(length) or b"{}")
            raw = json.dumps({"replies": [{"text": f"re: {asked.get('text')}", "response": "utter_greet"}]}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(raw)
                         + raw)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        writer.close()


async def _load(twilio: Twilio, rate: int, seconds: int) -> dict[str, Any]:
    phones = [f"+1615{5_000_000 + n:07}" for n in range(rate * PHONES_PER_RATE)]
    asked: dict[str, list[str]] = defaultdict(list)
    acknowledged: list[float] = []
    refused: list[int] = []
    sent_at: dict[tuple[str, str], float] = {}

    async def text(number: int) -> None:
        phone, words = phones[number % len(phones)], f"What is question number {number} about?"
        asked[phone].append(words)
        sent_at[phone, words] = began = time.monotonic()
        try:
            answer = await twilio.text(phone, words)
            if answer.status_code != 200:
                refused.append(answer.status_code)
        except httpx.TransportError:  # slower than Twilio waits, twice
            refused.append(0)
        acknowledged.append(time.monotonic() - began)

    begun, under_way = time.monotonic(), []
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        under_way.append(asyncio.create_task(text(number)))
    await asyncio.gather(*under_way)
    fed = time.monotonic() - begun
    await _until_quiet(twilio, sum(len(words) for words in asked.values()) + len(phones))
    return _figures(twilio, asked, acknowledged, refused, sent_at, fed, time.monotonic() - begun)


async def _until_quiet(twilio: Twilio, expected: int) -> None:
    """Wait until all is answered, or nothing has come for half a minute."""
    last, since = -1, time.monotonic()
    while len(twilio.messages) < expected and time.monotonic() - since < 30:
        if len(twilio.messages) != last:
            last, since = len(twilio.messages), time.monotonic()
        await asyncio.sleep(0.2)
    await asyncio.sleep(2)


def _figures(
    twilio: Twilio,
    asked: dict[str, list[str]],
    acknowledged: list[float],
    refused: list[int],
    sent_at: dict[tuple[str, str], float],
    fed: float,
    whole: float,
) -> dict[str, Any]:
    good, took, wrong = 0, [], 0
    at = {(m.to, m.body.removeprefix("Auto: re: ")): m.at for m in twilio.messages}
    for phone, words in asked.items():
        got = [body.removeprefix("Auto: re: ") for body in twilio.to(phone) if body.startswith("Auto: re: ")]
        good += sum(got.count(text) == 1 for text in words) if got == words else 0
        wrong += got != words
        took += [at[phone, text] - sent_at[phone, text] for text in words if (phone, text) in at]
    texts = sum(map(len, asked.values()))
    return {
        "texts": texts, "phones": len(asked), "answered_once_in_order": good, "phones_with_a_fault": wrong,
        "refused": len(refused), "messages_out": len(twilio.messages), "fed_in_s": round(fed, 1),
        "whole_s": round(whole, 1), "acknowledged_ms": _percentiles(acknowledged),
        "answered_ms": _percentiles(took), "cores": os.cpu_count(), "load_average": os.getloadavg(),
    }


def _percentiles(values: list[float]) -> dict[str, int]:
    ordered = sorted(values) or [0.0]
    return {"median": round(median(ordered) * 1000), "p95": round(ordered[int(len(ordered) * 0.95)] * 1000),
            "p99": round(ordered[int(len(ordered) * 0.99)] * 1000), "worst": round(ordered[-1] * 1000)}


if __name__ == "__main__":
    main()
