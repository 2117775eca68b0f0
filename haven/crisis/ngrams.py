"""A second, light classifier over letters and words, strong where spelling is odd; runs in both processes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from haven.errors import EncoderError

BUCKETS = 1 << 18


class Ngrams:
    """Linear scores of hashed word and letter groups; build it with `Ngrams.load`."""

    def __init__(self, weights: np.ndarray, bias: np.ndarray) -> None:
        self._weights = weights
        self._bias = bias

    @classmethod
    def load(cls, path: Path) -> Ngrams:
        """The scores of an npz file; raises EncoderError when it cannot be used."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                return cls(stored["weights"].astype(np.float32), stored["bias"].astype(np.float32))
        except (OSError, ValueError, KeyError) as error:
            raise EncoderError(f"the word scores {path} cannot be read: {error}") from error

    def read(self, words: Sequence[str]) -> tuple[float, float]:
        """Log odds of any danger and of acute danger in a message of `words`."""
        found = np.fromiter(buckets(words), dtype=np.int64)
        if not len(found):
            return float(self._bias[0]), float(self._bias[1])
        found = np.unique(found)
        # Rows of length one in training: a long message must not score high by its length.
        danger, acute = self._weights[:, found].sum(axis=1) / np.sqrt(len(found)) + self._bias
        return float(danger), float(acute)


def buckets(words: Sequence[str]) -> Iterator[int]:
    """The places of a message's words, word pairs and three to five letter groups; each once or more."""
    for gram in _grams(words):
        yield zlib.crc32(gram.encode("utf-8", "ignore")) % BUCKETS


def _grams(words: Sequence[str]) -> Iterator[str]:
    yield from (f"1 {word}" for word in words)
    yield from (f"2 {first} {second}" for first, second in pairwise(words))
    yield from (f"3 {words[i]} {words[i + 2]}" for i in range(len(words) - 2))
    for word in words:
        padded = f"<{word[:20]}>"
        for size in (3, 4, 5):
            yield from (padded[i : i + size] for i in range(len(padded) - size + 1))
