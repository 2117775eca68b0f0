"""Claim, reply, transfer, return, close: through the console's forms, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.switchboard.console.conftest import Console, until


async def test_a_visitor_who_waits_is_claimed_answered_and_handed_back(console: Console) -> None:
    """The visitor reads who joined, what they wrote, and that the bot is back; the bot then answers again."""
    anna, visitor = await console.person("Anna"), await console.waiting()

    assert visitor.id in await anna.page()
    assert (await anna.act(visitor, "claim")).status_code == 303
    assert (await anna.act(visitor, "reply", text="Hello, I'm here.", client_id="1")).status_code == 303
    assert (await anna.act(visitor, "return")).status_code == 303

    assert await visitor.said_by("staff") == ["Hello, I'm here."]
    notices = await visitor.said_by("system")
    assert notices[0].startswith("Anna from our staff has joined")
    assert notices[1].startswith("Our staff member has left the chat")
    before = len(await visitor.said_by("bot"))
    await visitor.say("what is naloxone")
    await until(lambda: visitor.said_by("bot"), lambda said: len(said) > before)


async def test_of_two_who_claim_at_once_one_gets_it_and_the_other_is_told(console: Console) -> None:
    """Ten colleagues who press at the same moment: one has it, nine read whose it is; the visitor hears one."""
    people = [await console.person(f"Nurse{n}") for n in range(10)]
    visitor = await console.waiting()

    answers = await asyncio.gather(*(person.act(visitor, "claim") for person in people))

    assert sorted(a.status_code for a in answers) == [303] + [409] * 9
    winner = people[[a.status_code for a in answers].index(303)]
    name = console.parts.staff_names[winner.id]
    assert all(f"{name} has this conversation now." in a.text for a in answers if a.status_code == 409)
    assert len(await visitor.said_by("system")) == 1


async def test_nobody_answers_over_the_person_who_has_it(console: Console) -> None:
    """A colleague's reply is refused, says who has it, and keeps the words in the box."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    await anna.act(visitor, "claim")

    answer = await ben.act(visitor, "reply", text="I'll take <this>", client_id="1")

    assert answer.status_code == 409
    assert "Anna has this conversation now." in answer.text
    assert "I&#39;ll take &lt;this&gt;</textarea>" in answer.text
    assert await visitor.said_by("staff") == []


async def test_the_same_reply_sent_twice_is_stored_once(console: Console) -> None:
    """A double click or a repeated form never reaches the visitor twice."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")

    for _ in range(3):
        assert (await anna.act(visitor, "reply", text="Once.", client_id="same")).status_code == 303

    assert await visitor.said_by("staff") == ["Once."]


async def test_a_danger_that_the_bot_has_can_be_claimed_at_once(console: Console) -> None:
    """An alert on a bot's conversation stands in the line with its words, and claiming accepts it."""
    anna = await console.person("Anna")
    visitor = await console.visitor("my friend is blue and wont wake up")
    page = await anna.page(f"/staff/conversations/{visitor.id}")
    assert "Acute danger" in page

    assert (await anna.act(visitor, "claim")).status_code == 303

    assert "It counts as looked at" not in await anna.page(f"/staff/conversations/{visitor.id}")
    assert len([m for m in await visitor.transcript() if m["kind"] == "guidance"]) == 1


async def test_a_danger_while_claimed_gets_the_guidance_and_comes_up_again(console: Console) -> None:
    """The crisis lane speaks whoever has the conversation; the owner's answer counts as a look."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    await visitor.say("he stopped breathing and his lips are blue")

    page = await anna.page(f"/staff/conversations/{visitor.id}")
    assert "Acute danger" in page and "guidance, sent by itself" in page
    assert [m["author"] for m in await visitor.transcript()][-1] == "bot"
    await anna.act(visitor, "reply", text="Call 911 now. I'm staying here.", client_id="1")

    assert "It counts as looked at" not in await anna.page(f"/staff/conversations/{visitor.id}")
    assert await console.owner(visitor.id) == f"staff:{anna.id}"


async def test_the_first_keeps_a_transfer_until_the_second_accepts(console: Console) -> None:
    """Between offer and acceptance the visitor is Anna's; then Ben's, and the visitor is told."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    await anna.act(visitor, "claim")
    await ben.page()

    assert (await anna.act(visitor, "transfer", to=str(ben.id))).status_code == 303
    assert await console.owner(visitor.id) == f"staff:{anna.id}"
    assert (await anna.act(visitor, "reply", text="A colleague will join.", client_id="1")).status_code == 303
    assert (await ben.act(visitor, "transfer/accept")).status_code == 303

    assert await console.owner(visitor.id) == f"staff:{ben.id}"
    assert (await visitor.said_by("system"))[-1].startswith("Ben from our staff is taking over")
    assert (await anna.act(visitor, "reply", text="too late", client_id="2")).status_code == 409


