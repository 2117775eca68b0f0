"""What is said after guidance: a question, its answers, steps one at a time, and checks when it goes quiet.

Loaded from data/follow_through.yml; used by the switchboard, held together by haven/check.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from haven.content import Text
from haven.crisis.values import words_of
from haven.errors import ContentError

FILE = "follow_through.yml"
EFFECTS = ("called", "step", "naloxone", "breathing", "alarm", "ends")
CHANNELS = ("widget", "sms")
_WORDINGS = ("web", "sms", "web_es", "sms_es")
# Words that change nothing about an answer; "yes" and "no" alone are answers and stand in the choices.
_SAYS_NOTHING = words_of(
    """
    yes yeah yea yep ok okay now just already so and um uh hey well oh god omg please pls thanks thank you sorry
    lol haha lmao dude bro man it is was i that really only but no si ya ahora por favor gracias perdon pues jaja
    era fue solo
    """
)
_TAKING_BACK = 8  # words; a longer message says more than that it was nothing


@dataclass(frozen=True)
class Choice:
    """Something to tap, or to text by its number: its title, what is said then, and what may be chosen next.

    `words` are typed answers that mean the same, folded; `effect` is one of EFFECTS or None.
    """

    key: str
    title: Text
    said: Text
    words: frozenset[str]
    effect: str | None
    then: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """What is asked when somebody in danger has gone quiet."""

    said: Text
    choices: tuple[str, ...]
    choices_sms: tuple[str, ...]


@dataclass(frozen=True)
class Care:
    """How one kind of danger is followed through; `asks` is None where the guidance itself asks.

    `in_words`: the question is answered in words ("What did you take?"), whatever may be chosen beside it.
    """

    kind: str
    asks: Text | None
    asks_on: tuple[str, ...]
    in_words: bool
    choices: tuple[str, ...]
    check: str
    quiet_sms: bool
    second_dose: bool
    resend: bool
    again: Text | None
    steps: tuple[Text, ...]


@dataclass(frozen=True)
class Sentences:
    """What is said whatever the kind."""

    taken_back: Text
    noted: Text
    choose: Text
    second_dose: Text
    second_dose_given: Text
    last_check: Text


@dataclass(frozen=True)
class FollowThroughContent:
    """All of data/follow_through.yml; `FollowThroughContent.load(root)` reads it."""

    choices: dict[str, Choice]
    checks: dict[str, Check]
    kinds: dict[str, Care]
    sentences: Sentences
    second_dose_choices: tuple[str, ...]
    joke: tuple[str, ...]
    fine: tuple[str, ...]

    @classmethod
    def load(cls, root: Path) -> FollowThroughContent:
        """Read the file under the data folder `root`. Raises ContentError that names what is wrong with it."""
        try:
            raw = yaml.load((Path(root) / FILE).read_bytes(), Loader=yaml.CSafeLoader)
            content = _content(raw)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
            raise ContentError([f"{FILE}: cannot be read: {' '.join(str(error).split())}"]) from error
        except KeyError as error:
            raise ContentError([f"{FILE}: {error} is missing"]) from error
        if unknown := sorted(set(_unknown(content))):
            raise ContentError(unknown)
        return content

    def meant(self, text: str, keys: Iterable[str]) -> str | None:
        """Which of the offered choices a typed answer is, word for word but for words that say nothing."""
        whole, core = fold(text), _core(fold(text))
        for key in keys:
            choice = self.choices[key]
            if whole in choice.words or (core and core in {_core(word) for word in choice.words}):
                return key
        return None

    def takes_back(self, text: str, *, asked: bool, only: bool) -> bool:
        """Whether a message says that it was nothing; `asked`: it answers something that was said here.

        With `only`, it must say nothing else; without, a few other words may stand beside it.
        """
        folded = fold(text)
        if "?" in text or not folded or len(folded.split()) > _TAKING_BACK:
            return False
        phrases = self.joke + self.fine if asked else self.joke
        rest = folded
        for phrase in sorted(phrases, key=len, reverse=True):
            rest = re.sub(rf"\b{re.escape(phrase)}\b", " ", rest)
        return rest != folded and (not only or not _core(rest))

    def texts(self) -> Iterator[tuple[str, Text]]:
        """Everything a visitor may read here, each with the entry it stands in."""
        for choice in self.choices.values():
            yield choice.key, choice.title
            yield choice.key, choice.said
        for name, check in self.checks.items():
            yield name, check.said
        for care in self.kinds.values():
            yield from ((care.kind, text) for text in (care.asks, care.again, *care.steps) if text)
        for name in Sentences.__dataclass_fields__:
            yield name, getattr(self.sentences, name)


def fold(text: str) -> str:
    """A short answer in lower case, without accents, apostrophes and marks, for comparing."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    return " ".join(re.findall(r"[a-z0-9]+", "".join(c for c in letters if not unicodedata.combining(c))))


