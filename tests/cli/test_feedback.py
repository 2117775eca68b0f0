"""`bin/haven feedback`: the answers that visitors rated, the least helpful first."""

from __future__ import annotations

import asyncio

import pytest
from click.testing import CliRunner

from cli.feedback import command
from haven.settings import load_settings
from switchboard import conversations, feedback
from switchboard.conversations import Message
from switchboard.records.record import Record


@pytest.fixture
def haven(tmp_path, monkeypatch):
    """Runs `haven feedback` against a record of its own."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path))
    return lambda: CliRunner().invoke(command).output


async def rate(ratings):
    settings = load_settings()
    record = Record.of(settings)
    await record.migrate()
    for response, helped in ratings:
        async with record.write() as tx:
            conversation = await conversations.begin(tx, channel="widget", language="en")
            said = await conversations.add(tx, conversation, Message("bot", "x", response=response))
            await feedback.rate(tx, conversation, said.seq, helped=helped)
    await record.close()


def test_nothing_yet(haven):
    """An empty record says so."""
    assert haven() == "No answer was rated yet.\n"


def test_least_helpful_first(haven):
    """Each answer with its question, counted."""
    asyncio.run(rate([("utter_faq/FAQ-001", True), ("utter_faq/FAQ-029", False), ("utter_faq/FAQ-029", True)]))
    lines = haven().splitlines()

    assert [line.split()[:3] for line in lines[1:]] == [["1", "1", "FAQ-029"], ["1", "0", "FAQ-001"]]
    assert "detox" in lines[1]
