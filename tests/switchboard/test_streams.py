"""switchboard.streams: followers look at the record when it changed, and at what is in memory when that did."""

from __future__ import annotations

import asyncio

import pytest

from switchboard import conversations
from switchboard.channels import widget
from switchboard.conversations import Message
from switchboard.crowd import Crowd
from switchboard.streams import Streams
from tests.switchboard.sms.conftest import until


@pytest.fixture
async def conversation(parts):
    async with parts.record.write() as tx:
        return await conversations.begin(tx, channel="widget", language="en")


@pytest.fixture
async def followed(parts, conversation):
    """What a page that follows the conversation has got so far, growing."""
    got: list[str] = []

    async def follow() -> None:
        with Crowd().place(conversation.id, "somewhere") as place:
            async for chunk in widget._stream(parts, place, 0):
                got.append(chunk)

    following = asyncio.create_task(follow())
    await until(lambda: got)
    yield got
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def test_a_wake_is_for_the_record_and_a_stir_is_not():
    """A new follower looks at the record; after that a stir alone does not send it there, and a wake does."""
    streams = Streams()
    with streams.follow("one") as follower:
        assert follower.is_stale
        follower.is_stale = False
        streams.stir("one")
        assert follower.is_set() and not follower.is_stale
        streams.wake("one")
        assert follower.is_stale


def test_a_stir_stays_here():
    """What is in the memory of one switchboard is no news for the others."""
    streams, told = Streams(), []
    streams.relay = told.append
    streams.stir("one")
    streams.wake("one")
    assert told == ["one"]


async def test_a_sign_of_the_bot_reads_nothing(parts, conversation, followed, monkeypatch):
    """That the bot is at it reaches the page without the record."""
    reads = []
    look_up = parts.record.look_up
    monkeypatch.setattr(parts.record, "look_up", lambda: (reads.append(1), look_up())[1])
    monkeypatch.setattr(parts.brain, "is_busy", lambda _: True)
    parts.streams.stir(conversation.id)
    await until(lambda: '"bot_typing": true' in followed[-1])
    assert not reads


async def test_what_comes_while_it_reads_is_not_missed(parts, conversation, followed, monkeypatch):
    """A message that is stored while a page's stream is reading is brought as well, without another wake."""
    read = widget._read

    async def slow(*about):
        found = await read(*about)
        if not stored:
            stored.append(True)
            await _say(parts, conversation, "second")  # after this reading, before the stream waits again
        return found

    stored: list[bool] = []
    monkeypatch.setattr(widget, "_read", slow)
    await _say(parts, conversation, "first")
    await until(lambda: any("second" in chunk for chunk in followed))
    assert ["first" in chunk for chunk in followed if "event: message" in chunk] == [True, False]


async def _say(parts, conversation, text):
    async with parts.record.write() as tx:
        current = await conversations.load(tx, conversation.id)
        await conversations.add(tx, current, Message(author="visitor", text=text, client_id=text))
    parts.streams.wake(conversation.id)
