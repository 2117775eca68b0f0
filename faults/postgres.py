"""A PostgreSQL of the fault harness's own, which it may restart as it likes."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from cli.stack import free_port


@dataclass
class Postgres:
    """One cluster in a folder, on a port of its own."""

    folder: Path
    port: int
    bin: Path
    user: str | None  # PostgreSQL refuses to run as root

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Postgres]:
        """Make a cluster, start it, and stop it at the end."""
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        where = Path(found[-1] if found else shutil.which("initdb") or "")
        if not where.name:
            raise SystemExit("--database postgresql needs PostgreSQL's own programs (Debian: apt install postgresql).")
        made = cls(folder, free_port(), where.parent, "postgres" if os.geteuid() == 0 else None)
        folder.parent.chmod(0o755)
        folder.mkdir()
        if made.user:
            shutil.chown(folder, made.user)
        made._run("initdb", "-D", str(folder), "-U", "postgres", "-A", "trust", "-N")
        made.start()
        try:
            yield made
        finally:
            made.stop()

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-l", str(self.folder / "log"), "-o",
                  f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}", "start")

    def stop(self) -> None:
        """As a crash would: nothing is finished, the log is replayed at the next start."""
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-m", "immediate", "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """There and silent, as behind a network that swallows everything."""
        first = psutil.Process(int((self.folder / "postmaster.pid").read_text().split()[0]))
        processes = [first, *first.children()]
        try:
            for process in processes:
                with suppress(psutil.NoSuchProcess):  # a connection that has just ended
                    process.suspend()
            yield
        finally:
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def sql(self, text: str) -> None:
        self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-q", "-c", text)

    def _run(self, program: str, *words: str) -> None:
        subprocess.run([str(self.bin / program), *words], check=True, user=self.user, cwd="/",
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
