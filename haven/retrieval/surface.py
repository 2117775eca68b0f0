"""What a message looks like on the surface: hashed counts of words, word pairs and pieces of words."""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from haven.retrieval.values import Array

LONGEST = 1600  # characters; what a channel lets through
WORD_BUCKETS = 4096
PIECE_BUCKETS = 4096


def lexical(text: str) -> Array:
    """Hashed counts of words, word pairs and pieces of words, (WORD_BUCKETS + PIECE_BUCKETS,), before idf.

    Hashing keeps the reader small and free of a vocabulary (Weinberger and others, 2009); the sign of a
    second hash bit makes collisions cancel out on average.
    """
    words = plain(text).split()
    whole = [_code(gram) for gram in (*words, *(f"{a} {b}" for a, b in pairwise(words)))]
    return np.concatenate([
        _hashed(whole, WORD_BUCKETS),
        _hashed([code for word in words for code in _pieces_of(word)], PIECE_BUCKETS)])


def plain(text: str) -> str:
    """Lower case, without accents and punctuation, letters repeated for effect cut to two."""
    text = unicodedata.normalize("NFKD", text[:LONGEST]).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("'", "").replace("\u2019", "")
    return re.sub(r"(\w)\1{2,}", r"\1\1", re.sub(r"[^\w]+", " ", text)).strip()


def weighted(text: str, idf: Array) -> Array:
    """The lexical row of a text: words and pieces count the same, however many there are of each; length 1 at most."""
    return halves(lexical(text) * idf)


def all_weighted(texts: Sequence[str]) -> tuple[Array, Array]:
    """The lexical rows of all texts, and what each count is multiplied by."""
    counts = np.stack([lexical(text) for text in texts])
    idf = (np.log((1 + len(texts)) / (1 + (counts != 0).sum(axis=0))) + 1).astype(np.float32)
    return np.stack([halves(row * idf) for row in counts]), idf


def halves(row: Array) -> Array:
    """A row whose words and whose pieces have the same length; float32 like what it is made from."""
    parts = np.split(row, [WORD_BUCKETS])
    return np.concatenate([part / (math.sqrt(2) * max(float(np.linalg.norm(part)), 1e-6)) for part in parts])


@lru_cache(maxsize=8192)
def _pieces_of(word: str) -> tuple[int, ...]:
    padded = f" {word} "
    return tuple(_code(padded[i:i + size]) for size in (3, 4, 5) for i in range(len(padded) - size + 1))


def _code(gram: str) -> int:
    return zlib.crc32(gram.encode())


def _hashed(codes: Sequence[int], buckets: int) -> Array:
    distinct, counts = np.unique(np.array(codes, dtype=np.uint32), return_counts=True)
    worth = np.where(distinct & 0x80000000, 1.0, -1.0) * (1.0 + np.log(counts))
    return np.bincount(distinct % buckets, weights=worth, minlength=buckets).astype(np.float32)
