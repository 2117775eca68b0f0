"""A switchboard as a process of its own, started, stopped, killed and started again by a test."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import httpx

from cli.stack import environment, free_port
from haven.settings import ROOT, Settings
from tests.switchboard.conftest import KEY
from tests.waiting import SECONDS


class Process:
    """One switchboard; its log is `<name>.log` in `home`, or where `logs` says."""

    def __init__(self, settings: Settings, name: str = "switchboard", logs: Any = None) -> None:
        self.settings = replace(settings, port=free_port(), actions_port=free_port(), record_keys=(KEY,))
        self.log = (logs or settings.home) / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def start(self, *, record: bool = True) -> None:
        """Start it and wait until it answers, and unless it is to start without its record until that is open."""
        self.begin()
        await self.up(record=record)

    def begin(self) -> None:
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen([sys.executable, "-m", "switchboard.app"], cwd=ROOT,
                                             env=environment(self.settings), stdout=log, stderr=log)

    async def up(self, *, record: bool = True) -> None:
        """Wait until it answers, as in start()."""
        assert self._process
        async with httpx.AsyncClient(trust_env=False) as http:
            for _ in range(2000):
                assert self._process.poll() is None, self.log.read_text()
                try:
                    healthy = (await http.get(f"{self.url}/health")).status_code == 200
                    if healthy and (not record or await self._has_record(http)):
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        raise AssertionError(f"a switchboard did not start: {self.log.read_text()}")

    async def _has_record(self, http: httpx.AsyncClient) -> bool:
        return (await http.get(f"{self.url}/ready")).json()["parts"]["record"]["state"] != "away"

    def send(self, how: signal.Signals) -> None:
        assert self._process
        os.kill(self._process.pid, how)

    async def ended(self, seconds: float = SECONDS) -> int:
        """Its exit status, once it has ended; fails where it lives on for so long."""
        assert self._process
        try:
            return await asyncio.to_thread(self._process.wait, seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"still there after {seconds} s: {self.log.read_text()[-3000:]}") from error

    def end(self) -> None:
        """Kill it, whatever it does; pytest shows the end of its log beside a test that failed."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)
        if self.log.exists():
            print(self.log.read_text(errors="replace")[-5000:])
