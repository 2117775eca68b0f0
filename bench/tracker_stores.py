"""What keeping dialogues outside the process would cost: our store against Rasa's for Redis, per turn.

Run with the assistant's Python: .venv/assistant/bin/python -m bench.tracker_stores (Redis on 127.0.0.1).
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from rasa.core.lock_store import InMemoryLockStore, RedisLockStore
from rasa.core.tracker_store import RedisTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, BotUttered, SlotSet, UserUttered

from assistant.tracker_store import BoundedTrackerStore

TURNS, CONVERSATIONS = 8, 60


async def main() -> None:
    """Print milliseconds of processor and of wall time per turn."""
    domain = Domain.empty()
    redis = RedisTrackerStore(domain, host="127.0.0.1", db=9, record_exp=60, key_prefix="havenbench")
    for name, store, lock in (
            ("in the process", BoundedTrackerStore(domain), InMemoryLockStore()),
            ("Redis", redis, RedisLockStore(host="127.0.0.1", db=9, key_prefix="havenbench"))):
        cpu, wall = time.process_time(), time.perf_counter()
        for conversation in range(CONVERSATIONS):
            for _ in range(TURNS):
                await _turn(store, lock, f"bench{conversation}")
        count = TURNS * CONVERSATIONS
        print(f"{name}: {1000 * (time.process_time() - cpu) / count:.2f} ms CPU, "
              f"{1000 * (time.perf_counter() - wall) / count:.2f} ms wall a turn")


async def _turn(store: Any, lock: Any, sender: str) -> None:
    async with lock.lock(sender):
        tracker = await store.get_or_create_tracker(sender)
        tracker.update_with_events([
            ActionExecuted("action_listen"),
            UserUttered("what is methadone?", {"name": "faq", "confidence": 0.9}, parse_data={
                "text": "what is methadone?", "intent": {"name": "faq", "confidence": 0.9}, "entities": [],
                "intent_ranking": [{"name": f"i{n}", "confidence": 0.1} for n in range(10)]}),
            SlotSet("language", "en"), ActionExecuted("utter_faq"),
            BotUttered("an answer " * 40, {"sources": [{"title": "t", "page": 1}]})], store.domain)
        await store.save(tracker)


if __name__ == "__main__":
    asyncio.run(main())
