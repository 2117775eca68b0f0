"""What the harness did and saw: every send with its tries, every wrong with its time. Used by the fault harness."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Try:
    """One request: when (seconds since 1970), how long, the status (0: no answer), and whether it held guidance."""

    at: float
    took: float
    status: int
    guidance: bool = False

    @property
    def end(self) -> float:
        return self.at + self.took


@dataclass
class Send:
    """One message of a visitor or of staff, with every try to hand it in."""

    channel: str
    who: str
    client_id: str
    text: str
    danger: bool = False
    tries: list[Try] = field(default_factory=list)
    ended: str = ""  # "" under way, "stored", "erased", "fallback" (the carrier's static answer), "refused", "cut off"

    def note(self, at: float, status: int, *, guidance: bool = False) -> None:
        self.tries.append(Try(at, time.time() - at, status, guidance))


@dataclass
class Wrong:
    """Something the harness broke, from when to when, and the part that it hit."""

    kind: str
    part: str
    at: float
    end: float = float("inf")

    def touches(self, start: float, end: float) -> bool:
        return start <= self.end and end >= self.at


@dataclass
class Journal:
    """Everything of one run."""

    sends: list[Send] = field(default_factory=list)
    wrongs: list[Wrong] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # what the harness itself saw go wrong

    def send(self, channel: str, who: str, client_id: str, text: str, *, danger: bool = False) -> Send:
        self.sends.append(Send(channel, who, client_id, text, danger))
        return self.sends[-1]

    @contextmanager
    def breaking(self, kind: str, part: str) -> Iterator[Wrong]:
        """Something is broken until the block ends."""
        wrong = Wrong(kind, part, time.time())
        self.wrongs.append(wrong)
        try:
            yield wrong
        finally:
            wrong.end = time.time()

    def broken(self, start: float, end: float, *parts: str) -> list[Wrong]:
        """What was broken at any moment between two, of some parts or of all."""
        return [w for w in self.wrongs if w.touches(start, end) and (not parts or w.part in parts)]
