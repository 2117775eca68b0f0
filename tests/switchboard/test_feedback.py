"""switchboard.feedback: told by a button, kept beside the conversation, gone with it."""

from __future__ import annotations

import pytest

from switchboard import conversations, feedback
from switchboard.conversations import Message
from switchboard.feedback import NoAnswer


async def answered(record):
    async with record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        asked = await conversations.add(tx, conversation, Message("visitor", "what is naloxone"))
        said = await conversations.add(tx, conversation, Message("bot", "A medicine.", response="utter_faq/FAQ-052"))
        return conversation, asked.seq, said.seq


async def counted(record):
    async with record.read() as connection:
        return await feedback.by_answer(connection)


async def test_a_second_thought_replaces_the_first(record):
    """Yes, then no: one row, the last word counts."""
    conversation, _, seq = await answered(record)
    for helped in (True, False):
        async with record.write() as tx:
            await feedback.rate(tx, conversation, seq, helped=helped)

    assert await counted(record) == [("utter_faq/FAQ-052", 0, 1)]


async def test_only_what_the_bot_said(record):
    """The visitor's own words, and what was never said, cannot be rated."""
    conversation, asked, said = await answered(record)
    for seq in (asked, said + 1):
        with pytest.raises(NoAnswer):
            async with record.write() as tx:
                await feedback.rate(tx, conversation, seq, helped=True)


async def test_erased_with_the_chat(record):
    """Erasing a chat erases what it said about answers."""
    conversation, _, seq = await answered(record)
    async with record.write() as tx:
        await feedback.rate(tx, conversation, seq, helped=True)
        await conversations.erase(tx, conversation)

    assert await counted(record) == []
