"""Wakes the event streams that follow a conversation or the console, here and (by a relay) at other switchboards."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CONSOLE = "console"  # the topic of everything the queue shows
CLOCK = "clock"  # the topic of "something is due later" (switchboard.clock)
FLEET = "fleet"  # the topic of who is where (switchboard.fleet)


class Wake(asyncio.Event):
    """Set when a follower has something to look at; `is_stale` while that may be in the record."""

    def __init__(self) -> None:
        super().__init__()
        self.is_stale = True


class Streams:
    """Topics and those who follow them. A wake carries no data: followers read the record."""

    def __init__(self) -> None:
        self._followers: dict[str, set[Wake]] = defaultdict(set)
        self._listeners: dict[str, Callable[[str], None]] = {}
        self.is_closing = False  # the switchboard stops: streams end, and their followers come back elsewhere
        self.relay: Callable[[str], None] | None = None  # takes a topic or a word to the other switchboards

    @contextmanager
    def follow(self, *topics: str) -> Iterator[Wake]:
        """An event that is set at every wake of one of the topics, until the block ends."""
        event = Wake()
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
        """Wake the followers at every switchboard. Call it after the commit: they read at once."""
        self.rouse(*topics)
        for topic in topics:
            self.tell(topic)

    def rouse(self, *topics: str) -> None:
        """Wake the followers at this switchboard alone."""
        for topic in topics:
            for event in self._followers.get(topic, ()):
                event.is_stale = True
                event.set()

    def stir(self, topic: str) -> None:
        """Let the followers here look at what is in memory alone: a sign that the bot is at it, or no longer."""
        for event in self._followers.get(topic, ()):
            event.set()

    def rouse_all(self) -> None:
        """Wake every follower here: something may have been missed."""
        self.rouse(*list(self._followers))

    def close(self) -> None:
        """Let every stream end after what it has to say now."""
        self.is_closing = True
        self.rouse_all()

    def tell(self, word: str) -> None:
        """Say a topic, or "name value" for those who listen for that name, to the other switchboards alone."""
        if self.relay:
            self.relay(word)

    def listen(self, name: str, heard: Callable[[str], None]) -> None:
        """Let `heard(value)` be called for every "name value" that another switchboard tells."""
        self._listeners[name] = heard

    def hear(self, word: str) -> None:
        """Take in what another switchboard told."""
        name, _, value = word.partition(" ")
        if value and name in self._listeners:
            self._listeners[name](value)
        else:
            self.rouse(word)

    def count(self, topic: str | None = None) -> int:
        """How many streams follow a topic, or all topics."""
        if topic is not None:
            return len(self._followers.get(topic, ()))
        return sum(len(events) for events in self._followers.values())
