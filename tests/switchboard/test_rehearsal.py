"""switchboard.rehearsal: before anybody is served a danger goes its way, and nothing of it is left."""

from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa

from switchboard import conversations
from switchboard.parts import make_parts
from switchboard.records.tables import metadata
from switchboard.rehearsal import rehearse
from tests.switchboard.sms.conftest import settings_for
from tests.twilio import Twilio


@pytest.fixture
async def whole(tmp_path, database, knowledge):
    """A switchboard's parts with a text line, opened."""
    async with Twilio() as twilio:
        made = make_parts(settings_for(tmp_path, twilio, 1, database_url=database), knowledge)
        await made.open()
        yield made
        await made.close()


async def rows(parts) -> dict[str, int]:
    async with parts.record.read() as connection:
        return {table.name: (await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one()
                for table in metadata.sorted_tables}


async def test_nothing_is_left(whole, monkeypatch, caplog):
    """A danger is stored and answered on the website and by text, and no table has a row more afterwards."""
    stored, add = [], conversations.add

    async def noted(tx, conversation, message):
        stored.append((conversation.channel, message.kind))
        return await add(tx, conversation, message)

    monkeypatch.setattr(conversations, "add", noted)
    before = await rows(whole)
    await rehearse(whole)

    assert {("widget", "guidance"), ("sms", "guidance")} <= set(stored)
    assert await rows(whole) == before
    ours = [entry for entry in caplog.records if entry.name.startswith("switchboard")]
    assert not [entry for entry in ours if entry.levelno >= logging.ERROR]


async def test_a_rehearsal_that_fails_ends_no_start(whole, monkeypatch, caplog):
    """What is wrong stands in the log, and the switchboard is opened all the same."""
    monkeypatch.setattr(whole.inbox, "rehearse", None)
    with caplog.at_level(logging.ERROR):
        await rehearse(whole)
    assert "rehearsal" in caplog.text
