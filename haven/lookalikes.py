"""Letters that only look like a-z, and characters nobody sees, made plain for the guard; runs in both processes.

A "fancy font", a Cyrillic letter in an English word or an invisible joiner between letters must hide no danger.
What is stored and shown stays as it was typed.
"""

from __future__ import annotations

import re
import unicodedata

# After Unicode's confusables (UTS 39): Cyrillic, Greek, Armenian, small capitals, letters with a stroke.
_ALIKE = {
    "a": "аɑαАΑᴀ", "b": "вВΒЬьʙ", "c": "сϲСϹᴄ", "d": "ԁđᴅ", "e": "еёєЕЁΕεᴇ", "f": "ꜰƒ", "g": "ɡɢ", "h": "һհнНΗʜħ",
    "i": "іїІΙιıɪɩ", "j": "јЈᴊ", "k": "кКΚκᴋ", "l": "ӏłʟƚ", "m": "мМΜᴍ", "n": "ոηпΝɴ", "o": "оοօσОΟøᴏ", "p": "рρРΡᴘ",
    "q": "ԛǫ", "r": "гᴦʀ", "s": "ѕЅꜱ", "t": "тТΤτᴛŧ", "u": "սυᴜ", "v": "ѵνᴠ", "w": "ԝωᴡ", "x": "хХχΧ", "y": "уУүΥγʏ",
    "z": "Ζᴢ",
}  # fmt: skip
_LETTERS = {ord(like): letter for letter, alike in _ALIKE.items() for like in alike}
# Squared and circled capitals that NFKC leaves as they are.
_BOXED = {first + i: chr(ord("a") + i) for first in (0x1F130, 0x1F150, 0x1F170) for i in range(26)}
_TABLE = {**_LETTERS, **_BOXED}
# Default-ignorable code points, and blanks that are letters or symbols by name.
_UNSEEN = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
                     "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]")
_LATIN = re.compile(r"[A-Za-z\u00aa-\u024f]")


def readable(text: str) -> str:
    """`text` as a reader sees it: nothing unseen between letters, and words of look-alike letters in a-z.

    A word of another alphabet stays: a word changes only where every letter of it can be read as a Latin one.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
    text = "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Me"))  # marks that no letter took in
    return "".join(_as_latin(part) for part in re.split(r"(\s+)", text))


def _as_latin(word: str) -> str:
    if word.isascii():
        return word
    read = word.translate(_TABLE)
    return read if all(_LATIN.match(c) for c in read if c.isalpha()) else word
