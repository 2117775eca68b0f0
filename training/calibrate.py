"""Fit the guard's judge (haven/crisis/judge.py) on held-out readings of the folds; writes judge.json."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from haven.crisis.classifier import Reading  # noqa: E402
from haven.crisis.judge import certain, features, likely  # noqa: E402
from haven.crisis.rules import opinion_of  # noqa: E402
from haven.crisis.signals import Signals  # noqa: E402
from haven.crisis.values import LEVELS  # noqa: E402

# Everyday questions and the like are many and easy: they must not hide how the hard look-alikes fare.
EASY = {"faq", "intent", "everyday", "handoff", "unsupported", "out_of_scope", "harmful", "greeting", "thanks",
        "affirm", "deny", "goodbye", "source_request", "feedback_bad", "bot_challenge", "smalltalk"}  # fmt: skip
FREE = {"always", "long", "short", "denied", "acute odds", "danger odds", "words danger odds", "words acute odds"}


def messages(folder: Path, everyday: Path | None) -> dict[str, dict]:
    """Every training message by its text."""
    rows = [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.open(encoding="utf-8")]
    if everyday:
        rows += [{**json.loads(line), "level": "none"} for line in everyday.open(encoding="utf-8")]
    return {row["text"]: row for row in rows}


def held_out(folders: list[Path], rows: dict[str, dict]) -> list[tuple[dict, Reading]]:
    """The readings of messages by models that never saw them; of one read twice, the first."""
    found: dict[str, tuple[dict, Reading]] = {}
    for folder in folders:
        with np.load(folder / "held_out.npz") as stored, np.load(folder / "heads.npz") as heads:
            kinds = [str(kind) for kind in heads["kinds"]]
            for text, levels, shares in zip(stored["texts"], stored["levels"], stored["kinds"], strict=True):
                if str(text) in rows and str(text) not in found:
                    reading = Reading(
                        dict(zip(LEVELS, map(float, levels), strict=True)),
                        dict(zip(kinds, map(float, shares), strict=True)),
                    )
                    found[str(text)] = (rows[str(text)], reading)
    return list(found.values())


def fit(x: np.ndarray, y: np.ndarray, names: list[str], *, weight: np.ndarray, ridge: float = 2.0) -> np.ndarray:
    """Logistic weights by projected gradient: signs of danger never count against it, calm never for it."""
    low = np.array([-np.inf if n in FREE or n.startswith("calm") else 0.0 for n in names])
    high = np.array([0.0 if n.startswith("calm") else np.inf for n in names])
    start = np.array([0.5 if n.endswith("odds") else 0.0 for n in names])
    steepest = 0.25 * np.linalg.eigvalsh(x.T @ (x * weight[:, None])).max() + ridge
    w, pulled = start.copy(), (np.array(names) != "always") * ridge
    for _ in range(20000):
        error = 1 / (1 + np.exp(-(x @ w))) - y
        w = np.clip(w - (x.T @ (error * weight) + pulled * (w - start)) / steepest, low, high)
    return w


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folds", type=Path, nargs="+", help="folders train.py wrote with --fold")
    parser.add_argument("--target", type=Path, required=True, help="judge.json to write")
    parser.add_argument("--words", type=Path, required=True, help="five-fold readings that words.py wrote")
    parser.add_argument("--everyday", type=Path)
    parser.add_argument("--possible", type=float, default=0.10, help="share of look-alikes that may be asked")
    parser.add_argument("--acute", type=float, default=0.025, help="share of look-alikes that may alarm")
    options = parser.parse_args()
    pairs = held_out(options.folds, messages(HERE / "messages", options.everyday))
    signals = Signals.load(HERE.parent / "data" / "crisis" / "signals.yml")
    words = [signals.speller.words(row["text"]) for row, _ in pairs]
    opinions = [opinion_of(signals.find(w), w) for w in words]
    with np.load(options.words) as stored:
        grams = {str(text): (float(a), float(b)) for text, (a, b) in zip(stored["texts"], stored["odds"], strict=True)}
    pairs_words = zip(pairs, opinions, words, strict=True)
    seen = [features(r, o, grams[row["text"]], len(w)) for (row, r), o, w in pairs_words]
    names = list(seen[0])
    x = np.array([[f[n] for n in names] for f in seen])
    level = np.array([row["level"] for row, _ in pairs])
    weight = np.where([row.get("why") == "everyday" for row, _ in pairs], 0.3, 1.0)
    sure = np.array([certain(o, r) for (_, r), o in zip(pairs, opinions, strict=True)])
    alike = np.array([row["level"] == "none" and row.get("why") not in EASY for row, _ in pairs])
    danger = fit(x, (level != "none").astype(float), names, weight=weight)
    acute = fit(x, (level == "acute").astype(float), names, weight=weight)
    danger_p, acute_p = (1 / (1 + np.exp(-(x @ w))) for w in (danger, acute))
    possible_at = threshold(np.where(sure, 1.0, danger_p)[alike], options.possible)
    acute_at = threshold(np.where(sure, 1.0, np.where(danger_p >= possible_at, acute_p, 0))[alike], options.acute)
    judge = {
        "danger": {n: round(float(v), 4) for n, v in zip(names, danger, strict=True)},
        "acute": {n: round(float(v), 4) for n, v in zip(names, acute, strict=True)},
        "possible_at": round(possible_at, 4), "acute_at": round(acute_at, 4),
    }  # fmt: skip
    options.target.write_text(json.dumps(judge, indent=1) + "\n", encoding="utf-8")
    alarm = sure | ((danger_p >= possible_at) & (acute_p >= acute_at))
    some = sure | (danger_p >= possible_at) | np.array([likely(o) for o in opinions])
    report(level, alike, some, alarm, pairs)
    print(json.dumps(judge))


def threshold(scores: np.ndarray, share: float) -> float:
    """The score that `share` of `scores` reach; never so low that anything would do."""
    return float(np.clip(np.quantile(scores, 1 - share), 0.05, 0.95))


def report(level: np.ndarray, alike: np.ndarray, some: np.ndarray, alarm: np.ndarray, pairs: list) -> None:
    danger = level != "none"
    easy = ~danger & ~alike
    print(f"{len(level)} messages: {danger.sum()} danger, {alike.sum()} look-alikes, {easy.sum()} easy")
    groups = {"danger": danger, "labelled acute": level == "acute", "labelled possible": level == "possible",
              "look-alikes": alike, "easy": easy}  # fmt: skip
    for name, mask in groups.items():
        print(f"  {name}: acute {alarm[mask].mean():.3f}, acute or possible {some[mask].mean():.3f}")
    for lang in ("en", "es", "mix"):
        mask = danger & np.array([row.get("lang", "en") == lang for row, _ in pairs])
        if mask.any():
            print(f"  danger, {lang}: acute {alarm[mask].mean():.3f}, acute or possible {some[mask].mean():.3f}")


if __name__ == "__main__":
    main()
