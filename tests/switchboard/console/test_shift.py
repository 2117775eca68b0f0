"""A night with two people at the console and two visitors at once, one on the website and one by text message."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from switchboard import conversations
from tests.switchboard.console.conftest import Console, Visitor, next_event, until
from tests.switchboard.console.test_nobody_forgotten import watch


async def texter(console: Console, *words: str) -> Visitor:
    """Somebody who writes text messages: the same door as the carrier's, without the carrier."""
    async with console.parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="sms", language="en", address=uuid.uuid4().hex)
    http = console.client()
    http.headers["Authorization"] = f"Bearer {console.parts.sessions.token_for(conversation.id)}"
    for text in words:
        await console.parts.inbox.receive(conversation.id, text, client_id=uuid.uuid4().hex)
    return Visitor(http, conversation.id)


async def test_two_people_look_after_two_visitors_on_two_channels(console: Console) -> None:
    """Each has one, both windows show the same, and nobody's words go to the wrong visitor."""
    anna, ben = await console.person("Anna"), await console.person("Ben")
    web = await console.waiting("i am on the website")
    phone = await texter(console, "i am on the phone")
    await until(lambda: console.owner(phone.id), "waiting")
    async with anna.window(web) as hers, ben.window(phone) as his:
        await asyncio.gather(anna.act(web, "claim"), ben.act(phone, "claim"))
        await asyncio.gather(anna.act(web, "reply", text="For the website.", client_id="1"),
                             ben.act(phone, "reply", text="For the phone.", client_id="1"))
        for events in (hers, his):
            data = await next_event(events, lambda event, data: event == "message" and data["author"] == "staff")
            assert "For the" in data["html"]
    assert await web.said_by("staff") == ["For the website."]
    assert await phone.said_by("staff") == ["For the phone."]
    page = await anna.page()
    assert "Text message" in page and "Web" in page


async def test_danger_by_text_message_while_claimed_gets_the_short_guidance(console: Console) -> None:
    """The wording is the channel's own, and the conversation stands in the line until its owner answers."""
    anna, phone = await console.person("Anna"), await texter(console, "can a person call me")
    await anna.act(phone, "claim")
    async with anna.window(phone) as events:
        await next_event(events, lambda event, data: event == "conversation")
        await console.parts.inbox.receive(phone.id, "my friend is blue and wont wake up", client_id="d1")
        data = await next_event(events, lambda event, data: event == "message" and data["kind"] == "guidance")
        head = await next_event(events, lambda event, data: event == "conversation" and "Acute" in data.get("head", ""))
    said = [m["text"] for m in await phone.transcript() if m["kind"] == "guidance"]
    assert len(said) == 1 and len(said[0]) < 400 and "911" in said[0]
    assert "guidance, sent by itself" in data["html"] and head["mode"] == "mine"


async def test_an_answer_that_was_under_way_when_the_bot_got_it_back_and_lost_it_is_dropped(console: Console) -> None:
    """Return to bot, a message, a claim before the bot is done: only people are read from then on."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    for _ in range(5):
        await anna.act(visitor, "return")
        await asyncio.gather(visitor.say("and what does it cost"), anna.act(visitor, "claim"))
        if await console.owner(visitor.id) != f"staff:{anna.id}":
            await anna.act(visitor, "claim")
    await asyncio.sleep(0.5)
    transcript = await visitor.transcript()
    last_join = max(i for i, m in enumerate(transcript) if "has joined" in m["text"])
    assert [m for m in transcript[last_join + 1:] if m["author"] == "bot"] == []
    assert await console.owner(visitor.id) == f"staff:{anna.id}"


async def test_a_night_of_claims_and_returns_leaves_every_conversation_with_one_owner(console: Console) -> None:
    """Four people press at random for a while: one owner, one open claim each, epochs in order."""
    import random

    import sqlalchemy as sa

    from switchboard.records.tables import claims

    people = [await console.person(f"Night{n}") for n in range(4)]
    visitors = [await console.waiting() for _ in range(3)]
    dice = random.Random(7)  # noqa: S311

    async def press(person: Any) -> None:
        for _ in range(12):
            await person.act(dice.choice(visitors), dice.choice(("claim", "claim", "return", "reply")), text="Hello",
                             client_id=uuid.uuid4().hex)

    await asyncio.gather(*(press(person) for person in people))
    for visitor in visitors:
        owner = await console.owner(visitor.id)
        async with console.parts.record.read() as connection:
            query = sa.select(claims).where(claims.c.conversation == visitor.id, claims.c.ended_at.is_(None))
            open_claims = (await connection.execute(query)).all()
            written = await conversations.after(connection, visitor.id, 0)
        assert [f"staff:{row.staff}" for row in open_claims] == ([owner] if owner.startswith("staff") else [])
        assert [m.epoch for m in written] == sorted(m.epoch for m in written)
        _only_the_owner_spoke(written, console)


def _only_the_owner_spoke(written: list[Any], console: Console) -> None:
    """Every reply by a person follows the line that says this person joined, with none other between."""
    present = None
    for message in written:
        if message.response == "handoff_accepted":
            present = message.text.split()[0]
        elif message.response == "returned_to_bot":
            present = None
        elif message.author == "staff":
            assert message.name == present


@pytest.mark.parametrize("after_claiming", [True, False])
async def test_a_reconnect_of_both_sides_misses_nothing(console: Console, after_claiming: bool) -> None:
    """Visitor and window are away while the other writes; both read everything once, in order."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    if after_claiming:
        await anna.act(visitor, "claim")
    seen = (await visitor.transcript())[-1]["seq"]
    for number in range(3):
        await visitor.say(f"from the visitor {number}")
        if after_claiming:
            await anna.act(visitor, "reply", text=f"from Anna {number}", client_id=str(number))
    expected = [m["seq"] for m in await visitor.transcript() if m["seq"] > seen]
    async with anna.window(visitor, after=seen) as events:
        got = [(await next_event(events, lambda event, data: event == "message"))["seq"] for _ in expected]
    assert got == expected
    await watch(console).look()
