"""tests.switchboard.databases: what a killed run left on PostgreSQL goes, what a living one uses stays."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from haven.settings import ROOT
from tests.switchboard import databases
from tests.switchboard.conftest import POSTGRESQL
from tests.waiting import SECONDS

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
LEAVES = """
import asyncio, os, signal
from sqlalchemy.ext.asyncio import create_async_engine
from tests.switchboard import databases
from tests.switchboard.conftest import POSTGRESQL


async def main():
    engine = create_async_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        print(await databases.make(connection), flush=True)
    input()
    os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main())
"""


@pytest.fixture
async def server(database) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def _names(server: AsyncConnection) -> set[str]:
    return set((await server.execute(sa.text("SELECT datname FROM pg_database"))).scalars())


async def _gone(server: AsyncConnection, names: set[str]) -> None:
    """Drop what is stale until none of these is left; another run beside this one may be about to do so."""
    async with asyncio.timeout(SECONDS):
        while names & await _names(server):
            await databases.drop_stale(server)


async def test_a_killed_run(database, server):
    """A database outlives the process that made it; while that lives it stays, afterwards the next run drops it."""
    run = subprocess.Popen([sys.executable, "-c", LEAVES], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           text=True)
    name = (await asyncio.to_thread(run.stdout.readline)).strip()
    await databases.drop_stale(server)
    assert name in await _names(server)

    await asyncio.to_thread(run.communicate, "\n")
    await _gone(server, {name})
    there = await _names(server)
    assert database.rpartition("/")[2] in there  # this test's own


async def test_a_number_that_was_given_again(database, server):
    """A dead run's process number may belong to somebody else by now: when that began tells them apart."""
    mark = {**json.loads(databases.mark()), "began": 1.0}
    name = await databases.make(server, json.dumps(mark))
    await _gone(server, {name})


async def test_who_cannot_be_looked_at(database, server):
    """A run on another machine, or one without a mark, may live: its new database stays."""
    there = [await databases.make(server, owner) for owner in (
        json.dumps({"pid": 1, "began": 1.0, "host": "not-" + socket.gethostname()}), "nothing that can be read")]
    await databases.drop_stale(server)
    assert set(there) <= await _names(server)
    for name in there:
        await databases.drop(server, name)


async def test_two_runs_at_once(database, server):
    """Two runs that begin at the same moment drop the same leftovers without a fault."""
    dead = json.dumps({**json.loads(databases.mark()), "began": 1.0})
    names = {await databases.make(server, dead) for _ in range(3)}
    engine = create_async_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    async with engine.connect() as other:
        await asyncio.gather(databases.drop_stale(server), databases.drop_stale(other))
    await engine.dispose()
    await _gone(server, names)
