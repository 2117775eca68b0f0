"""assistant.channel: what is said beside an answer is said in the turn, on the day it is due."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from assistant.channel import SwitchboardChannel
from haven.content import Content
from haven.settings import ROOT


@pytest.fixture(scope="module")
def content():
    return Content.load(ROOT / "data")


def say(content, response, *, today, language="en", channel="widget"):
    """The text of a reply with that response, on a day."""
    speaking = SwitchboardChannel("secret", content, lambda: today)
    reply = {"response": response, "text": "An answer.", "sources": [], "options": [], "custom": {}}
    return speaking._with_notes(reply, {"language": language, "channel": channel})["text"]


def test_an_answer_past_its_review_says_so(content):
    """The day after an answer's review is due, the visitor reads that it is; on the day itself not yet."""
    due = content.answers["FAQ-001"].review_by

    assert say(content, "utter_faq/FAQ-001", today=due) == "An answer."
    assert "due for review" in say(content, "utter_faq/FAQ-001", today=due + timedelta(days=1))
    assert "revisar" in say(content, "utter_faq/FAQ-001", today=due + timedelta(days=1), language="es", channel="sms")


def test_other_replies_stay_as_they_are(content):
    """What is no entry of the content gets nothing added: guidance, sources, quotations, small talk."""
    for response in ("utter_crisis/overdose_other", "utter_source/FAQ-044", "utter_greet", "utter_faq/FAQ-999", None):
        assert say(content, response, today=date(2040, 1, 1)) == "An answer."
