"""What the containers of deploy/ start, started here: the assistant beside its action server, the daily backup."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.stack import free_port, is_answering
from haven.settings import ROOT, load_settings
from switchboard.records import backup
from switchboard.records.record import Record
from tests.deploy.proxy import DEPLOY

PATIENCE = 120.0


@contextmanager
def started(script: str, home: Path, **settings: object) -> Iterator[subprocess.Popen[bytes]]:
    """One of our scripts, from the project's root as in a container; ended by SIGTERM, as an engine ends it."""
    ours = {name: str(value) for name, value in settings.items()}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HAVEN_")}
    process = subprocess.Popen(["sh", str(DEPLOY / script)], cwd=ROOT, start_new_session=True, env={
        **clean, "PYTHONPATH": str(ROOT), "HAVEN_HOME": str(home), "RASA_TELEMETRY_ENABLED": "false", **ours})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(look: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + PATIENCE
    while not look():
        assert process.poll() is None, "it ended"
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.1)


def test_the_assistant_serves_other_machines(tmp_path):
    """As its container starts it, on every address, it gets ready and ends when it is told to."""
    port = free_port()
    with started("assistant.sh", tmp_path, HAVEN_MODELS=ROOT / "models", HAVEN_ASSISTANT_PORT=port,
                 HAVEN_ACTIONS_PORT=free_port(), HAVEN_ASSISTANT_SHARED=1,
                 HAVEN_LOOPBACK_SECRET="shared by assistant and switchboards") as process:
        wait_until(lambda: is_answering(f"http://127.0.0.1:{port}/webhooks/haven/ready"), process)
    assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


async def test_backups_every_day(tmp_path, monkeypatch):
    """A backup at once and one after each pause; the oldest go, and what stays is whole."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path / "home"))
    record = Record.of(load_settings())
    await record.migrate()
    await record.close()
    folder = tmp_path / "backups"
    folder.mkdir()
    with started("backup.sh", tmp_path / "home", BACKUPS=folder, BACKUPS_KEPT=2, BACKUP_SECONDS=1) as process:
        wait_until(lambda: len(list(folder.glob("*.backup"))) == 2, process)
        first = min(folder.glob("*.backup"))
        wait_until(lambda: not first.exists(), process)
    with backup.opened(max(folder.glob("*.backup")), tmp_path) as (manifest, _):
        assert manifest["record"] == "record.db"
