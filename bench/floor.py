"""The floor: what a bare handler, one commit, one encoder pass cost here, and what each layer adds to it."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
from typing import Any

import httpx

from bench.questions import ordinary
from bench.timings import Timings
from cli.stack import free_port
from haven.crisis import Guard
from haven.encoder import Encoder
from haven.settings import ROOT
from switchboard import conversations
from switchboard.conversations import Message
from switchboard.records.keyring import Keyring
from switchboard.records.record import Record

COUNT = 300


def measure() -> dict[str, Any]:
    """Percentiles of each layer by itself, in milliseconds."""
    encoder = Encoder.load(ROOT / "models" / "encoder")
    return {
        "bare_handler": _bare_handler(),
        "one_commit": asyncio.run(_commit()),
        "one_message_stored": asyncio.run(_message()),
        "encoder_pass": _calls(lambda text: encoder.encode([text])),
        "guard": _calls(Guard.load(ROOT / "data", ROOT / "models").assess),
    }


def _calls(call: Any) -> dict[str, float]:
    timings, questions = Timings(), ordinary()
    for _ in range(20):
        call(next(questions))
    for _ in range(COUNT):
        text = next(questions)
        with timings.one():
            call(text)
    return timings.summary()


def _serve(port: int) -> None:
    from sanic import Sanic
    from sanic.response import json

    app = Sanic("floor", configure_logging=False)
    app.add_route(lambda _: json({"ok": True}), "/", methods=["POST"])
    app.run("127.0.0.1", port, single_process=True, access_log=False, motd=False)


def _bare_handler() -> dict[str, float]:
    port = free_port()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port,), daemon=True)
    process.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False,
                          transport=httpx.HTTPTransport(retries=10)) as http:
            return _calls(lambda text: http.post("/", json={"text": text}).raise_for_status())
    finally:
        process.terminate()


async def _commit() -> dict[str, float]:
    import sqlalchemy as sa

    timings = Timings()
    with tempfile.TemporaryDirectory() as folder:
        record = Record(f"sqlite+aiosqlite:///{folder}/floor.db")
        async with record.write() as tx:
            await tx.execute(sa.text("CREATE TABLE floor (text VARCHAR)"))
        for _ in range(COUNT):
            with timings.one():
                async with record.write() as tx:
                    await tx.execute(sa.text("INSERT INTO floor VALUES ('one line of text')"))
        await record.close()
    return timings.summary()


async def _message() -> dict[str, float]:
    timings = Timings()
    with tempfile.TemporaryDirectory() as folder:
        record = Record(f"sqlite+aiosqlite:///{folder}/floor.db", Keyring(["floor" * 8]))
        await record.migrate()
        async with record.write() as tx:
            conversation = await conversations.begin(tx, channel="widget", language="en")
        for number in range(COUNT):
            with timings.one():
                async with record.write() as tx:
                    current = await conversations.load(tx, conversation.id, hold=True)
                    await conversations.add(tx, current, Message("visitor", "how long?", client_id=str(number)))
        await record.close()
    return timings.summary()
