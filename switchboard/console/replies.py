"""Canned replies for staff, and better words for those that hurt, from data/replies.yml. Part of the console."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from haven.errors import ContentError


@dataclass(frozen=True)
class Canned:
    """One reply to start from, in English and Spanish; staff read it before they send it."""

    title: str
    text: str
    es: str


@dataclass(frozen=True)
class Replies:
    """What the reply box offers: texts to start from, and (word in small letters -> what to write instead)."""

    canned: tuple[Canned, ...]
    better_words: dict[str, str]


def load_replies(data: Path) -> Replies:
    """Read data/replies.yml. Raises ContentError naming every reply that lacks a part."""
    raw = yaml.safe_load((data / "replies.yml").read_text(encoding="utf-8"))
    faults = [f"data/replies.yml: reply {number} needs {part!r}"
              for number, row in enumerate(raw["replies"], start=1) for part in ("title", "text", "es")
              if not isinstance(row.get(part), str)]
    if faults:
        raise ContentError(faults)
    canned = tuple(Canned(row["title"], row["text"], row["es"]) for row in raw["replies"])
    return Replies(canned, {str(word).lower(): str(better) for word, better in raw["better_words"].items()})
