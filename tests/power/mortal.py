"""Switchboards that kill themselves at a commit, each forked from one process that has loaded the models already.

    python -m tests.power.mortal          reads one JSON line for each switchboard, writes the id of its process

A line is {"settings": {HAVEN_...}, "die_at": n, "moment": "before" or "after", "migrations": folder or ""}; 0
never dies. Every commit adds a letter to `commits` in the home folder.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from haven.settings import load_settings
from switchboard.app import create_app, serve
from switchboard.parts import Knowledge
from switchboard.records import record as records
from switchboard.records.record import Record


def main() -> None:
    """Fork a switchboard for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    known = Knowledge.load(load_settings(json.loads(sys.stdin.readline())))
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(order, known)
        print(pid, flush=True)


def _become(order: dict[str, Any], known: Knowledge) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    settings = load_settings(order["settings"])
    log = os.open(settings.home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDONLY) if stream == 0 else log, stream)
    if order["migrations"]:
        records._HERE = Path(order["migrations"])
    _die_at(order["die_at"], order["moment"], settings.home / "commits")
    app = create_app(settings, knowledge=known)
    app.config.TOUCHUP = False
    serve(app, settings)
    os._exit(0)


def _die_at(number: int, moment: str, commits: Path) -> None:
    """Let the process kill itself just before or just after its n-th commit, as a power cut would."""
    write, count = Record.write, 0

    @asynccontextmanager
    async def mortal(self: Record) -> AsyncIterator[Any]:
        nonlocal count
        async with write(self) as tx:
            yield tx
            count += 1
            mine = count
            if mine == number and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
        with commits.open("a") as handle:
            handle.write("x")
        if mine == number:
            os.kill(os.getpid(), signal.SIGKILL)

    Record.write = mortal  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
