"""haven.text: what a visitor typed, made safe without losing a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haven.text import MAX_CHARACTERS, NotText, TooLong, clean, without_command, without_direction


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  hello  ", "hello"),
        ("over\u200bdosed", "overdosed"),
        ("ｈｅｌｐ", "help"),
        ("a\u0000b\u202ec", "abc"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("👩\u200d👧 ok", "👩\u200d👧 ok"),
        ("\ud800help", "help"),
        ("no está, señor", "no está, señor"),
    ],
)
def test_clean(typed, kept):
    """Hiding characters go, words and line breaks stay."""
    assert clean(typed) == kept


@pytest.mark.parametrize("code", [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], ids=hex)
def test_nothing_turns_the_direction(code):
    """Every character that turns the direction of a line goes; letters of right-to-left scripts stay."""
    turns = chr(code)
    assert clean(f"send {turns}help{turns} now") == without_direction(f"send {turns}help{turns} now") == "send help now"
    assert clean(f"{turns}\u05e9\u05dc\u05d5\u05dd 12") == without_direction("\u05e9\u05dc\u05d5\u05dd 12")


@pytest.mark.parametrize("nothing", ["", "   ", "\u200b\u2060", "\u0000", None, 7, ["x"], {"a": 1}, b"x", True])
def test_not_text(nothing):
    """What is no text, or an empty one, is refused."""
    with pytest.raises(NotText):
        clean(nothing)


def test_too_long():
    """The longest text a carrier delivers is taken, one character more is not."""
    assert len(clean("x" * MAX_CHARACTERS)) == MAX_CHARACTERS
    with pytest.raises(TooLong):
        clean("x" * (MAX_CHARACTERS + 1))
    with pytest.raises(TooLong):
        clean("x" * 10_000_000)


@given(st.text())
def test_clean_twice_is_clean_once(typed):
    """Whatever is typed, cleaning a clean text changes nothing, and what comes out can be stored."""
    try:
        once = clean(typed)
    except (NotText, TooLong):
        return
    assert clean(once) == once
    once.encode("utf-8")


@given(st.text())
def test_no_command_survives(typed):
    """No text reaches Rasa as a command."""
    assert not without_command(typed).startswith("/")
