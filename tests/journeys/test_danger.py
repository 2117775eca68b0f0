"""Danger gets its guidance at once, whatever else stands, waits or is broken."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from switchboard import conversations
from switchboard.records.record import Record
from switchboard.sessions import Sessions
from tests.journeys.alone import Alone
from tests.stack import ALWAYS, NEVER

pytestmark = pytest.mark.journey

ANSWER = 20.0  # seconds that the assistant has for one; whoever waited for it would know
SOMEBODY = "staff:9999"  # an account that no other journey signs in with

# Twenty ways to say it; written for this test.
PHRASES = (
    "my friend is blue and wont wake up",
    "hes not breathing what do i do",
    "she took a bunch of pills and now i cant wake her",
    "i think he overdosed hes turning grey",
    "HELP HE WONT WAKE UP",
    "her lips are purple and shes gurgling",
    "my son is unconscious there is a needle next to him",
    "not breathing help",
    "i took too much i cant stay awake",
    "i think she od'd, what do i do",
    "mi amigo no respira",
    "mi hermana no despierta, esta morada",
    "gave him narcan and he's still out",
    "i want to kill myself tonight",
    "im going to end it, i have the pills here",
    "me quiero matar",
    "my baby swallowed one of my methadone pills",
    "i cant breathe and my chest hurts bad",
    "he is having a seizure right now",
    "my boyfriend has a gun and says he will kill me",
)


def at_once(visitor, phrase):
    """The guidance that came in the same answer, and the seconds it took."""
    start = time.monotonic()
    said = visitor.say(phrase)
    seconds = time.monotonic() - start
    assert said["replies"], phrase
    assert said["replies"][0]["kind"] == "guidance", phrase
    assert "911" in said["replies"][0]["text"], phrase
    return seconds


def assert_at_once(took):
    """None waits as long as an answer may take, and most far less; how soon it is, `make bench` measures."""
    assert median(took) < ANSWER / 4
    assert max(took) < ANSWER


def test_everything_running(stack):
    """Each phrase is answered with guidance in the answer to its own send."""
    assert_at_once([at_once(stack.visitor(), phrase) for phrase in PHRASES])


def test_assistant_and_actions_stopped(stack):
    """With the assistant and the action server stopped, guidance goes out all the same."""
    visitors = [stack.visitor() for _ in PHRASES]
    stack.stop("assistant", "actions")
    try:
        took = [at_once(visitor, phrase) for visitor, phrase in zip(visitors, PHRASES, strict=True)]
    finally:
        stack.start("assistant", "actions")
    assert_at_once(took)


def test_while_waiting_for_a_person(stack):
    """Somebody who waits for a person and writes of danger is not left to the queue."""
    visitor = stack.visitor()
    visitor.ask("can i talk to someone")

    for phrase in PHRASES:
        at_once(visitor, phrase)


def test_while_a_person_has_it(stack):
    """Whoever has the conversation, guidance is in the answer to the send; the bot asks nothing beside it."""
    for phrase in PHRASES:
        visitor = stack.visitor()
        give_to_staff(stack, visitor)
        at_once(visitor, phrase)
        assert [m["kind"] for m in visitor.transcript() if m["author"] == "bot"][1:] == ["guidance"]


def give_to_staff(stack, visitor):
    """As if a person had claimed the conversation."""
    number = Sessions(stack.settings.session_secret, days=7).conversation_of(f"Bearer {visitor.token}")

    async def give():
        record = Record.of(stack.settings)
        try:
            async with record.write() as tx:
                await conversations.give(tx, await conversations.load(tx, number), SOMEBODY)
        finally:
            await record.close()

    asyncio.run(give())


def test_record_locked(stack):
    """With the database locked nothing can be stored, yet each phrase gets its guidance, and is sent again later."""
    visitors = [stack.visitor() for _ in PHRASES]
    sends = list(zip(visitors, PHRASES, strict=True))
    blocker = sqlite3.connect(stack.settings.home / "haven.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        with ThreadPoolExecutor(len(sends)) as threads:  # all of them at the same moment
            answers = list(threads.map(lambda send: send[0].send(send[1], client_id="first"), sends))
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()

    for (visitor, phrase), answer in zip(sends, answers, strict=True):
        assert answer.status_code == 503, phrase
        assert "911" in answer.json()["guidance"]["text"], phrase
        assert answer.elapsed.total_seconds() < ANSWER, phrase
        assert visitor.say(phrase, client_id="first")["message"]["text"] == phrase


def test_inside_the_callback_form(stack):
    """Danger inside the call-back form gets guidance, ends the form, and fills none of its answers."""
    stack.hours(NEVER)
    try:
        for phrase in PHRASES:
            visitor = stack.visitor()
            visitor.ask("i want to talk to a person")
            visitor.wait_for(lambda m: "call you back" in m["text"])
            assert "first name" in visitor.ask("yes please")["text"]
            at_once(visitor, phrase)
            asked = visitor.say("what is naloxone used for")["message"]["seq"]
            assert visitor.wait_for(lambda m: m["sources"], after=asked), phrase
            assert not any("number can we call" in m["text"] for m in visitor.transcript())
    finally:
        stack.hours(ALWAYS)


def test_without_the_model(tmp_path):
    """With the model files missing, and no assistant either, the rules alone bring guidance within seconds."""
    (tmp_path / "models").mkdir()
    alone = Alone(tmp_path, HAVEN_MODELS=str(tmp_path / "models"))
    try:
        for phrase in PHRASES:
            visitor = alone.visitor()
            visitor.say(phrase)
            guidance = visitor.wait_for(lambda m: m["kind"] == "guidance")
            assert "911" in guidance["text"], phrase
    finally:
        alone.stop()


def test_a_question_is_not_a_danger(visitor):
    """Asking what naloxone is sends nobody to 911."""
    said = visitor.say("what does narcan do")

    assert said["replies"] == []
