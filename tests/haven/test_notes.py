"""Promises of haven/notes.py: what is said beside an answer is true of it, and fits where it is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from haven.check import sms_length
from haven.content import Answer, Content, Unsupported
from haven.notes import quoted, source_line, with_notes
from haven.retrieval import quotable
from haven.retrieval.quotes import LONGEST_SMS

DATA = Path(__file__).resolve().parents[2] / "data"
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(DATA)


def said(content: Content, entry: Answer | Unsupported, **how: object) -> list[str]:
    return with_notes(content, entry, "An answer.", **{"today": TODAY, **how}).split("\n")


def test_an_answer_past_its_review_says_so(content: Content) -> None:
    """From the day after its review-by date an answer is said to be under review, on both channels and languages."""
    answer = content.answers["FAQ-001"]
    due = answer.review_by

    assert said(content, answer, today=due) == ["An answer."]
    for language, word in (("en", "review"), ("es", "revisar")):
        for channel in ("widget", "sms"):
            first, late = said(content, answer, language=language, channel=channel, today=due + timedelta(days=1))
            assert first == "An answer."
            assert word in late


def test_a_question_without_an_answer_can_be_due_too(content: Content) -> None:
    """What is said when the documents hold no answer has a shelf life as well."""
    entry = replace(content.unsupported["U-01"], review_by=date(2020, 1, 1))

    assert len(said(content, entry)) == 2


def test_a_correction_that_matters_is_said_openly(content: Content) -> None:
    """The answer on Suboxone says on the page that a document is wrong, and by whose guidance; an SMS has no room."""
    answer = content.answers["FAQ-044"]
    _, line = said(content, answer)

    assert line.startswith("One of our documents gets this wrong: what is in Suboxone")
    assert "FDA, label of SUBOXONE film" in line
    assert said(content, answer, channel="sms") == ["An answer."]
    assert "One of the documents is wrong" in source_line(content, answer, channel="sms")
    assert said(content, answer, language="es")[1].startswith("Uno de nuestros documentos")


def test_what_is_said_openly_has_an_authority(content: Content) -> None:
    """No answer says that a document is wrong without a correction whose source can be named."""
    for answer in content.answers.values():
        if answer.openly:
            assert answer.openly_es
            assert any(content.corrections[id].source for id in answer.corrections), answer.id
            assert answer.corrects, answer.id


def test_english_only_is_said_first_in_spanish(content: Content) -> None:
    """Who writes Spanish and gets an English answer is told so first, with a person on offer; nobody else is."""
    answer = content.answers["FAQ-097"]

    assert answer.text_es is None
    first, second = said(content, answer, language="es")
    assert "solo en inglés" in first
    assert "persona" in first
    assert second == "An answer."
    assert said(content, answer) == ["An answer."]
    assert said(content, content.answers["FAQ-001"], language="es") == ["An answer."]


def test_every_source_fits_one_message(content: Content) -> None:
    """ "source" is answered with one line that names a document or an authority, for every answer."""
    for answer in content.answers.values():
        for language in ("en", "es"):
            line = source_line(content, answer, language=language, channel="sms")
            assert "\n" not in line
            assert sms_length(line) <= 306, answer.id
            assert ": " in line


def test_a_quotation_is_word_for_word(content: Content) -> None:
    """A quotation holds its sentence exactly, in quotation marks, with the document's title, and offers a person."""
    for claim in quotable(content):
        said = quoted(content, claim)
        assert f"“{claim.quote}”" in said
        assert content.documents[claim.document].title in said
        assert "staff" in said
        if len(claim.quote) <= LONGEST_SMS:
            assert sms_length(quoted(content, claim, channel="sms")) <= 306, claim.id
        assert "inglés" in quoted(content, claim, language="es")
