"""Reads an ordinary message: which answer or intent it asks for and how sure that is (assistant process).

One kernel machine does the reading. Two messages are alike when their sentence vectors are near each other
(a Gaussian kernel) and when they share words and pieces of words (TF-IDF, which keeps "naloxone" and
"naltrexone" apart). Ridge regression on that kernel has a closed form for "what would be said of this example
if it were not known" (Rasmussen and Williams, Gaussian Processes for Machine Learning, section 5.4.2), and
on those honest scores the probabilities are fitted. Only numpy is needed, to fit and to read.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from haven.errors import HavenError

FORMAT = 1
FAQ = "faq/"
LONGEST = 1600           # characters; what a channel lets through
WORD_BUCKETS = 4096
PIECE_BUCKETS = 4096
NARROWNESS = 3.0         # of the Gaussian kernel, over 1 - cosine
LEXICAL_SHARE = 0.5      # of the lexical kernel, against 1 for the sentence vectors
RIDGE = 0.3
RARE_LABELS = 0.5        # 0: every example counts the same, 1: every label counts the same
MOST_OPTIONS = 3
TOPIC_PULL = 10.0        # how strongly a short message is drawn to answers near the one before it
FOLLOW_UP_WORDS = 12     # longer messages say themselves what they are about
MOST_QUESTIONS = 3
NOT_COVERED_SHARE = 0.5
PART_SURE = 0.6          # of one question among several
WHOLE_PULL = 0.8         # of the whole message on the reading of one question in it

# Of two answers in one reply, these come first: a life may hang on them.
URGENT = tuple(f"faq/FAQ-{number}" for number in (
    "090", "092", "091", "093", "052", "089", "080", "095", "094", "096", "019", "025", "023", "010", "024"))
HANDOFF = "human_handoff"
NOT_COVERED = "nlu_fallback"  # examples that no answer fits; the name is Rasa's for "not understood"
UNSUPPORTED = "unsupported/"
# Nothing else is said beside a refusal: ways to buy, to inject, to beat a test, doses to get high.
REFUSED = frozenset({"harmful", *(f"{UNSUPPORTED}U-{number}" for number in (18, 19, 20, 21, 22))})

Array = NDArray[Any]      # of float32


class Vectors(Protocol):
    """What the retriever needs of a sentence encoder: rows of length 1."""

    def encode(self, texts: Sequence[str]) -> Array: ...


class RetrieverError(HavenError):
    """The retriever's files are missing, of another format, or of another encoder."""


@dataclass(frozen=True)
class Example:
    """A message with what it asks for: "faq/FAQ-029", "unsupported/U-01" or an intent such as "greet"."""

    text: str
    label: str


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


