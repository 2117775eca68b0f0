"""haven.drafts: what staff drafted becomes files that hold together, in the place where they belong."""

from __future__ import annotations

import shutil
from datetime import date

import pytest

from haven.content import Content
from haven.drafts import Draft, DraftError, faults_with, write
from haven.settings import ROOT

TODAY = date(2026, 11, 22)
ANSWER = {
    "question": "Can I bring my phone to detox?",
    "subject": "phones in detox",
    "text": "Detox is care that helps a person get through withdrawal more safely, with staff watching.",
    "sms": "Detox helps a person get through withdrawal more safely, with staff watching.",
    "text_es": "", "sms_es": "", "topic": "detox", "support": ["DOC4-54"], "corrections": [],
}


@pytest.fixture
def data(tmp_path):
    shutil.copytree(ROOT / "data", tmp_path / "data")
    return tmp_path / "data"


def test_a_wording_goes_to_its_answer_and_nothing_else_changes(data):
    """One line is added to one file; comments and every other line stay."""
    before = (data / "faq_extra/detox.yml").read_text("utf-8").splitlines()
    assert write(data, [Draft("Zzz: is \"detox\" a place?", "en", "FAQ-029")], TODAY) == ["faq_extra/detox.yml"]

    after = (data / "faq_extra/detox.yml").read_text("utf-8").splitlines()
    added = [line for line in after if line not in before]
    assert added == ['  - "Zzz: is \\"detox\\" a place?"']
    assert [line for line in after if line in before] == before
    assert 'Zzz: is "detox" a place?' in [v.text for v in Content.load(data).answers["FAQ-029"].variants]


def test_a_wording_that_stands_there_is_not_added_twice(data):
    """The same question in other capitals changes nothing."""
    assert write(data, [Draft("WHAT IS DETOX", "en", "FAQ-029")], TODAY) == []


def test_a_wording_for_a_file_or_answer_without_any_begins_its_block(data):
    """Where data/faq_extra has nothing yet, the answer's id comes first."""
    (data / "faq_extra/detox.yml").unlink()
    write(data, [Draft("zzz one", "en", "FAQ-029"), Draft("zzz two", "en", "FAQ-029")], TODAY)
    assert (data / "faq_extra/detox.yml").read_text("utf-8") == 'FAQ-029:\n  - "zzz one"\n  - "zzz two"\n'


def test_a_new_answer_gets_the_next_number_and_waits_for_its_reviewer(data):
    """It stands at the end of its topic with its support, unsigned, to be read again within 90 days."""
    highest = max(Content.load(data).answers)
    assert write(data, [Draft("can i keep my phone", "en", fields=ANSWER)], TODAY) == ["faq/detox.yml"]

    made = Content.load(data).answers[f"FAQ-{int(highest[4:]) + 1:03}"]
    assert (made.question, made.support, made.reviewer) == (ANSWER["question"], ("DOC4-54",), None)
    assert made.review_by == date(2027, 2, 20)
    assert [v.text for v in made.variants] == ["can i keep my phone"]


def test_the_check_speaks_before_anything_is_written(data):
    """A stigmatising word and a number nobody knows are named; the files stay as they are."""
    before = (data / "faq/detox.yml").read_text("utf-8")
    bad = {**ANSWER, "text": "An addict can call 555-201-3344 about detox."}
    faults = faults_with(data, [Draft("can i keep my phone", "en", fields=bad)], TODAY)
    assert any("stigmatising" in fault for fault in faults) and any("555-201-3344" in fault for fault in faults)
    assert (data / "faq/detox.yml").read_text("utf-8") == before


@pytest.mark.parametrize(("draft", "says"), [
    (Draft("x", "en", "FAQ-999"), "no answer 'FAQ-999'"),
    (Draft("x", "en", fields={**ANSWER, "topic": "../texts"}), "no topic"),
    (Draft("x", "en", fields={**ANSWER, "support": ["DOC9-1"]}), "DOC9-1"),
])
def test_a_draft_that_cannot_be_placed_is_refused_in_words(data, draft, says):
    """No file is guessed, and none outside the topics is written."""
    with pytest.raises(DraftError, match=says):
        write(data, [draft], TODAY)
