"""What a visitor typed, made safe to store and to read by machines; used by every process."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 1600  # the longest text a carrier delivers as one message (Twilio, Messages resource)

# Joiners shape emoji and several scripts; every other format character can hide words from a reader.
_KEPT_FORMAT = {"\u200d", "\ufe0f"}
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class NotText(ValueError):
    """What came in is not a text a person typed: not a string, or nothing is left of it."""


class TooLong(ValueError):
    """The text is longer than MAX_CHARACTERS."""


def clean(raw: object) -> str:
    """Normalise (NFKC), drop control and hiding characters, keep line breaks.

    Raises NotText or TooLong.
    """
    if not isinstance(raw, str):
        raise NotText("The message must be text.")
    if len(raw) > MAX_CHARACTERS * 4:  # before any work is done on it
        raise TooLong(f"The message is longer than {MAX_CHARACTERS} characters.")
    text = unicodedata.normalize("NFKC", raw.replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(c for c in text if _kept(c)).strip()
    if not text:
        raise NotText("The message is empty.")
    if len(text) > MAX_CHARACTERS:
        raise TooLong(f"The message is longer than {MAX_CHARACTERS} characters.")
    return text


def _kept(character: str) -> bool:
    if character in "\n\t" or character in _KEPT_FORMAT:
        return True
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def without_direction(text: str) -> str:
    """The text without characters that turn the direction of what stands around them."""
    return _DIRECTION.sub("", text)


def without_command(text: str) -> str:
    """The text as plain speech: nothing a visitor types is ever a Rasa command such as /restart."""
    return text.lstrip("/ \t\n") or "?"
