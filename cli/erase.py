"""`bin/haven erase`: removes the words of a conversation, or of everything a telephone number has texted."""

from __future__ import annotations

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from cli.record import with_record
from haven.settings import Settings
from switchboard import audit, conversations, whose
from switchboard.assistant_client import AssistantClient
from switchboard.numbers import Vault
from switchboard.records.record import Record
from switchboard.whose import Nobody


@click.command()
@click.argument("what")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(what: str, yes: bool) -> None:
    """Erase a conversation (its id) or all of a number (+16155550100). There is no way back."""
    found = with_record(lambda settings, record: _found(settings, record, what))
    if not yes:
        click.confirm(f"{len(found)} conversation(s) will be erased for good. Go on?", abort=True)
    clean = with_record(lambda settings, record: _erase(settings, record, found, what))
    click.echo(f"{len(found)} conversation(s) erased: words, call-backs, notes and the keys to them are gone.")
    if whose.is_number(what):
        click.echo("The number itself is forgotten; if it had opted out of texts, that wish alone is kept.")
    if not clean:
        click.echo("The journal of the database is in use; it is emptied at the next purge, within a day.")
    click.echo("Backups still hold them until they run out: see docs/privacy.md.")


async def _found(settings: Settings, record: Record, what: str) -> list[str]:
    """Ids of what is to be erased. Raises Nobody."""
    async with record.read() as connection:
        return await whose.conversations_of(connection, Vault(settings.number_secret), what)


async def _erase(settings: Settings, record: Record, ids: list[str], what: str) -> bool:
    async with record.write() as tx:
        for id in ids:
            await _erase_one(tx, id)
        if whose.is_number(what):
            await whose.forget_number(tx, Vault(settings.number_secret), what)
    clean = await record.scrub()
    assistant = AssistantClient(settings.assistant_url, settings.loopback_secret, budget=settings.turn_budget)
    for id in ids:
        await assistant.forget(id)
    await assistant.close()
    return clean


async def _erase_one(tx: AsyncConnection, conversation_id: str) -> None:
    try:
        await conversations.erase(tx, await conversations.load(tx, conversation_id))
    except conversations.NoConversation as error:
        raise Nobody(f"{conversation_id} was erased meanwhile.") from error
    await audit.note(tx, "erased", None, conversation=conversation_id, detail="at the command line")
