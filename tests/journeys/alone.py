"""A real switchboard process with neither assistant nor action server; it may be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from cli.stack import environment, free_port
from haven.settings import ROOT, load_settings
from tests.stack import Visitor

START_SECONDS = 200.0  # on a loaded machine


class Alone:
    """One switchboard on a home folder of its own; `more` are settings, such as HAVEN_QUIET_SECONDS."""

    def __init__(self, home: Path, **more: str) -> None:
        self.settings = load_settings({
            "HAVEN_HOME": str(home), "HAVEN_PORT": str(free_port()), "HAVEN_ASSISTANT_PORT": str(free_port()),
            "HAVEN_ACTIONS_PORT": str(free_port()), "HAVEN_TURN_BUDGET": "0.5", "HAVEN_PROOF_SECONDS": "0",
            **more})
        self.log = home / "switchboard.log"
        self.visitors: list[Visitor] = []
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen([sys.executable, "-m", "switchboard.app"], cwd=ROOT, stdout=output,
                                            stderr=output, env=environment(self.settings))
        limit = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise AssertionError(self.log.read_text())
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2.0, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def visitor(self, language: str = "en") -> Visitor:
        self.visitors.append(Visitor(self.url, language))
        return self.visitors[-1]

    def kill(self) -> None:
        """End it the hard way."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        while self.visitors:
            self.visitors.pop().http.close()
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)
