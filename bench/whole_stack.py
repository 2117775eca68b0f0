"""The real stack for a measurement: free ports, an empty record, always open, nothing shared with another run."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.machine import memory_mib
from bench.until_up import until_up
from cli.stack import Stack, free_port
from haven.settings import Settings, load_settings

ALL = ("actions", "assistant", "switchboard")
OPEN = """\
name: Measured Centre
retention_days: 30
hours_text: Day and night
hours:
  time_zone: UTC
  week: {monday: &day ["00:00-00:00"], tuesday: *day, wednesday: *day, thursday: *day, friday: *day, saturday: *day,
         sunday: *day}
"""


@dataclass
class Running:
    """A running stack and what its start took."""

    stack: Stack
    settings: Settings
    ready_seconds: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    @property
    def assistant_url(self) -> str:
        return self.settings.assistant_url

    def memory(self, program: str) -> float:
        """Resident memory of one process and its children, MiB."""
        return round(memory_mib(int(self.stack.control("pid", program))), 1)


@contextmanager
def running(*programs: str, **settings: object) -> Iterator[Running]:
    """Start `programs` (all of them by default), wait until they answer, stop them at the end."""
    with tempfile.TemporaryDirectory(prefix="haven-bench-") as folder:
        home = Path(folder)
        made = load_settings({"HAVEN_HOME": folder})
        shutil.copytree(made.data, home / "data")
        (home / "data" / "centre.yml").write_text(OPEN, encoding="utf-8")
        own = replace(made, data=home / "data", port=free_port(), assistant_port=free_port(),
                      actions_port=free_port(), **settings)
        stack = Stack(own, programs=programs or ALL, log=home / "log")
        start = time.perf_counter()
        stack.start()
        try:
            if programs == ("switchboard",):
                until_up(f"http://127.0.0.1:{own.port}")  # without the others the whole way is never ready
            else:
                stack.wait_until_ready()
            yield Running(stack, own, round(time.perf_counter() - start, 1))
        finally:
            stack.stop()
