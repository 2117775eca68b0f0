"""Danger gets its guidance at once, whatever else stands, waits or is broken."""

from __future__ import annotations

import sqlite3
import time

import pytest

pytestmark = pytest.mark.journey

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


def test_everything_running(stack):
    """Each phrase is answered with guidance in the answer to its own send."""
    for phrase in PHRASES:
        assert at_once(stack.visitor(), phrase) < 2.0


def test_assistant_and_actions_stopped(stack):
    """With the assistant and the action server stopped, guidance goes out all the same."""
    visitors = [stack.visitor() for _ in PHRASES]
    stack.stop("assistant", "actions")
    try:
        for visitor, phrase in zip(visitors, PHRASES, strict=True):
            assert at_once(visitor, phrase) < 2.0
    finally:
        stack.start("assistant", "actions")


def test_while_waiting_for_a_person(stack):
    """Somebody who waits for a person and writes of danger is not left to the queue."""
    visitor = stack.visitor()
    visitor.ask("can i talk to someone")

    for phrase in PHRASES:
        at_once(visitor, phrase)


def test_record_locked(stack):
    """With the database locked nothing can be stored, yet the guidance is in the answer, and says so."""
    visitor = stack.visitor()
    blocker = sqlite3.connect(stack.settings.home / "haven.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        answer = visitor.send(PHRASES[0])
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()

    assert answer.status_code == 503
    assert "911" in answer.json()["guidance"]["text"]
    assert visitor.send(PHRASES[0]).status_code == 201


def test_inside_the_callback_form(stack):
    """Danger inside the call-back form gets guidance, ends the form, and fills none of its answers."""
    from tests.stack import ALWAYS, NEVER

    stack.hours(NEVER)
    try:
        visitor = stack.visitor()
        visitor.ask("i want to talk to a person")
        visitor.wait_for(lambda m: "call you back" in m["text"])
        assert "first name" in visitor.ask("yes please")["text"]
        at_once(visitor, PHRASES[1])
        after = visitor.ask("ok the ambulance is here, what is naloxone")
    finally:
        stack.hours(ALWAYS)

    assert after["sources"]
    assert not any("number can we call" in m["text"] for m in visitor.transcript())


def test_a_question_is_not_a_danger(visitor):
    """Asking what naloxone is sends nobody to 911."""
    said = visitor.say("what does narcan do")

    assert said["replies"] == []
