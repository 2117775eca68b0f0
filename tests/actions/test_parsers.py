"""The call-back form reads whatever a visitor types: a number or none, a time within bounds, never an error."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from actions.callback import MAX_NAME, MAX_WHEN, ValidateCallbackForm, in_words, read_number

TYPED = st.text() | st.text(st.sampled_from("0123456789+-(). x²٣０extEXT#;,")) | st.from_regex(r"\+?[0-9 ()-]{5,30}")
FORM, DISPATCHER = ValidateCallbackForm(), SimpleNamespace(utter_message=lambda **_: None)


@given(TYPED)
@settings(max_examples=200)
def test_a_number_is_one_or_none(typed):
    """What is read can be dialled and said again; everything else is asked for again."""
    number = read_number(typed)

    assert number is None or (number.startswith("+") and number[1:].isdigit() and number.isascii())
    assert number is None or in_words(number)


@given(TYPED)
def test_names_and_times_are_bounded(typed):
    """Name and time keep what was typed, cut to what staff can read on a line."""
    name = asyncio.run(FORM.validate_callback_name(typed, DISPATCHER, None, {}))["callback_name"]
    when = asyncio.run(FORM.validate_callback_when(typed, DISPATCHER, None, {}))["callback_when"]

    assert len(name) <= MAX_NAME and len(when) <= MAX_WHEN
