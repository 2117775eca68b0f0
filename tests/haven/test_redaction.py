"""haven.redaction: no number and no visitor's word in a log."""

from __future__ import annotations

import logging

import pytest

from haven.redaction import IdsOnly, anonymous, masked, redact


@pytest.mark.parametrize("number", ["615-555-0142", "+1 (615) 555-0142", "6155550142", "615.555.0142"])
def test_numbers_are_hidden(number):
    """Every usual way to write a number is hidden but for its end."""
    assert redact(f"call {number} now") == "call *****42 now"
    assert masked(number) == "*****42"


def test_ids_and_short_numbers_stay(caplog):
    """Ids of conversations, 911, 988 and counts stay readable."""
    text = "conversation 5e5469874a7b4e179b2878f0fb2a6376: 988 and 911, 12 waiting"

    assert redact(text) == text


def test_tracebacks_keep_places_and_drop_values():
    """An exception that quotes a visitor is logged as its class and where it passed."""
    record = None
    try:
        raise ValueError("my name is Xanthippe, 615 555 0142")
    except ValueError:
        import sys

        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed: %s", ("mail a@b.org",), sys.exc_info())
    assert IdsOnly().filter(record)
    line = logging.Formatter("%(message)s").format(record)

    assert "Xanthippe" not in line
    assert "a@b.org" not in line
    assert "ValueError at test_redaction.py" in line


KNOWN = frozenset({
    "is", "my", "son", "allowed", "his", "suboxone", "what", "would", "pay", "for", "does", "medicaid", "cover", "it",
    "i'm", "call", "email", "and", "or", "at", "the", "he", "lives", "told", "me",
})


@pytest.mark.parametrize(("said", "shown"), [
    ("my name is Xanthippe Jones", "my name is [name]"),
    ("me llamo José", "me llamo [name]"),
    ("is my son kyle allowed his Suboxone", "is my son [name] allowed his Suboxone"),
    ("I'm Sarah and scared", "I'm [name] and scared"),
    ("what would Terrence pay for it", "what would [name] pay for it"),
    ("JOHN told me", "[name] told me"),
    ("he lives at 12 North Oak Street", "he lives at [address]"),
    ("call 615-555-0142", "call [number]"),
    ("call me at five five five one two", "call me at [number]"),
    ("email bob.x@mail.example or @bobby", "email [mail] or [link]"),
    ("04/12/1988", "[number]"),
])
def test_what_tells_who_somebody_is_does_not_reach_the_writers(said, shown):
    """Names, numbers, addresses: hidden before anybody who answers no chats reads the question."""
    assert anonymous(said, KNOWN) == shown


def test_the_question_itself_stays_readable():
    """Known words, doses, 911 and 988 are what the question is about."""
    text = "Does Medicaid cover Suboxone 8 mg, or call 988 or 911"
    assert anonymous(text, KNOWN | {"mg"}) == text
