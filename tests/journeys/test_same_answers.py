"""The assistant with our changes to Rasa says the same, word for word, as Rasa without them, with the same model."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from bench.questions import dangers, ordinary
from cli.stack import READY_SECONDS, environment, free_port, is_answering
from haven.settings import ROOT, Settings
from tests.stack import RunningStack

pytestmark = pytest.mark.journey

PYTHON = ".venv/assistant/bin/python"
TURNS = 6  # messages of one conversation
CLOSED = {"open": False, "present": 0, "next_open": None}
CALL_BACK = [  # what is written while the centre is closed, and what the switchboard says was offered before
    ("i want to talk to a person", None), ("yes", "callback"), ("Ana María", None), ("not a number", None),
    ("615 555 0100", None), ("tomorrow morning", None),
    ("i want to talk to someone", None), ("yes please", "callback"), ("Sam", None), ("what is naloxone", None),
    ("he stopped breathing", None), ("source", None)]


def messages() -> list[str]:
    """300 messages of every kind that is trained on or kept aside: questions, danger, wishes, things told."""
    own = [line.partition(" ")[2].strip() for name in ("asking", "handoff", "telling", "quotes")
           for line in (ROOT / f"tests/own/{name}.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    follow = (ROOT / "tests/own/two_and_follow.txt").read_text("utf-8").splitlines()
    then = [line.split("|")[1].strip() for line in follow if line.count("|") == 2 and not line.startswith("#")]
    kinds = (list(itertools.islice(ordinary(), 110)), list(itertools.islice(dangers(), 30)), own[::3], then)
    mixed = [text for row in itertools.zip_longest(*kinds) for text in row if text]
    return mixed[:300]


@contextmanager
def as_rasa_starts_it(settings: Settings) -> Iterator[str]:
    """`rasa run` with the same model, beside the same action server; its address."""
    port = free_port()
    process = subprocess.Popen(
        [PYTHON, "-m", "rasa", "run", "--interface", "127.0.0.1", "--port", str(port),
         "--model", str(settings.models / "haven.tar.gz"), "--endpoints", "endpoints.yml",
         "--credentials", "credentials.yml"], cwd=ROOT, env=environment(settings), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        until_ready(f"http://127.0.0.1:{port}/webhooks/haven/ready")
        assert has_tensorflow(process.pid)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def until_ready(url: str) -> None:
    limit = time.monotonic() + READY_SECONDS
    while not is_answering(url):
        assert time.monotonic() < limit, f"{url} did not answer"
        time.sleep(0.25)


def has_tensorflow(pid: int) -> bool:
    return any("/tensorflow/" in place.path for place in psutil.Process(pid).memory_maps())


def said(url: str, settings: Settings) -> list[Any]:
    """All replies to all messages, in conversations of TURNS each, and to a call-back asked for while closed."""
    headers = {"Authorization": f"Bearer {settings.loopback_secret}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60.0, trust_env=False) as http:
        open_ = [turn(http, f"open-{number // TURNS}", text, language="es" if number % 5 == 4 else "en",
                      channel="sms" if number % 7 == 6 else "widget") for number, text in enumerate(messages())]
        return open_ + [turn(http, f"closed-{number // TURNS}", text, staff=CLOSED, offer=offer)
                        for number, (text, offer) in enumerate(CALL_BACK)]


def turn(http: httpx.Client, conversation: str, text: str, **more: Any) -> Any:
    """What the assistant says to one message, as the switchboard asks it."""
    answer = http.post("/webhooks/haven/turns", json={
        "conversation": conversation, "text": text, "choice": None, "channel": "widget", "language": "en",
        "offer": None, "topic": None, "crisis": {"level": "none", "kind": None, "why": [], "said": False},
        "staff": {"open": True, "present": 1, "next_open": None}, **more})
    answer.raise_for_status()
    return answer.json()["replies"]


def test_the_same_answers_with_and_without_our_changes(stack: RunningStack):
    """Text, response, sources, options and what an action adds are the same for 300 messages and a call-back."""
    asked = messages() + [text for text, _ in CALL_BACK]
    ours = said(stack.settings.assistant_url, stack.settings)
    with as_rasa_starts_it(stack.settings) as url:
        stock = said(url, stack.settings)

    differ = [(text, mine, theirs) for text, mine, theirs in zip(asked, ours, stock, strict=True) if mine != theirs]
    assert differ == []
    names = {reply["response"] for replies in ours for reply in replies}
    assert len(names) > 60  # many kinds of answers, so that sameness means something
    assert "utter_callback_done" in names


def test_the_assistant_runs_without_tensorflow(stack: RunningStack):
    """The process that answers has not loaded it, whatever it answered."""
    said(stack.settings.assistant_url, stack.settings)

    assert not has_tensorflow(stack.pid("assistant"))
