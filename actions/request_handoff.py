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
        staff = (tracker.latest_message.get("metadata") or {}).get("staff") or {}
        response, fields = _words(staff)
        reachable = bool(staff.get("open") or staff.get("present"))
        dispatcher.utter_message(
            response=response,
            json_message={"handoff": {"reason": "asked", "urgency": "soon", "wait": reachable}},
            **fields,
        )
        if not reachable:
            dispatcher.utter_message(response="utter_callback_offer")
        return []


def _words(staff: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The response that is true right now: missing facts never mean that somebody is there."""
    if staff.get("present"):
        return "utter_waiting_open", {}
    if staff.get("open"):
        return "utter_waiting_nobody", {}
    if staff.get("next_open"):
        return "utter_closed_hours", {"next_open": staff["next_open"]}
    return "utter_closed_unknown", {}
