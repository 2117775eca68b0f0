"""What measured visitors ask: questions and dangers from Haven's own examples, in a fixed order."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator

from haven.content import Content
from haven.settings import ROOT

SEED = 20


def ordinary() -> Iterator[str]:
    """Endless questions as visitors word them; the same ones in every run."""
    content = Content.load(ROOT / "data")
    asked = [variant.text for answer in content.answers.values() for variant in answer.variants]
    random.Random(SEED).shuffle(asked)  # noqa: S311 (an order, not a secret)
    return itertools.cycle(asked)


def dangers() -> Iterator[str]:
    """Endless messages of people in danger, from the training messages labelled acute."""
    lines = (ROOT / "training/messages/overdose.jsonl").read_text(encoding="utf-8").splitlines()
    acute = [row["text"] for row in map(json.loads, lines) if row["level"] == "acute"]
    random.Random(SEED).shuffle(acute)  # noqa: S311
    return itertools.cycle(acute)
