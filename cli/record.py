"""Opens the record that the settings name, for one command; errors become one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import click

from haven.errors import HavenError
from haven.settings import Settings, load_settings
from switchboard.keys import check_keys
from switchboard.old_words import seal_old_words
from switchboard.records.record import Record

Result = TypeVar("Result")


def with_record(work: Callable[[Settings, Record], Awaitable[Result]]) -> Result:
    """Do something with the record, which is brought up to date first and must fit the keys."""

    async def run() -> Result:
        settings = load_settings()
        async with _opened(settings) as record:
            return await work(settings, record)

    try:
        return asyncio.run(run())
    except HavenError as error:
        raise click.ClickException(str(error)) from error


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Record]:
    record = Record.of(settings)
    try:
        await record.migrate()
        await check_keys(record)
        await seal_old_words(record)
        yield record
    finally:
        await record.close()
