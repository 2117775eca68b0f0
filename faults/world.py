"""The stack that the fault harness breaks: three real processes, a small disk, a database, a stand-in carrier."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import psutil

from bench.whole_stack import ALL, OPEN
from cli.stack import Stack, free_port
from faults.carrier import Carrier
from faults.journal import Journal
from faults.postgres import Postgres
from haven.settings import Settings, load_settings
from switchboard import accounts
from switchboard.records.record import Record
from tests.twilio import ACCOUNT, OURS, PUBLIC, TOKEN

DISK_MIB = 256
PEOPLE = 4
PASSWORD = "quiet river at night"  # noqa: S105 (of accounts that live for one run)
PORTS = {"switchboard": "port", "assistant": "assistant_port", "actions": "actions_port"}


@dataclass
class World:
    """Everything that people and wrongs of a run touch."""

    settings: Settings
    stack: Stack
    carrier: Carrier
    journal: Journal
    disk: Path | None  # a small disk of its own, or None where none could be mounted
    postgres: Postgres | None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def pid(self, program: str) -> int | None:
        """The process that listens on a program's port."""
        port = getattr(self.settings, PORTS[program])
        for line in psutil.net_connections("tcp"):
            if line.status == psutil.CONN_LISTEN and line.laddr and line.laddr.port == port:
                return int(line.pid) if line.pid else None
        return None

    async def answers(self, program: str, *, within: float) -> bool:
        """Whether a program answers before `within` seconds are over."""
        path = {"switchboard": f"{self.url}/health", "actions": f"{self.settings.actions_url}/health",
                "assistant": f"{self.settings.assistant_url}/webhooks/haven/ready"}[program]
        limit = time.monotonic() + within
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            while time.monotonic() < limit:
                try:
                    if (await http.get(path)).status_code == 200:
                        return True
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        return False


@asynccontextmanager
async def world(database: str) -> AsyncIterator[World]:
    """Start everything, hand it out, stop everything."""
    with ExitStack() as things:
        folder = Path(things.enter_context(tempfile.TemporaryDirectory(prefix="haven-faults-")))
        disk = things.enter_context(_disk(folder / "disk"))
        postgres = things.enter_context(Postgres.running(folder / "pg")) if database == "postgresql" else None
        async with Carrier(token=TOKEN.replace(" ", "-"), strict=False) as carrier:
            settings = _settings(folder, folder / "disk" / "home", carrier, postgres)
            await _accounts(settings)
            stack = Stack(settings, programs=ALL, log=settings.home / "haven.log")
            stack.start()
            try:
                await asyncio.to_thread(stack.wait_until_ready)
                yield World(settings, stack, carrier, Journal(), disk, postgres)
            finally:
                await asyncio.to_thread(stack.stop)
                if keep := os.environ.get("KEEP_LOG"):
                    shutil.copy(settings.home / "haven.log", keep)


@contextmanager
def _disk(folder: Path) -> Iterator[Path | None]:
    """A small disk, so that it can really be full; none without the right to mount one."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs", str(folder)],
                             check=False, capture_output=True).returncode == 0
    try:
        yield folder if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def _settings(folder: Path, home: Path, carrier: Carrier, postgres: Postgres | None) -> Settings:
    made = load_settings({
        "HAVEN_HOME": str(home), "HAVEN_PROOF_SECONDS": "0", "HAVEN_SMS_ACCOUNT": ACCOUNT,
        "HAVEN_SMS_TOKENS": carrier.token,
        "HAVEN_SMS_FROM": OURS, "HAVEN_SMS_ADDRESSES": PUBLIC, "HAVEN_SMS_API": carrier.api,
        "HAVEN_DATABASE_URL": postgres.url if postgres else ""})
    data, models = folder / "data", folder / "models"
    shutil.copytree(made.data, data)
    (data / "centre.yml").write_text(OPEN, encoding="utf-8")
    models.mkdir()
    for path in made.models.iterdir():
        if path.is_dir():
            (models / path.name).symlink_to(path)
        else:
            shutil.copy(path, models / path.name)
    settings = replace(made, data=data, models=models, port=free_port(), assistant_port=free_port(),
                       actions_port=free_port(), sms_pause=1.0)
    carrier.switchboard = f"http://127.0.0.1:{settings.port}"
    return settings


async def _accounts(settings: Settings) -> None:
    record = Record.of(settings)
    try:
        await record.migrate()
        digest = await accounts.hashed(PASSWORD)
        async with record.write() as tx:
            for number in range(PEOPLE):
                await accounts.add(tx, login=f"nurse{number}", name=f"Nurse{number}", role="staff", password=digest,
                                   must_change=False)
    finally:
        await record.close()
