"""switchboard.opening: whose record is away at the start helps people in danger all the same, and opens it later."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from haven.settings import Settings, load_settings
from switchboard import conversations, opening
from switchboard.conversations import Conversation
from switchboard.inbox import NotStored
from switchboard.keys import check_keys
from switchboard.parts import Parts, make_parts
from switchboard.records.keyring import Keyring
from switchboard.records.record import MIGRATION_LOCK, Record, RecordUnavailable
from switchboard.sessions import Sessions
from tests.switchboard.conftest import KEYRING
from tests.switchboard.people import Visitor, signed_in
from tests.switchboard.process import Process
from tests.switchboard.sms.conftest import ANA, settings_for, until
from tests.twilio import Twilio
from tests.waiting import SECONDS

DANGER = "my friend is blue and wont wake up"
TOKEN = "token-without-spaces"  # a process reads it from its environment


@pytest.fixture
def impatient(monkeypatch) -> None:
    """The first tries are given up soon."""
    monkeypatch.setattr(opening, "FIRST_SECONDS", 0.5)
    monkeypatch.setattr(opening, "PAUSE_SECONDS", 0.05)


@asynccontextmanager
async def starting(settings: Settings, knowledge: Any) -> AsyncIterator[tuple[Parts, asyncio.Task[None] | None]]:
    """The parts of a switchboard that starts, and what goes on trying."""
    made = make_parts(settings, knowledge)
    task = await opening.open_now_or_later(made)
    try:
        yield made, task
    finally:
        if task:
            task.cancel()
        await made.close()


@pytest.fixture
async def known(parts) -> Conversation:
    """A conversation of the record at `parts`."""
    async with parts.record.write() as tx:
        return await conversations.begin(tx, channel="widget", language="en")


@pytest.fixture
def lock(tmp_path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "haven.db", isolation_level=None, timeout=10)) as connection:
        yield connection


async def test_a_record_that_is_there(parts, knowledge):
    """Nothing is left to be tried."""
    async with starting(parts.settings, knowledge) as (made, task):
        assert task is None and not made.record.is_shut


@pytest.mark.usefixtures("impatient")
async def test_a_locked_record(parts, known, lock, knowledge):
    """Danger gets its guidance while another process keeps the record, and is stored when it is free."""
    lock.execute("BEGIN IMMEDIATE")
    async with starting(parts.settings, knowledge) as (made, task):
        with pytest.raises(NotStored) as refused:
            await made.inbox.receive(known.id, DANGER, client_id="one")
        assert refused.value.guidance.kind == "guidance"
        with pytest.raises(RecordUnavailable):
            async with made.record.read():
                pass

        lock.execute("ROLLBACK")
        await asyncio.wait_for(task, SECONDS)
        received = await made.inbox.receive(known.id, DANGER, client_id="one")
        assert received.fresh and received.replies[0].kind == "guidance"


@pytest.mark.usefixtures("impatient")
async def test_a_change_of_tables_that_takes_long(tmp_path, assistant, knowledge, own_postgresql):
    """Each try gets twice as long as the one before: in the end a slow one has its time."""
    record = Record(own_postgresql.url)
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                       database_url=own_postgresql.url)
    async with record.engine.connect() as somebody:
        await somebody.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        async with starting(settings, knowledge) as (made, task):
            await asyncio.sleep(2.0)  # the first tries are over
            assert made.record.is_shut
            await somebody.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            await asyncio.wait_for(task, SECONDS)
            async with made.record.write() as tx:
                await conversations.begin(tx, channel="widget", language="en")
    await record.close()


async def test_without_its_database(tmp_path, assistant, own_postgresql):
    """Started with PostgreSQL gone: danger is answered on the page and by text; the text, and staff, are there when it
    is back."""
    record = Record(own_postgresql.url, KEYRING)
    await record.migrate()
    async with Twilio(token=TOKEN) as twilio:
        switchboard = Process(replace(settings_for(tmp_path, twilio, assistant.port), sms_tokens=(TOKEN,),
                                      database_url=own_postgresql.url))
        twilio.switchboard = switchboard.url
        own_postgresql.stop()
        try:
            await switchboard.start(record=False)
            async with httpx.AsyncClient(base_url=switchboard.url, trust_env=False, timeout=SECONDS) as http:
                await _refused_and_helped(http, switchboard.settings)
            assert "911" in (await twilio.text(ANA, DANGER)).text

            own_postgresql.start()
            await until(lambda: _starts(switchboard.url))
            await until(lambda: _stored(record), 1)
            visitor = await Visitor.start(switchboard.url)
            assert (await visitor.say(switchboard.url, DANGER))["replies"][0]["kind"] == "guidance"
            await (await signed_in(record, switchboard.url, "maria")).aclose()
        finally:
            switchboard.end()
    await record.close()


async def _refused_and_helped(http: httpx.AsyncClient, settings: Settings) -> None:
    token = Sessions(settings.session_secret, days=7).token_for("0" * 32)
    answer = await http.post("/chat/messages", json={"client_id": "one", "text": DANGER},
                             headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 503 and "911" in answer.json()["guidance"]["text"]
    assert (await http.post("/chat/conversations", json={})).status_code == 503
    ready = await http.get("/ready")
    assert ready.status_code == 503 and ready.json()["parts"]["record"]["state"] == "away"


async def _starts(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
        return (await http.post(f"{url}/chat/conversations", json={})).status_code == 201


async def _stored(record: Record) -> int:
    """Texts of danger in the record."""
    async with record.read() as connection:
        return (await connection.execute(sa.text(
            "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation "
            "WHERE c.channel = 'sms' AND m.author = 'visitor'"))).scalar_one()


async def test_a_record_of_other_keys(settings_of_a_stranger, own_postgresql):
    """Where the record that comes back was begun with other keys, the switchboard ends, and the next start says why."""
    switchboard = Process(settings_of_a_stranger)
    own_postgresql.stop()
    try:
        await switchboard.start(record=False)
        own_postgresql.start()
        await switchboard.ended()
        assert "the record is back and cannot be used: WrongKeys" in switchboard.log.read_text()
        switchboard.begin()
        assert await switchboard.ended(200) == 1  # a whole start
        assert "is not the key this record was begun with" in switchboard.log.read_text()
    finally:
        switchboard.end()


@pytest.fixture
async def settings_of_a_stranger(tmp_path, assistant, own_postgresql) -> Settings:
    """Of a switchboard whose record was begun with keys it does not have."""
    record = Record(own_postgresql.url, Keyring(["other-keys-for-the-records-of-a-test"]))
    await record.migrate()
    await check_keys(record)
    await record.close()
    return replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port, proof_seconds=0,
                   database_url=own_postgresql.url)
