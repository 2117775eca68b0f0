"""actions.callback: what people answer to the call-back form's three questions."""

from __future__ import annotations

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.callback import CANCELLED, NO_NAME, SubmitCallback, ValidateCallbackForm, read_number


def tracker(**slots):
    return Tracker("x", slots, {}, [], False, None, {}, "action_listen")


async def answer(slot, text):
    """The slots after an answer, and the responses uttered."""
    dispatcher = CollectingDispatcher()
    validate = getattr(ValidateCallbackForm(), f"validate_callback_{slot}")
    slots = await validate(text, dispatcher, tracker(), {})
    return slots, [message["response"] for message in dispatcher.messages]


@pytest.mark.parametrize(
    ("text", "name"),
    [("Kevin", "Kevin"), ("my name is Kevin", "Kevin"), ("I'm Ana María", "Ana María"), ("me llamo José", "José"),
     ("none", NO_NAME), ("No.", NO_NAME), ("rather not", NO_NAME), ("x" * 90, "x" * 40)],
)
async def test_name(text, name):
    """A first name is taken out of the usual sentences; none is fine."""
    assert await answer("name", text) == ({"callback_name": name}, [])


@pytest.mark.parametrize(
    ("text", "number"),
    [("615 555 0142", "+16155550142"), ("its (615) 555-0142 thanks", "+16155550142"),
     ("6155550142", "+16155550142"), ("+44 20 7946 0958", "+442079460958"),
     ("615 555 01", None), ("soon", None), ("", None), ("12", None)],
)
def test_number(text, number):
    """A whole number is read however it is written; half of one is not."""
    assert read_number(text) == number


async def test_wrong_number_is_asked_again():
    """A number that cannot be dialled is not stored, and the visitor is told."""
    assert await answer("number", "615 555") == ({"callback_number": None}, ["utter_callback_number_wrong"])


@pytest.mark.parametrize("slot", ["name", "number", "when"])
@pytest.mark.parametrize("text", ["cancel", "never mind", "Forget it!", "don't call me", "mejor no"])
async def test_leaving(slot, text):
    """A visitor may leave the form at every question."""
    slots, said = await answer(slot, text)

    assert set(slots.values()) == {CANCELLED}
    assert said == []


async def test_submit():
    """The answers go to the switchboard, and the form forgets them."""
    dispatcher = CollectingDispatcher()
    events = await SubmitCallback().run(
        dispatcher, tracker(callback_name="Kevin", callback_number="+16155550142", callback_when="mornings"), {})
    message = dispatcher.messages[0]

    assert message["custom"] == {"callback": {"name": "Kevin", "number": "+16155550142", "when": "mornings"}}
    assert (message["response"], message["number"]) == ("utter_callback_done", "(615) 555-0142")
    assert all(event["value"] is None for event in events)


async def test_submit_after_leaving():
    """A form that was left hands over nothing."""
    dispatcher = CollectingDispatcher()
    await SubmitCallback().run(dispatcher, tracker(callback_name=CANCELLED, callback_number=CANCELLED,
                                                   callback_when=CANCELLED), {})

    assert [message["response"] for message in dispatcher.messages] == ["utter_callback_cancelled"]
    assert not dispatcher.messages[0]["custom"]
