"""What the guard takes and gives back: turns, signals and assessments; used by switchboard and assistant."""

from __future__ import annotations

from dataclasses import dataclass

LEVELS = ("none", "possible", "acute")

# Which kind names a message that shows several: the order of the clinical review, section 5a.
KIND_ORDER = (
    "child_exposed", "overdose_other", "overdose_self", "naloxone_given", "sleepy_after_use",
    "chest_breathing", "alcohol_benzo_withdrawal", "suicide_self", "suicide_other", "mixing",
    "unknown_pills", "severe_withdrawal", "pregnancy", "infection", "violence", "return_to_use", "using_alone",
)  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """One earlier message of the conversation; `author` is visitor, bot, staff or system."""

    author: str
    text: str


@dataclass(frozen=True)
class Assessment:
    """How grave a message is: `level` acute, possible or none; `kind` is None when the level is none.

    `why` names what led to it, most telling first; `language` is en or es.
    """

    level: str
    kind: str | None
    why: tuple[str, ...]
    language: str


def words_of(text: str) -> frozenset[str]:
    """The words of a list kept as readable text."""
    return frozenset(text.split())


def graver(first: str, second: str) -> str:
    """The graver of two levels."""
    return max(first, second, key=LEVELS.index)
