"""assistant.channel: what is said beside an answer is said in the turn, on the day it is due."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sanic import Sanic

from assistant import channel
from assistant.channel import NotLoopback, SwitchboardChannel, must_be_loopback
from haven.content import Content
from haven.settings import ROOT


@pytest.fixture(scope="module")
def content():
    return Content.load(ROOT / "data")


def say(content, response, *, today, language="en", channel="widget"):
    """The text of a reply with that response, on a day."""
    speaking = SwitchboardChannel("secret", content, lambda: today)
    reply = {"response": response, "text": "An answer.", "sources": [], "options": [], "custom": {}}
    return speaking._with_notes(reply, {"language": language, "channel": channel})["text"]


def test_an_answer_past_its_review_says_so(content):
    """The day after an answer's review is due, the visitor reads that it is; on the day itself not yet."""
    due = content.answers["FAQ-001"].review_by

    assert say(content, "utter_faq/FAQ-001", today=due) == "An answer."
    assert "due for review" in say(content, "utter_faq/FAQ-001", today=due + timedelta(days=1))
    assert "revisar" in say(content, "utter_faq/FAQ-001", today=due + timedelta(days=1), language="es", channel="sms")


def test_other_replies_stay_as_they_are(content):
    """What is no entry of the content gets nothing added: guidance, sources, quotations, small talk."""
    for response in ("utter_crisis/overdose_other", "utter_source/FAQ-044", "utter_greet", "utter_faq/FAQ-999", None):
        assert say(content, response, today=date(2040, 1, 1)) == "An answer."


@pytest.mark.parametrize(("host", "refused"), [("127.0.0.1", False), ("localhost", False), ("::1", False),
                                               ("0.0.0.0", True), ("::", True), (None, True), ("192.0.2.7", True)])
async def test_the_assistant_listens_on_this_machine_alone(host, refused):
    """Started by hand without an interface, Rasa would listen on every address: it stops with what to do."""
    app = Sanic(f"refused_{str(host).replace('.', '_').replace(':', '_')}")
    app.state.host = host
    if not refused:
        await must_be_loopback(app)
        return
    with pytest.raises(NotLoopback, match=r"--interface 127\.0\.0\.1"):
        await must_be_loopback(app)


def test_the_refusal_hangs_on_the_channel(content):
    """Whatever starts the channel runs that check before it serves, unless switchboards elsewhere are said to ask."""
    def checks(**how):
        blueprint = SwitchboardChannel("secret", content, **how).blueprint(None)
        return must_be_loopback in [future.listener for future in blueprint._future_listeners]

    assert checks()
    assert not checks(shared=True)


@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer secre", "secret", "Bearer \u00e9", "Bearer \udcff"])
def test_only_the_secret_opens_the_channel(content, sent):
    """A wrong, cut or unreadable secret is refused, and is no error of ours."""
    channel = SwitchboardChannel("secret", content)

    assert not channel._is_ours(type("Request", (), {"headers": {"Authorization": sent}}))
    assert channel._is_ours(type("Request", (), {"headers": {"Authorization": "Bearer secret"}}))


class Nothing:
    """An application of Rasa's whose model could not be loaded."""

    def __init__(self):
        self.ctx = type("Context", (), {"agent": None})()
        self.tasks = []

    def add_task(self, task):
        self.tasks.append(task)


async def test_without_a_model_the_process_ends(content, monkeypatch):
    """Rasa would run on for good without a model: the process ends, so that the runner starts it with a new one."""
    left = []
    monkeypatch.setattr(channel, "LEAVE_SECONDS", 0.0)
    monkeypatch.setattr(channel.os, "_exit", left.append)
    app = Nothing()
    blueprint = SwitchboardChannel("secret", content).blueprint(None)
    (listener,) = [future.listener for future in blueprint._future_listeners if future.event == "after_server_start"]

    await listener(app, None)
    await app.tasks[0]

    assert left == [1]
