"""The long tail: a sentence of the documents, word for word, where no reviewed answer fits and one sentence does.

Only sentences of class "quote" that can be read alone are ever held here, so no other sentence can come out.
A wrong quotation is worse than "I don't know": the limits were set on questions written for the purpose and on all
questions that nothing answers (docs/evaluation.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from haven.content import Claim, Content
from haven.retrieval.surface import plain
from haven.retrieval.values import Array, Vectors

NEAREST = 0.62   # cosine of question and sentence, at least
COVERED = 0.75   # of the weight of the question's own words, found in the sentence
FEWEST = 2       # words of the question that must stand in the sentence

SHORTEST = 8     # words; less is a heading or a fragment
LONGEST = 260    # characters; longer sentences of these documents wander
LONGEST_SMS = 150
# Sentences that lean on the one before them, and words we do not use of people (haven/check.py, STIGMA).
_LEANS = re.compile(
    r"^(?:those|they|it|its|he|she|however|but|so|as with|in (?:other|fact|an? .{0,12}setting)|for one|the patients)\b"
    r"|\b(?:this|these|such hidden|also|following)\b|:", re.IGNORECASE)
_HARSH = re.compile(
    r"\b(?:users?|abuse|addicts?|addicted to|sober|drug-free|struggling|medication-assisted)\b", re.IGNORECASE)
# Words that do not tell one question of our subject from another.
_EMPTY = frozenset(re.findall(r"\w+", """
    a about after all also an and any are as at be because been before being but by can could did do does doing for
    from get gets getting give go had has have he her him his how i if im in into is it its just kind know like made
    make many may me more most much my need no not of on one only or other our out over people person please really
    say says she should so some someone sort such tell than that the their them then there these they thing things
    this those to too u up ur us use very want was we well were what whats when where which while who why will with
    would y you your heroin opioid opioids addiction treatment drug drugs"""))


def quotable(content: Content) -> tuple[Claim, ...]:
    """The sentences that may be quoted: class "quote", whole, and readable without the sentence before."""
    return tuple(claim for claim in content.claims.values() if _stands_alone(claim))


def _stands_alone(claim: Claim) -> bool:
    text = claim.quote
    return (claim.cls == "quote" and len(text.split()) >= SHORTEST and len(text) <= LONGEST
            and text[:1].isupper() and text.endswith((".", "!"))
            and not _LEANS.search(text) and not _HARSH.search(text))


class Quotes:
    """The quotable sentences with their vectors; finding changes nothing, so threads may share it."""

    def __init__(self, claims: Sequence[Claim], encoder: Vectors) -> None:
        self.claims = tuple(claims)
        self._vectors = np.asarray(encoder.encode([claim.quote for claim in claims]), dtype=np.float32)
        self._words = [frozenset(_stems(claim.quote)) for claim in claims]
        self._weight = _rarity(self._words)

    def find(self, question: str, vector: Array, *, longest: int = LONGEST) -> Claim | None:
        """The sentence that answers a question, when one clearly does. `vector` is the question's, (dim,).

        `longest` is in characters: with its title a sentence must fit the message it goes out in.
        """
        found = [(near + share, i) for i, near, share in self.scored(question, vector)
                 if near >= NEAREST and share >= COVERED and len(self.claims[i].quote) <= longest]
        return self.claims[max(found)[1]] if found else None

    def scored(self, question: str, vector: Array) -> list[tuple[int, float, float]]:
        """(place, cosine, share of the question's words) of each sentence that shares FEWEST words or more."""
        asked = set(_stems(question))
        total = sum(self._weight.get(word, self._unknown) for word in asked)
        near = self._vectors @ np.asarray(vector, dtype=np.float32).reshape(-1)
        return [(i, float(near[i]), sum(self._weight[word] for word in asked & words) / total)
                for i, words in enumerate(self._words) if len(asked & words) >= FEWEST]

    @property
    def _unknown(self) -> float:
        """The weight of a word that no sentence has: as rare as can be."""
        return float(np.log(len(self.claims) + 1) + 1)


def _rarity(sets: Sequence[frozenset[str]]) -> dict[str, float]:
    words = {word for words in sets for word in words}
    return {word: float(np.log((len(sets) + 1) / (1 + sum(word in s for s in sets))) + 1) for word in words}


def _stems(text: str) -> list[str]:
    """The words that carry meaning, cut to five letters: "prescribed" and "prescription" then meet."""
    return [word[:5] for word in plain(text).split() if word not in _EMPTY and len(word) > 2]
