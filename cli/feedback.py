"""`bin/haven feedback`: which answers helped and which did not, as visitors told by a button."""

from __future__ import annotations

import asyncio

import click

from haven.content import Content
from haven.settings import Settings, load_settings
from switchboard import feedback
from switchboard.records.record import Record


@click.command()
def command() -> None:
    """List the answers that visitors rated, the least helpful first."""
    settings = load_settings()
    questions = {f"utter_faq/{answer.id}": answer.question for answer in Content.load(settings.data).answers.values()}
    rows = asyncio.run(_rows(settings))
    if not rows:
        click.echo("No answer was rated yet.")
        return
    click.echo("helped  not  answer")
    for response, helped, not_helped in rows:
        name = response.removeprefix("utter_faq/")
        click.echo(f"{helped:6}  {not_helped:3}  {name}  {questions.get(response, '')}".rstrip())


async def _rows(settings: Settings) -> list[tuple[str, int, int]]:
    record = Record.of(settings)
    try:
        await record.migrate()
        async with record.read() as connection:
            return await feedback.by_answer(connection)
    finally:
        await record.close()
