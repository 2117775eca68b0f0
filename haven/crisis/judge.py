"""Weighs rules and classifier against each other by calibrated weights; runs in switchboard and assistant."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from haven.crisis.classifier import Reading
from haven.crisis.rules import Opinion
from haven.errors import EncoderError

_CALM = ("past", "grief", "idiom", "question", "negated", "fiction", "solved")
_BODY = frozenset({"overdose_other", "overdose_self", "naloxone_given", "chest_breathing", "child_exposed"})
# Signals that nobody uses of a tired friend or a bad joke.
_FAILING = frozenset({"not breathing", "cannot be woken", "colour of the body", "pulse or body failing"})
_WISH = frozenset({"suicide_self", "suicide_other"})
# Questions that are themselves the danger.
_ASKING = frozenset({"asks for a way to die"})
# What makes a plain sign of danger less than certain.
_DOUBT = frozenset({"past", "grief", "question", "fiction", "solved", "idiom", "negated"})

# Below this share of danger the classifier is as good as sure that there is none.
_SURELY_CALM = 0.1


@dataclass(frozen=True)
class Verdict:
    """How sure the judge is of any danger and of acute danger, 0 to 1, and the level that follows."""

    level: str
    danger: float
    acute: float


@dataclass(frozen=True)
class Judge:
    """Two logistic scores over `features`; the weights come from training/calibrate.py."""

    danger: Mapping[str, float]
    acute: Mapping[str, float]
    possible_at: float
    acute_at: float

    @classmethod
    def load(cls, path: Path) -> Judge:
        """The judge of a JSON file; raises EncoderError when it cannot be used."""
        try:
            stored = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(stored["danger"], stored["acute"], stored["possible_at"], stored["acute_at"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EncoderError(f"the guard's weights {path} cannot be read: {error!r}") from error

    def verdict(self, reading: Reading, opinion: Opinion, grams: tuple[float, float], words: int) -> Verdict:
        """The verdict on one message of `words` words; `grams` are the log odds that Ngrams.read gives."""
        seen = features(reading, opinion, grams, words)
        danger, acute = (_sigmoid(sum(w * seen.get(k, 0.0) for k, w in ws.items())) for ws in self._both())
        if certain(opinion, reading):
            return Verdict("acute", max(danger, self.possible_at), max(acute, self.acute_at))
        if danger < self.possible_at:
            return Verdict("possible" if likely(opinion) else "none", danger, acute)
        return Verdict("acute" if acute >= self.acute_at else "possible", danger, acute)

    def _both(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        return self.danger, self.acute


def certain(opinion: Opinion, reading: Reading) -> bool:
    """Whether danger is plain: a sign with nothing said against it, or signs of a failing body whatever the idiom.

    Where the classifier is all but sure of the contrary ("can't breathe in these jeans") it is only asked about.
    """
    if reading.danger < _SURELY_CALM:
        return False
    doubts = _DOUBT & set(opinion.calm)
    failing = {f.signal.name for f in opinion.danger} & _FAILING
    return opinion.shows("sign") and (not doubts or (bool(failing) and doubts <= {"idiom"}))


def likely(opinion: Opinion) -> bool:
    """Whether a sign or strong signal stands alone: enough to ask, whatever the trained parts make of the words."""
    if _ASKING & {f.signal.name for f in opinion.danger}:
        return set(opinion.calm) <= {"question"}
    return (opinion.shows("sign") or opinion.shows("strong")) and not opinion.calm


def features(reading: Reading, opinion: Opinion, grams: tuple[float, float], words: int) -> dict[str, float]:
    """What the judge weighs: log odds of both classifiers, the signals that stand, and what speaks against."""
    kinds = {f.signal.kind for f in opinion.danger if f.signal.weight == "sign"}
    calm = set(opinion.calm)
    return {
        "always": 1.0,
        "danger odds": _odds(reading.danger),
        "acute odds": _odds(reading.levels["acute"]),
        "words danger odds": grams[0],
        "words acute odds": grams[1],
        "sign": float(opinion.shows("sign") and not calm),
        "sign, doubted": float(opinion.shows("sign") and bool(calm)),
        "sign of the body": float(bool(kinds & _BODY)),
        "wish to die": float(bool(kinds & _WISH)),
        "strong": float(opinion.shows("strong")),
        "weak": float(opinion.shows("weak")),
        "denied": float(bool(opinion.denied)),
        "long": float(words > 50),
        "short": float(words <= 4),
        **{f"calm: {name}": float(name in calm) for name in _CALM},
    }


def _odds(share: float) -> float:
    share = min(max(share, 0.001), 0.999)
    return math.log(share / (1 - share))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
