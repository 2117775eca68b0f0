"""From bot to person and back: asked for, claimed, answered, returned; the bot never speaks over a person."""

from __future__ import annotations

import asyncio
import re
import time

import httpx
import pytest

from switchboard import accounts
from switchboard.records.record import Record
from tests.stack import ALWAYS, NEVER
from tests.waiting import SECONDS

pytestmark = pytest.mark.journey

PASSWORD = "a long quiet evening"


@pytest.fixture
def nurse(stack):
    """Ana from the staff, signed in at the console without script."""
    login = f"ana{time.time_ns()}"

    async def make():
        record = Record.of(stack.settings)
        try:
            async with record.write() as tx:
                await accounts.add(tx, login=login, name="Ana", role="staff", must_change=False,
                                   password=await accounts.hashed(PASSWORD))
        finally:
            await record.close()

    asyncio.run(make())
    with httpx.Client(base_url=stack.url, timeout=SECONDS, trust_env=False, follow_redirects=True) as http:
        page = http.get("/staff/login")
        answer = http.post("/staff/login", data={"login": login, "password": PASSWORD, **csrf(page)})
        assert answer.status_code == 200, answer.text
        yield http


def csrf(page):
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    return {"csrf": found.group(1)} if found else {}


def conversation_of(stack, visitor):
    from switchboard.sessions import Sessions

    return Sessions(stack.settings.session_secret, days=7).conversation_of(f"Bearer {visitor.token}")


def do(nurse, stack, visitor, what, **values):
    number = conversation_of(stack, visitor)
    page = nurse.get(f"/staff/conversations/{number}")
    answer = nurse.post(f"/staff/conversations/{number}/{what}", data={**csrf(page), **values})
    assert answer.status_code == 200, (what, answer.status_code, answer.text[:300])
    return answer


def test_asked_claimed_answered_returned(stack, nurse):
    """A visitor asks for a person, sees them come, reads their words, and has the bot again afterwards."""
    visitor = stack.visitor()
    told = visitor.ask("can i talk to someone")
    assert "staff" in told["text"]
    assert "can i talk to someone" in nurse.get("/staff/").text

    do(nurse, stack, visitor, "claim")
    joined = visitor.wait_for(lambda m: "joined" in m["text"])
    do(nurse, stack, visitor, "reply", text="Hello, this is Ana. How can I help?")
    reply = visitor.wait_for(lambda m: m["author"] == "staff")
    assert (joined["author"], reply["name"], reply["text"]) == (
        "system", "Ana", "Hello, this is Ana. How can I help?")

    seq = visitor.say("what is naloxone")["message"]["seq"]
    time.sleep(1.5)
    assert not [m for m in visitor.transcript() if m["seq"] > seq]

    do(nurse, stack, visitor, "return")
    visitor.wait_for(lambda m: m["author"] == "system" and "automated assistant again" in m["text"])
    assert visitor.ask("what is naloxone")["sources"]


def test_danger_while_a_person_has_it(stack, nurse):
    """Danger while staff own the conversation still gets its guidance at once."""
    visitor = stack.visitor()
    visitor.ask("i would like to talk to a person")
    do(nurse, stack, visitor, "claim")
    said = visitor.say("oh god hes not breathing")

    assert said["replies"][0]["kind"] == "guidance"


def test_danger_and_a_wish_for_a_person_in_one_message(stack, nurse):
    """Guidance comes first, then that staff were told; the bot does not fall silent for a line."""
    visitor = stack.visitor()
    said = visitor.say("i want to kill myself tonight, can i please talk to a real person")
    assert said["replies"][0]["kind"] == "guidance"

    told = visitor.wait_for(lambda m: m["author"] == "system", after=said["message"]["seq"])
    assert "front of our staff" in told["text"]
    assert visitor.ask("what is naloxone")["author"] == "bot"


def test_a_question_and_a_wish_for_a_person_in_one_message(stack, nurse):
    """The answer comes first, then what happens with the wish; staff see the request."""
    visitor = stack.visitor()
    seq = visitor.say("how long does detox take, and can someone call me about a bed")["message"]["seq"]
    told = visitor.wait_for(lambda m: "staff" in m["text"].lower(), after=seq)
    answer = visitor.wait_for(lambda m: m["sources"], after=seq)

    assert "5 to 7 days" in answer["text"]
    assert answer["seq"] < told["seq"]
    assert "can someone call me about a bed" in nurse.get("/staff/").text


def test_a_person_turned_down(stack, nurse):
    """Who says that no person is wanted goes on with the bot, and nobody is asked for."""
    visitor = stack.visitor()
    visitor.ask("please don't get anyone, i don't want to talk to a person")

    assert visitor.ask("what is naloxone")["sources"]
    assert "don't want to talk to a person" not in nurse.get("/staff/").text.replace("&#39;", "'")


def test_danger_stands_in_the_queue(stack, nurse):
    """Danger with the bot is put before staff with the words that led to it, and can be taken over at once."""
    visitor = stack.visitor()
    visitor.say("my friend is blue and wont wake up, we are at the lake")
    page = nurse.get("/staff/").text
    assert "we are at the lake" in page

    do(nurse, stack, visitor, "claim")
    assert visitor.wait_for(lambda m: "joined" in m["text"])


@pytest.mark.parametrize("name", ["Rosalind", "Xanthippe", "Narcisa", "Faith", "it's Percy"])
def test_a_name_in_the_callback_form(stack, name):
    """Whatever first name is given for a call back, the form goes on to the number and is finished."""
    stack.hours(NEVER)
    try:
        visitor = stack.visitor()
        visitor.ask("i want to talk to a person")
        visitor.wait_for(lambda m: "call you back" in m["text"])
        assert "first name" in visitor.ask("yes please")["text"]
        given = visitor.say(name)["message"]["seq"]
        visitor.wait_for(lambda m: "number can we call" in m["text"], after=given)
        assert "good time" in visitor.ask("615 555 0142")["text"]
        assert "want a call" in visitor.ask("weekday mornings")["text"]
    finally:
        stack.hours(ALWAYS)
