"""Turns probabilities into one of three ways out: answer, ask back, or say that it is not known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from haven.retrieval.questions import asks
from haven.retrieval.values import (
    DENY,
    FAQ,
    HANDOFF,
    NOT_COVERED,
    REFUSED,
    TELLING,
    TOLD,
    UNSUPPORTED,
    Reading,
    Thresholds,
)

MOST_OPTIONS = 3
PART_SURE = 0.6  # of one question among several
TOLD_SURE = 0.9  # of what is said beside a wish for a person without being a question by its form

# Of two answers in one reply, these come first: a life may hang on them.
URGENT = tuple(f"faq/FAQ-{number}" for number in (
    "090", "092", "091", "093", "052", "089", "080", "095", "094", "096", "019", "025", "023", "010", "024"))
# Who asks about an overdose is never told merely what the substance is.
ABOUT_OVERDOSE = tuple(f"faq/FAQ-{number}" for number in ("090", "091", "092"))
DEFINITIONS = frozenset(f"faq/FAQ-{number}" for number in (
    "001", "029", "037", "038", "039", "041", "043", "044", "045", "046", "097"))
# Near neighbours that are easily meant for each other: with one, the other is offered, however sure the one is.
SIDE_BY_SIDE = tuple(tuple(f"faq/FAQ-{number}" for number in pair) for pair in (
    ("017", "027"), ("002", "006"), ("051", "062"), ("062", "099")))
_OVERDOSE = re.compile(
    r"\b(?:overdos\w*|over dos\w*|o\.?d\.?(?:'?s|'?d|'?ing|ed)?|sobredosis|poisoning)\b", re.IGNORECASE)


def decide(pairs: Sequence[tuple[str, float]], limits: Thresholds) -> Reading:
    """One of the three ways out for (label, probability) from the likeliest on."""
    answers = [pair for pair in pairs if pair[0].startswith(FAQ)]
    others = [pair for pair in pairs if not pair[0].startswith(FAQ)]
    ranking = tuple(pairs[:10])
    share, refusal = sum(chance for _, chance in answers), _refusal(others)
    options = _options(answers, limits)
    best = (answers or [("", 0.0)])[0]
    if refusal[1] >= limits.refuse and refusal[1] > best[1]:
        return Reading(*refusal, ranking, "sure", ())
    if best[1] >= limits.faq_sure and share >= limits.faq_share and refusal[1] < limits.refused_share:
        return Reading(*best, ranking, "sure", _beside(best, options, answers, limits))
    if share > 0.5:
        return Reading(*best, ranking, "unsure", options)
    return _not_an_answer(ranking, answers, others, options if share >= limits.faq_open else (), limits)


def _not_an_answer(ranking: tuple[tuple[str, float], ...], answers: list[tuple[str, float]],
                   others: list[tuple[str, float]], beside: tuple[str, ...], limits: Thresholds) -> Reading:
    chance_of = dict(others)
    wish = chance_of.get(HANDOFF, 0.0)
    if wish >= limits.handoff:
        return Reading(HANDOFF, wish, ranking, "sure", ())
    near = tuple(label for label, chance in answers[:MOST_OPTIONS] if chance >= limits.near)
    told, uncovered = sum(chance_of.get(label, 0.0) for label in TELLING), chance_of.get(NOT_COVERED, 0.0)
    other = max((pair for pair in others if pair[0] not in (*TELLING, NOT_COVERED)),
                key=lambda pair: pair[1], default=("", 0.0))
    if told > max(uncovered, other[1]):
        return Reading(_kind_of(chance_of, told, limits), told, ranking, "sure", near)
    if told + uncovered > other[1]:
        return Reading(NOT_COVERED, told + uncovered, ranking, "unknown", near)
    if other[1] >= limits.other_sure:
        return Reading(*other, ranking, "sure", beside)
    return Reading(*ranking[0], ranking, "unsure" if beside else "unknown", beside)


def _kind_of(chance_of: dict[str, float], told: float, limits: Thresholds) -> str:
    """What is told, if that is clear; else the words that fit whatever was told."""
    best = max(TELLING, key=lambda label: chance_of.get(label, 0.0))
    return best if chance_of.get(best, 0.0) >= limits.told_kind * told else TOLD


def _refusal(others: list[tuple[str, float]]) -> tuple[str, float]:
    """The likeliest request to refuse, with the probability of all of them together."""
    refused = [pair for pair in others if pair[0] in REFUSED]
    return (refused[0][0], sum(chance for _, chance in refused)) if refused else ("", 0.0)


def _beside(best: tuple[str, float], options: tuple[str, ...], answers: list[tuple[str, float]],
            limits: Thresholds) -> tuple[str, ...]:
    """What is offered beside a sure answer: what was nearly as likely, and its near neighbour, the likelier one."""
    others = [] if best[1] >= limits.certain else [option for option in options if option != best[0]]
    pairs = {label for pair in SIDE_BY_SIDE if best[0] in pair for label in pair if label != best[0]}
    neighbour = next((label for label, _ in answers if label in pairs), None)
    return tuple(dict.fromkeys([neighbour, *others] if neighbour else others))[:MOST_OPTIONS - 1]


def _options(answers: list[tuple[str, float]], limits: Thresholds) -> tuple[str, ...]:
    worth = [label for label, chance in answers[:MOST_OPTIONS] if chance >= limits.option]
    return tuple(worth) if len(worth) >= 2 else tuple(label for label, _ in answers[:2])


def in_view_of(text: str, reading: Reading) -> Reading:
    """The reading once the words themselves have been looked at."""
    if reading.label in (NOT_COVERED, *TELLING) and not asks(text):
        return replace(reading, options=())  # who tells of a grief wants no list of questions
    if reading.decision == "sure" and reading.label in DEFINITIONS and _OVERDOSE.search(text):
        return replace(reading, decision="unsure", options=(*_likeliest(reading, ABOUT_OVERDOSE)[:2], reading.label))
    return reading


def _likeliest(reading: Reading, labels: Sequence[str]) -> list[str]:
    place = {label: i for i, (label, _) in enumerate(reading.ranking)}
    return sorted(labels, key=lambda label: place.get(label, len(place)))


def together(whole: Reading, parts: Sequence[Reading]) -> tuple[Reading, ...]:
    """What a message says that was read as a whole and in parts: one reading, or two, the more urgent first."""
    certain = {part.label: part for part in parts if part.decision == "sure" and part.confidence >= PART_SURE}
    refused = [part for label, part in certain.items() if label in REFUSED]
    if refused or whole.label in REFUSED:
        return (refused[0] if refused else whole,)
    if HANDOFF in certain and not whole.label.startswith(FAQ):
        return (certain[HANDOFF],)
    asked = [part for label, part in certain.items() if label.startswith((FAQ, UNSUPPORTED))]
    if len(asked) > 1:
        return tuple(sorted(asked, key=_urgency)[:2])
    likely = {label for label, _ in whole.ranking[:5]}
    return tuple(asked) if whole.decision != "sure" and asked and asked[0].label in likely else (whole,)


def served(wish: float, whole: Sequence[Reading], rest: Sequence[Reading], *, asked: bool) -> tuple[Reading, ...]:
    """A wish for a person beside whatever else is said: what can be answered surely, the wish last.

    `whole` reads the message, `rest` what is left of it without the wish; `asked`: what is left is a question.
    """
    refused = [reading for reading in (*whole, *rest) if reading.label in REFUSED and reading.decision == "sure"]
    enough = PART_SURE if asked else TOLD_SURE
    answered = [reading for reading in rest if reading.decision == "sure" and reading.confidence >= enough
                and reading.label.startswith((FAQ, UNSUPPORTED))]
    beside = [replace(reading, options=()) for reading in (refused[:1] or answered)]
    return (*beside, Reading(HANDOFF, wish, whole[0].ranking, "sure", ()))


def turned_down(read: Sequence[Reading]) -> tuple[Reading, ...]:
    """What a message says whose only talk of a person is that none is wanted."""
    if read[0].decision != "unknown" and read[0].label.startswith((FAQ, UNSUPPORTED, *TELLING)):
        return tuple(read)
    return (Reading(DENY, read[0].confidence, read[0].ranking, "sure", ()),)


def _urgency(reading: Reading) -> int:
    return URGENT.index(reading.label) if reading.label in URGENT else len(URGENT)
