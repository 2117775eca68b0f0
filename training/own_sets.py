"""How the reader does on the sets of `tests/own` that ask for a person or come near it; nobody trains on them.

`PYTHONPATH=. .venv/switchboard/bin/python training/own_sets.py [--fit]`: the reader of the trained assistant, or one
fitted anew from `data` (two minutes). Lines that were missed are printed, but for sets that are only to be counted.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from haven.content import Content
from haven.encoder import Encoder
from haven.retrieval import HANDOFF, Retriever, read_examples

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "tests" / "own"
SETS = ("handoff", "asking", "people", "people_kept", "people_late")
ONLY_COUNTED = ("people_kept", "people_late")
# The mark a line begins with -> what such lines are, and whether a person is asked for in them.
MARKS = {"+": ("requests", True), "-": ("near misses", False), "?": ("a question and a request", True),
         "!": ("danger and a request", True), "~": ("danger without one", False)}


def main(arguments: Sequence[str]) -> None:
    """Read every set, print a line a kind of message."""
    encoder = Encoder.load(ROOT / "models" / "encoder")
    reader = fitted(encoder) if "--fit" in arguments else trained()
    for name in SETS:
        print(f"\n== {name}")
        lines = (OWN / f"{name}.txt").read_text("utf-8").splitlines()
        for mark, (what, wanted) in MARKS.items():
            texts = [line[2:] for line in lines if line.startswith(f"{mark} ")]
            if texts:
                report(reader, encoder, texts, what, wanted=wanted, shown=name not in ONLY_COUNTED)


def report(reader: Retriever, encoder: Encoder, texts: Sequence[str], what: str, *, wanted: bool, shown: bool) -> None:
    """Print how many of some messages were read as a request for a person, and those that were read wrongly."""
    asked = [any((reading.label, reading.decision) == (HANDOFF, "sure") for reading in reader.read_all(text, encoder))
             for text in texts]
    print(f"{what}: {sum(asked)} of {len(texts)} read as a request for a person")
    for text in (text for text, found in zip(texts, asked, strict=True) if shown and found is not wanted):
        print(f"  {'missed' if wanted else 'false'}: {text}")


def trained() -> Retriever:
    """The reader inside the trained assistant."""
    with tarfile.open(ROOT / "models" / "haven.tar.gz") as archive, tempfile.TemporaryDirectory() as folder:
        for member in archive.getmembers():
            if Path(member.name).name.startswith("retriever."):
                member.name = Path(member.name).name
                archive.extract(member, folder, filter="data")
        return Retriever.load(Path(folder))


def fitted(encoder: Encoder) -> Retriever:
    """A reader of what `data` holds now, as the assistant would learn it."""
    content = Content.load(ROOT / "data")
    answers = content.answers.values()
    return Retriever.fit(
        read_examples(ROOT / "data", content), encoder,
        answers={f"faq/{answer.id}": answer.text for answer in answers},
        subjects={f"faq/{answer.id}": answer.subject for answer in answers})


if __name__ == "__main__":
    main(sys.argv[1:])
