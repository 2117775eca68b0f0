"""What the signals alone say about a message: the guard's opinion when nothing trained is at hand; both processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from haven.crisis.signals import NEGATORS, Found
from haven.crisis.values import KIND_ORDER

_ENDS = frozenset(".?!")
_REACH = 3


@dataclass(frozen=True)
class Opinion:
    """Level and kind by rules; the signals of danger that stand, those a "not" undoes, the calm groups shown."""

    level: str
    kind: str | None
    danger: tuple[Found, ...]
    denied: tuple[Found, ...]
    calm: tuple[str, ...]

    def shows(self, weight: str) -> bool:
        """Whether a signal of danger with this weight stands."""
        return any(found.signal.weight == weight for found in self.danger)


def opinion_of(found: Sequence[Found], words: Sequence[str]) -> Opinion:
    """The opinion that follows from the signals found in one message of `words`."""
    calm = tuple(dict.fromkeys(f.signal.kind for f in found if f.signal.weight == "calm"))
    told = [f for f in found if f.signal.weight != "calm"]
    denied = tuple(f for f in told if _denied(f, words))
    danger = tuple(f for f in told if f not in denied)
    level = _level(danger, calm)
    if level == "none" and denied and not calm:
        # "not suicidal, just tired": taken at its word, but asked about once.
        level = "possible" if any(f.signal.weight == "sign" for f in denied) else "none"
    return Opinion(level, _kind(danger or denied), danger, denied, calm)


def _denied(found: Found, words: Sequence[str]) -> bool:
    if found.holds_not:
        return False
    before = list(words[max(0, found.start - _REACH) : found.start])
    ends = [i for i, word in enumerate(before) if word in _ENDS]
    clause = before[ends[-1] + 1 :] if ends else before
    return not NEGATORS.isdisjoint([*clause, *found.words.split()])


def _level(danger: Sequence[Found], calm: Sequence[str]) -> str:
    weights = {f.signal.weight for f in danger}
    if "sign" in weights:
        return "possible" if set(calm) & {"past", "fiction", "question", "grief", "solved"} else "acute"
    if "strong" in weights:
        return "possible" if calm else "acute"
    return "possible" if "weak" in weights and not calm else "none"


def _kind(danger: Sequence[Found]) -> str | None:
    shown = {f.signal.kind for f in danger}
    return next((kind for kind in KIND_ORDER if kind in shown), None)
