"""The fitted reader: how likely each label is for a message, and what that makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from haven.names import without_introduction
from haven.retrieval.decision import decide, in_view_of, served, together, turned_down
from haven.retrieval.examples import Example
from haven.retrieval.fitting import evidence, gaussian, learn, softmax
from haven.retrieval.questions import asks, is_short, resolved, split_questions
from haven.retrieval.surface import weighted
from haven.retrieval.values import (
    FAQ,
    HANDOFF,
    NOT_COVERED,
    NOTHING,
    TELLING,
    Array,
    Reading,
    RetrieverError,
    Thresholds,
    Vectors,
)
from haven.retrieval.wishes import clauses, declines, elsewhere, hints, outright, told

FORMAT = 2
TOPIC_PULL = 10.0        # how strongly a short message is drawn to answers near the one before it
RESOLVED_SHARE = 0.5     # of a follow-up's reading with its subject put in, against the words alone
NOT_COVERED_SHARE = 0.5
WHOLE_PULL = 0.8         # of the whole message on the reading of one question in it
WISH_SURE = 0.9          # of one clause, that it asks for a person, where the whole message says something else
MOST_HINTS = 4           # clauses read for that; wishes come last


class Retriever:
    """The fitted reader; reading changes nothing in it, so threads may share one.

    `subjects` (label -> words) say what "it" means after an answer.
    """

    def __init__(self, arrays: Mapping[str, Array], labels: Sequence[str], thresholds: Thresholds | None = None,
                 subjects: Mapping[str, str] | None = None) -> None:
        # Column by column: a matrix of many short rows times a vector is then twice as quick with OpenBLAS.
        self.arrays = {**arrays, "vectors": np.asfortranarray(arrays["vectors"])}
        self.labels = tuple(labels)
        self.thresholds = thresholds or Thresholds()
        self.subjects = dict(subjects or {})
        self._is_faq = np.array([label.startswith(FAQ) for label in labels], dtype=bool)
        # Of those who write here fewer tell or ask beside the subject than the examples make it seem.
        self._prior = np.array([NOT_COVERED_SHARE if label in (NOT_COVERED, *TELLING) else 1 for label in labels])
        self._place = {label: i for i, label in enumerate(labels)}

    @classmethod
    def fit(cls, examples: Sequence[Example], encoder: Vectors, *, answers: Mapping[str, str] | None = None,
            subjects: Mapping[str, str] | None = None, thresholds: Thresholds | None = None) -> Retriever:
        """Learn from examples. `answers` (label -> answer text) adds what an answer says to the evidence.

        Raises RetrieverError when there are fewer than two labels.
        """
        fitted = learn(examples, encoder, answers or {})
        return cls(fitted.arrays, fitted.labels, thresholds, subjects)

    def save(self, folder: Path) -> None:
        """Write retriever.npz and retriever.json."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / "retriever.npz", **self.arrays)  # type: ignore[arg-type]
        about = {"format": FORMAT, "labels": self.labels, "thresholds": asdict(self.thresholds),
                 "subjects": self.subjects}
        (folder / "retriever.json").write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Retriever:
        """Read what `save` wrote. Raises RetrieverError when it is not there or of another format."""
        try:
            about = json.loads((folder / "retriever.json").read_text(encoding="utf-8"))
            with np.load(folder / "retriever.npz", allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError) as error:
            raise RetrieverError(f"cannot read the retriever in {folder}: {error}") from error
        if about.get("format") != FORMAT:
            raise RetrieverError(f"the retriever in {folder} has format {about.get('format')}, not {FORMAT}")
        return cls(arrays, about["labels"], Thresholds(**about["thresholds"]), about["subjects"])

    def read_all(self, text: str, encoder: Vectors, *, topic: str = "") -> tuple[Reading, ...]:
        """Read a message: one reading, or two questions, the more urgent first; a wish for a person beside them last.

        `topic` is the label of the answer given before it, so that "and how long does that take?" can be read.
        """
        text = without_introduction(text)
        if not text.strip():
            return (NOTHING,)
        read = self._questions(text, encoder, topic)
        wish, rest = self._wish(text, encoder)
        if wish:
            return served(wish, read, self._questions(rest, encoder, topic) if rest else (), asked=asks(rest))
        if any(reading.label == HANDOFF for reading in read) and any(map(declines, clauses(text))):
            return turned_down(self._questions(text, encoder, topic, wished=False))
        if any(reading.label == HANDOFF for reading in read) and (elsewhere(text) or told(text)):
            return self._questions(text, encoder, topic, wished=False)
        return read

    def _wish(self, text: str, encoder: Vectors) -> tuple[float, str]:
        """How sure it is that some clause asks for a person, 0 when none does; and the message without such clauses."""
        parts = clauses(text)
        found = dict.fromkeys(outright(text), 1.0)
        hinted = [part for part in parts if part not in found and hints(part)] if len(parts) > 1 else []
        for clause in hinted[-MOST_HINTS:]:
            chance = dict(zip(self.labels, self.probabilities(clause, encoder.encode([clause])[0]), strict=True))
            if chance.get(HANDOFF, 0.0) >= WISH_SURE:
                found[clause] = float(chance[HANDOFF])
        return max(found.values(), default=0.0), " ".join(part for part in parts if part not in found)

    def _questions(self, text: str, encoder: Vectors, topic: str, *, wished: bool = True) -> tuple[Reading, ...]:
        """The questions of a message: one reading, or two. `wished` False: whatever it is, no person is asked for."""
        parts = split_questions(text)
        overall = self.chance(text, encoder, topic=topic)
        if not wished:
            overall = _share(overall * (np.array(self.labels) != HANDOFF))
        whole = in_view_of(text, self.decide(overall))
        if len(parts) < 2:
            return (whole,)
        found: list[Reading] = []
        for part in parts:
            chance = self.chance(part, encoder, topic=found[-1].label if found else topic)
            # A part is read in the light of the whole: "how long does it last?" of what?
            found.append(in_view_of(part, self.decide(_share(chance * (overall + 1e-4 * wished) ** WHOLE_PULL))))
        return together(whole, found)

    def chance(self, text: str, encoder: Vectors, *, topic: str = "") -> Array:
        """The probability of each label for a message, (labels,), in view of the answer before it."""
        chance = self.probabilities(text, encoder.encode([text])[0])
        if topic not in self._place or not is_short(text):
            return chance
        if topic in self.subjects:
            said = resolved(text, self.subjects[topic])
            again = self.probabilities(said, encoder.encode([said])[0])
            chance = softmax((1 - RESOLVED_SHARE) * np.log(chance + 1e-6) + RESOLVED_SHARE * np.log(again + 1e-6))
        return self._drawn_to(topic, chance)

    def probabilities(self, text: str, vector: Array) -> Array:
        """The probability of each of `self.labels`, (labels,), for a text and its unit vector, (dim,)."""
        arrays, vector = self.arrays, np.asarray(vector, dtype=np.float32).reshape(-1)
        if vector.shape[0] != arrays["vectors"].shape[1]:
            raise RetrieverError(f"a vector of {vector.shape[0]} numbers, not {arrays['vectors'].shape[1]}")
        surface = weighted(text, arrays["idf"])
        words = np.flatnonzero(surface)  # few of thousands
        near = gaussian(arrays["vectors"] @ vector)
        scores = arrays["weights"] @ near + surface[words] @ arrays["lexical_weights"][words]
        return softmax(evidence(scores, arrays["answers"] @ vector, self._is_faq) @ arrays["blend"])

    def _drawn_to(self, topic: str, chance: Array) -> Array:
        """The probabilities when the talk was of `topic`: answers about near things become likelier."""
        homes, here = self.arrays["homes"], self._place[topic]
        near = homes @ homes[here]
        pull = np.where(self._is_faq, near - near[self._is_faq].mean(), 0) if self._is_faq.any() else 0 * near
        pull[here] = 0  # who asks on wants to hear something else
        return softmax(np.log(chance + 1e-6) + TOPIC_PULL * pull)

    def decide(self, chance: Array) -> Reading:
        """Turn probabilities, (labels,), into one of the three ways out."""
        chance = _share(chance * self._prior)
        order = np.argsort(-chance, kind="stable")
        return decide([(self.labels[i], float(chance[i])) for i in order], self.thresholds)


def _share(worth: Array) -> Array:
    return np.asarray(worth / worth.sum())
