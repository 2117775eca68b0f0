"""What the reader is asked for and what it says, as plain values; and the labels that mean something to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from haven.errors import HavenError

FAQ = "faq/"
UNSUPPORTED = "unsupported/"
HANDOFF = "human_handoff"
DENY = "deny"
NOT_COVERED = "nlu_fallback"  # questions that no answer fits; the name is Rasa's for "not understood"
TELLING = ("craving", "feelings", "grief", "telling")  # somebody tells and asks nothing
TOLD = "telling"  # of those the one that fits whatever was told
# Nothing else is said beside a refusal: ways to buy, to inject, to beat a test, doses to get high.
REFUSED = frozenset({"harmful", *(f"{UNSUPPORTED}U-{number}" for number in (18, 19, 20, 21, 22))})

Array = NDArray[Any]  # of float32


class Vectors(Protocol):
    """What the retriever needs of a sentence encoder: rows of length 1."""

    def encode(self, texts: Sequence[str]) -> Array: ...


class RetrieverError(HavenError):
    """The retriever's files are missing, of another format, or of another encoder."""


@dataclass(frozen=True)
class Thresholds:
    """Probabilities that part the three ways out; chosen by cross-validation, see docs/evaluation.md."""

    faq_sure: float = 0.40       # the best answer alone
    faq_share: float = 0.75      # all answers together, before one is given
    faq_open: float = 0.25       # all answers together, before candidates are offered
    other_sure: float = 0.35     # the best intent, when answers are out of the question
    handoff: float = 0.20        # a person is asked for: missing it is worse than asking back
    option: float = 0.01         # a candidate worth offering
    near: float = 0.02           # a candidate worth offering where nothing seems to fit
    certain: float = 0.99        # no candidates beside the answer from here on
    refuse: float = 0.25         # all requests that are refused, taken together
    refused_share: float = 0.05  # the same, before no answer is given as sure
    told_kind: float = 0.50      # of what is told, before it is taken for a loss, a craving or a feeling


@dataclass(frozen=True)
class Reading:
    """What a message asks for.

    `ranking` holds (label, probability) from the likeliest on. `decision` is "sure" (act on `label`),
    "unsure" (offer `options`) or "unknown". `options` are FAQ labels; beside "sure" and "unknown" they are the
    questions that may have been meant all the same, and are empty when nothing comes near.
    """

    label: str
    confidence: float
    ranking: tuple[tuple[str, float], ...]
    decision: str
    options: tuple[str, ...]


NOTHING = Reading("", 0.0, (), "unknown", ())
