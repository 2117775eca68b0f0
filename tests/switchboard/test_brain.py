"""switchboard.brain: whatever the assistant does, the visitor is answered once, and never over a person."""

from __future__ import annotations

import asyncio

import pytest

from switchboard import conversations
from switchboard.conversations import WAITING, Message


async def begun(parts):
    async with parts.record.write() as tx:
        return await conversations.begin(tx, channel="widget", language="en")


async def said(parts, conversation, text="how long does detox take"):
    """What was said to a message, once the bot is done with it."""
    received = await parts.inbox.receive(conversation.id, text, client_id=text[:60])
    await idle(parts, conversation)
    async with parts.record.read() as connection:
        return await conversations.after(connection, conversation.id, received.message.seq)


async def idle(parts, conversation):
    while parts.brain.is_busy(conversation.id):
        await asyncio.sleep(0.01)


async def said_to_possible_danger(parts):
    """What the bot says to a message that was read as possible danger."""
    conversation = await begun(parts)
    async with parts.record.write() as tx:
        await conversations.add(tx, conversation, Message(
            "visitor", "x", crisis={"level": "possible", "kind": "using_alone", "why": []}))
    parts.brain.wake(conversation.id)
    await idle(parts, conversation)
    async with parts.record.read() as connection:
        return await conversations.after(connection, conversation.id, 1)


async def owner(parts, conversation):
    async with parts.record.read() as connection:
        return (await conversations.load(connection, conversation.id)).owner


NONSENSE = (b"", b"<html>", b"{", {"replies": None}, {"replies": "x"}, [], {"replies": []}, {"replies": [7]},
            {"replies": [{"text": None}]}, {"replies": [{"text": ""}]}, {"replies": [{"text": "x" * 5000}]},
            {"replies": [{"text": {"a": 1}}]}, {"replies": [{"text": "x", "response": {"a": 1}}]},
            {"replies": [{"text": "x", "custom": {"callback": {}}}]})


@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense(parts, assistant, nonsense):
    """An assistant that answers nonsense or nothing: the fixed sentence, the numbers, and a person is waited for."""
    assistant.answer = nonsense
    conversation = await begun(parts)
    answers = await said(parts, conversation)

    assert [m.response for m in answers] == ["bot_failed"]
    assert "988" in answers[0].text
    assert await owner(parts, conversation) == WAITING


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
async def test_refusal(parts, assistant, status):
    """A refusal is no answer, also when its body looks like one."""
    assistant.status = status
    conversation = await begun(parts)

    assert [m.response for m in await said(parts, conversation)] == ["bot_failed"]


async def test_time_out(parts, assistant):
    """An assistant slower than the budget is not waited for, and its late answer is dropped."""
    assistant.delay = 60
    parts.brain._assistant.budget = 0.5
    conversation = await begun(parts)

    assert [m.response for m in await said(parts, conversation)] == ["bot_failed"]


async def test_a_fault_on_the_way_is_no_silence(parts, monkeypatch):
    """Whatever fails before there is an answer to store, the message is looked at again and answered once."""
    unhandled, failed = conversations.unhandled, []

    async def fails_twice(connection, conversation):
        if len(failed) < 2:
            failed.append(1)
            raise ValueError("unforeseen")
        return await unhandled(connection, conversation)

    monkeypatch.setattr("switchboard.brain.RETRY_SECONDS", 0.01)
    monkeypatch.setattr(conversations, "unhandled", fails_twice)
    conversation = await begun(parts)

    assert len(await said(parts, conversation)) == 1
    assert len(failed) == 2


async def test_by_text_a_word_about_people_is_a_text_of_its_own(parts, assistant):
    """An answer and an offer to call back in one turn: two texts, so that "yes" means the offer; else all is one."""
    answer, offer = {"text": "3 to 5 days.", "response": "utter_faq/FAQ-001"}, {
        "text": "May we call you back?", "response": "utter_callback_offer"}
    assistant.answer = {"replies": [answer, offer]}
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="sms", language="en", address="x")
    first = await said(parts, conversation, "how long does detox take? can i talk to somebody?")
    assistant.answer = {"replies": [{"text": "Thanks.", "response": "utter_thanks"}, answer]}
    second = await said(parts, conversation, "yes.")

    assert [m.response for m in first] == [answer["response"], offer["response"]]
    assert [(m.response, m.text) for m in second] == [(answer["response"], "Thanks.\n3 to 5 days.")]
    assert assistant.asked[-1]["offer"] == "callback"


