"""assistant.components.offer_reader: yes, no and a name are read in view of what the bot said last."""

from __future__ import annotations

import pytest
from rasa.shared.nlu.training_data.message import Message

from assistant.components.faq_retriever import ASKS_FOR_PERSON, OPTIONS, SECOND
from assistant.components.offer_reader import OfferReader


@pytest.fixture(scope="module")
def reader():
    return OfferReader.create({}, None, None, None)


def read(reader, text, intent, offer):
    message = Message.build(text)
    message.set("intent", {"name": intent, "confidence": 0.95}, add_to_output=True)
    message.set("metadata", {"offer": offer})
    for found in (OPTIONS, SECOND, ASKS_FOR_PERSON):
        message.set(found, ["faq/FAQ-052"], add_to_output=True)
    return reader.process([message])[0].as_dict(only_output_properties=True)


@pytest.mark.parametrize(("text", "intent"), [
    ("Rosalind", "human_handoff"), ("Xanthippe", "unsure"), ("Narcisa", "faq"),
    ("it's Dolores, thanks", "human_handoff"), ("Faith", "unsupported"),
    ("Mary-Jane O'Dea", "nlu_fallback"), ("me llamo Percy", "human_handoff"),
])  # fmt: skip
def test_a_name_is_a_name(reader, text, intent):
    """A first name that was asked for is taken as one, whatever it was read as, and nothing is offered beside it."""
    said = read(reader, text, intent, "name")

    assert said["intent"]["name"] == "give_name"
    assert said.keys().isdisjoint({OPTIONS, SECOND, ASKS_FOR_PERSON})


@pytest.mark.parametrize(("text", "intent"), [
    ("what is naloxone", "faq"), ("naloxone", "faq"), ("is that safe?", "faq"), ("a real person", "human_handoff"),
    ("call me now", "human_handoff"), ("nurse", "human_handoff"), ("talk to someone", "human_handoff"),
])  # fmt: skip
def test_not_every_answer_is_a_name(reader, text, intent):
    """A question, a medicine and a wish for a person stay what they are where a first name was asked for."""
    assert read(reader, text, intent, "name")["intent"]["name"] == intent


def test_a_name_out_of_nowhere(reader):
    """Where no name was asked for, nothing is taken for one."""
    assert read(reader, "Rosalind", "human_handoff", None)["intent"]["name"] == "human_handoff"


@pytest.mark.parametrize(("offer", "intent", "meaning"), [
    ("handoff", "affirm", "human_handoff"), ("handoff", "deny", "decline_offer"),
    ("callback", "affirm", "accept_callback"), ("callback", "deny", "decline_offer"), (None, "affirm", "affirm"),
])  # fmt: skip
def test_yes_and_no(reader, offer, intent, meaning):
    """Yes and no answer what the bot offered last."""
    assert read(reader, "yes", intent, offer)["intent"]["name"] == meaning
