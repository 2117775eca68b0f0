"""After guidance Haven stays: steps, a second dose and questions into the silence, over crashes and restarts.

A real switchboard with its delays shortened; no assistant runs, and none is needed.
"""

from __future__ import annotations

import re
import sqlite3
import time

import pytest

from tests.journeys.alone import Alone

pytestmark = pytest.mark.journey

DANGER = "my friend is blue and wont wake up"
SUICIDE = "i want to kill myself tonight"


@pytest.fixture
def alone(tmp_path):
    """Starts switchboards; each on a folder of its own unless one is named."""
    running = []

    def start(home=tmp_path, **more):
        home.mkdir(exist_ok=True)
        running.append(Alone(home, **more))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def bots(visitor):
    return [m["text"] for m in visitor.transcript() if m["author"] == "bot"][1:]  # after the welcome


def tap(visitor, message, title):
    """Press one of the buttons under a message; what is said to it at once."""
    option = next(o for o in message["options"] if o["title"] == title)
    return visitor.say(option["title"], choice=option["choice"])["replies"]


def test_an_overdose_step_by_step(alone):
    """Guidance, "Did you call 911?", why and how, then one step a message, each tap answered at once."""
    visitor = alone().visitor()
    guidance, question = visitor.say(DANGER)["replies"]
    assert "Call 911" in guidance["text"]
    assert question["text"] == "Did you call 911?"

    why = tap(visitor, question, "Not yet")[0]
    assert "legal protection" in why["text"]
    assert "speaker" in why["text"]
    how = tap(visitor, why, "I can't call")[0]
    assert "Text 911" in how["text"]
    step = tap(visitor, how, "Next step")[0]
    seen = [step["text"]]
    while any(o["title"] == "Next step" for o in step["options"]):
        step = tap(visitor, step, "Next step")[0]
        seen.append(step["text"])
    assert [text[:3] for text in seen] == [f"{n}/6" for n in range(1, 7)]
    assert "wears off" in seen[-1]


def test_thoughts_of_suicide(alone):
    """At least three ways on beyond a telephone, each a fixed text of its own."""
    visitor = alone().visitor()
    guidance = visitor.say(SUICIDE)["replies"][0]
    said = [tap(visitor, guidance, title)[0]["text"] for title in
            ("Text with someone", "Be with someone now", "Make this place safer", "A small calming step")]

    assert len(set(said)) == 4
    assert all("988" in text for text in said)


def test_in_spanish(alone):
    """The whole way in Spanish."""
    visitor = alone().visitor("es")
    _, question = visitor.say("mi hermana no despierta, esta morada")["replies"]
    assert question["text"] == "¿Ya llamó al 911?"

    assert "No cuelgue" in visitor.say("ya llamé")["replies"][0]["text"]
    assert visitor.say("siguiente")["replies"][0]["text"].startswith("2/6. Dé naloxona")


def test_asked_into_the_silence(alone):
    """Three questions into the silence, once each; the chat stays open and answers after all of them."""
    # So far apart that no machine is late by as much: questions that are due together are one.
    visitor = alone(HAVEN_QUIET_SECONDS="2 7 12").visitor()
    visitor.say(SUICIDE)
    visitor.wait_for(lambda m: "won't keep asking" in m["text"])
    time.sleep(1.5)

    said = bots(visitor)
    assert sum("still here with you" in text for text in said) == 2
    assert sum("won't keep asking" in text for text in said) == 1
    assert visitor.say("im safe")["replies"][0]["text"].startswith("I'm glad")


def test_a_second_dose_over_a_crash(alone, tmp_path):
    """A switchboard that is killed before the reminder was due says it after its start, once, with the time."""
    home = alone(HAVEN_SECOND_DOSE_SECONDS="4", HAVEN_QUIET_SECONDS="600 700 800")
    visitor = home.visitor()
    visitor.say(DANGER)
    home.kill()
    time.sleep(4.5)
    with sqlite3.connect(tmp_path / "haven.db") as record:  # as if it had been down for eleven minutes
        record.execute("UPDATE follow_through SET began_at = began_at - 660000")
    record.close()
    home.start()
    reminder = visitor.wait_for(lambda m: "Give another dose" in m["text"] and "minutes" in m["text"], after=3)
    minutes = re.search(r"more than (\d+) minutes", reminder["text"])
    assert minutes and 11 <= int(minutes[1]) < 20  # with the time of the start

    home.kill()
    home.start()
    time.sleep(2)
    assert sum("It has been more than" in text for text in bots(visitor)) == 1


def test_two_switchboards_over_one_record(alone, tmp_path):
    """Two switchboards over the same record say what is due once."""
    first = alone(HAVEN_QUIET_SECONDS="2 600 700")
    second = alone(HAVEN_QUIET_SECONDS="2 600 700", HAVEN_SESSION_SECRET=first.settings.session_secret)
    visitors = [first.visitor() for _ in range(5)]
    for visitor in visitors:
        visitor.say(SUICIDE)
    for visitor in visitors:
        visitor.wait_for(lambda m: "still here" in m["text"], seconds=40)
    assert second.process.poll() is None
    time.sleep(2)

    assert [sum("still here" in text for text in bots(visitor)) for visitor in visitors] == [1] * 5


def test_a_denial_over_a_crash(alone):
    """ "lol jk" is answered kindly with the numbers; after a crash Haven still asks."""
    home = alone(HAVEN_QUIET_SECONDS="10 600 700")
    visitor = home.visitor()
    visitor.say(SUICIDE)
    said = visitor.say("lol jk")["replies"][0]["text"]
    assert "911" in said
    assert "988" in said
    home.kill()
    home.start()

    assert visitor.wait_for(lambda m: "still here" in m["text"], after=4)
