"""Promises of haven/retrieval/quotes.py: only right sentences can be quoted, and only to questions they answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from haven.check import plain
from haven.content import Content
from haven.encoder import Encoder
from haven.notes import quoted, source_line
from haven.retrieval import Quotes, quotable

ROOT = Path(__file__).resolve().parents[2]
DEVELOPMENT = ROOT.parent / "shared" / "evaluation" / "dev"
OWN = ROOT / "tests" / "own"
FORBIDDEN = ("correct_first", "never", "drop")
TELLING_WORDS = 5  # a sentence shorter than this is a heading that any text may hold ("Restless legs")


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(ROOT / "data")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(ROOT / "models" / "encoder")


@pytest.fixture(scope="module")
def quotes(content: Content, encoder: Encoder) -> Quotes:
    return Quotes(quotable(content), encoder)


def test_only_right_sentences_are_held(content: Content, quotes: Quotes) -> None:
    """The index of quotations holds sentences of class "quote" and nothing of any other."""
    assert len(quotes.claims) > 30
    assert {claim.cls for claim in quotes.claims} == {"quote"}
    held = {plain(claim.quote) for claim in quotes.claims}
    assert not held & {plain(claim.quote) for claim in content.claims.values() if claim.cls in FORBIDDEN}


def test_a_sentence_stands_alone(quotes: Quotes) -> None:
    """No quotation begins in the middle of a thought or calls people names."""
    for claim in quotes.claims:
        words = plain(claim.quote).split()
        assert words[0] not in ("this", "these", "it", "they", "however")
        assert not {"user", "users", "addict", "addicts", "abuse"} & set(words)


def spoken(content: Content) -> Iterator[tuple[str, str]]:
    """(where, text) of every text that can reach a visitor from an answer, its source or a quotation."""
    for entry in (*content.answers.values(), *content.unsupported.values()):
        for text in (entry.text, entry.sms, entry.text_es, entry.sms_es):
            yield entry.id, text or ""
    for answer in content.answers.values():
        yield answer.id, source_line(content, answer)
        for source in content.sources_of(answer):
            yield f"{answer.id} source", f"{source.get('quote') or ''} {source.get('text') or ''}"
    for claim in quotable(content):
        yield claim.id, quoted(content, claim)
    for text in content.texts.values():
        yield text.name, " ".join((text.web, text.sms, text.web_es, text.sms_es))
    for guidance in content.guidance.values():
        yield guidance.kind, " ".join(filter(None, (guidance.web, guidance.sms, guidance.web_es, guidance.sms_es)))


def test_no_forbidden_sentence_can_be_said(content: Content) -> None:
    """No text that can leave the system holds a sentence of the documents that must not be shown."""
    right = " | ".join(plain(claim.quote) for claim in content.claims.values() if claim.cls == "quote")
    right += " | ".join(plain(document.title) for document in content.documents.values())  # named as a source
    forbidden = {claim.id: plain(claim.quote) for claim in content.claims.values() if claim.cls in FORBIDDEN}
    forbidden = {id: text for id, text in forbidden.items()
                 if len(text.split()) >= TELLING_WORDS and text not in right}
    assert len(forbidden) > 150

    leaks = [(where, id) for where, said in spoken(content) for id, text in forbidden.items() if text in plain(said)]
    assert leaks == []


def lines(name: str) -> list[list[str]]:
    rows = (OWN / name).read_text("utf-8").splitlines()
    return [row.split(" ", 1) for row in rows if row and not row.startswith("#")]


def test_quotes_answer_their_questions(quotes: Quotes, encoder: Encoder) -> None:
    """Most questions written for a sentence get it, and none gets another one."""
    found = []
    for id, question in lines("quotes.txt"):
        claim = quotes.find(question, encoder.encode([question])[0])
        assert claim is None or claim.id == id, question
        found.append(claim is not None)

    assert sum(found) >= 0.6 * len(found)


@pytest.mark.parametrize("question", [
    "how much does it cost per month", "what is your success rate", "is there a bed today", "when are visiting hours",
    "does cbd help with cravings", "what is the weather tomorrow", "can i bring my dog", "hours?", "heroin", "", "¿?",
])  # fmt: skip
def test_nothing_is_quoted_to_other_questions(quotes: Quotes, encoder: Encoder, question: str) -> None:
    """Where no sentence answers, none is quoted."""
    assert quotes.find(question, encoder.encode([question])[0]) is None


@pytest.mark.skipif(not DEVELOPMENT.is_dir(), reason="the development sets are not here")
def test_no_input_of_the_development_sets_brings_a_forbidden_sentence(quotes: Quotes, encoder: Encoder) -> None:
    """Whatever those sets ask, what would be quoted is of class "quote", and questions held back stay held back."""
    for path in sorted(DEVELOPMENT.glob("*.jsonl")):
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            texts = [row["text"]] if "text" in row else row["turns"]
            for text in texts:
                claim = quotes.find(text, encoder.encode([text])[0])
                assert claim is None or (claim.cls == "quote" and path.stem not in ("abstain", "public_chitchat"))
