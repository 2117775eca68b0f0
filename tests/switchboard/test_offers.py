"""Promises of switchboard/offers.py: what the bot said last tells what "yes" and "it" mean."""

from __future__ import annotations

import pytest

from haven.content import Content
from haven.settings import ROOT
from switchboard.conversations import Message
from switchboard.offers import is_answer, offer_of, topic_of


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(ROOT / "data")


def said(response: str) -> list[Message]:
    return [Message("bot", "...", response=response), Message("visitor", "yes")]


@pytest.mark.parametrize(("response", "topic"), [
    ("utter_faq/FAQ-044", "faq/FAQ-044"), ("utter_source/FAQ-044", "faq/FAQ-044"),
    ("utter_quote/DOC3-50", None), ("utter_unsupported/U-01", None), ("utter_greet", None),
])  # fmt: skip
def test_topic(response: str, topic: str | None) -> None:
    """After an answer, and after its source was shown, "it" is that answer's subject."""
    assert topic == topic_of(said(response))


@pytest.mark.parametrize(("response", "offer"), [
    ("utter_telling", "handoff"), ("utter_grief", "handoff"), ("utter_quote/DOC3-50", "handoff"),
    ("utter_unknown", "handoff"), ("utter_callback_offer", "callback"), ("utter_faq/FAQ-044", None),
    ("utter_ask_callback_name", "name"), ("utter_ask_callback_when", None),
])  # fmt: skip
def test_offer(response: str, offer: str | None, content: Content) -> None:
    """ "Yes" asks for a person after every sentence that offered one; a name was asked for by the form."""
    assert offer == offer_of(said(response), content)


def test_a_quotation_counts_as_an_answer() -> None:
    """A quotation is answered with what follows an answer: a safety line where danger is possible."""
    assert is_answer("utter_quote/DOC3-50")
    assert not is_answer("utter_source/FAQ-044")
