"""Every message the reader learns from, with what it asks for: the questions of the content and data/nlu."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from haven.content import Content

ARE_YOU_REAL = "U-44"  # the same question as the intent bot_challenge, which answers it


@dataclass(frozen=True)
class Example:
    """A message with what it asks for: "faq/FAQ-029", "unsupported/U-01" or an intent such as "greet"."""

    text: str
    label: str


def read_examples(data: Path, content: Content) -> list[Example]:
    """All examples of a data folder."""
    return [*asked(content), *intents(data / "nlu")]


def asked(content: Content) -> list[Example]:
    """Every question and variant under the label of its answer, none twice under one label."""
    rows = [(f"faq/{a.id}", a.question, a.variants) for a in content.answers.values()]
    rows += [(f"unsupported/{u.id}", u.question, u.variants) for u in content.unsupported.values()
             if u.id != ARE_YOU_REAL]
    return [Example(text, label) for label, question, variants in rows
            for text in dict.fromkeys([question, *(v.text for v in variants)])]


def intents(folder: Path) -> list[Example]:
    """The examples of Rasa's training files in a folder."""
    found = []
    for path in sorted(folder.glob("*.yml")):
        for part in yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)["nlu"]:
            lines = (line.strip() for line in part["examples"].splitlines())
            found += [Example(line.removeprefix("- ").strip(), part["intent"]) for line in lines if line]
    return found
