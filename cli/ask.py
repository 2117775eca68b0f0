"""`bin/haven ask`: sends messages through the whole way, each line a new conversation, and writes what came back."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click

from cli.stack import Stack, free_port
from cli.train import fits, train
from haven.errors import HavenError
from haven.settings import Settings, load_settings
from haven.text import NotText, TooLong, clean
from switchboard import conversations
from switchboard.conversations import Conversation, Message
from switchboard.inbox import NotStored, Received
from switchboard.offers import is_answer
from switchboard.parts import Parts, make_parts

AT_ONCE = 6  # conversations under way; more only queue up inside the assistant
CHANNELS = ("widget", "sms")
TRIES = 20  # to store a message
BUDGET = 20.0  # a batch run shares the machine with whatever else runs; a late answer is still an answer


class BadLine(HavenError):
    """A line of the input is not what `ask` reads."""


@click.command()
def command() -> None:
    """Read JSON lines from standard input, answer each on standard output.

    In: {"id", "text"} or {"id", "turns": [...]}, optional "channel": "sms". Starts what it needs, stops it.
    """
    lines = list(read_lines(sys.stdin))
    asyncio.run(_ask_all(lines, sys.stdout))


async def _ask_all(lines: list[dict[str, Any]], output: TextIO) -> None:
    async with whole_way() as parts:
        async for answer in ask_all(parts, lines):
            output.write(json.dumps(answer, ensure_ascii=False) + "\n")


def read_lines(source: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The lines of an input. Raises BadLine with the line's number."""
    for number, raw in enumerate(source, 1):
        if not raw.strip():
            continue
        try:
            line = json.loads(raw)
        except ValueError as error:
            raise BadLine(f"Line {number} is not JSON.") from error
        if not isinstance(line, dict) or "id" not in line or not ("text" in line or "turns" in line):
            raise BadLine(f'Line {number} needs "id" and "text" or "turns".')
        if line.get("channel", "widget") not in CHANNELS:
            raise BadLine(f"Line {number}: there is no channel {line['channel']!r}.")
        yield line


@asynccontextmanager
async def whole_way() -> AsyncIterator[Parts]:
    """A switchboard in this process with a record of its own, and a real assistant and action server."""
    settings = load_settings()
    if not fits(settings):
        with redirect_stdout(sys.stderr):  # standard output holds answers only
            train(settings)
    with tempfile.TemporaryDirectory(prefix="haven-ask-") as folder:
        own = _own(settings, Path(folder))
        stack = Stack(own, programs=("actions", "assistant"), log=Path(folder) / "log")
        parts = make_parts(own)
        try:
            stack.start()
            await asyncio.to_thread(stack.wait_until_ready)
            await parts.open()
            yield parts
        finally:
            await parts.close()
            stack.stop()


async def ask_all(parts: Parts, lines: list[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    """Ask every line, several at once; answers come in the order of the lines."""
    places = asyncio.Semaphore(AT_ONCE)

    async def ask_one(line: dict[str, Any]) -> dict[str, Any]:
        async with places:
            return await ask(parts, line)

    tasks = [asyncio.create_task(ask_one(line)) for line in lines]
    for task in tasks:
        yield await task


async def ask(parts: Parts, line: dict[str, Any]) -> dict[str, Any]:
    """One line's conversation, from its first message to its last answer."""
    channel = line.get("channel", "widget")
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel=channel, language="en")
    texts = line["turns"] if "turns" in line else [line["text"]]
    turns = [await _turn(parts, conversation, text, number) for number, text in enumerate(texts)]
    return {"id": line["id"], "turns": turns} if "turns" in line else {"id": line["id"], **turns[0]}


async def _turn(parts: Parts, conversation: Conversation, raw: Any, number: int) -> dict[str, Any]:
    try:
        text = clean(raw)
    except (NotText, TooLong) as error:
        name = "too_long" if isinstance(error, TooLong) else "not_text"
        return _shown(parts, conversation, [Message("system", parts.texts.plain(name))], None, handoff=False)
    received = await _stored(parts, conversation.id, text, client_id=str(number))
    await _answered(parts, conversation.id)
    async with parts.record.read() as connection:
        current = await conversations.load(connection, conversation.id)
        said = await conversations.after(connection, conversation.id, received.message.seq)
    asked = current.handoff or {}
    handoff = asked.get("reason") == "asked" and asked.get("seq") == received.message.seq
    return _shown(parts, conversation, said, received.message.crisis, handoff=handoff)


async def _stored(parts: Parts, conversation_id: str, text: str, *, client_id: str) -> Received:
    """Say it again, as the widget does, where storing took so long that guidance goes out before."""
    for _ in range(TRIES):
        with suppress(NotStored):
            return await parts.inbox.receive(conversation_id, text, client_id=client_id)
    return await parts.inbox.receive(conversation_id, text, client_id=client_id)


async def _answered(parts: Parts, conversation_id: str) -> None:
    with parts.streams.follow(conversation_id) as wake:
        while parts.brain.is_busy(conversation_id):
            wake.clear()
            await wake.wait()


def _shown(
    parts: Parts,
    conversation: Conversation,
    said: list[Message],
    crisis: dict[str, Any] | None,
    *,
    handoff: bool,
) -> dict[str, Any]:
    options = [option for message in said for option in message.options]
    return {
        "replies": [{"text": m.text, "response": m.response, "sources": m.sources} for m in said],
        "options": [{"title": option["title"], "leads_to": _leads_to(parts, option["choice"], conversation.channel)}
                    for option in options],
        "crisis": crisis or {"level": "none", "kind": None, "why": []},
        "answered": any(is_answer(m.response) for m in said),
        "handoff": handoff,
    }


def _leads_to(parts: Parts, choice: str, channel: str) -> str:
    answer = parts.content.answers.get(choice.removeprefix("faq/"))
    if answer is None:
        return ""
    return answer.sms if channel == "sms" else answer.text


def _own(settings: Settings, folder: Path) -> Settings:
    return replace(
        settings, home=folder, database_url=f"sqlite+aiosqlite:///{folder / 'ask.db'}",
        assistant_port=free_port(), actions_port=free_port(), turn_budget=BUDGET,
        sms_pause=0.0, sms_account="")
