"""Rasa's short memory of dialogues: in this process only, bounded, nothing on disk. Runs inside Rasa.

The record of a conversation is the switchboard's. What is here may be lost at any time; it holds which form is
open and which slots are filled, and keeping it off the disk keeps visitors' words in one place.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from typing import Any

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

MAX_TRACKERS = 2_000
MAX_AGE_SECONDS = 24 * 3600
MAX_EVENTS = 60  # about eight turns; a form asks three questions


class BoundedTrackerStore(TrackerStore):
    """Keeps the trackers themselves, not copies: Rasa's lock lets one turn at a time touch a conversation.

    So a message costs the same at any length of conversation (stock stores replay every event each time).
    """

    def __init__(
        self,
        domain: Domain | None = None,
        event_broker: EventBroker | None = None,
        max_trackers: int = MAX_TRACKERS,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker, **kwargs)
        self._max_trackers = int(max_trackers)
        self._trackers: OrderedDict[str, tuple[float, DialogueStateTracker]] = OrderedDict()

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Keep a tracker as the newest, shortened; drop the oldest beyond the bounds."""
        _shorten(tracker)
        self._trackers[tracker.sender_id] = (time.monotonic(), tracker)
        self._trackers.move_to_end(tracker.sender_id)
        self._drop_old()

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """The tracker of a dialogue, or None."""
        kept = self._trackers.get(sender_id)
        return kept[1] if kept else None

    async def keys(self) -> list[str]:
        """The ids of all dialogues kept."""
        return list(self._trackers)

    def forget(self, conversation: str) -> None:
        """Drop every dialogue of a conversation: ids are "<conversation>.<epoch>"."""
        for sender_id in [key for key in self._trackers if key.partition(".")[0] == conversation]:
            del self._trackers[sender_id]

    def _drop_old(self) -> None:
        limit = time.monotonic() - MAX_AGE_SECONDS
        while self._trackers:
            oldest, (touched, _) = next(iter(self._trackers.items()))
            if touched >= limit and len(self._trackers) <= self._max_trackers:
                return
            del self._trackers[oldest]


def _shorten(tracker: DialogueStateTracker) -> None:
    if len(tracker.events) <= MAX_EVENTS or tracker.active_loop_name:
        return  # a form's own events must stay: policies read them
    kept = list(tracker.events)[-MAX_EVENTS // 2 :]
    tracker.events = deque(kept)
