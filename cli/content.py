"""`bin/haven content`: takes what staff drafted at the console out of the record, as files for review in git."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import click
import sqlalchemy as sa

from haven.drafts import Draft, DraftError, faults_with, write
from haven.settings import load_settings
from switchboard import audit
from switchboard.records.record import Record, now
from switchboard.records.tables import drafts


@click.group("content")
def command() -> None:
    """Answers and wordings drafted at the console."""


@command.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
def export(dry_run: bool) -> None:
    """Write the drafts into data/faq and data/faq_extra; whatever does not hold together stays a draft.

    A new answer needs more ways to ask before `bin/haven check` lets it through: the reviewer writes them. Review the
    change with git, then `bin/haven check`, `make test` and a commit publish it: the tests hold the
    safety set, and a loss on it fails them.
    """
    kept = asyncio.run(_export(dry_run))
    sys.exit(1 if kept else 0)


async def _export(dry_run: bool) -> int:
    """Export draft by draft, so that one fault holds up no other; how many were held back."""
    settings, today, held = load_settings(), date.today(), 0
    async with _record(settings.database_url) as record:
        async with record.read() as connection:
            rows = list(await connection.execute(_waiting()))
        for row in rows:
            draft = Draft(row.question, row.language, row.answer, row.draft)
            faults = _faults(settings.data, draft, today)
            if faults:
                held += 1
                click.echo(f"held back, draft {row.id}: {row.question}\n" + "\n".join(f"  {f}" for f in faults))
                continue
            if not dry_run:
                changed = write(settings.data, [draft], today)
                await _exported(record, row)
                click.echo(f"draft {row.id}: {', '.join(changed) or 'stood there already'}: {row.question}")
            else:
                click.echo(f"draft {row.id} would be written: {row.question}")
    click.echo(f"{len(rows) - held} draft(s) {'fit' if dry_run else 'exported'}, {held} held back.")
    return held


def _waiting() -> sa.Select[Any]:
    return sa.select(drafts).where(drafts.c.kind != "none", drafts.c.exported_at.is_(None),
                                   drafts.c.withdrawn_at.is_(None)).order_by(drafts.c.id)


def _faults(data: Any, draft: Draft, today: date) -> list[str]:
    try:
        return faults_with(data, [draft], today)
    except DraftError as error:
        return [str(error)]


async def _exported(record: Record, row: Any) -> None:
    async with record.write() as tx:
        await tx.execute(drafts.update().where(drafts.c.id == row.id).values(exported_at=now()))
        await audit.note(tx, "draft_exported", None, detail=f"draft {row.id}, at the command line")


@asynccontextmanager
async def _record(url: str) -> AsyncIterator[Record]:
    record = Record(url)
    try:
        await record.migrate()
        yield record
    finally:
        await record.close()
