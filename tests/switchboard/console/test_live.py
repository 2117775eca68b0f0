"""Server-sent events of the console: news in time, nothing missed after a reconnect, windows agree."""

from __future__ import annotations

import json

import pytest

from switchboard.accounts import session_of
from switchboard.console import board
from tests.switchboard.console.conftest import Console, next_event, until


async def test_a_message_reaches_an_open_window_at_once(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the transcript and the card bring it by themselves; no look at the queue comes beside that."""
    monkeypatch.setattr(board, "LOOK_AGAIN_SECONDS", 1e6)
    anna, visitor = await console.person("Anna"), await console.waiting()
    async with anna.window(visitor) as events:
        await next_event(events, lambda event, data: event == "queue")
        await visitor.say("are you there <script>")
        message = await next_event(events, lambda event, data: event == "message" and data["author"] == "visitor"
                                   and "are you there" in data["html"])
        card = await next_event(events, lambda event, data: event == "queue" and "are you there" in
                                data["cards"].get(visitor.id, ""))
    assert "<script>" not in message["html"] + card["cards"][visitor.id]


async def test_a_reconnect_brings_exactly_what_is_missing(console: Console) -> None:
    """From the last number seen: nothing lost, nothing twice, in order."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    last = (await visitor.transcript())[-1]["seq"]
    for number in range(5):
        await visitor.say(f"line {number}")
    async with anna.window(visitor, after=last) as events:
        seen = []
        while len(seen) < 6:  # five, and the line that says they still wait
            seen.append(await next_event(events, lambda event, data: event == "message"))
    assert [m["seq"] for m in seen] == list(range(last + 1, last + 7))


async def test_two_windows_agree_on_who_has_it(console: Console) -> None:
    """A claim in one window changes the buttons of the other."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    async with anna.window(visitor) as hers, ben.window(visitor) as his:
        await next_event(hers, lambda event, data: event == "conversation" and data["mode"] == "waiting")
        await anna.act(visitor, "claim")
        mine = await next_event(hers, lambda event, data: event == "conversation" and data["mode"] == "mine")
        theirs = await next_event(his, lambda event, data: event == "conversation" and data["mode"] == "other")
    assert "Return to bot" in mine["head"]
    assert "Anna has it" in theirs["head"] and "Claim" not in theirs["head"]


async def test_typing_is_seen_on_both_sides(console: Console) -> None:
    """The visitor's typing reaches the window; the person's reaches the visitor's state."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    async with anna.window(visitor) as events:
        await next_event(events, lambda event, data: event == "conversation")
        await visitor.http.post("/chat/typing")
        assert (await next_event(events, lambda event, data: event == "typing"))["visitor"] is True
    await anna.act(visitor, "typing")
    assert console.parts.typing.staff_is(visitor.id)
    await anna.act(visitor, "reply", text="Here it is.", client_id="1")
    assert not console.parts.typing.staff_is(visitor.id)


async def test_what_the_owner_has_read_is_told_to_the_visitor(console: Console) -> None:
    """Only the owner's look counts."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    await anna.act(visitor, "claim")
    seq = (await visitor.say("please read this"))["message"]["seq"]
    await ben.page(f"/staff/conversations/{visitor.id}")
    assert await _read_seq(console, visitor.id) < seq
    await anna.act(visitor, "seen", seq=str(seq))
    assert await _read_seq(console, visitor.id) == seq


async def test_an_erased_conversation_leaves_the_window(console: Console) -> None:
    """The window is told, and its words go."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    async with anna.window(visitor) as events:
        await next_event(events, lambda event, data: event == "conversation")
        await visitor.http.delete("/chat/conversation")
        await next_event(events, lambda event, data: event == "erased")


async def test_a_window_makes_its_person_present_and_its_end_absent(console: Console) -> None:
    """The bot counts on people with an open console, and soon no longer on those who left."""
    anna = await console.person("Anna")
    async with anna.window() as events:
        await next_event(events, lambda event, data: event == "queue")
        assert console.parts.presence.is_here(anna.id)
        assert console.app.ctx.shift.has_window(anna.id)
    await until(lambda: _has_window(console, anna.id), False)


async def _has_window(console: Console, staff_id: int) -> bool:
    return console.app.ctx.shift.has_window(staff_id)


async def _read_seq(console: Console, conversation_id: str) -> int:
    from switchboard import conversations

    async with console.parts.record.read() as connection:
        return (await conversations.load(connection, conversation_id)).read_seq


async def test_a_window_that_is_behind_gets_what_it_lacks_and_no_more(console: Console) -> None:
    """Two readings later it is sent the cards of both, and none that stayed as they were."""
    anna, still = await console.person("Anna"), await console.waiting()
    queue, parts = console.app.ctx.board, console.parts
    await queue.refresh(parts)
    version, person = queue.version, (await session_of(parts.record, anna.http.cookies["haven_staff"])).staff
    first = await console.waiting()
    await queue.refresh(parts)
    second = await console.waiting()
    await queue.refresh(parts)
    cards = json.loads(queue.news(person, since=version, order="")[0])
    assert {first.id, second.id} <= set(cards) and still.id not in cards
    assert still.id in json.loads(queue.news(person, since=-2, order="")[0])
    order = queue.news(person, since=version, order="")[1]
    assert queue.news(person, since=queue.version, order=order) == ("{}", "null")