async def test_acute_needs_no_assistant(parts, assistant):
    """For acute danger the guidance and its question are everything; a failing assistant adds no sentence to it."""
    assistant.status = 500
    conversation = await begun(parts)
    answers = await said(parts, conversation, "my friend is blue and wont wake up")

    assert [m.response for m in answers] == ["crisis/overdose_other", "after/asks/overdose_other"]
    assert await owner(parts, conversation) == "bot"


async def test_late_answer_is_dropped_when_a_person_took_over(parts, assistant):
    """A person claims while the bot thinks: not a word of the bot comes after."""
    assistant.hold = asyncio.Event()
    conversation = await begun(parts)
    received = await parts.inbox.receive(conversation.id, "what is naloxone", client_id="1")
    while not assistant.asked:
        await asyncio.sleep(0.01)
    async with parts.record.write() as tx:
        await conversations.give(tx, await conversations.load(tx, conversation.id), "staff:1")
    assistant.hold.set()
    await idle(parts, conversation)

    async with parts.record.read() as connection:
        assert await conversations.after(connection, conversation.id, received.message.seq) == []


async def test_one_turn_at_a_time_in_order(parts, assistant):
    """Five messages sent at once are asked and answered one after the other, in their order."""
    assistant.delay = 0.02
    conversation = await begun(parts)
    await asyncio.gather(*(parts.inbox.receive(conversation.id, f"question {n} about detox", client_id=str(n))
                           for n in range(5)))
    await idle(parts, conversation)
    async with parts.record.read() as connection:
        everything = await conversations.after(connection, conversation.id, 0)

    asked = [m for m in everything if m.author == "visitor"]
    assert [body["text"] for body in assistant.asked] == [m.text for m in asked]
    assert [m.answers_seq for m in everything if m.author == "bot"] == [m.seq for m in asked]


async def test_taken_up_after_a_stop(parts, assistant):
    """What was stored and not answered before a stop is answered after the start, once."""
    conversation = await begun(parts)
    async with parts.record.write() as tx:
        await conversations.add(tx, conversation, Message("visitor", "what is naloxone", client_id="1"))
    await parts.brain.take_up()
    await parts.brain.take_up()
    await idle(parts, conversation)

    assert len(assistant.asked) == 1


async def test_possible_danger_gets_the_safety_line_after_an_answer(parts, assistant):
    """Possible danger: the ordinary answer from the documents, then one safety line."""
    answers = await said_to_possible_danger(parts)

    assert [m.response for m in answers] == ["utter_faq/FAQ-001", "safety_line"]


async def test_possible_danger_without_an_answer_gets_its_guidance(parts, assistant):
    """Possible danger that no document answers gets the fixed text for that danger, not "I don't know"."""
    assistant.answer = {"replies": [{"text": "I don't have that", "response": "utter_unknown"}]}
    answers = await said_to_possible_danger(parts)

    assert [m.response for m in answers] == ["crisis/using_alone"]


async def test_possible_danger_does_not_swallow_the_form(parts, assistant):
    """Possible danger in an answer to the call-back form gets its guidance, and the form's next question is heard."""
    assistant.answer = {"replies": [{"text": "What number can we call?", "response": "utter_ask_callback_number"}]}
    answers = await said_to_possible_danger(parts)

    assert [m.response for m in answers] == ["crisis/using_alone", "utter_ask_callback_number"]


async def test_one_text_message_a_turn_on_sms(parts, assistant):
    """On SMS a turn is one message, whatever the assistant says in pieces."""
    assistant.answer = {"replies": [{"text": "one", "response": "utter_closed_hours"},
                                    {"text": "two", "response": "utter_callback_offer"}]}
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="sms", language="en", address="hash")

    assert [m.text for m in await said(parts, conversation)] == ["one\ntwo"]


async def test_yes_is_read_with_what_was_offered(parts, assistant):
    """The assistant is told what the bot offered last."""
    assistant.answer = {"replies": [{"text": "Would you like a person?", "response": "utter_unknown"}]}
    conversation = await begun(parts)
    await said(parts, conversation, "is there parking at the centre")
    await said(parts, conversation, "yes")

    assert [body["offer"] for body in assistant.asked] == [None, "handoff"]


async def test_a_number_chooses_on_sms(parts, assistant):
    """On SMS the questions that may have been meant are numbered, and a bare number is the choice."""
    options = [{"title": "What is detox?", "choice": "faq/FAQ-029"}, {"title": "Why?", "choice": "faq/FAQ-036"}]
    assistant.answer = {"replies": [{"text": "Which one?", "response": "utter_options_intro", "options": options}]}
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="sms", language="en", address="hash")
    listed = await said(parts, conversation, "detox")
    await said(parts, conversation, "2")

    assert listed[0].text == "Which one?\n1 What is detox?\n2 Why?"
    assert [body["choice"] for body in assistant.asked] == [None, "faq/FAQ-036"]