class Retriever:
    """The fitted reader; reading changes nothing in it, so threads may share one."""

    def __init__(self, arrays: Mapping[str, Array], labels: Sequence[str],
                 thresholds: Thresholds | None = None) -> None:
        self.arrays = dict(arrays)
        self.labels = tuple(labels)
        self.thresholds = thresholds or Thresholds()
        self._is_faq = np.array([label.startswith(FAQ) for label in labels], dtype=bool)
        self._not_covered = np.array([label == NOT_COVERED for label in labels], dtype=bool)
        self._place = {label: i for i, label in enumerate(labels)}

    @classmethod
    def fit(cls, examples: Sequence[Example], encoder: Vectors, *, seed: int = 0,
            answers: Mapping[str, str] | None = None, thresholds: Thresholds | None = None) -> Retriever:
        """Learn from examples. `answers` (label -> answer text) adds what an answer says to the evidence.

        Nothing here is random; `seed` is taken so that every trainable part is called alike.
        Raises RetrieverError when there are fewer than two labels.
        """
        del seed
        arrays, labels, _, _ = _learn(examples, encoder, answers or {})
        return cls(arrays, labels, thresholds)

    def save(self, folder: Path) -> None:
        """Write retriever.npz and retriever.json."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / "retriever.npz", **self.arrays)  # type: ignore[arg-type]
        about = {"format": FORMAT, "labels": self.labels, "thresholds": asdict(self.thresholds)}
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
        return cls(arrays, about["labels"], Thresholds(**about["thresholds"]))

    def read(self, text: str, vector: Array, *, topic: str = "") -> Reading:
        """Read one message. `vector` is its sentence vector, (dim,), of length 1.

        `topic` is the label of the answer given before it, so that "and how long does that take?" can be read.
        """
        if not text.strip():
            return NOTHING
        reading = self.decide(self._chance(text, vector, topic))
        # Who tells of a grief wants no list of questions.
        telling = reading.label == NOT_COVERED and "?" not in text and not _QUESTION.search(text)
        return replace(reading, options=()) if telling else reading

    def read_all(self, text: str, encoder: Vectors, *, topic: str = "") -> tuple[Reading, ...]:
        """Read a message that may hold several questions: one reading, or two, the more urgent first."""
        parts = split_questions(text)
        vectors = encoder.encode([text, *parts] if len(parts) > 1 else [text])
        whole = self.read(text, vectors[0], topic=topic)
        if len(parts) < 2:
            return (whole,)
        overall = self._chance(text, vectors[0], topic)
        found: list[Reading] = []
        for part, vector in zip(parts, vectors[1:], strict=True):
            chance = self._chance(part, vector, found[-1].label if found else topic)
            # A part is read in the light of the whole: "how long does it last?" of what?
            found.append(self.decide(_share(chance * (overall + 1e-4) ** WHOLE_PULL)))
        return _together(whole, found)

    def _chance(self, text: str, vector: Array, topic: str) -> Array:
        chance = self.probabilities(text, np.asarray(vector, dtype=np.float32).reshape(-1))
        follows = topic in self._place and len(text.split()) <= FOLLOW_UP_WORDS
        return self._drawn_to(topic, chance) if follows else chance

    def probabilities(self, text: str, vector: Array) -> Array:
        """The probability of each of `self.labels`, (labels,)."""
        arrays = self.arrays
        if vector.shape[0] != arrays["vectors"].shape[1]:
            raise RetrieverError(f"a vector of {vector.shape[0]} numbers, not {arrays['vectors'].shape[1]}")
        surface = _surface_row(text, arrays["idf"])
        words = np.flatnonzero(surface)  # few of thousands
        near = _gaussian(arrays["vectors"] @ vector)
        scores = near @ arrays["weights"] + surface[words] @ arrays["lexical_weights"][words]
        said = arrays["answers"] @ vector
        return _softmax(_evidence(scores, said, self._is_faq) @ arrays["blend"])

    def _drawn_to(self, topic: str, chance: Array) -> Array:
        """The probabilities when the talk was of `topic`: answers about near things become likelier."""
        homes, here = self.arrays["homes"], self._place[topic]
        near = homes @ homes[here]
        pull = np.where(self._is_faq, near - near[self._is_faq].mean(), 0) if self._is_faq.any() else 0 * near
        pull[here] = 0  # who asks on wants to hear something else
        return _softmax(np.log(chance + 1e-6) + TOPIC_PULL * pull)

    def decide(self, chance: Array) -> Reading:
        """Turn probabilities into one of the three ways out."""
        # Of those who write here fewer tell or ask beside the subject than the examples make it seem.
        chance = _share(chance * np.where(self._not_covered, NOT_COVERED_SHARE, 1))
        order = np.argsort(-chance, kind="stable")
        pairs = [(self.labels[i], float(chance[i])) for i in order]
        answers = [pair for pair in pairs if pair[0].startswith(FAQ)]
        others = [pair for pair in pairs if not pair[0].startswith(FAQ)]
        return _decide(tuple(pairs[:10]), answers, others, self.thresholds)


def _decide(ranking: tuple[tuple[str, float], ...], answers: list[tuple[str, float]],
            others: list[tuple[str, float]], limits: Thresholds) -> Reading:
    share, refusal = sum(chance for _, chance in answers), _refusal(others)
    options = _options(answers, limits)
    best, other = (answers or [("", 0.0)])[0], (others or [("", 0.0)])[0]
    if refusal[1] >= limits.refuse and refusal[1] > best[1]:
        return Reading(*refusal, ranking, "sure", ())
    if best[1] >= limits.faq_sure and share >= limits.faq_share and refusal[1] < limits.refused_share:
        beside = () if best[1] >= limits.certain else tuple(o for o in options if o != best[0])
        return Reading(*best, ranking, "sure", beside)
    if share > 0.5:
        return Reading(*best, ranking, "unsure", options)
    wish = dict(others).get(HANDOFF, 0.0)
    if wish >= limits.handoff:
        return Reading(HANDOFF, wish, ranking, "sure", ())
    beside = options if share >= limits.faq_open else ()
    if other[0] == NOT_COVERED:
        near = tuple(label for label, chance in answers[:MOST_OPTIONS] if chance >= limits.near)
        return Reading(*other, ranking, "unknown", near)
    if other[1] >= limits.other_sure:
        return Reading(*other, ranking, "sure", beside)
    return Reading(*ranking[0], ranking, "unsure" if beside else "unknown", beside)


def _refusal(others: list[tuple[str, float]]) -> tuple[str, float]:
    """The likeliest request to refuse, with the probability of all of them together."""
    refused = [pair for pair in others if pair[0] in REFUSED]
    return (refused[0][0], sum(chance for _, chance in refused)) if refused else ("", 0.0)


def _options(answers: list[tuple[str, float]], limits: Thresholds) -> tuple[str, ...]:
    worth = [label for label, chance in answers[:MOST_OPTIONS] if chance >= limits.option]
    return tuple(worth) if len(worth) >= 2 else tuple(label for label, _ in answers[:2])


def _together(whole: Reading, parts: Sequence[Reading]) -> tuple[Reading, ...]:
    """What a message says that was read as a whole and in parts."""
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


def _urgency(reading: Reading) -> int:
    return URGENT.index(reading.label) if reading.label in URGENT else len(URGENT)


# Two questions in one message.

_ASKS = (r"(?:how|what|whats|when|where|who|why|which|can|could|do|does|did|is|are|am|will|would|should|"
         r"wat|wen|y do|qu[eé]|c[oó]mo|cu[aá]ndo|cu[aá]nt[oa]s?|d[oó]nde|por qu[eé]|puedo|es|hay)\b")
_ENDS = re.compile(r"(?<=[.?!])\s+|\n+|;\s+")
_JOINTS = re.compile(rf",?\s+(?:and also|and|also|plus|y tambi[eé]n|y|&|n)\s+(?={_ASKS})", re.IGNORECASE)
_QUESTION = re.compile(rf"\?\s*$|^(?:and |so |ok |also |but |y |¿)*{_ASKS}", re.IGNORECASE)


def split_questions(text: str) -> tuple[str, ...]:
    """The questions in a message, in order, at most three; the whole message when there are not two.

    >>> split_questions("What is methadone and how long do people stay on it?")
    ('What is methadone', 'how long do people stay on it?')
    """
    sentences = [part.strip() for part in _ENDS.split(text) if part and part.strip()]
    parts = [part.strip() for sentence in sentences for part in _JOINTS.split(sentence)]
    asked = [part for part in parts if len(part.split()) >= 2 and _QUESTION.search(part)]
    return tuple(asked[:MOST_QUESTIONS]) if len(asked) > 1 else (text.strip(),)


# What a message looks like on the surface.

def lexical(text: str) -> Array:
    """Hashed counts of words, word pairs and pieces of words, (WORD_BUCKETS + PIECE_BUCKETS,), before idf.

    Hashing keeps the reader small and free of a vocabulary (Weinberger and others, 2009); the sign of a
    second hash bit makes collisions cancel out on average.
    """
    words = plain(text).split()
    return np.concatenate([
        _hashed(words + [f"{a} {b}" for a, b in pairwise(words)], WORD_BUCKETS),
        _hashed(_pieces(words), PIECE_BUCKETS)])


def plain(text: str) -> str:
    """Lower case, without accents and punctuation, letters repeated for effect cut to two."""
    text = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("'", "").replace("\u2019", "")
    return re.sub(r"(\w)\1{2,}", r"\1\1", re.sub(r"[^\w]+", " ", text)).strip()


def _pieces(words: Iterable[str]) -> list[str]:
    padded = [f" {word} " for word in words]
    return [word[i:i + size] for word in padded for size in (3, 4, 5) for i in range(len(word) - size + 1)]


def _hashed(grams: Sequence[str], buckets: int) -> Array:
    row = np.zeros(buckets, dtype=np.float32)
    for gram, count in Counter(grams).items():
        code = zlib.crc32(gram.encode())
        row[code % buckets] += (1.0 if code & 0x80000000 else -1.0) * (1.0 + np.log(count))
    return row


# Fitting.

def left_out(examples: Sequence[Example], encoder: Vectors, *, answers: Mapping[str, str] | None = None,
             thresholds: Thresholds | None = None) -> list[tuple[Example, Reading]]:
    """How each distinct example would be read if it alone were not known: the reader's own examination.

    It is as honest as the encoder is: messages that the encoder was trained on look easier than they are.
    """
    arrays, labels, kept, chances = _learn(examples, encoder, answers or {})
    reader = Retriever(arrays, labels, thresholds)
    return [(example, reader.decide(chance)) for example, chance in zip(kept, chances, strict=True)]


def _learn(examples: Sequence[Example], encoder: Vectors, answers: Mapping[str, str],
           ) -> tuple[dict[str, Array], list[str], list[Example], Array]:
    """The arrays, the labels, the distinct examples, and the probabilities of each with itself left out."""
    kept = _distinct(examples)
    labels = sorted({example.label for example in kept})
    if len(labels) < 2:
        raise RetrieverError(f"two labels or more are needed to tell them apart, not {len(labels)}")
    place = {label: i for i, label in enumerate(labels)}
    texts, targets = [e.text for e in kept], np.array([place[e.label] for e in kept])
    vectors = _rows(encoder, texts)
    arrays, chances = _fit_arrays(texts, vectors, targets, len(labels),
                                  _answer_vectors(labels, answers, encoder, vectors.shape[1]),
                                  np.array([label.startswith(FAQ) for label in labels]))
    return arrays, labels, kept, chances


def _fit_arrays(texts: Sequence[str], vectors: Array, targets: NDArray[np.int64], count: int,
                answers: Array, is_faq: NDArray[np.bool_]) -> tuple[dict[str, Array], Array]:
    surface, idf = _surface(texts)
    kernel = _gaussian(vectors @ vectors.T) + LEXICAL_SHARE * (surface @ surface.T)
    weights, unseen = _ridge(kernel, targets, count)
    evidence = _evidence(unseen, vectors @ answers.T, is_faq)
    blend = _fit_blend(evidence, targets)
    arrays = {"vectors": vectors, "answers": answers, "idf": idf, "weights": weights, "blend": blend,
              "lexical_weights": LEXICAL_SHARE * surface.T @ weights, "homes": _homes(vectors, targets, count)}
    return arrays, _softmax(evidence @ blend)


def _homes(vectors: Array, targets: NDArray[np.int64], count: int) -> Array:
    """The middle of each label's examples, (labels, dim), of length 1."""
    sums = np.eye(count, dtype=np.float32)[targets].T @ vectors
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)


