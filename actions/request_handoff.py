"""Asks for a person and says truthfully what happens next. Run by the action server."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher


class RequestHandoff(Action):
    """Decides from opening hours and staff presence, which the switchboard passes with the message."""

    def name(self) -> str:
        return "action_request_handoff"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        metadata = tracker.latest_message.get("metadata") or {}
        staff = metadata.get("staff") or {}
        reachable = bool(staff.get("open") or staff.get("present"))
        if (metadata.get("crisis") or {}).get("level") == "acute":
            _beside_danger(dispatcher, staff, reachable)
            return []
        response, fields = _words(staff)
        dispatcher.utter_message(response=response, json_message=_wish("soon", wait=reachable), **fields)
        if not reachable:
            dispatcher.utter_message(response="utter_callback_offer")
        return []


def _beside_danger(dispatcher: CollectingDispatcher, staff: dict[str, Any], reachable: bool) -> None:
    """Somebody in danger asks for a person: staff are alarmed already, and the bot must not fall silent for it."""
    response, fields = ("utter_staff_told", {}) if reachable else _words(staff)
    dispatcher.utter_message(response=response, json_message=_wish("now", wait=False), **fields)


def _wish(urgency: str, *, wait: bool) -> dict[str, Any]:
    return {"handoff": {"reason": "asked", "urgency": urgency, "wait": wait}}


def _words(staff: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The response that is true right now: missing facts never mean that somebody is there."""
    if staff.get("present"):
        return "utter_waiting_open", {}
    if staff.get("open"):
        return "utter_waiting_nobody", {}
    if staff.get("next_open"):
        return "utter_closed_hours", {"next_open": staff["next_open"]}
    return "utter_closed_unknown", {}
