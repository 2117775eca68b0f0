"""Which staff are at the console right now, kept in memory by the switchboard."""

from __future__ import annotations

import time
from collections import Counter

LINGER_SECONDS = 30.0  # a page change or a short loss of line is no absence


class Presence:
    """Staff with an open console stream, or one that closed a moment ago."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._left: dict[int, float] = {}
        self._away: set[int] = set()

    def came(self, staff_id: int) -> None:
        self._open[staff_id] += 1

    def went(self, staff_id: int) -> None:
        self._open[staff_id] -= 1
        self._left[staff_id] = time.monotonic()

    def seen(self, staff_id: int) -> None:
        """A page was asked for: counts as presence for LINGER_SECONDS (consoles without script)."""
        self._left[staff_id] = time.monotonic()

    def left(self, staff_id: int) -> None:
        """Signed out: gone at once, unless another window is open."""
        self._left.pop(staff_id, None)

    def away(self, staff_id: int) -> None:
        """On a break: the console may be open, but nothing is offered to them."""
        self._away.add(staff_id)

    def back(self, staff_id: int) -> None:
        self._away.discard(staff_id)

    def is_away(self, staff_id: int) -> bool:
        return staff_id in self._away

    def is_here(self, staff_id: int) -> bool:
        if staff_id in self._away:
            return False
        recently = time.monotonic() - self._left.get(staff_id, -LINGER_SECONDS) < LINGER_SECONDS
        return self._open[staff_id] > 0 or recently

    def count(self) -> int:
        return sum(self.is_here(staff_id) for staff_id in {*self._open, *self._left})
