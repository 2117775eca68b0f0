"""actions.request_handoff: what is promised is what is true."""

from __future__ import annotations

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.request_handoff import RequestHandoff


@pytest.mark.parametrize(
    ("staff", "responses", "waits"),
    [
        ({"open": True, "present": 2}, ["utter_waiting_open"], True),
        ({"open": False, "present": 1}, ["utter_waiting_open"], True),
        ({"open": True, "present": 0}, ["utter_waiting_nobody"], True),
        ({"open": False, "present": 0, "next_open": "Monday at 8:00 AM"},
         ["utter_closed_hours", "utter_callback_offer"], False),
        ({"open": False, "present": 0, "next_open": None}, ["utter_closed_unknown", "utter_callback_offer"], False),
        ({}, ["utter_closed_unknown", "utter_callback_offer"], False),
        (None, ["utter_closed_unknown", "utter_callback_offer"], False),
    ],
)
async def test_what_is_said(staff, responses, waits):
    """Hours and presence decide the words; missing facts never mean that somebody is there."""
    dispatcher = CollectingDispatcher()
    metadata = {"staff": staff} if staff is not None else {}
    await RequestHandoff().run(
        dispatcher, Tracker("x", {}, {"metadata": metadata}, [], False, None, {}, "action_listen"), {})

    assert [message["response"] for message in dispatcher.messages] == responses
    assert dispatcher.messages[0]["custom"]["handoff"]["wait"] is waits
    if (staff or {}).get("next_open"):
        assert dispatcher.messages[0]["next_open"] == "Monday at 8:00 AM"


@pytest.mark.parametrize(
    ("staff", "response"),
    [
        ({"open": True, "present": 1}, "utter_staff_told"),
        ({"open": True, "present": 0}, "utter_staff_told"),
        ({"open": False, "present": 0, "next_open": None}, "utter_closed_unknown"),
    ],
)
async def test_somebody_in_danger_asks_for_a_person(staff, response):
    """They read what is so, nobody waits in a line where the bot is silent, and no form is begun."""
    dispatcher = CollectingDispatcher()
    metadata = {"staff": staff, "crisis": {"level": "acute", "kind": "suicide_self"}}
    await RequestHandoff().run(
        dispatcher, Tracker("x", {}, {"metadata": metadata}, [], False, None, {}, "action_listen"), {})

    assert [message["response"] for message in dispatcher.messages] == [response]
    assert dispatcher.messages[0]["custom"]["handoff"] == {"reason": "asked", "urgency": "now", "wait": False}
