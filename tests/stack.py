"""What tests stand on: the real stack with a record of its own, and a visitor who speaks to it over HTTP."""

from __future__ import annotations

import os
import shutil
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.waiting import SECONDS

ROOT = Path(__file__).resolve().parent.parent

ALWAYS = """\
name: Test Centre
retention_days: 30
hours_text: Day and night
hours:
  time_zone: America/New_York
  week: {monday: &day ["00:00-00:00"], tuesday: *day, wednesday: *day, thursday: *day, friday: *day, saturday: *day,
         sunday: *day}
"""
NEVER = """\
name: Test Centre
retention_days: 30
hours_text: Only in March
hours: {time_zone: America/New_York, week: {}}
"""


class Visitor:
    """Somebody on the website, without a browser: the widget's interface over HTTP."""

    def __init__(self, url: str, language: str = "en") -> None:
        self.http = httpx.Client(base_url=url, timeout=SECONDS, trust_env=False)
        started = self.http.post("/chat/conversations", json={"language": language})
        if started.status_code != 201:
            self.http.close()
            raise AssertionError(started.text)
        self.token = started.json()["token"]
        self.welcome = started.json()["messages"][0]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def send(self, text: str, **more: Any) -> httpx.Response:
        """Send one message as it is; the caller looks at the answer."""
        return self.http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": text, **more})

    def say(self, text: str, **more: Any) -> dict[str, Any]:
        """Send one message that must be stored; the interface's answer.

        Like the widget it sends danger again that a slow machine did not store in the time that guidance may take.
        """
        more, limit = {"client_id": uuid.uuid4().hex, **more}, time.monotonic() + SECONDS
        while (answer := self.send(text, **more)).status_code == 503 and time.monotonic() < limit:
            assert answer.json()["guidance"], answer.text
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def events(self, after: int = 0, *, seconds: float = SECONDS) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the event stream brings, as (event, data), until it is silent for `seconds`."""
        import json

        timeout = httpx.Timeout(5.0, read=seconds)
        try:
            with self.http.stream("GET", f"/chat/events?after={after}", timeout=timeout) as stream:
                event = ""
                for line in stream.iter_lines():
                    if line.startswith("event: "):
                        event = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        yield event, json.loads(line.removeprefix("data: "))
        except httpx.ReadTimeout:
            return

    def wait_for(self, wanted: Any, *, after: int = 0, seconds: float = SECONDS) -> dict[str, Any]:
        """The first message after `after` for which `wanted(message)` holds; fails after `seconds`."""
        limit = time.monotonic() + seconds
        for event, data in self.events(after, seconds=seconds):
            if event == "message" and wanted(data):
                return data
            if time.monotonic() > limit:
                break
        raise AssertionError(f"nothing of that kind came within {seconds} s")

    def ask(self, text: str, **more: Any) -> dict[str, Any]:
        """Send a message and return the first thing the bot or the system says to it."""
        seq = self.say(text, **more)["message"]["seq"]
        return self.wait_for(lambda m: m["author"] in ("bot", "system"), after=seq)

    def transcript(self, after: int = 0) -> list[dict[str, Any]]:
        """Everything said so far: the state, which follows it on the stream, has come."""
        found = []
        for event, data in self.events(after):
            if event == "state":
                return found
            found += [data] if event == "message" else []
        raise AssertionError(f"no state came, only {found}")


@dataclass
class RunningStack:
    """The real processes; tests may stop and kill them one by one."""

    stack: Any
    settings: Any
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def other_port(self) -> int:
        """Where a website of the centre's may listen that carries the widget."""
        return int(next(iter(self.settings.allowed_origins)).rpartition(":")[2])

    def visitor(self, language: str = "en") -> Visitor:
        self.visitors.append(Visitor(self.url, language))
        return self.visitors[-1]

    def leave(self) -> None:
        """Every visitor hangs up."""
        while self.visitors:
            self.visitors.pop().http.close()

    def stop(self, *programs: str) -> None:
        self.stack.control("stop", *programs)

    def start(self, *programs: str) -> None:
        """Start programs that were stopped and wait until the whole way answers again."""
        self.stack.control("start", *programs)
        self.stack.wait_until_ready()

    def pid(self, program: str) -> int:
        return int(self.stack.control("pid", program))

    def kill(self, program: str) -> None:
        """End a process the hard way; the runner starts it again."""
        os.kill(self.pid(program), signal.SIGKILL)

    def hours(self, text: str) -> None:
        """Change the opening hours: the switchboard reads them when it starts."""
        (self.settings.data / "centre.yml").write_text(text, encoding="utf-8")
        self.stack.control("restart", "switchboard")
        self.stack.wait_until_ready()

    def log(self) -> str:
        return (self.settings.home / "haven.log").read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The real stack on free ports: trained model, action server, switchboard with an empty record; always open."""
    from cli.stack import Stack, free_port
    from haven.settings import load_settings

    home = tmp_path_factory.mktemp("haven")
    data = home / "data"
    shutil.copytree(ROOT / "data", data)
    (data / "centre.yml").write_text(ALWAYS, encoding="utf-8")
    settings = replace(
        load_settings({"HAVEN_HOME": str(home)}), data=data, port=free_port(), assistant_port=free_port(),
        actions_port=free_port(), allowed_origins=frozenset({f"http://127.0.0.1:{free_port()}"}), proof_seconds=0,
        turn_budget=20.0)  # a loaded machine answers late, and here a late answer is still one
    running = Stack(settings, programs=("actions", "assistant", "switchboard"), log=home / "haven.log")
    running.start()
    try:
        running.wait_until_ready()
        yield RunningStack(running, settings)
    finally:
        running.stop()


@pytest.fixture(autouse=True)
def hang_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """No connection of a test outlives it."""
    yield
    if "stack" in request.fixturenames:
        request.getfixturevalue("stack").leave()


@pytest.fixture
def visitor(stack: RunningStack) -> Visitor:
    return stack.visitor()
