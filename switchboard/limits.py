"""How fast one sender may write. Danger is never limited. Used by the switchboard's channels."""

from __future__ import annotations

import time
from collections import OrderedDict

from haven.errors import HavenError

MAX_SENDERS = 50_000  # bounds the memory; the longest silent are forgotten first


class Busy(HavenError):
    """Too much is going on here for ordinary messages to be taken right now."""


class Pace:
    """A token bucket per sender: `burst` at once, then one every `seconds`."""

    def __init__(self, *, burst: int, seconds: float) -> None:
        self._burst = burst
        self._seconds = seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, sender: str) -> bool:
        """Whether the sender may write now; counts the message if so."""
        moment = time.monotonic()
        tokens, then = self._buckets.pop(sender, (float(self._burst), moment))
        tokens = min(self._burst, tokens + (moment - then) / self._seconds)
        allowed = tokens >= 1
        self._buckets[sender] = (tokens - 1 if allowed else tokens, moment)
        if len(self._buckets) > MAX_SENDERS:
            self._buckets.popitem(last=False)
        return allowed
