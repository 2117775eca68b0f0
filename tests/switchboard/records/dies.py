"""Migrates a SQLite record and kills itself in the middle; started by test_power_cut as a process of its own.

    python -m tests.switchboard.records.dies PATH FROM          prints what each cut left behind as one JSON line

For each statement of the way from version FROM ("base" for none) to the newest, a fork migrates and kills itself
after that statement; then another fork starts on what is left.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from switchboard.records import record as records
from switchboard.records.record import Record

UPGRADE = command.upgrade


def main(path: Path, start: str) -> None:
    """One line for each statement, until a migration ends before it is killed."""
    template = path / "template.db"
    if start != "base":
        _child(template, to=start)
    else:
        sqlite3.connect(template).close()
    before = schema(template)
    for number in range(1, 10_000):
        cut = path / "cut.db"
        for suffix in ("", "-wal", "-shm"):
            Path(f"{cut}{suffix}").unlink(missing_ok=True)
        shutil.copy(template, cut)
        killed = _child(cut, die_after=number) != 0
        left = schema(cut)
        ended = _child(cut) == 0
        print(json.dumps({"statement": number, "killed": killed, "untouched": left == before, "started": ended,
                          "whole": schema(cut) == left if not killed else None}), flush=True)
        if not killed:
            return


def schema(path: Path) -> list[Any]:
    """Every table and index, and the version."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        versions = connection.execute("SELECT * FROM alembic_version").fetchall() if any(
            name == "alembic_version" for name, _ in found) else []
        return [row for row in found if not row[0].startswith("sqlite_")] + versions
    finally:
        connection.close()


def _child(path: Path, **how: Any) -> int:
    """Migrate in a fork; how it ended."""
    pid = os.fork()
    if pid == 0:
        _migrate(path, **how)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def _migrate(path: Path, *, to: str = "head", die_after: int = 0) -> None:
    records.command.upgrade = lambda config, _: UPGRADE(config, to)
    asyncio.run(_upgrade(path, die_after))


async def _upgrade(path: Path, die_after: int) -> None:
    record, done = Record(f"sqlite+aiosqlite:///{path}"), 0

    def count(*_: Any) -> None:
        nonlocal done
        done += 1
        if done == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(record.engine.sync_engine, "after_cursor_execute", count)
    await record.migrate()
    await record.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
