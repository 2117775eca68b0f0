"""assistant.tracker_store: a short memory that stays short."""

from __future__ import annotations

from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, SlotSet, UserUttered

from assistant.tracker_store import MAX_EVENTS, BoundedTrackerStore

DOMAIN = Domain.from_yaml("""
version: "3.1"
intents: [x]
slots: {s: {type: text, mappings: [{type: from_intent, intent: x, value: y}]}}
forms: {f: {required_slots: []}}
""")


async def conversation(store, sender_id, turns):
    tracker = await store.get_or_create_tracker(sender_id)
    for number in range(turns):
        tracker.update_with_events([UserUttered(f"turn {number}"), ActionExecuted("action_listen")], DOMAIN)
        await store.save(tracker)
    return tracker


async def test_a_long_conversation_stays_short():
    """After hundreds of turns a tracker holds a handful, its slots, and its last message."""
    store = BoundedTrackerStore(DOMAIN)
    tracker = await store.get_or_create_tracker("a.0")
    tracker.update(SlotSet("s", "kept"))
    await conversation(store, "a.0", 400)
    kept = await store.retrieve("a.0")

    assert len(kept.events) <= MAX_EVENTS
    assert kept.latest_message.text == "turn 399"
    assert kept.get_slot("s") == "kept"


async def test_an_open_form_is_not_cut():
    """While a form is open none of its events is dropped."""
    store = BoundedTrackerStore(DOMAIN)
    tracker = await store.get_or_create_tracker("a.0")
    tracker.update(ActiveLoop("f"))
    await conversation(store, "a.0", 60)

    assert any(isinstance(event, ActiveLoop) for event in (await store.retrieve("a.0")).events)


async def test_bounds():
    """Beyond the bound the dialogue that was silent longest is dropped."""
    store = BoundedTrackerStore(DOMAIN, max_trackers=3)
    for name in ("a.0", "b.0", "c.0"):
        await conversation(store, name, 1)
    await conversation(store, "a.0", 1)
    await conversation(store, "d.0", 1)

    assert await store.keys() == ["c.0", "a.0", "d.0"]
    assert await store.retrieve("b.0") is None


async def test_forget():
    """Every dialogue of an erased conversation is dropped, and no other."""
    store = BoundedTrackerStore(DOMAIN)
    for name in ("a.0", "a.7", "ab.0"):
        await conversation(store, name, 1)
    store.forget("a")

    assert await store.keys() == ["ab.0"]
