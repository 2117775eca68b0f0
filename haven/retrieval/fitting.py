"""Fits the reader: ridge regression on a kernel of sentence vectors and words, and honest probabilities.

Two messages are alike when their sentence vectors are near each other (a Gaussian kernel) and when they share
words and pieces of words (TF-IDF, which keeps "naloxone" and "naltrexone" apart). Ridge regression on that
kernel has a closed form for "what would be said of this example if it were not known" (Rasmussen and Williams,
Gaussian Processes for Machine Learning, section 5.4.2), and on those scores the probabilities are fitted.
Only numpy is needed, to fit and to read; nothing is random.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from haven.retrieval.examples import Example
from haven.retrieval.surface import all_weighted, plain
from haven.retrieval.values import FAQ, Array, RetrieverError, Vectors

NARROWNESS = 3.0     # of the Gaussian kernel, over 1 - cosine
LEXICAL_SHARE = 0.5  # of the lexical kernel, against 1 for the sentence vectors
RIDGE = 0.3
RARE_LABELS = 0.5    # 0: every example counts the same, 1: every label counts the same


@dataclass(frozen=True)
class Fitted:
    """What was learnt: the reader's arrays, its labels, the distinct examples and, (examples, labels), the
    probabilities of each with itself left out."""

    arrays: dict[str, Array]
    labels: list[str]
    examples: list[Example]
    chances: Array


def left_out(fitted: Fitted) -> list[tuple[Example, Array]]:
    """Each distinct example with the probabilities it would get if it alone were not known.

    It is as honest as the encoder is: messages that the encoder was trained on look easier than they are.
    """
    return list(zip(fitted.examples, fitted.chances, strict=True))


def learn(examples: Sequence[Example], encoder: Vectors, answers: Mapping[str, str]) -> Fitted:
    """Fit on examples; `answers` (label -> answer text) adds what an answer says to the evidence.

    Raises RetrieverError when there are fewer than two labels.
    """
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
    return Fitted(arrays, labels, kept, chances)


def _fit_arrays(texts: Sequence[str], vectors: Array, targets: NDArray[np.int64], count: int,
                answers: Array, is_faq: NDArray[np.bool_]) -> tuple[dict[str, Array], Array]:
    surface, idf = all_weighted(texts)
    kernel = gaussian(vectors @ vectors.T) + LEXICAL_SHARE * (surface @ surface.T)
    weights, unseen = _ridge(kernel, targets, count)
    proofs = evidence(unseen, vectors @ answers.T, is_faq)
    blend = _fit_blend(proofs, targets)
    # A row of weights for each label, whole in memory: reading is a matrix times a vector, bound by memory.
    arrays = {"vectors": vectors, "answers": answers, "idf": idf, "blend": blend,
              "weights": np.ascontiguousarray(weights.T), "homes": _homes(vectors, targets, count),
              "lexical_weights": LEXICAL_SHARE * surface.T @ weights}
    return arrays, softmax(proofs @ blend)


def _homes(vectors: Array, targets: NDArray[np.int64], count: int) -> Array:
    """The middle of each label's examples, (labels, dim), of length 1."""
    sums = np.eye(count, dtype=np.float32)[targets].T @ vectors
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)


def gaussian(cosines: Array) -> Array:
    """The kernel of sentence vectors: 1 for the same, falling with the angle."""
    return np.exp(NARROWNESS * (cosines - 1))


def _ridge(kernel: Array, targets: NDArray[np.int64], count: int) -> tuple[Array, Array]:
    """The weights of each example for each label, and the scores each would get if it were not known."""
    wanted = np.eye(count, dtype=np.float32)[targets]
    worth = np.bincount(targets, minlength=count)[targets] ** -RARE_LABELS
    kernel[np.diag_indices(len(kernel))] += (RIDGE * worth.mean() / worth).astype(np.float32)
    inverse = np.linalg.inv(kernel)
    weights = inverse @ wanted
    return weights, wanted - weights / np.diag(inverse)[:, None]


def evidence(scores: Array, said: Array, is_faq: NDArray[np.bool_]) -> Array:
    """Per label: the ridge score, how near the answer's own text is, and whether it is an answer at all."""
    faq = np.broadcast_to(is_faq, scores.shape)
    return np.stack([scores, np.where(faq, said, 0), faq], axis=-1).astype(np.float32)


def _fit_blend(proofs: Array, targets: NDArray[np.int64]) -> Array:
    """The weight of each kind of evidence that makes the right labels likeliest (damped Newton steps)."""
    blend = np.zeros(proofs.shape[-1], dtype=np.float32)
    loss = _loss(proofs, targets, blend)
    for _ in range(60):
        step = _newton_step(proofs, targets, blend)
        while (new := _loss(proofs, targets, blend + step)) > loss and np.abs(step).max() > 1e-3:
            step /= 2
        blend, gain, loss = blend + step, loss - new, new
        if gain < 1e-6:
            break
    return blend


def _newton_step(proofs: Array, targets: NDArray[np.int64], blend: Array) -> Array:
    chance = softmax(proofs @ blend)
    mean = np.einsum("nl,nlf->nf", chance, proofs)
    slope = (proofs[np.arange(len(targets)), targets] - mean).mean(axis=0)
    bend = np.einsum("nlf,nlg->fg", proofs * chance[..., None], proofs, optimize=True) - mean.T @ mean
    return np.linalg.solve(bend / len(targets) + 1e-3 * np.eye(len(blend)), slope).astype(np.float32)


def _loss(proofs: Array, targets: NDArray[np.int64], blend: Array) -> float:
    chance = softmax(proofs @ blend)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(chance, 1e-9)).mean())


def softmax(scores: Array) -> Array:
    """Scores as probabilities, over the last axis."""
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
