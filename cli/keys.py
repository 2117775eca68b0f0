"""`bin/haven keys`: whether the keys of the record are right, and a change of them while everything runs."""

from __future__ import annotations

import os

import click

from cli.record import with_record
from haven.errors import HavenError
from haven.settings import Settings, add_record_key, load_settings, retire_record_keys
from switchboard import audit, keys
from switchboard.records.record import Record
from switchboard.sealed import keyring_of

RUN_FIRST = ("No switchboard has started with the first key yet: one that does not know it could read nothing. "
             "Restart Haven (every switchboard), then run this again.")


class NotYet(HavenError):
    """A step of the change of keys comes too early."""


@click.group("keys")
def command() -> None:
    """The keys that encrypt all words: check, add, rotate, retire."""


@command.command()
def check() -> None:
    """Say which keys are in use; ends with 1 and a sentence when one is missing."""
    for use in with_record(_uses):
        mark = "first" if use.current else ""
        click.echo(f"{use.name}  {use.count:8} conversation(s)  {mark}".rstrip())
    click.echo("Every conversation can be read with these keys.")


@command.command()
def add() -> None:
    """Make a new key and put it first (where the keys are kept in the home folder)."""
    settings = _in_home("put a new one (python3 -c 'import secrets; print(secrets.token_urlsafe(32))') in front")
    add_record_key(settings.home)
    click.echo("A new key stands first. Restart Haven, then run: bin/haven keys rotate")


@command.command()
def rotate() -> None:
    """Encrypt every conversation's own key with the first key; may be stopped and run again while Haven runs."""
    count = with_record(_rotate)
    click.echo(f"{count} conversation(s) now depend on the first key alone. Older keys are needed no more, except for "
               "backups made before: bin/haven keys retire")


@command.command()
def retire() -> None:
    """Remove all keys but the first (where the keys are kept in the home folder)."""
    settings = _in_home("take the old ones out")
    with_record(_must_be_rotated)
    removed = retire_record_keys(settings.home)
    click.echo(f"{removed} old key(s) removed. Backups made before the rotation cannot be read any more.")


def _in_home(what: str) -> Settings:
    if os.environ.get("HAVEN_RECORD_KEYS"):
        raise click.ClickException(f"The keys are set by HAVEN_RECORD_KEYS; {what} there yourself.")
    return load_settings()


async def _uses(_: Settings, record: Record) -> list[keys.KeyUse]:
    async with record.read() as connection:
        return await keys.uses(connection, keyring_of(connection))


async def _rotate(_: Settings, record: Record) -> int:
    async with record.read() as connection:
        if not await keys.is_running_with(connection, keyring_of(connection).current):
            raise NotYet(RUN_FIRST)
    count = await keys.rotate(record)
    async with record.write() as tx:
        await audit.note(tx, "keys_rotated", None, detail=f"{count} conversations, at the command line")
    return count


async def _must_be_rotated(settings: Settings, record: Record) -> None:
    left = [use for use in await _uses(settings, record) if not use.current]
    if left:
        raise NotYet("An older key is still in use. Run first: bin/haven keys rotate")
