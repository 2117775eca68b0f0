"""switchboard.short_texts: three short texts in a row are one turn; danger never waits for a fourth."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from switchboard.conversations import Message
from switchboard.records.record import now
from switchboard.short_texts import as_one_turn, pause_left
from tests.switchboard.sms.conftest import ANA, running, settings_for, until
from tests.waiting import SECONDS


def message(text, seq=1, **more):
    return Message("visitor", text, seq=seq, at=now(), **more)


def test_what_waits():
    """Only a short text that ends no sentence waits, for what is left of the pause."""
    waits = message("my brother")
    left = pause_left([waits], 2.0)
    assert 2.0 - (now() - waits.at) / 1000 <= left <= 2.0
    assert pause_left([replace(message("my brother"), at=now() - 5000)], 2.0) < 0
    for text in ("how long does detox take?", "He is home.", "x" * 61):
        assert pause_left([message(text)], 2.0) == 0


def test_danger_and_choices_do_not_wait():
    """A message with danger in it, or a number out of a list, is answered at once, with all before it."""
    danger = message("and pills", crisis={"level": "possible", "kind": "mixing", "why": []})
    assert pause_left([message("my brother"), danger], 2.0) == 0
    assert pause_left([message("2", choice="faq/FAQ-001")], 2.0) == 0
    assert pause_left([message("more") for _ in range(5)], 2.0) == 0


def test_one_turn():
    """Texts are put together up to a danger or a choice, and bear the last one's number."""
    danger = message("and pills", 4, crisis={"level": "possible", "kind": "mixing", "why": []})
    turn = as_one_turn([message("my brother", 1), message("is on", 2), message("suboxone", 3), danger])

    assert (turn.text, turn.seq) == ("my brother\nis on\nsuboxone", 3)
    assert as_one_turn([danger, message("x", 5)]) == danger


def test_questions_stay_apart():
    """A question that is whole is a turn of its own, also when the next is there already."""
    asked = [message("my son", 1), message("how long is detox?", 2), message("does it hurt?", 3)]

    assert as_one_turn(asked).text == "my son\nhow long is detox?"
    assert as_one_turn(asked[1:]).text == "how long is detox?"


@pytest.fixture
async def patient(tmp_path, twilio, assistant):
    """A switchboard that waits long for more."""
    assistant.answer = lambda asked: {"replies": [{"text": f"You asked: {asked['text']}",
                                                   "response": "utter_faq/FAQ-001"}]}
    async with running(replace(settings_for(tmp_path, twilio, assistant.port), sms_pause=10 * SECONDS), twilio) as made:
        yield made


async def test_three_texts_one_answer(patient, twilio, assistant):
    """Three short texts get one answer to what they say together, once one of them ends a sentence."""
    for text in ("what does", "naloxone", "cost?"):
        await twilio.text(ANA, text)
        await asyncio.sleep(0.1)
    await until(lambda: len(twilio.to(ANA)) >= 2)

    assert [turn["text"] for turn in assistant.asked] == ["what does\nnaloxone\ncost?"]
    assert twilio.to(ANA)[1:] == ["Auto: You asked: what does\nnaloxone\ncost?"]


async def test_danger_among_short_texts(patient, twilio):
    """Danger in a short text is met in its own response, without any wait."""
    await twilio.text(ANA, "please")
    answer = await twilio.text(ANA, "hes blue and not breathing")

    assert "CALL 911 NOW" in answer.text
