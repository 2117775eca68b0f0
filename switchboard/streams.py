"""Wakes the event streams that follow a conversation or the console. Lives in one switchboard process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

CONSOLE = "console"  # the topic of everything the queue shows
CLOCK = "clock"  # the topic of "something is due later" (switchboard.clock)


class Streams:
    """Topics and those who follow them. A wake carries no data: followers read the record."""

    def __init__(self) -> None:
        self._followers: dict[str, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def follow(self, *topics: str) -> Iterator[asyncio.Event]:
        """An event that is set at every wake of one of the topics, until the block ends."""
        event = asyncio.Event()
        for topic in topics:
            self._followers[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                self._followers[topic].discard(event)
                if not self._followers[topic]:
                    del self._followers[topic]

    def wake(self, *topics: str) -> None:
        for topic in topics:
            for event in self._followers.get(topic, ()):
                event.set()

    def count(self, topic: str | None = None) -> int:
        """How many streams follow a topic, or all topics."""
        if topic is not None:
            return len(self._followers.get(topic, ()))
        return sum(len(events) for events in self._followers.values())
