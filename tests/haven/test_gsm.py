"""haven.gsm: texts are counted as carriers count them, kept in their alphabet, and divided only where they must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haven.gsm import is_gsm7, narrowed, segments, sms_length, split, without_typography


def test_places() -> None:
    """Characters of the GSM-7 extension table count twice, as carriers count them."""
    assert sms_length("a{b}") == 6


@pytest.mark.parametrize(("text", "count"), [
    ("", 1), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("{" * 80, 1), ("{" * 81, 2),
    ("ñ" * 160, 1), ("á" * 70, 1), ("á" * 71, 2), ("😀" * 35, 1), ("😀" * 36, 2), ("a" * 1600, 11),
])
def test_segments(text: str, count: int) -> None:
    """160 or 153 places a segment in GSM-7, 70 or 67 in UCS-2, where an emoji takes two."""
    assert segments(text) == count


def test_typography_goes() -> None:
    """Curly quotes, long dashes and hard spaces become what a keyboard types, so that the text stays GSM-7."""
    text = without_typography("“I’m here” – really… • a\u00a0b")

    assert text == "\"I'm here\" - really... - a b"
    assert is_gsm7(text)


def test_letters_narrow() -> None:
    """Accents that GSM-7 lacks go, those it has stay, and what has no plain form is left as it is."""
    assert narrowed("¿Está así, señor Müller? é ñ ¡ya! 😀") == "¿Esta asi, señor Müller? é ñ ¡ya! 😀"


def test_whole_if_it_fits() -> None:
    """A text that fits is never divided, whatever its sentences."""
    text = "One. " * 319 + "Five."
    assert split(text) == [text]


def test_divided_at_a_sentence_end() -> None:
    """A longer one is divided where a sentence ends, or between words where none does."""
    assert split("First one here. Second one here.", 20) == ["First one here.", "Second one here."]
    assert split("no sentence ends in here", 12) == ["no sentence", "ends in here"]
    assert split("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert split("") == []


@given(st.text(alphabet=st.sampled_from("ab .!?\n\"é😀"), max_size=200), st.integers(min_value=4, max_value=60))
def test_nothing_is_lost(text: str, limit: int) -> None:
    """Whatever the text, its parts fit and together say all of it."""
    parts = split(text, limit)

    assert all(len(part.encode("utf-16-le")) // 2 <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
