"""switchboard.inbox and switchboard.sms.door: guidance within a second, whatever the record does."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

from haven.settings import load_settings
from switchboard import conversations, inbox
from switchboard.inbox import NotStored
from switchboard.parts import make_parts
from switchboard.records import record
from switchboard.sms.spool import Spool
from tests.switchboard.sms.conftest import ANA, line, twilio, until

__all__ = ["line", "twilio"]
DANGER = "my friend is blue and wont wake up"
WAITED = 20.0  # seconds after which somebody has waited for the lock: it is held for longer in these tests


@pytest.fixture
def unhurried():
    """Here haste is what is looked at: within a second, by what waiting may take; a loaded machine adds to it."""
    assert inbox.READ_SECONDS + inbox.GUIDANCE_SECONDS < 1.0


@pytest.fixture
def patient(monkeypatch):
    """A record that waits long for another process's lock, so that who waited for it is told from a slow machine."""
    monkeypatch.setattr(record, "BUSY_SECONDS", 3 * WAITED)


@pytest.fixture
def lock(tmp_path):
    """Holds the write lock of the record when told to."""
    with closing(sqlite3.connect(tmp_path / "haven.db", isolation_level=None, timeout=10)) as connection:
        yield connection


@pytest.mark.usefixtures("patient")
async def test_on_the_page(parts, lock):
    """Somebody in danger whose message cannot be stored reads the guidance within a second."""
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
    lock.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(NotStored) as refused:
        await parts.inbox.receive(conversation.id, DANGER, client_id="one")
    assert time.monotonic() - start < WAITED
    assert refused.value.guidance.kind == "guidance"

    lock.execute("ROLLBACK")
    assert (await _stored(parts, conversation.id)).replies[0].kind == "guidance"


async def test_on_the_page_with_a_silent_database(tmp_path, assistant, knowledge, own_postgresql, monkeypatch):
    """Where PostgreSQL is there and says nothing, not even goodbye is waited for; nor is it for the second message."""
    monkeypatch.setattr(AsyncAdapt_asyncpg_connection, "_terminate_graceful_close", _long_goodbye)
    parts = make_parts(replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                               proof_seconds=0, database_url=own_postgresql.url), knowledge)
    await parts.open()
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
    with own_postgresql.frozen():
        for name in ("one", "two"):
            start = time.monotonic()
            with pytest.raises(NotStored) as refused:
                await parts.inbox.receive(conversation.id, DANGER, client_id=name)
            assert time.monotonic() - start < WAITED
            assert refused.value.guidance.kind == "guidance"

    assert (await _stored(parts, conversation.id)).replies[0].kind == "guidance"
    await parts.close()


async def _long_goodbye(_):
    """SQLAlchemy gives a server two seconds for it, each time; these are told from a slow machine."""
    await asyncio.sleep(3 * WAITED)


async def _stored(parts, conversation_id):
    """What comes of the first message once it is stored; on a slow machine not within the time that danger has."""
    for _ in range(100):
        with suppress(NotStored):
            return await parts.inbox.receive(conversation_id, DANGER, client_id="one")
    raise AssertionError("never stored")


@pytest.mark.usefixtures("patient")
async def test_by_text(line, twilio, lock):
    """Somebody who texts gets it within a second as well, once; staff see it when the record is back."""
    lock.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    await twilio.text(ANA, DANGER)
    assert time.monotonic() - start < WAITED
    assert len(twilio.to(ANA)) == 1

    lock.execute("ROLLBACK")
    await until(line.alarms)
    await until(lambda: _all_sent(line))
    assert len([body for body in twilio.to(ANA) if body == twilio.to(ANA)[0]]) == 1


async def test_by_text_with_a_full_disk(line, twilio, lock, monkeypatch):
    """Where not even the disk takes the text, it is kept in memory until the record is back: staff must see it."""
    def full(*_):
        raise OSError(errno.ENOSPC, "no space")

    lock.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(Spool, "keep", full)
    await twilio.text(ANA, DANGER)
    assert len(twilio.to(ANA)) == 1

    lock.execute("ROLLBACK")
    await until(line.alarms)
    assert [m.text for m in await line.said(ANA) if m.author == "visitor"] == [DANGER]


async def _all_sent(line) -> bool:
    return {row.state for row in await line.deliveries()} == {"sent"}


async def test_a_kept_text_stays_before_the_next(line, twilio, lock):
    """What was kept while the record was away is stored before what the same person texts afterwards."""
    lock.execute("BEGIN IMMEDIATE")
    await twilio.text(ANA, "What is naloxone?")
    lock.execute("ROLLBACK")
    await twilio.text(ANA, "How long does detox take?")

    said = [m.text for m in await line.said(ANA) if m.author == "visitor"]
    assert said == ["What is naloxone?", "How long does detox take?"]