def _surface(texts: Sequence[str]) -> tuple[Array, Array]:
    """The lexical rows of all texts, and what each count is multiplied by."""
    counts = np.stack([lexical(text) for text in texts])
    idf = (np.log((1 + len(texts)) / (1 + (counts != 0).sum(axis=0))) + 1).astype(np.float32)
    return np.stack([_halves(row * idf) for row in counts]), idf


def _surface_row(text: str, idf: Array) -> Array:
    return _halves(lexical(text) * idf)


def _halves(row: Array) -> Array:
    """Words and pieces count the same, however many there are of each; the row has length 1 at most."""
    parts = np.split(row, [WORD_BUCKETS])
    return np.concatenate([part / (np.sqrt(2) * max(float(np.linalg.norm(part)), 1e-6)) for part in parts])


def _gaussian(cosines: Array) -> Array:
    return np.exp(NARROWNESS * (cosines - 1))


def _ridge(kernel: Array, targets: NDArray[np.int64], count: int) -> tuple[Array, Array]:
    """The weights of each example for each label, and the scores each would get if it were not known."""
    wanted = np.eye(count, dtype=np.float32)[targets]
    worth = np.bincount(targets, minlength=count)[targets] ** -RARE_LABELS
    kernel[np.diag_indices(len(kernel))] += (RIDGE * worth.mean() / worth).astype(np.float32)
    inverse = np.linalg.inv(kernel)
    weights = inverse @ wanted
    return weights, wanted - weights / np.diag(inverse)[:, None]


