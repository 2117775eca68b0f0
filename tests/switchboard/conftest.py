"""A switchboard's parts on a real record, and an assistant that may be made to misbehave."""

from __future__ import annotations

import asyncio
import functools
import glob
import json
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from cli.stack import free_port
from faults.postgres import Postgres
from haven.settings import load_settings
from switchboard import inbox, proof
from switchboard.parts import Knowledge, make_parts
from switchboard.records import record as records
from switchboard.records.keyring import Keyring
from switchboard.records.record import Record
from switchboard.sms import deliveries, door
from tests.switchboard import databases
from tests.waiting import SECONDS

KEY = "a-key-for-the-records-of-tests-long-enough"
KEYRING = Keyring([KEY])
POSTGRESQL = os.environ.get("TEST_POSTGRESQL", "postgresql+asyncpg://postgres@127.0.0.1:5432/test")


@pytest.fixture(autouse=True)
def unhurried() -> Iterator[None]:
    """The switchboards of these tests give a slow machine time for what must be quick where people are.

    Tests of that very haste have a fixture of their own under this name.
    """
    with pytest.MonkeyPatch.context() as patch:
        for part in (inbox, door, proof):
            patch.setattr(part, "GUIDANCE_SECONDS", SECONDS)
        patch.setattr(inbox, "READ_SECONDS", SECONDS)
        patch.setattr(proof, "WHOLE_SECONDS", 2 * SECONDS)
        patch.setattr(deliveries, "AGAIN_MS", 1000 * SECONDS)  # copies of one text that come at once are one
        patch.setattr(deliveries, "CONFIRM_MS", round(600 * SECONDS))  # less than tests wait
        yield


async def _tidy(connection: AsyncConnection) -> None:
    """Drop what dead runs left behind, when this one first needs PostgreSQL; whoever may not is let be."""
    if not _tidied:
        _tidied.append(True)
        with suppress(sa.exc.DBAPIError):
            await databases.drop_stale(connection)


_tidied: list[bool] = []


def _needs(service: str) -> bool:
    return service in os.environ.get("TESTS_NEED", "").split(",")


@functools.cache
def known() -> Knowledge:
    """The real content and the real guard, loaded once for all switchboards of a run."""
    return Knowledge.load(load_settings())


@pytest.fixture
def knowledge() -> Knowledge:
    """What every switchboard of these tests knows."""
    return known()


@pytest.fixture
def patience() -> float:
    """Seconds that a record waits for a connection or a lock here: fifty at once take their time."""
    return SECONDS


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request, tmp_path, patience) -> AsyncIterator[str]:
    """The address of an empty database of each kind; on PostgreSQL one of its own for each test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BUSY_SECONDS", patience)
        if request.param == "sqlite":
            yield f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}"
            return
        async with empty_postgresql() as address:
            yield address


@asynccontextmanager
async def empty_postgresql() -> AsyncIterator[str]:
    """The address of an empty database on PostgreSQL, which is dropped in the end; skips where none answers."""
    engine = create_async_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            await _tidy(connection)
            name = await databases.make(connection)
    except (OSError, sa.exc.SQLAlchemyError) as error:
        await engine.dispose()
        if _needs("postgresql"):
            raise
        pytest.skip(f"no PostgreSQL answers here: {type(error).__name__}")
    try:
        yield f"{POSTGRESQL.rpartition('/')[0]}/{name}"
    finally:
        async with engine.connect() as connection:
            await databases.drop(connection, name)
        await engine.dispose()


@pytest.fixture
def own_postgresql() -> Iterator[Postgres]:
    """A PostgreSQL of this test's own, which it may stop and freeze."""
    if not glob.glob("/usr/lib/postgresql/*/bin/initdb") and not _needs("postgresql"):
        pytest.skip("PostgreSQL's own programs are not installed here (Debian: apt install postgresql)")
    # Not in pytest's folder, which only root may enter: PostgreSQL runs as somebody else.
    with tempfile.TemporaryDirectory(prefix="haven-pg-") as folder, Postgres.running(Path(folder) / "data") as made:
        yield made


@pytest.fixture
async def record(database) -> AsyncIterator[Record]:
    """A record with its tables."""
    made = Record(database, KEYRING)
    await made.migrate()
    yield made
    await made.close()


class Assistant:
    """A real HTTP server in the assistant's place: it answers as a test says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.answer: object = {"replies": [{"text": "an answer", "response": "utter_faq/FAQ-001"}]}
        self.status = 200
        self.delay = 0.0
        self.hold: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((int(line.split(":")[1]) for line in head.splitlines()
                           if line.lower().startswith("content-length:")), 0)
            body = json.loads(await reader.readexactly(length) or b"{}")
            if "/turns" in head:
                self.asked.append(body)
                await asyncio.sleep(self.delay)
                if self.hold:
                    await self.hold.wait()
            answer = (self.answer(body) if "/turns" in head else {}) if callable(self.answer) else self.answer
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n" % (self.status, len(raw)) + raw)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def listening_assistant() -> AsyncIterator[Assistant]:
    """The stand-in for a misbehaving assistant, listening."""
    made = Assistant()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def assistant() -> AsyncIterator[Assistant]:
    """One for each test."""
    async with listening_assistant() as made:
        yield made


@pytest.fixture
async def parts(tmp_path, assistant, knowledge):
    """All parts of one switchboard on SQLite, talking to `assistant`, whose budget no slow machine uses up."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                       actions_port=free_port(), turn_budget=SECONDS, proof_seconds=0)
    made = make_parts(settings, knowledge)
    await made.open()
    yield made
    await made.close()
