"""haven.logs: with HAVEN_LOG=json every line a switchboard writes in its life is one JSON object, faults included."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest

from haven.settings import ROOT, Settings, load_settings
from switchboard.keys import check_keys
from switchboard.records.keyring import Keyring
from switchboard.records.record import Record
from tests.switchboard.people import Visitor, signed_in
from tests.switchboard.process import Process
from tests.switchboard.sms.conftest import until
from tests.waiting import SECONDS

WORDS = "my friend swallowed a zanzibar and wont wake up"
FAULTS = """
import threading, warnings
from haven import logs

class Fails:
    def __del__(self):
        raise ValueError("zanzibar")

def fails():
    raise ValueError("zanzibar")

logs.begin("json")
threading.Thread(target=fails).start()
warnings.warn("a warning")
Fails()
logs.logging.getLogger("x").error("two\\nlines\\u2028and \\u00e9")
fails()
"""


@pytest.fixture
def settings(tmp_path, assistant) -> Settings:
    return replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port, proof_seconds=0,
                   log="json")


def read(text: str) -> Iterator[dict[str, Any]]:
    """Every line as what it says; fails at the first that is no object or lacks a part."""
    for line in text.split("\n")[:-1]:
        said = json.loads(line)
        assert datetime.fromisoformat(said["time"]).tzinfo and said["level"] and said["logger"] and said["event"], line
        yield said


async def test_a_life_with_faults(settings, assistant, tmp_path):
    """Start, chat, danger, sign-in, an unforeseen error at a request and in a turn, an assistant that fails, a stop."""
    switchboard = Process(settings)
    try:
        await switchboard.start()
        record = Record.of(switchboard.settings)
        maria = await signed_in(record, switchboard.url, "maria")
        await record.close()
        visitor = await Visitor.start(switchboard.url)
        assistant.status = 500
        await visitor.say(switchboard.url, "what is methadone?")
        await visitor.say(switchboard.url, WORDS)
        with closing(sqlite3.connect(tmp_path / "haven.db", timeout=10)) as damage:
            damage.execute("UPDATE conversations SET last_seq = 0")
            damage.commit()
        async with httpx.AsyncClient(base_url=switchboard.url, headers=visitor.headers, trust_env=False,
                                     timeout=SECONDS) as http:
            body = {"client_id": "again", "text": "hello"}
            await until(lambda: _status(http, body), 500)
        await maria.aclose()
        switchboard.send(signal.SIGTERM)
        await switchboard.ended()
    finally:
        switchboard.end()

    said = list(read(switchboard.log.read_text()))
    unforeseen = [line for line in said if line["event"].startswith("unforeseen error at POST")]
    assert unforeseen and all("IntegrityError at" in line["event"] for line in unforeseen)
    assert "zanzibar" not in switchboard.log.read_text()


async def _status(http: httpx.AsyncClient, body: dict[str, str]) -> int:
    return (await http.post("/chat/messages", json=body)).status_code


async def test_a_start_that_fails(settings):
    """A switchboard that refuses to start says why in the same form."""
    strangers = Record(settings.database_url, Keyring(["other-keys-for-the-records-of-a-test"]))
    await strangers.migrate()
    await check_keys(strangers)
    await strangers.close()
    switchboard = Process(settings)
    switchboard.begin()
    assert await switchboard.ended(200) == 1  # a whole start
    [said] = [line for line in read(switchboard.log.read_text()) if line["level"] == "CRITICAL"]
    assert "is not the key this record was begun with" in said["event"]


def test_what_python_itself_would_write():
    """A fault in a thread, while something is collected and at the very end, a warning: each is a line."""
    ended = subprocess.run([sys.executable, "-c", FAULTS], cwd=ROOT, capture_output=True, text=True, check=False,
                           env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    said = [line["event"] for line in read(ended.stderr)]
    assert [event.partition(" [")[0] for event in said if "ValueError" in event] == [
        "a thread ends", "an error was let be", "the process ends"]
    assert "two\nlines\u2028and é" in said and any("a warning" in event for event in said)
    assert "zanzibar" not in ended.stderr
