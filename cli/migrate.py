"""`bin/haven migrate`: brings the record's tables up to date; a step of its own before new switchboards start."""

from __future__ import annotations

import asyncio

import click

from haven.settings import load_settings
from switchboard.records.record import Record


@click.command()
def command() -> None:
    """Bring the record's tables up to date. Two at once do it one after the other."""
    asyncio.run(_migrate(load_settings().database_url))
    click.echo("The record is up to date.")


async def _migrate(url: str) -> None:
    record = Record(url)
    try:
        await record.migrate()
    finally:
        await record.close()
