"""Durations of many like things, and what to say of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Timings:
    """Durations in milliseconds, in the order they were taken."""

    taken: list[float] = field(default_factory=list)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take the time of the block; nothing is kept when it raises."""
        start = time.perf_counter()
        yield
        self.taken.append((time.perf_counter() - start) * 1000)

    def at(self, share: float) -> float:
        """The duration that `share` (0 to 1) of all did not exceed (nearest rank)."""
        ordered = sorted(self.taken)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self) -> dict[str, float]:
        """n and p50, p95, p99, max in milliseconds; only n when nothing was taken."""
        if not self.taken:
            return {"n": 0}
        return {"n": len(self.taken), "p50_ms": round(self.at(0.5), 2), "p95_ms": round(self.at(0.95), 2),
                "p99_ms": round(self.at(0.99), 2), "max_ms": round(max(self.taken), 2)}
