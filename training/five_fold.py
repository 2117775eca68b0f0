"""How well the reader of questions does on our own messages, a fifth of them unknown to it at a time.

`PYTHONPATH=. .venv/switchboard/bin/python training/five_fold.py [messages.jsonl ...]`: figures over all messages, and
over those of each file named, for example over messages that the encoder has not been trained on.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from haven.content import Content
from haven.encoder import Encoder
from haven.retrieval import FAQ, HANDOFF, UNSUPPORTED, Example, Reading, Retriever, read_examples
from haven.retrieval import fitting as f
from haven.retrieval.wishes import clauses, declines, elsewhere, outright, told

ROOT = Path(__file__).resolve().parents[1]
FOLDS = 5
# Answers that say nearly the same (docs/content_review.md): either is right.
TWINS = (("005", "006"), ("007", "008", "087"), ("017", "018"), ("030", "036", "100"), ("029", "032"),
         ("043", "044"), ("046", "047"), ("055", "067"), ("056", "066"), ("039", "097"), ("040", "098"), ("094", "101"))


def main(files: Sequence[str]) -> None:
    """Read everything five-fold, print one table a group of messages."""
    content = Content.load(ROOT / "data")
    examples = f._distinct(read_examples(ROOT / "data", content))
    labels, chances = folded(examples, content)
    reader = Retriever({}, labels)
    read = [(example, reader.decide(chance)) for example, chance in zip(examples, chances, strict=True)]
    report("all", read)
    for name in files:
        texts = {json.loads(line)["text"] for line in Path(name).read_text("utf-8").splitlines() if line.strip()}
        report(name, [(example, reading) for example, reading in read if example.text in texts])


def folded(examples: Sequence[Example], content: Content) -> tuple[list[str], np.ndarray]:
    """The labels, and the probabilities of each example, (examples, labels), with its fold unknown.

    Leaving a block out of ridge regression has a closed form too: with C the inverse of the kernel and W = C Y,
    the block's predictions are Y_b - inv(C_bb) W_b.
    """
    labels = sorted({example.label for example in examples})
    place = {label: i for i, label in enumerate(labels)}
    targets = np.array([place[example.label] for example in examples])
    encoder = Encoder.load(ROOT / "models" / "encoder")
    vectors = f._rows(encoder, [example.text for example in examples])
    surface, _ = f.all_weighted([example.text for example in examples])
    kernel = f.gaussian(vectors @ vectors.T) + f.LEXICAL_SHARE * (surface @ surface.T)
    worth = np.bincount(targets)[targets] ** -f.RARE_LABELS
    kernel[np.diag_indices(len(kernel))] += (f.RIDGE * worth.mean() / worth).astype(np.float32)
    inverse, wanted = np.linalg.inv(kernel), np.eye(len(labels), dtype=np.float32)[targets]
    weights, fold_of = inverse @ wanted, np.array([zlib.crc32(e.text.encode()) % FOLDS for e in examples])
    unseen = np.zeros_like(wanted)
    for fold in range(FOLDS):
        block = np.flatnonzero(fold_of == fold)
        unseen[block] = wanted[block] - np.linalg.solve(inverse[np.ix_(block, block)], weights[block])
    answers = {f"faq/{answer.id}": answer.text for answer in content.answers.values()}
    said = vectors @ f._answer_vectors(labels, answers, encoder, vectors.shape[1]).T
    proofs = f.evidence(unseen, said, np.array([label.startswith(FAQ) for label in labels]))
    return labels, f.softmax(proofs @ f._fit_blend(proofs, targets))


def report(name: str, read: Sequence[tuple[Example, Reading]]) -> None:
    """Print how a group of messages was read."""
    asked = [(example, reading) for example, reading in read if example.label.startswith(FAQ)]
    held = [reading for example, reading in read if example.label.startswith(UNSUPPORTED)]
    wishes = [_heard(example.text, reading) for example, reading in read if example.label == HANDOFF]
    rest = [_heard(example.text, reading) for example, reading in read if example.label != HANDOFF]
    print(f"\n== {name}: {len(read)} messages, {len(asked)} of them questions with an answer")
    if asked:
        rows = [_kind(example.label, reading) for example, reading in asked]
        shares = {kind: rows.count(kind) / len(rows) for kind in ("at once", "one tap away", "wrong", "held back")}
        print(", ".join(f"{kind} {share:.3f}" for kind, share in shares.items()))
        first = sum(_same(reading.ranking[0][0], example.label) for example, reading in asked)
        print(f"right label first {first / len(asked):.3f}")
    if held:
        print(f"questions the documents do not answer that got an answer: {sum(map(_answers, held))}/{len(held)}")
    if wishes:
        print(f"requests for a person recognised: {sum(wishes)}/{len(wishes)}, "
              f"others taken for one: {sum(rest)}/{len(rest)}")


def _heard(text: str, reading: Reading) -> bool:
    """Whether a message is taken for a request: by its words, or by the classifier where they deny none."""
    if outright(text):
        return True
    asked = reading.label == HANDOFF and reading.decision == "sure"
    return asked and not (elsewhere(text) or told(text) or any(map(declines, clauses(text))))


def _kind(label: str, reading: Reading) -> str:
    if _answers(reading) and _same(reading.label, label):
        return "at once"
    if any(_same(option, label) for option in reading.options):
        return "one tap away"
    return "wrong" if _answers(reading) else "held back"


def _answers(reading: Reading) -> bool:
    return reading.decision == "sure" and reading.label.startswith(FAQ)


def _same(one: str, other: str) -> bool:
    return one == other or any({one, other} <= {f"faq/FAQ-{number}" for number in twins} for twins in TWINS)


if __name__ == "__main__":
    main(sys.argv[1:])