def _evidence(scores: Array, said: Array, is_faq: NDArray[np.bool_]) -> Array:
    """Per label: the ridge score, how near the answer's own text is, and whether it is an answer at all."""
    faq = np.broadcast_to(is_faq, scores.shape)
    return np.stack([scores, np.where(faq, said, 0), faq], axis=-1).astype(np.float32)


def _fit_blend(evidence: Array, targets: NDArray[np.int64]) -> Array:
    """The weight of each kind of evidence that makes the right labels likeliest (damped Newton steps)."""
    blend = np.zeros(evidence.shape[-1], dtype=np.float32)
    loss = _loss(evidence, targets, blend)
    for _ in range(60):
        step = _newton_step(evidence, targets, blend)
        while (new := _loss(evidence, targets, blend + step)) > loss and np.abs(step).max() > 1e-3:
            step /= 2
        blend, gain, loss = blend + step, loss - new, new
        if gain < 1e-6:
            break
    return blend


def _newton_step(evidence: Array, targets: NDArray[np.int64], blend: Array) -> Array:
    chance = _softmax(evidence @ blend)
    mean = np.einsum("nl,nlf->nf", chance, evidence)
    slope = (evidence[np.arange(len(targets)), targets] - mean).mean(axis=0)
    bend = np.einsum("nlf,nlg->fg", evidence * chance[..., None], evidence, optimize=True) - mean.T @ mean
    return np.linalg.solve(bend / len(targets) + 1e-3 * np.eye(len(blend)), slope).astype(np.float32)


def _loss(evidence: Array, targets: NDArray[np.int64], blend: Array) -> float:
    chance = _softmax(evidence @ blend)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(chance, 1e-9)).mean())


def _share(worth: Array) -> Array:
    return np.asarray(worth / worth.sum())


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _answer_vectors(labels: Sequence[str], answers: Mapping[str, str], encoder: Vectors, width: int) -> Array:
    rows = np.zeros((len(labels), width), dtype=np.float32)
    known = [i for i, label in enumerate(labels) if label in answers]
    if known:
        rows[known] = _rows(encoder, [answers[labels[i]] for i in known])
    return rows


def _rows(encoder: Vectors, texts: Sequence[str]) -> Array:
    return np.asarray(encoder.encode(texts), dtype=np.float32)


def _distinct(examples: Sequence[Example]) -> list[Example]:
    """Each (words, label) once: a twin would vouch for itself when left out."""
    return list({(plain(e.text) or e.text, e.label): e for e in examples}.values())
