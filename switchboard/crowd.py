"""How many event streams visitors may hold: of one conversation, from one address, and in all.

Where one must go, it is the oldest: a phone that changed its network leaves a dead one behind and must get a new one.
Used by the website's channel.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from haven.errors import HavenError

OF_ONE_CONVERSATION = 6  # windows of one visitor, and lines that were lost
FROM_ONE_ADDRESS = 2_000  # a clinic, a carrier or (where none is trusted) a proxy has one address
IN_ALL = 12_000
FEW = 10  # whoever has no more than these gets a place even when all are taken


class NoPlace(HavenError):
    """There are enough streams; `kind` is the limit that was met."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__("Too many chats are open. Please try again soon. In danger, call 911 or 988.")


@dataclass(eq=False)
class Place:
    """One open stream; `over` is set when it must end."""

    conversation: str
    address: str
    wake: asyncio.Event | None = None
    over: bool = False

    def end(self) -> None:
        self.over = True
        if self.wake:
            self.wake.set()


@dataclass
class Crowd:
    """All visitors' streams of one switchboard."""

    of_one: int = OF_ONE_CONVERSATION
    from_one: int = FROM_ONE_ADDRESS
    in_all: int = IN_ALL
    _count: int = 0
    _of: dict[str, list[Place]] = field(default_factory=dict)
    _from: Counter[str] = field(default_factory=Counter)
    _by_address: dict[str, dict[Place, None]] = field(default_factory=dict)  # in the order they came

    def count(self) -> int:
        return self._count

    @contextmanager
    def place(self, conversation: str, address: str) -> Iterator[Place]:
        """A place as long as the block runs. Raises NoPlace."""
        mine = self._of.get(conversation, [])
        if len(mine) >= self.of_one:
            mine[0].end()
            self._leave(mine[0])
        self._must_have_room(address)
        place = Place(conversation, address)
        self._of.setdefault(conversation, []).append(place)
        self._by_address.setdefault(address, {})[place] = None
        self._from[address] += 1
        self._count += 1
        try:
            yield place
        finally:
            self._leave(place)

    def _must_have_room(self, address: str) -> None:
        """One address may not take all; when all are taken, the oldest stream of the greediest address goes."""
        if self._from[address] >= self.from_one:
            raise NoPlace("stream_address")
        if self.count() < self.in_all:
            return
        greedy, most = self._from.most_common(1)[0]
        if self._from[address] >= FEW or most <= FEW or greedy == address:
            raise NoPlace("stream_total")
        oldest = next(iter(self._by_address[greedy]))
        oldest.end()
        self._leave(oldest)

    def _leave(self, place: Place) -> None:
        """Free a place; once is enough."""
        places = self._by_address.get(place.address, {})
        if place not in places:
            return
        del places[place]
        self._of[place.conversation].remove(place)
        self._from[place.address] -= 1
        self._count -= 1
        if not places:
            del self._by_address[place.address], self._from[place.address]
        if not self._of[place.conversation]:
            del self._of[place.conversation]
