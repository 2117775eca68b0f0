"""How a text travels by SMS: its alphabet, its segments, and where it may be divided; used by every process."""

from __future__ import annotations

import re
import unicodedata

# 3GPP TS 23.038: the default alphabet, and the extension table, whose characters take two places.
GSM7 = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_DOUBLE = frozenset("^{}\\[~]|€")
MAX_TEXT = 1600  # the longest body a carrier takes as one message (Twilio, Messages resource)

# One of these alone would turn a whole text into UCS-2, with 70 places a segment instead of 160.
_TYPOGRAPHIC = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "“": '"', "”": '"', "„": '"', "″": '"', "«": '"', "»": '"',
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "…": "...", "•": "-", "·": "-",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u200b": "", "\t": " ",
})  # fmt: skip
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+")


def is_gsm7(text: str) -> bool:
    """Whether every character is of the default alphabet or its extension table."""
    return all(c in GSM7 or c in GSM7_DOUBLE for c in text)


def sms_length(text: str) -> int:
    """Places a text takes in GSM-7; characters of the extension table take two."""
    return len(text) + sum(c in GSM7_DOUBLE for c in text)


def segments(text: str) -> int:
    """How many segments a carrier bills and joins again on the phone (160/153 in GSM-7, 70/67 in UCS-2)."""
    if is_gsm7(text):
        return _segments(sms_length(text), 160, 153)
    return _segments(_utf16(text), 70, 67)


def _segments(length: int, alone: int, joined: int) -> int:
    return 1 if length <= alone else -(-length // joined)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def without_typography(text: str) -> str:
    """The text with curly quotes, long dashes and the like as a keyboard types them."""
    return text.translate(_TYPOGRAPHIC)


def narrowed(text: str) -> str:
    """The text in GSM-7 as far as its letters allow: "está" becomes "esta"; what has no plain form stays."""
    return "".join(_narrow(c) for c in without_typography(text))


def _narrow(character: str) -> str:
    if character in GSM7 or character in GSM7_DOUBLE:
        return character
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    return bare if bare and all(c in GSM7 for c in bare) else character


def split(text: str, limit: int = MAX_TEXT) -> list[str]:
    """The text as messages of at most `limit` places, divided at sentence ends; whole if it fits.

    Only where one sentence alone is too long is it divided between words, or, without any, anywhere.
    """
    parts: list[str] = []
    rest = text.strip()
    while _utf16(rest) > limit:
        at = _last_end(rest, limit)
        parts.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*parts, rest] if rest else parts


def _last_end(text: str, limit: int) -> int:
    fits = limit
    while _utf16(text[:fits]) > limit:
        fits -= 1
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, fits + 1) if match.start() > 0]
    if ends and ends[-1] <= fits + 1:
        return ends[-1]
    space = text.rfind(" ", 1, fits + 1)
    return space if space > 0 else fits
