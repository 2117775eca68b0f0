"""Who is at the console and what they touched last, kept in memory. Part of the switchboard's console."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Without script there is no open line and no key press to see: reading and writing a reply takes a while.
UNSEEN_SECONDS = 180.0
TOLD_SECONDS = 900.0  # beyond any patience; older signs of life are not told to other switchboards
LATE_SECONDS = 2.0  # what was on its way when a line was lost is no sign that somebody is still there


@dataclass(frozen=True)
class Patience:
    """How many seconds pass before a conversation is offered again."""

    urgent: float = 30.0  # after claiming with a danger open, without a key press or a word
    ordinary: float = 180.0  # after claiming otherwise
    line: float = 30.0  # after a console with script closed or lost its line
    transfer: float = 60.0  # an offer to a colleague


class Shift:
    """Staff with an open console, and the last sign of life of each, overall and in each conversation."""

    def __init__(self) -> None:
        self._windows: Counter[int] = Counter()
        self._seen: dict[int, float] = {}
        self._touched: dict[tuple[int, str], float] = {}
        self._line_lost: dict[int, float] = {}
        self._began = time.monotonic()
        self._windows_elsewhere: Counter[int] = Counter()  # at other switchboards (switchboard.fleet)

    def opened(self, staff_id: int) -> None:
        """A window with script follows the console."""
        self._windows[staff_id] += 1
        self._line_lost.pop(staff_id, None)
        self.seen(staff_id)

    def closed(self, staff_id: int) -> None:
        self._windows[staff_id] -= 1
        if self._windows[staff_id] <= 0:
            self._line_lost[staff_id] = time.monotonic()

    def seen(self, staff_id: int) -> None:
        """A page was asked for."""
        self._seen[staff_id] = time.monotonic()

    def touched(self, staff_id: int, conversation_id: str) -> None:
        """A key press, a word or a page in one conversation."""
        self.seen(staff_id)
        self._touched[staff_id, conversation_id] = time.monotonic()

    def signed_out(self, staff_id: int) -> None:
        """Gone on purpose: no patience is needed."""
        self._seen.pop(staff_id, None)
        if self._windows[staff_id] <= 0:
            self._line_lost[staff_id] = float("-inf")

    def is_here(self, staff_id: int) -> bool:
        """Whether a window is open or a page was asked for a short while ago."""
        return self.has_window(staff_id) or self._since(self._seen.get(staff_id)) < UNSEEN_SECONDS

    def is_gone(self, staff_id: int, patience: Patience) -> bool:
        """Whether this person's line has been lost for too long to leave a visitor with them."""
        if self.has_window(staff_id):
            return False
        if staff_id in self._line_lost and not self._reads_without_script(staff_id):
            return self._since(self._line_lost[staff_id]) > patience.line
        return self._since(self._seen.get(staff_id, self._began)) > UNSEEN_SECONDS

    def _reads_without_script(self, staff_id: int) -> bool:
        return self._seen.get(staff_id, 0.0) > self._line_lost[staff_id] + LATE_SECONDS

    def has_window(self, staff_id: int) -> bool:
        """Whether this person's console runs the script, so that key presses are seen."""
        return self._windows[staff_id] + self._windows_elsewhere[staff_id] > 0

    def last_touch(self, staff_id: int, conversation_id: str) -> float | None:
        """Seconds since this person's last sign of life in a conversation; None if there was none."""
        at = self._touched.get((staff_id, conversation_id))
        return None if at is None else time.monotonic() - at

    def state(self) -> dict[str, Any]:
        """What other switchboards must know; times as milliseconds ago."""
        moment = time.monotonic()

        def ages(times: Mapping[Any, float]) -> list[tuple[Any, int]]:
            return [(key, round(1000 * (moment - at))) for key, at in times.items() if moment - at < TOLD_SECONDS]

        return {"windows": {str(staff_id): count for staff_id, count in self._windows.items() if count > 0},
                "seen": ages(self._seen), "touched": ages(self._touched), "line_lost": ages(self._line_lost)}

    def elsewhere(self, states: Iterable[tuple[dict[str, Any], int]]) -> None:
        """Take in the states of all other switchboards, each with its age in milliseconds."""
        moment, windows = time.monotonic(), Counter[int]()
        for state, age in states:
            windows.update({int(staff_id): count for staff_id, count in state["windows"].items()})
            for times, told in ((self._seen, state["seen"]), (self._line_lost, state["line_lost"])):
                for staff_id, ms in told:
                    times[staff_id] = max(times.get(staff_id, float("-inf")), moment - (ms + age) / 1000)
            for (staff_id, conversation_id), ms in state["touched"]:
                key = (staff_id, conversation_id)
                self._touched[key] = max(self._touched.get(key, float("-inf")), moment - (ms + age) / 1000)
        for staff_id in self._windows_elsewhere.keys() - windows.keys():
            self._line_lost.setdefault(staff_id, moment)  # that switchboard ended, or the window there did
        for staff_id in windows:
            self._line_lost.pop(staff_id, None)
        self._windows_elsewhere = windows

    def _since(self, at: float | None) -> float:
        return float("inf") if at is None else time.monotonic() - at
