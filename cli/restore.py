"""`bin/haven restore`: puts a backup in the record's place, and makes it safe to go on with."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from haven.settings import Settings, load_settings
from switchboard.records import backup
from switchboard.records.backup import BackupError
from switchboard.records.record import Record
from switchboard.restored import Made, make_safe


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Also where the record holds conversations or accounts.")
def command(file: Path, replace: bool) -> None:
    """Put the record of FILE in place, bring it up to date, and hold back what may have gone out since."""
    settings = load_settings()
    _must_be_stopped(settings)
    if not replace and asyncio.run(_holds_something(settings)):
        raise BackupError("The record here is not empty. To put the backup in its place: --replace")
    with backup.opened(file, settings.home) as (manifest, folder):
        _put(settings, manifest, folder)
        made = asyncio.run(_make_safe(settings, manifest))
        _put_texts(folder / "texts", settings.home / "texts")
    _tell(settings, manifest, made)


def _must_be_stopped(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((settings.host, settings.port)) == 0:
            raise BackupError(f"Haven runs here (port {settings.port}). Stop it first.")


async def _holds_something(settings: Settings) -> bool:
    url = sa.make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):  # noqa: ASYNC240
        return False
    record = Record.of(settings)
    try:
        async with record.read() as connection:
            names = await connection.run_sync(lambda c: sa.inspect(c).get_table_names())
            for table in sorted({"conversations", "staff"} & set(names)):
                if (await connection.execute(sa.select(sa.literal(1)).select_from(sa.table(table)).limit(1))).first():
                    return True
    finally:
        await record.close()
    return False


def _put(settings: Settings, manifest: dict[str, Any], folder: Path) -> None:
    url, data = sa.make_url(settings.database_url), folder / manifest["record"]
    backend = url.get_backend_name()
    if data.name != {"sqlite": backup.SQLITE, "postgresql": backup.POSTGRESQL}.get(backend):
        raise BackupError(f"This backup is not of a record on {backend}; set HAVEN_DATABASE_URL to one of its kind.")
    if backend == "sqlite":
        backup.put_sqlite(data, Path(url.database or ""))
    else:
        asyncio.run(_emptied(settings))
        backup.put_postgresql(data, url)


async def _emptied(settings: Settings) -> None:
    """No table of a newer version stays among those of the backup. Raises BackupError where others are connected."""
    record = Record.of(settings)
    others = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                     "AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
    try:
        async with record.write() as tx:
            if (await tx.execute(others)).scalar_one():
                raise BackupError("Somebody is connected to this database. Stop every switchboard first.")
            there = sa.MetaData()
            await tx.run_sync(there.reflect)
            await tx.run_sync(there.drop_all)
    finally:
        await record.close()


async def _make_safe(settings: Settings, manifest: dict[str, Any]) -> Made:
    record = Record.of(settings)
    try:
        await record.migrate()
        return await make_safe(record, manifest["made_at"])
    finally:
        await record.close()


def _put_texts(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    for path in source.iterdir():
        shutil.copy(path, target / path.name)


def _tell(settings: Settings, manifest: dict[str, Any], made: Made) -> None:
    click.echo(f"The record is that of {manifest['made_at']}. {made.looked_up} text(s) are looked up at the carrier "
               f"before they are sent; {made.before_staff} unanswered text(s) are put before staff.")
    for name, needed in manifest["secrets"].items():
        if needed not in backup.marks(settings, name):
            click.echo(f"HAVEN_{name.upper()} is not what this backup was made with: set it before Haven starts.",
                       err=True)
