"""Hurried spelling made plain for the rules: texting, leetspeak, doubled letters, slips; runs in both processes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from haven.encoder import plain

_TOKEN = re.compile(r"[a-z0-9]+(?:\.[a-z]\b)*|[.?!]+|[^\sa-z0-9]")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "@": "a", "$": "s"})
_LEET_WORD = re.compile(r"\b(?=\w*[a-z])(?=\w*[013457@$])[a-z@$][a-z013457@$]{2,}\b")
_OVERDOSED = re.compile(r"\bo\.?d\.?'e?d\b")  # before the apostrophe goes: "odd" alone is another word
_LONGEST = 2000


class Speller:
    """Turns a message into plain lower-case words; knows abbreviations and slips of the words that matter."""

    def __init__(self, *, rewrites: Mapping[str, str], key_words: Iterable[str], real_words: Iterable[str]) -> None:
        self._rewrites = {tuple(key.split()): value.split() for key, value in rewrites.items()}
        self._longest = max((len(key) for key in self._rewrites), default=1)
        words = sorted(set(key_words))
        self._known = {*words, *real_words, *(word for key in self._rewrites for word in key)}
        self._slips = {slip: word for word in reversed(words) if len(word) >= 6 for slip in _shortened(word)}

    def words(self, text: str) -> list[str]:
        """The words of `text`, accents and apostrophes gone, sentence ends kept as '.', '?' or '!'."""
        return [word for word, _, _ in self._rewritten([self._corrected(word) for word in self._plain(text)])]

    def said(self, text: str, start: int, end: int) -> str | None:
        """The visitor's own writing of words [start, end) of `words(text)`; None where it cannot be told.

        "lips r grey" for "lips are grey": staff should see what was written, not what was made of it.
        """
        pieces = text[:_LONGEST].split()
        tokens = [(word, i) for i, piece in enumerate(pieces) for word in self._plain(piece)]
        parted = list(self._rewritten([self._corrected(word) for word, _ in tokens]))
        if not 0 <= start < end <= len(parted) or [word for word, _, _ in parted] != self.words(text):
            return None
        first, last = tokens[parted[start][1]][1], tokens[parted[end - 1][2] - 1][1]
        return " ".join(pieces[first : last + 1]).strip(" ,;:.!?")

    def _plain(self, text: str) -> list[str]:
        text = _bare(plain(text[:_LONGEST]).lower())
        return list(_tokens(_LEET_WORD.sub(lambda match: match.group().translate(_LEET), text)))

    def _corrected(self, word: str) -> str:
        if len(word) < 5 or word in self._known:
            return word
        # A slip is a word that becomes equal to a known one when either loses at most one letter.
        candidates = (self._slips.get(short) for short in (word, *_shortened(word)))
        return next((c for c in candidates if c and c[0] == word[0] and abs(len(c) - len(word)) <= 1), word)

    def _rewritten(self, words: list[str]) -> Iterator[tuple[str, int, int]]:
        """Each word after the rewrites, with the place [start, end) among `words` it was made from."""
        at = 0
        while at < len(words):
            for size in range(min(self._longest, len(words) - at), 0, -1):
                new = self._rewrites.get(tuple(words[at : at + size]))
                if new is not None:
                    yield from ((word, at, at + size) for word in new)
                    at += size
                    break
            else:
                yield words[at], at, at + 1
                at += 1


def _bare(text: str) -> str:
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return _OVERDOSED.sub("overdosed", text).replace("'", "")


def _tokens(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        word = match.group()
        if word[0] in ".?!":
            yield "?" if "?" in word else word[0]
        elif word[0].isalnum():
            yield word.replace(".", "")


def _shortened(word: str) -> list[str]:
    return [word, *(word[:i] + word[i + 1 :] for i in range(1, len(word)))]
