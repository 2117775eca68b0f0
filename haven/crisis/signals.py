"""Signals of danger and of calm, found by spaCy matchers from data/crisis/signals.yml; runs in both processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from haven.crisis.spelling import Speller
from haven.crisis.values import words_of
from haven.errors import ContentError

NEGATORS = words_of(
    """
    not no never isnt aint arent wasnt werent didnt dont doesnt wont wouldnt without neither nor ni
    nunca sin nobody nothing stopped
    """
)


@dataclass(frozen=True)
class Signal:
    """One thing to look for. `kind` names a danger or, for calm signals, the group (past, grief, idiom ...).

    `weight` is sign (the body or the plain wish itself: nothing talks it away), strong, or weak; calm signals
    have the weight calm.
    """

    name: str
    kind: str
    weight: str


@dataclass(frozen=True)
class Found:
    """A signal at a place of the message: words [start, end).

    `holds_not`: "not" is part of the signal itself ("not breathing"), so one inside it denies nothing.
    """

    signal: Signal
    start: int
    end: int
    words: str
    holds_not: bool


class Signals:
    """All signals, compiled once; build with `Signals.load`. Safe to share between threads."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        import spacy

        self._vocab = spacy.blank("en").vocab
        self._classes = {name: _listed(words) for name, words in data["words"].items()}
        self._common = set(_listed(data["common_words"]))
        self._patterns: list[tuple[Signal, Any, str, bool]] = []
        # Each pattern is tried only on messages that hold one of its rarer words: a tenth of the work.
        self._by_word: dict[str, list[int]] = {}
        for entry in data["signals"]:
            signal = Signal(entry["name"], entry["kind"], entry["weight"])
            for line in _listed(entry["patterns"], "\n"):
                self._add(signal, line)
        self.speller = Speller(
            rewrites=data["rewrites"],
            key_words=_listed(data["key_words"]),
            real_words={*_listed(data["real_words"]), *self._pattern_words(data["signals"])},
        )

    def _add(self, signal: Signal, line: str) -> None:
        from spacy.matcher import Matcher

        ends = "".join(mark for mark in "^$" if mark in line.split())
        line = " ".join(element for element in line.split() if element not in ("^", "$"))
        matcher = Matcher(self._vocab, validate=False)
        matcher.add(signal.name, [self._compiled(line)])
        for word in self._anchor(line):
            self._by_word.setdefault(word, []).append(len(self._patterns))
        holds_not = any(NEGATORS.intersection(self._words(e)) for e in line.split() if set(e) != {"."})
        self._patterns.append((signal, matcher, ends, holds_not))

    def _anchor(self, line: str) -> list[str]:
        """The words of the element that fewest messages hold; every match of the pattern has one of them."""
        needed = [e for e in line.split() if set(e) != {"."} and e != "#" and (e == "?" or not e.endswith("?"))]
        if not needed:
            raise ValueError(f"the pattern {line!r} has no word that must be there")
        return min((self._words(e) for e in needed), key=lambda ws: 1000 * bool(self._common & set(ws)) + len(ws))

    @classmethod
    def load(cls, path: Path) -> Signals:
        """The signals of a YAML file; raises ContentError naming what cannot be read."""
        try:
            return cls(yaml.safe_load(Path(path).read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise ContentError([f"{path}: {error!r}"]) from error

    def find(self, words: Sequence[str]) -> list[Found]:
        """The signals in `words` (as `speller.words` gives them), in order of place."""
        from spacy.tokens import Doc

        doc = Doc(self._vocab, words=list(words))
        wanted = sorted({number for word in set(words) for number in self._by_word.get(word, ())})
        found = {
            Found(signal, start, end, doc[start:end].text, holds_not)
            for signal, matcher, ends, holds_not in (self._patterns[number] for number in wanted)
            for _, start, end in matcher(doc)
            if _at(ends, words, start, end)
        }
        return sorted(found, key=lambda f: (f.start, -f.end, f.signal.name))

    def _compiled(self, line: str) -> list[dict[str, Any]]:
        pattern: list[dict[str, Any]] = []
        for element in line.split():
            if set(element) == {"."}:
                # '..' is up to two words between, '...' up to four; never across the end of a sentence.
                pattern += [{"LOWER": {"NOT_IN": [".", "?", "!"]}, "OP": "?"}] * (2 if element == ".." else 4)
                continue
            bare, optional = element.rstrip("?"), element.endswith("?") and element != "?"
            pattern.append({**self._token(bare or "?"), **({"OP": "?"} if optional else {})})
        return pattern

    def _token(self, element: str) -> dict[str, Any]:
        if element == "#":
            return {"LIKE_NUM": True}
        words = self._words(element)
        return {"LOWER": {"IN": words}} if len(words) > 1 else {"LOWER": words[0]}

    def _words(self, element: str) -> list[str]:
        parts = element.split("|")
        return [word for part in parts for word in (self._classes[part[1:-1]] if part[0] == "{" else [part])]

    @staticmethod
    def _pattern_words(entries: Sequence[Mapping[str, Any]]) -> set[str]:
        text = " ".join(line for entry in entries for line in _listed(entry["patterns"], "\n"))
        return {part.rstrip("?") for element in text.split() for part in element.split("|")}


def _at(ends: str, words: Sequence[str], start: int, end: int) -> bool:
    """Whether a match stands where its pattern wants it: '^' nothing said before it, '$' nothing after."""
    before, after = ("^" in ends and words[:start]), ("$" in ends and words[end:])
    return not any(word.isalnum() for part in (before, after) if part for word in part)


def _listed(value: str | Sequence[str], between: str | None = None) -> list[str]:
    """YAML gives lists, or text to be split at spaces (words) or line ends (patterns)."""
    parts = value.split(between) if isinstance(value, str) else [str(part) for part in value]
    return [part.strip() for part in parts if part.strip()]