async def test_a_refused_transfer_changes_nothing_for_the_visitor(console: Console) -> None:
    """The offer is gone, the first still has it, and only staff read about it."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    await anna.act(visitor, "claim")
    await ben.page()
    await anna.act(visitor, "transfer", to=str(ben.id))
    before = await visitor.transcript()

    assert (await ben.act(visitor, "transfer/decline")).status_code == 303

    assert await console.owner(visitor.id) == f"staff:{anna.id}"
    assert await visitor.transcript() == before
    assert "Ben cannot take over now." in await anna.page(f"/staff/conversations/{visitor.id}")
    assert (await ben.act(visitor, "transfer/accept")).status_code == 409


async def test_nothing_is_offered_to_somebody_who_is_not_here(console: Console) -> None:
    """A colleague without an open console, or on a break, cannot be asked to take over."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    away = await console.account("Carl")
    paused = await console.person("Dora")
    await paused.do("pause", what="begin")
    await anna.act(visitor, "claim")

    for person in (away, paused):
        answer = await anna.act(visitor, "transfer", to=str(person.id))
        assert answer.status_code == 403
        assert "You still have the conversation." in answer.text.replace("&#39;", "'")


async def test_notes_and_log_are_never_shown_to_the_visitor(console: Console) -> None:
    """A private note reaches colleagues only, and the bot's owner of words does not change."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    before = await visitor.transcript()

    assert (await anna.act(visitor, "notes", text="Knows our programme from 2024.")).status_code == 303

    assert await visitor.transcript() == before
    assert "Knows our programme from 2024." in await ben.page(f"/staff/conversations/{visitor.id}")


async def test_closing_records_the_outcome_and_the_bot_takes_over(console: Console) -> None:
    """Four fields at most; an incomplete outcome changes nothing."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")

    assert (await anna.act(visitor, "close", result="answered")).status_code == 400
    assert await console.owner(visitor.id) == f"staff:{anna.id}"
    done = await anna.act(visitor, "close", result="answered", danger="none", referred="988", note="Doing well.")

    assert done.status_code == 303
    assert await console.owner(visitor.id) == "bot"
    page = await anna.page(f"/staff/conversations/{visitor.id}")
    assert "Question answered" in page and "Doing well." in page


async def test_an_erased_conversation_is_gone_for_staff_as_well(console: Console) -> None:
    """After "erase my chat" the page says so, and no list shows a word of it."""
    anna, visitor = await console.person("Anna"), await console.waiting("my secret is safe with nobody")
    await anna.act(visitor, "claim")
    assert (await visitor.http.delete("/chat/conversation")).status_code == 204

    assert (await anna.http.get(f"/staff/conversations/{visitor.id}")).status_code == 410
    assert "my secret" not in await anna.page()
    assert (await anna.act(visitor, "reply", text="Hello?", client_id="1")).status_code == 410


async def test_a_late_answer_of_the_bot_never_follows_a_claim(console: Console) -> None:
    """A person claims while the bot is still composing: what the bot says afterwards is dropped."""
    anna, visitor = await console.person("Anna"), await console.visitor()
    sent = asyncio.create_task(visitor.say("how long does it take"))
    await asyncio.sleep(0.01)
    claimed = await _claim_as_soon_as_possible(anna, visitor)
    await sent
    await asyncio.sleep(0.5)

    assert claimed == 303
    transcript = await visitor.transcript()
    joined = next(i for i, m in enumerate(transcript) if "has joined" in m["text"])
    assert all(m["author"] != "bot" for m in transcript[joined + 1:])


async def _claim_as_soon_as_possible(person: Any, visitor: Any) -> int:
    return (await person.act(visitor, "claim")).status_code
