"""kill -9 at every commit of a journey: after the next start everything acknowledged is there, once, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from switchboard.records.tables import alerts, claims, messages
from tests.power.place import PHONE, Place, answer
from tests.twilio import Twilio

Journey = Callable[[Place], Awaitable[None]]


# -- journeys: each says what must be true at its end, whenever the power went ----------------------------------


async def question(place: Place) -> None:
    """A question is stored once and answered once."""
    who = await place.visitor()
    said = await place.say(who, "what is naloxone")

    async def answered() -> bool:
        return any(m.answers_seq == said["message"]["seq"] for m in await place.transcript(place.id_of(who)))

    await place.until(answered)
    await asyncio.sleep(0.3)
    talk = await place.transcript(place.id_of(who))
    assert [m.author for m in talk] == ["bot", "visitor", "bot"]


async def danger(place: Place) -> None:
    """Danger gets guidance in the answer to the send that gets through, one alert, and one question after it."""
    who = await place.visitor()
    said = await place.say(who, "my friend is blue and wont wake up")
    assert said["replies"][0]["kind"] == "guidance"
    await asyncio.sleep(0.5)
    talk = await place.transcript(place.id_of(who))
    assert [m.kind for m in talk].count("guidance") == 1
    assert len(talk) == 4
    assert await place.count(alerts) == 1


async def person(place: Place) -> None:
    """A person takes, answers once, and gives back; afterwards the bot answers again."""
    await place.nurse()
    who = await place.visitor()
    await place.say(who, "a person please")
    number = place.id_of(who)
    path = f"/staff/conversations/{number}"

    async def waits() -> bool:
        return any(m.response == "utter_waiting_open" for m in await place.transcript(number))

    await place.until(waits)
    await place.call("POST", f"{path}/claim", 204)
    await place.call("POST", f"{path}/reply", 204, data={"text": "I am here.", "client_id": "one"})
    await place.call("POST", f"{path}/return", 204, 303, 409)
    again = await place.say(who, "what is naloxone")

    async def answered() -> bool:
        return any(m.answers_seq == again["message"]["seq"] for m in await place.transcript(number))

    await place.until(answered)
    talk = await place.transcript(number)
    assert [m.text for m in talk if m.author == "staff"] == ["I am here."]
    assert [m.response for m in talk].count("handoff_accepted") == 1
    assert [m.response for m in talk].count("returned_to_bot") == 1
    assert await place.count(claims) == 1


async def erasure(place: Place) -> None:
    """What was erased is gone, and stays gone."""
    who = await place.visitor()
    await place.say(who, "please keep the word kingfisher")
    await place.call("DELETE", "/chat/conversation", 204, 410, headers=who)
    await asyncio.sleep(0.3)
    await place.call("GET", "/chat/events", 410, headers=who)
    left = await place.rows(messages.select().where(messages.c.conversation == place.id_of(who)))
    assert not left


async def texting(place: Place) -> None:
    """A text is stored once; welcome and answer reach the phone once each, in order."""
    await place.text("What is naloxone?")

    async def answered() -> bool:
        return any("an answer" in body for body in place.twilio.to(PHONE))

    await place.until(answered)
    await asyncio.sleep(0.5)
    got = place.twilio.to(PHONE)
    assert len(got) == 2 and "an answer" in got[1], got
    assert [row.author for row in await place.rows(messages.select())].count("visitor") == 1


async def danger_by_text(place: Place) -> None:
    """Danger by text reaches staff once, and its guidance the phone once."""
    await place.text("my friend is blue and wont wake up")

    async def guided() -> bool:
        return bool(place.twilio.to(PHONE))

    await place.until(guided)
    await asyncio.sleep(0.5)
    guidance = [body for body in place.twilio.to(PHONE) if "911" in body and "naloxone" in body.lower()]
    assert len(guidance) == 1, place.twilio.to(PHONE)
    assert await place.count(alerts) == 1


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("journey", [question, danger, person, erasure, texting, danger_by_text])
async def test_power_cut_at_every_commit(journey: Journey, nursery, assistant, tmp_path_factory):
    """Whichever commit is the last before or the first after a power cut, the journey ends as it should."""
    assistant.answer = answer
    whole = await _walk(journey, nursery, assistant, tmp_path_factory.mktemp("whole"))
    assert whole > 0
    for number in range(1, whole + 1):
        for moment in ("before", "after"):
            try:
                await _walk(journey, nursery, assistant, tmp_path_factory.mktemp("cut"), number, moment)
            except AssertionError as error:
                raise AssertionError(f"{journey.__name__}, power gone {moment} commit {number}: {error}") from error


async def _walk(journey: Journey, nursery, assistant, home, die_at: int = 0, moment: str = "before") -> int:
    """One journey on a record of its own; how many commits it took."""
    async with Twilio(token="token-of-the-stand-in", strict=False) as twilio:
        place = Place(home, nursery, twilio, assistant.port)
        try:
            await place.start(die_at, moment)
            await journey(place)
            return place.commits
        finally:
            await twilio.settled()
            place.stop()
            await place.http.aclose()
