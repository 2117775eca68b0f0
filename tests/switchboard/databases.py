"""Databases of single tests on PostgreSQL, each with a mark of who made it; what dead runs left behind is dropped."""

from __future__ import annotations

import json
import os
import socket
import uuid
from contextlib import suppress
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

START = "haven_"
DAY_SECONDS = 86_400
# Whose process cannot be looked at from here, or who left no mark, is dead once the database is a day old and unused.
_THERE = sa.text("""
    SELECT d.datname, shobj_description(d.oid, 'pg_database') AS mark,
           extract(epoch FROM now() - (pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification) AS age,
           EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) AS in_use
    FROM pg_database d WHERE d.datname ~ '^haven_[0-9a-f]{12}$'""")


def mark() -> str:
    """By what a run is known again: its process, when that began, and the machine it is on."""
    return json.dumps({"pid": os.getpid(), "began": psutil.Process().create_time(), "host": socket.gethostname()})


async def make(connection: AsyncConnection, owner: str = "") -> str:
    """An empty database with the mark of this run; its name. The connection must be in AUTOCOMMIT."""
    name = f"{START}{uuid.uuid4().hex[:12]}"
    await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    await connection.execute(sa.text(f"COMMENT ON DATABASE {name} IS '{owner or mark()}'".replace(":", "\\:")))
    return name


async def drop(connection: AsyncConnection, name: str) -> None:
    await connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def drop_stale(connection: AsyncConnection) -> list[str]:
    """Drop what dead runs left behind; the names. Two runs may do so at once, and neither touches a living one's."""
    dropped = []
    for row in await connection.execute(_THERE):
        if _is_stale(row):
            with suppress(sa.exc.DBAPIError):  # another run is dropping it
                await drop(connection, row.datname)
                dropped.append(row.datname)
    return dropped


def _is_stale(row: Any) -> bool:
    try:
        made = json.loads(row.mark or "")
        if made["host"] == socket.gethostname():
            return not _lives(made["pid"], made["began"])
    except (ValueError, KeyError, TypeError):
        pass
    return bool((row.age or 0) > DAY_SECONDS and not row.in_use)


def _lives(pid: int, began: float) -> bool:
    try:
        return abs(psutil.Process(pid).create_time() - began) < 1.0  # a number is given again to later processes
    except psutil.NoSuchProcess:
        return False
