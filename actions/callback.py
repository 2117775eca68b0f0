"""The call-back form: a first name or none, a number, when to call. Run by the action server."""

from __future__ import annotations

import re
from typing import Any

import phonenumbers
from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.types import DomainDict

SLOTS = ("callback_name", "callback_number", "callback_when")
CANCELLED = "-"  # fills every slot of a form that the visitor left
NO_NAME = "none"
MAX_NAME = 40
MAX_WHEN = 120

_LEAVE = re.compile(
    r"\W*(cancel( it| that)?|never ?mind|forget (it|about it)|no call|don'?t call( me)?|leave it|"
    r"i changed my mind|no quiero( que llamen)?|d[eé]jelo|olv[ií]d(elo|alo)|mejor no)\W*", re.I)
_NONE = re.compile(r"\W*(none|no|nope|no name|skip|rather not|ninguno|ningun|nada|prefiero no( decir)?)\W*", re.I)
_NAMED = re.compile(r"^(hi,? |hello,? )?(my name is|my name's|i am|i'm|im|it's|its|this is|call me|"
                    r"me llamo|soy|mi nombre es)\s+", re.I)


class ValidateCallbackForm(FormValidationAction):
    """Checks each answer; a visitor may leave at any question."""

    def name(self) -> str:
        return "validate_callback_form"

    async def validate_callback_name(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if _LEAVE.fullmatch(value):
            return _left()
        if _NONE.fullmatch(value):
            return {"callback_name": NO_NAME}
        return {"callback_name": _NAMED.sub("", value.strip())[:MAX_NAME]}

    async def validate_callback_number(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if value == CANCELLED or _LEAVE.fullmatch(value):
            return _left()
        number = read_number(value)
        if number is None:
            dispatcher.utter_message(response="utter_callback_number_wrong")
        return {"callback_number": number}

    async def validate_callback_when(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if value == CANCELLED or _LEAVE.fullmatch(value):
            return _left()
        return {"callback_when": value.strip()[:MAX_WHEN]}


class SubmitCallback(Action):
    """Hands the answers to the switchboard, which keeps them, and clears them here."""

    def name(self) -> str:
        return "action_submit_callback"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[dict[str, Any]]:
        name, number, when = (tracker.get_slot(slot) for slot in SLOTS)
        if CANCELLED in (name, number, when):
            dispatcher.utter_message(response="utter_callback_cancelled")
        else:
            callback = {"name": None if name == NO_NAME else name, "number": number, "when": when}
            dispatcher.utter_message(response="utter_callback_done", json_message={"callback": callback},
                                     number=in_words(number), when=when)
        return [{"event": "slot", "name": slot, "value": None, "timestamp": None} for slot in SLOTS]


def read_number(text: str, *, region: str = "US") -> str | None:
    """The telephone number in a text as E.164, or None; numbers without a country are of the region."""
    for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.POSSIBLE):
        if phonenumbers.is_possible_number(match.number):
            return str(phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164))
    return None


def in_words(number: str) -> str:
    """A number as people write it in its own country."""
    return str(phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.NATIONAL))


def _left() -> dict[str, Any]:
    return dict.fromkeys(SLOTS, CANCELLED)
