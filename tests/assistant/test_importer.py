"""assistant.importer: every answer a clinician reviews becomes what Rasa trains on and says, word for word."""

from __future__ import annotations

import pytest

from assistant.importer import HavenImporter, examples, responses
from haven.content import Content
from haven.retrieval.examples import ARE_YOU_REAL
from haven.settings import ROOT


@pytest.fixture(scope="module")
def content():
    return Content.load(ROOT / "data")


def test_every_answer_is_said_word_for_word(content):
    """Each answer is the response of its retrieval intent, with its sources and its SMS wording."""
    said = responses(content)

    for answer in content.answers.values():
        web, sms = said[f"utter_faq/{answer.id}"][:2]
        assert (web["text"], sms["text"], sms["channel"]) == (answer.text, answer.sms, "sms")
        assert web["metadata"]["sources"] == content.sources_of(answer)


def test_every_label_has_examples(content):
    """Each answer and each unsupported question has its questions as examples, none twice under one label."""
    pairs = [(m.get_full_intent(), m.get("text")) for m in examples(content)]

    assert len(pairs) == len(set(pairs))
    assert {label for label, _ in pairs} == {
        *(f"faq/{id}" for id in content.answers),
        *(f"unsupported/{id}" for id in content.unsupported if id != ARE_YOU_REAL)}


def test_no_forbidden_sentence_is_said(content):
    """No text of a sentence that must never be shown stands in any response."""
    said = [variant["text"] for variants in responses(content).values() for variant in variants]
    never = [claim.quote for claim in content.claims.values() if claim.cls == "never" and len(claim.quote) > 40]

    assert never
    assert not [quote for quote in never for text in said if quote in text]


def test_domain_holds_together(monkeypatch):
    """Rules and actions name only responses and intents that exist."""
    monkeypatch.chdir(ROOT)
    importer = HavenImporter("config.yml", "domain.yml")
    domain, stories = importer.get_domain(), importer.get_stories()
    named = {event.action_name for step in stories.story_steps for event in step.events
             if type(event).__name__ == "ActionExecuted" and event.action_name.startswith("utter_")}

    retrieved = {"utter_faq", "utter_unsupported", "utter_crisis", "utter_quote", "utter_source"}
    assert named - retrieved <= set(domain.responses)
    assert named <= {*domain.action_names_or_texts, "utter_faq", "utter_unsupported"}  # Rasa adds these two
    assert all(any(name.startswith(f"{action}/") for name in domain.responses) for action in retrieved)
    for slot in ("name", "number", "when"):
        assert f"utter_ask_callback_{slot}" in domain.responses


def test_quotations_and_sources_are_responses(content):
    """Each sentence that may be quoted and the source of each answer can be said, on both channels and languages."""
    said = responses(content)
    quotes = [name for name in said if name.startswith("utter_quote/")]

    assert quotes
    assert {content.claims[name.partition("/")[2]].cls for name in quotes} == {"quote"}
    assert all(len(said[f"utter_source/{id}"]) == 4 for id in content.answers)
    assert not {"utter_quote", "utter_source_line", "utter_corrected_openly"} & set(said)
