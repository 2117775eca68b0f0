"""`bin/haven export`: hands out what is kept of a conversation, or of a number, with the notice the law asks for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from cli.record import with_record
from haven.centre import load_centre
from haven.settings import Settings
from switchboard import audit, export
from switchboard.numbers import Vault
from switchboard.records.record import Record


@click.command()
@click.argument("what")
@click.option("--by", required=True, help="Who hands it out; written to the log.")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="A new file; else standard output.")
@click.option("--without-notes", is_flag=True, help="Leave out the lines that only staff see.")
def command(what: str, by: str, form: str, output: Path | None, without_notes: bool) -> None:
    """Export a conversation (its id) or all of a number (+16155550100), in plain words.

    Every export is written to the log: what, when, and by whom.
    """
    if output and output.exists():
        raise click.ClickException(f"{output} exists already; nothing was exported.")
    found, words = with_record(lambda settings, record: _export(
        settings, record, what, by=by, form=form, notes=not without_notes))
    if output is None:
        click.echo(words)
    else:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
            handle.write(words)
    click.echo(f"{found} conversation(s) exported{f' to {output}' if output else ''}; the log says by whom.", err=True)


async def _export(
    settings: Settings, record: Record, what: str, *, by: str, form: str, notes: bool
) -> tuple[int, str]:
    """How many conversations there are, and their text."""
    async with record.read() as connection:
        exported = await export.read(export.Reader(connection, Vault(settings.number_secret), notes), what, by=by)
    async with record.write() as tx:  # before anything is handed out
        for conversation in exported["conversations"]:
            await audit.note(tx, "exported", None, conversation=conversation["id"], detail=f"by {by}, as {form}")
        if not exported["conversations"]:
            await audit.note(tx, "exported", None, detail=f"by {by}, as {form}: a number without conversations")
    return len(exported["conversations"]), _worded(settings, exported, form)


def _worded(settings: Settings, exported: dict[str, Any], form: str) -> str:
    if form == "json":
        return json.dumps(exported, ensure_ascii=False, indent=2)
    return export.in_words(exported, load_centre(settings.data).hours.zone)