def _core(folded: str) -> str:
    return " ".join(word for word in folded.split() if word not in _SAYS_NOTHING)


def _content(raw: dict[str, Any]) -> FollowThroughContent:
    return FollowThroughContent(
        choices={key: _choice(key, row) for key, row in raw["choices"].items()},
        checks={key: _check(key, row) for key, row in raw["checks"].items()},
        kinds={key: _care(key, row) for key, row in raw["kinds"].items()},
        sentences=Sentences(**{name: _text(name, raw[name]) for name in Sentences.__dataclass_fields__}),
        second_dose_choices=_listed(raw, "second_dose_choices"),
        joke=tuple(fold(phrase) for phrase in _listed(raw, "joke")),
        fine=tuple(fold(phrase) for phrase in _listed(raw, "fine")),
    )


def _choice(key: str, row: dict[str, Any]) -> Choice:
    effect = row.get("effect")
    if effect is not None and effect not in EFFECTS:
        raise ValueError(f"{key}: effect is {effect!r}; it can be {', '.join(EFFECTS)}")
    title = Text(key, row["title"], row["title"], row["title_es"], row["title_es"], ())
    said = Text(key, "", "", "", "", ()) if effect == "step" else _text(key, row)  # the next step says itself
    words = frozenset(fold(word) for word in _listed(row, "words"))
    return Choice(key, title, said, words, effect, _listed(row, "then"))


def _check(key: str, row: dict[str, Any]) -> Check:
    return Check(_text(key, row), _listed(row, "choices"), _listed(row, "choices_sms"))


def _care(kind: str, row: dict[str, Any]) -> Care:
    return Care(
        kind=kind,
        asks=_text(kind, row["asks"]) if "asks" in row else None,
        asks_on=(row["asks_on"],) if "asks_on" in row else CHANNELS,
        in_words=bool(row.get("in_words", False)),
        choices=_listed(row, "choices"),
        check=row["check"],
        quiet_sms=bool(row.get("quiet_sms", True)),
        second_dose=bool(row.get("second_dose", False)),
        resend=bool(row.get("resend", False)),
        again=_text(kind, row["again"]) if "again" in row else None,
        steps=tuple(_text(kind, step) for step in row.get("steps", ())),
    )


def _text(name: str, row: dict[str, Any]) -> Text:
    for key in _WORDINGS:
        if not isinstance(row.get(key, ""), str):
            raise ValueError(f"{name}: {key} should be text, is {row[key]!r}")
    web, web_es = row["web"].strip(), row["web_es"].strip()
    return Text(name, web, row.get("sms", web).strip(), web_es, row.get("sms_es", web_es).strip(),
                tuple(row.get("fields", ())))


def _listed(row: dict[str, Any], key: str) -> tuple[str, ...]:
    values = row[key]
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise ValueError(f"{key} should be a list of texts, is {values!r}")
    return tuple(values)


def _unknown(content: FollowThroughContent) -> Iterator[str]:
    """Every choice and check that is named and does not exist."""
    named = [(care.kind, care.choices) for care in content.kinds.values()]
    named += [(choice.key, choice.then) for choice in content.choices.values()]
    named += [(name, check.choices + check.choices_sms) for name, check in content.checks.items()]
    named += [("second_dose_choices", content.second_dose_choices)]
    for where, keys in named:
        yield from (f"{FILE}: {where}: there is no choice {key}" for key in keys if key not in content.choices)
    for care in content.kinds.values():
        if care.check not in content.checks:
            yield f"{FILE}: {care.kind}: there is no check {care.check}"


def numbered(text: str, titles: list[str]) -> str:
    """A text message with its choices as numbered lines."""
    return "\n".join([text, *(f"{number} {title}" for number, title in enumerate(titles, 1))])
