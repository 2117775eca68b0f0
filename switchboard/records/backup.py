"""Backups of the record: one file, consistent, taken while Haven runs. Used by the command line.

The file is a tar of `manifest.json`, the record (an SQLite database, or PostgreSQL's own dump) and the texts that wait
on the disk for the record. No secret is in it: the manifest names those that are needed and a mark of each.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from haven.errors import HavenError
from haven.settings import Settings
from switchboard.sms.reserve import Reserve

MANIFEST, FORMAT = "manifest.json", 1
SQLITE, POSTGRESQL = "record.db", "record.dump"
# Without them no word can be read, no visitor's chat goes on, no number can be read.
SECRETS = ("record_keys", "session_secret", "number_secret")
MIGRATIONS = Path(__file__).parent / "migrations"


class BackupError(HavenError):
    """A backup cannot be made, or this one cannot be used; the text says why and what to do."""


# -- making ---------------------------------------------------------------------------------------------------


def make(settings: Settings, file: Path) -> dict[str, Any]:
    """Write a backup, whole or not at all; its manifest. Raises BackupError."""
    if file.exists():
        raise BackupError(f"{file} is there already. Name another file.")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as name:
        folder = Path(name)
        # Before the record: a text that is taken up in between stands in both and is known by its id, never in neither.
        texts = _texts(settings.home / "texts", folder / "texts")
        data, version = _dump(settings, folder)
        manifest = {
            "format": FORMAT, "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "record": data.name, "version": version, "sha256": _digest(data), "texts": texts,
            "secrets": {name: marks(settings, name)[0] for name in SECRETS},
        }
        _pack(folder / "whole", manifest, data, folder / "texts")
        (folder / "whole").rename(file)
    return manifest


def _texts(source: Path, target: Path) -> int:
    """The texts that wait in files and in the reserve, each as a file; they stay encrypted."""
    target.mkdir()
    for slot, whole in Reserve(source).kept():
        (target / f"reserve-{slot}.text").write_text(whole)
    for path in source.glob("*.text"):
        try:
            shutil.copy(path, target / path.name)
        except FileNotFoundError:  # taken up at this moment: it is in the record
            continue
    return len(list(target.iterdir()))


def _dump(settings: Settings, folder: Path) -> tuple[Path, str]:
    """The record as a file, and the version of its tables."""
    url = sa.make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        data = folder / SQLITE
        return data, _vacuum(Path(url.database or ""), data)
    data = folder / POSTGRESQL
    run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={data}")
    version = run("psql", url, "--no-align", "--tuples-only", "--command=SELECT version_num FROM alembic_version")
    return data, version.strip()


def _vacuum(source: Path, target: Path) -> str:
    """A copy as it stands at one moment, without the remains of erased words; writers are not held up."""
    if not source.is_file():
        raise BackupError(f"There is no record at {source}.")
    with closing(sqlite3.connect(source, timeout=30)) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return version_of(target)


def _pack(whole: Path, manifest: dict[str, Any], data: Path, texts: Path) -> None:
    raw = json.dumps(manifest, indent=1).encode()
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        with tarfile.open(fileobj=handle, mode="w") as tar:
            about = tarfile.TarInfo(MANIFEST)
            about.size = len(raw)
            tar.addfile(about, io.BytesIO(raw))
            tar.add(data, data.name)
            tar.add(texts, "texts")
        handle.flush()
        os.fsync(handle.fileno())


# -- reading --------------------------------------------------------------------------------------------------


@contextmanager
def opened(file: Path, near: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """A backup's manifest and its files in a folder beside `near`, checked. Raises BackupError."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=near) as name:
        folder = Path(name)
        try:
            with tarfile.open(file) as tar:
                tar.extractall(folder, filter="data")
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            data = folder / manifest["record"]
            whole = manifest["format"] == FORMAT and hmac.compare_digest(_digest(data), manifest["sha256"])
        except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
            raise BackupError(f"{file} is no backup of Haven, or only a part of one.") from error
        if not whole:
            raise BackupError(f"{file} was changed or damaged: its checksum does not fit.")
        _must_be_known(manifest["version"])
        yield manifest, folder


def _must_be_known(version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version not in known:
        raise BackupError(f"This backup was made by a newer Haven (its tables are version {version}). Update first.")


def put_sqlite(data: Path, target: Path) -> None:
    """Put a record in its place, whole or not at all; one that stands there is kept beside it. Raises BackupError."""
    with closing(sqlite3.connect(data)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            raise BackupError("The record in this backup is damaged.")
        connection.execute("PRAGMA journal_mode=DELETE")
    if target.exists():
        with closing(sqlite3.connect(target)) as connection:  # what stands in its log goes into the file first
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        moment = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
        target.rename(target.with_name(f"{target.name}.replaced-{moment}"))
    for suffix in ("-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    data.chmod(0o600)
    data.rename(target)


def put_postgresql(data: Path, url: sa.URL) -> None:
    """Empty the database and fill it from a dump, in one transaction. Raises BackupError."""
    run("pg_restore", url, "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction",
        "--exit-on-error", str(data))


def version_of(path: Path) -> str:
    """The version of an SQLite record's tables."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        except (sqlite3.Error, TypeError) as error:
            raise BackupError(f"{path} holds no record of Haven.") from error


def marks(settings: Settings, name: str) -> list[str]:
    """The marks of a secret; of the record's keys, each: the first is used, all are accepted."""
    held = getattr(settings, name)
    return [mark(secret) for secret in ([held] if isinstance(held, str) else held)]


def mark(secret: str) -> str:
    """By what a secret is known again; nothing of it can be read from that."""
    return hmac.new(secret.encode(), b"which secret a backup needs", hashlib.sha256).hexdigest()[:16]


def run(program: str, url: sa.URL, *words: str) -> str:
    """One of PostgreSQL's own programs on a database; what it says. Raises BackupError."""
    given = {"PGHOST": url.host, "PGPORT": str(url.port or 5432), "PGUSER": url.username, "PGPASSWORD": url.password,
             "PGDATABASE": url.database}
    where = ["--dbname", url.database or ""]
    try:
        done = subprocess.run([program, *where, *words], check=False, capture_output=True, text=True,
                              env={**os.environ, **{name: value for name, value in given.items() if value}})
    except FileNotFoundError as error:
        raise BackupError(f"{program} is missing. It comes with PostgreSQL's client programs (Debian: apt install "
                          "postgresql-client), of the server's version or a newer one.") from error
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[:500]}")
    return done.stdout


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
