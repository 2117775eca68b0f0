"""A switchboard with a text line, its real HTTP server, a stand-in for Twilio and one for the assistant."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sanic import Sanic

from haven.settings import Settings, load_settings
from switchboard import conversations, outbox, sealed
from switchboard.app import create_app
from switchboard.parts import Parts
from switchboard.records.tables import alerts, sms_contacts, sms_deliveries
from switchboard.records.tables import conversations as all_conversations
from tests.switchboard.conftest import known
from tests.twilio import ACCOUNT, OLD_TOKEN, OURS, PUBLIC, SECOND_PUBLIC, TOKEN, Twilio
from tests.waiting import SECONDS

ANA, BEN = "+16155550142", "+13105550143"


class Switchboard:
    """A running switchboard and what its record says."""

    def __init__(self, app: Sanic, url: str) -> None:
        self.app = app
        self.url = url

    @property
    def parts(self) -> Parts:
        return self.app.ctx.parts

    async def rows(self, query: Any) -> list[Any]:
        async with self.parts.record.read() as connection:
            return list(await connection.execute(query))

    async def deliveries(self) -> list[Any]:
        return await self.rows(sa.select(sms_deliveries).order_by(sms_deliveries.c.seq, sms_deliveries.c.part))

    async def alarms(self) -> list[Any]:
        async with self.parts.record.read() as connection:
            rows = await connection.execute(sealed.with_key(alerts).order_by(alerts.c.id))
            return [SimpleNamespace(**{**row._mapping, "why": sealed.why_of(connection, row)}) for row in rows]

    async def contact(self, number: str) -> Any:
        found = await self.rows(sa.select(sms_contacts).where(
            sms_contacts.c.address == self.parts.vault.address(number)))
        return found[0] if found else None

    async def conversation(self, number: str) -> Any:
        """The newest conversation of a number."""
        address = self.parts.vault.address(number)
        async with self.parts.record.read() as connection:
            return await conversations.by_address(connection, "sms", address)

    async def conversations(self, number: str) -> list[Any]:
        address = self.parts.vault.address(number)
        return await self.rows(sa.select(all_conversations).where(all_conversations.c.address == address)
                               .order_by(all_conversations.c.opened_at))

    async def said(self, number: str) -> list[Any]:
        """Everything stored in a number's newest conversation."""
        conversation = await self.conversation(number)
        async with self.parts.record.read() as connection:
            return await conversations.after(connection, conversation.id, 0)

    async def staff_says(self, number: str, text: str, name: str = "Maria") -> None:
        """A person at the console writes to a number that waits for one."""
        conversation = await self.conversation(number)
        async with self.parts.record.write() as tx:
            await conversations.add(tx, conversation, conversations.Message("staff", text, name=name))
        self.parts.streams.wake(conversation.id, "console")


def settings_for(home: Path, twilio: Twilio, assistant_port: int, **more: Any) -> Settings:
    """A text line under two public addresses, while its token is being changed."""
    made = load_settings({
        "HAVEN_HOME": str(home), "HAVEN_SMS_ACCOUNT": ACCOUNT, "HAVEN_SMS_TOKENS": f"{TOKEN.replace(' ', '_')}",
        "HAVEN_SMS_FROM": OURS, "HAVEN_SMS_ADDRESSES": f"{PUBLIC} {SECOND_PUBLIC}", "HAVEN_SMS_API": twilio.api})
    return replace(made, **{"sms_tokens": (TOKEN, OLD_TOKEN), "assistant_port": assistant_port, "actions_port": 1,
                            "sms_pause": 0.0, "proof_seconds": 0, "turn_budget": SECONDS, **more})


@asynccontextmanager
async def running(settings: Settings, twilio: Twilio) -> AsyncIterator[Switchboard]:
    """A switchboard on a free port; started again with the same settings, it has the same record."""
    app = create_app(settings, name=f"switchboard_{uuid.uuid4().hex[:8]}", knowledge=known())
    app.config.TOUCHUP = False  # rewrites its own source, which works for one application a process
    listening = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.after_start()
    if app.ctx.opening:
        await app.ctx.opening  # a slow machine needs more than the first try
    twilio.switchboard = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield Switchboard(app, twilio.switchboard)
    finally:
        await twilio.settled()
        await server.before_stop()
        server.close()
        await server.after_stop()
        Sanic.unregister_app(app)


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with Twilio() as made:
        yield made
        assert made.wrong == []  # nothing we sent broke Twilio's description


@pytest.fixture
async def line(tmp_path, twilio, assistant, monkeypatch) -> AsyncIterator[Switchboard]:
    """A switchboard with a text line, and an assistant that says back what it was asked."""
    monkeypatch.setattr(outbox, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(outbox, "SETTLE_MS", 50)
    assistant.answer = lambda asked: {"replies": [{"text": f"You asked: {asked['text']}",
                                                   "response": "utter_faq/FAQ-001"}]}
    async with running(settings_for(tmp_path, twilio, assistant.port), twilio) as made:
        yield made


async def until(look: Callable[[], Any], wanted: Any = True, *, seconds: float = SECONDS) -> Any:
    """Wait until `look()` (awaited if need be) is `wanted`, or true; fails with what it was last."""
    seen: Any = None
    for _ in range(int(seconds / 0.02)):
        seen = look()
        if asyncio.iscoroutine(seen):
            seen = await seen
        if seen == wanted or (wanted is True and seen):
            return seen
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {wanted!r}, last was {json.dumps(seen, default=str)}")
