"""Train the letter and word scores of haven/crisis/ngrams.py and their five-fold readings; takes a minute."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from calibrate import EASY, messages  # noqa: E402
from noise import noisy  # noqa: E402

from haven.crisis.ngrams import BUCKETS, buckets  # noqa: E402
from haven.crisis.signals import Signals  # noqa: E402


def matrix(texts: list[str], signals: Signals) -> csr_matrix:
    """One row a text, of length one, over the hashed groups."""
    rows, columns, values = [], [], []
    for i, text in enumerate(texts):
        found = sorted(set(buckets(signals.speller.words(text))))
        rows += [i] * len(found)
        columns += found
        values += [1 / np.sqrt(max(1, len(found)))] * len(found)
    return csr_matrix((values, (rows, columns)), shape=(len(texts), BUCKETS), dtype=np.float32)


def fit(x: csr_matrix, y: np.ndarray, *, strength: float) -> tuple[np.ndarray, float]:
    model = LogisticRegression(C=strength, solver="liblinear").fit(x, y)
    return model.coef_[0], float(model.intercept_[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path, help="words.npz to write")
    parser.add_argument("--folds", type=Path, required=True, help="npz of five-fold readings to write")
    parser.add_argument("--everyday", type=Path)
    parser.add_argument("--strength", type=float, default=20.0)
    options = parser.parse_args()
    from train import fold_of_text

    signals = Signals.load(HERE.parent / "data" / "crisis" / "signals.yml")
    found = messages(HERE / "messages", options.everyday)
    texts, rng = list(found), random.Random(0)
    level = np.array([found[text]["level"] for text in texts])
    plain, hurried = matrix(texts, signals), matrix([noisy(text, rng) for text in texts], signals)
    fold = np.array([fold_of_text(text) for text in texts])
    from scipy.sparse import vstack

    odds = np.zeros((len(texts), 2))
    for held in range(5):
        keep, out = fold != held, fold == held
        for j, y in enumerate((level != "none", level == "acute")):
            w, b = fit(vstack([plain[keep], hurried[keep]]), np.tile(y[keep], 2), strength=options.strength)
            odds[out, j] = plain[out] @ w + b
    alike = np.array([found[t]["level"] == "none" and found[t].get("why") not in EASY for t in texts])
    for share in (0.05, 0.1, 0.12):
        at = np.quantile(odds[alike, 0], 1 - share)
        print(f"five-fold, look-alikes {share:.2f}: danger {np.mean(odds[level != 'none', 0] > at):.3f}")
    np.savez(options.folds, texts=np.array(texts), odds=odds)
    fits = [fit(vstack([plain, hurried]), np.tile(y, 2), strength=options.strength)
            for y in (level != "none", level == "acute")]  # fmt: skip
    np.savez_compressed(
        options.target, weights=np.stack([w for w, _ in fits]).astype(np.float16),
        bias=np.array([b for _, b in fits], dtype=np.float32),
    )  # fmt: skip


if __name__ == "__main__":
    main()
