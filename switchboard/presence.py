"""Which staff are at the console right now, kept in memory; switchboards tell one another (switchboard.fleet)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

LINGER_SECONDS = 30.0  # a page change or a short loss of line is no absence


class Presence:
    """Staff with an open console stream, or one that closed a moment ago."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._left: dict[int, float] = {}
        self._away: set[int] = set()
        self.breaks = 0  # how often somebody's break began or ended here
        self._elsewhere: dict[int, float] = {}  # seen until when by other switchboards

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
        self._elsewhere.pop(staff_id, None)

    def away(self, staff_id: int) -> None:
        """On a break: the console may be open, but nothing is offered to them."""
        self._away.add(staff_id)
        self.breaks += 1

    def back(self, staff_id: int) -> None:
        self._away.discard(staff_id)
        self.breaks += 1

    def is_away(self, staff_id: int) -> bool:
        return staff_id in self._away

    def is_here(self, staff_id: int) -> bool:
        if staff_id in self._away:
            return False
        moment = time.monotonic()
        recently = moment - self._left.get(staff_id, -LINGER_SECONDS) < LINGER_SECONDS
        return self._open[staff_id] > 0 or recently or moment < self._elsewhere.get(staff_id, 0.0)

    def count(self) -> int:
        return sum(self.is_here(staff_id) for staff_id in {*self._open, *self._left, *self._elsewhere})

    def windows(self) -> int:
        """How many windows of the console are open at this switchboard."""
        return sum(self._open.values())

    def on_break(self, staff_ids: set[int], *, breaks: int) -> None:
        """Who is on a break by the record, whichever switchboard they said it to; `breaks` as it was before reading.

        What was said here while the record was read is newer, and the next reading has it.
        """
        if breaks == self.breaks:
            self._away = staff_ids

    def state(self) -> dict[str, Any]:
        """What other switchboards must know: who has a console open here, and when (ms ago) others were seen."""
        moment = time.monotonic()
        return {"open": sorted(staff_id for staff_id, windows in self._open.items() if windows > 0),
                "left": {str(staff_id): round(1000 * (moment - at)) for staff_id, at in self._left.items()
                         if moment - at < LINGER_SECONDS}}

    def elsewhere(self, states: Iterable[tuple[dict[str, Any], int]]) -> None:
        """Take in the states of all other switchboards, each with its age in milliseconds."""
        moment, until = time.monotonic(), dict[int, float]()
        for state, age in states:
            seen = {int(staff_id): ms for staff_id, ms in state["left"].items()} | dict.fromkeys(state["open"], 0)
            for staff_id, ms in seen.items():
                until[staff_id] = max(until.get(staff_id, 0.0), moment + LINGER_SECONDS - (ms + age) / 1000)
        self._elsewhere = until
