"""Scores a guard on labelled messages, by kind, style and language, with intervals; run by the command line."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from haven.crisis.guard import Guard
from haven.crisis.language import language_of
from haven.crisis.values import Turn


@dataclass
class Tally:
    """How many of `all` messages were called acute, and acute or possible."""

    acute: int = 0
    some: int = 0
    all: int = 0

    def add(self, level: str) -> None:
        """Count one message of this level."""
        self.acute += level == "acute"
        self.some += level != "none"
        self.all += 1

    def line(self) -> str:
        """Both shares with their 95 % Wilson intervals."""
        return f"acute {_share(self.acute, self.all)}, acute or possible {_share(self.some, self.all)}, n={self.all}"


@dataclass
class Report:
    """The tallies of one set by group ("all", "kind: overdose", ...), the ids called none, seconds a message."""

    groups: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    none: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def times(self) -> str:
        """Median and 99th percentile of the processor time of one message, in milliseconds."""
        ordered = sorted(self.seconds)
        middle, high = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.99))
        return f"median {1000 * middle:.1f} ms, 99th percentile {1000 * high:.1f} ms"


def measure(guard: Guard, rows: Iterable[Mapping[str, Any]]) -> Report:
    """The report on `rows`, each with "text" and, where known, "id", "kind", "why", "style"."""
    report = Report()
    for row in rows:
        started = time.thread_time()
        level = guard.assess(row["text"]).level
        report.seconds.append(time.thread_time() - started)
        for group in _groups(row):
            report.groups[group].add(level)
        if level == "none":
            report.none.append(str(row.get("id", row["text"][:40])))
    return report


def measure_conversations(guard: Guard, rows: Iterable[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """How many conversations were handled, and the ids of the others; "crisis_turn" is None for a calm one."""
    right, wrong = 0, []
    for row in rows:
        levels = _levels(guard, row["turns"], row.get("bot") or [None] * len(row["turns"]))
        turn = row["crisis_turn"]
        if "acute" not in levels if turn is None else levels[turn] != "none":
            right += 1
        else:
            wrong.append(str(row["id"]))
    return right, wrong


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share (E. B. Wilson, 1927)."""
    if not whole:
        return 0.0, 1.0
    z, share = 1.96, part / whole
    middle = share + z * z / (2 * whole)
    spread = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole))
    below = 1 + z * z / whole
    return max(0.0, (middle - spread) / below), min(1.0, (middle + spread) / below)


def _groups(row: Mapping[str, Any]) -> list[str]:
    named = [f"{key}: {row[key]}" for key in ("level", "kind", "why", "style") if row.get(key)]
    return ["all", *named, f"language: {language_of(row['text'])}"]


def _levels(guard: Guard, turns: Sequence[str], asked: Sequence[str | None]) -> list[str]:
    context: list[Turn] = []
    levels = []
    for text, question in zip(turns, asked, strict=True):
        if question:
            context.append(Turn("bot", question))
        levels.append(guard.assess(text, context).level)
        context.append(Turn("visitor", text))
    return levels


def _share(part: int, whole: int) -> str:
    low, high = wilson(part, whole)
    return f"{part / whole if whole else 0:.3f} ({low:.3f}-{high:.3f})"
