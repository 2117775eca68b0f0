"""`bin/haven ask`: the whole way for a file of messages."""

from __future__ import annotations

import json
import subprocess

import pytest

from cli.ask import BadLine, read_lines
from haven.settings import ROOT

pytestmark = pytest.mark.journey

LINES = [
    {"id": "a", "text": "how long does detox take"},
    {"id": "b", "text": "my friend is blue and wont wake up"},
    {"id": "c", "text": "how long does detox take", "channel": "sms"},
    {"id": "d", "turns": ["i want to sign up my brother", "omg hes not breathing"]},
    {"id": "e", "text": "can i talk to a real person please"},
    {"id": "f", "text": ""},
    {"id": "g", "text": "x" * 2000},
    {"id": "h", "text": "/restart"},
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What `ask` wrote for LINES, by id."""
    import os

    environment = {**os.environ, "HAVEN_HOME": str(tmp_path_factory.mktemp("ask"))}
    done = subprocess.run([ROOT / "bin/haven", "ask"], input="\n".join(map(json.dumps, LINES)), text=True,
                          capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == [line["id"] for line in LINES]
    return {row["id"]: row for row in rows}


def test_an_answer(answers):
    """A question: the answer, its name, its sources, and that it was answered."""
    row = answers["a"]

    assert row["answered"] is True
    assert row["replies"][0]["response"].startswith("utter_faq/FAQ-")
    assert row["replies"][0]["sources"]
    assert row["crisis"] == {"level": "none", "kind": None, "why": []}
    assert set(row) == {"id", "replies", "options", "crisis", "answered", "handoff"}


def test_sms_is_shorter(answers):
    """By SMS the same question gets the SMS wording."""
    assert len(answers["c"]["replies"][0]["text"]) <= 306


def test_danger(answers):
    """A danger: the level, the kind and the words, and the guidance."""
    assert answers["b"]["crisis"]["level"] == "acute"
    assert answers["b"]["crisis"]["kind"] == "overdose_other"
    assert "911" in answers["b"]["replies"][0]["text"]


def test_turns(answers):
    """A conversation: one result a turn, danger found at its turn."""
    levels = [turn["crisis"]["level"] for turn in answers["d"]["turns"]]

    assert levels[1] == "acute"


def test_a_person(answers):
    """Asking for a person is a handoff."""
    assert answers["e"]["handoff"] is True


@pytest.mark.parametrize("line", ["f", "g", "h"])
def test_odd_messages_are_answered(answers, line):
    """Nothing, far too much, and a command: each gets words back."""
    assert answers[line]["replies"][0]["text"]


@pytest.mark.parametrize("bad", ["{", "[]", '{"id": 1}', '{"text": "x"}', '{"id": 1, "text": "x", "channel": "fax"}'])
def test_bad_lines_are_named(bad):
    """A line that cannot be read is named by its number."""
    with pytest.raises(BadLine, match="Line 2"):
        list(read_lines(['{"id": 1, "text": "x"}', bad]))
