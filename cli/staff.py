"""`bin/haven staff`: make accounts for the console, list them, give a new one-time password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from haven.settings import load_settings
from switchboard import accounts, audit
from switchboard.accounts import ROLES, AccountError, Staff
from switchboard.records.record import Record

Result = TypeVar("Result")


@click.group("staff")
def command() -> None:
    """People who answer at the console."""


@command.command()
@click.argument("login")
@click.option("--name", required=True, help="Name; visitors read its first word.")
@click.option("--role", type=click.Choice(ROLES), default="staff", show_default=True)
def add(login: str, name: str, role: str) -> None:
    """Make an account and print its one-time password."""
    password = accounts.one_time_password()

    async def make(tx: AsyncConnection) -> Staff:
        person = await accounts.add(tx, login=login, name=name, role=role, password=await accounts.hashed(password))
        await audit.note(tx, "account_added", None, detail=f"{person.login} as {role}, at the command line")
        return person

    person = _in_record(make)
    click.echo(f"{person.login} can sign in at /staff with the one-time password {password}")


@command.command("list")
def list_() -> None:
    """Show every account."""
    for person in _in_record(accounts.everybody):
        marks = [mark for mark, holds in (
            ("closed", person.disabled), ("one-time password", person.must_change),
            ("authenticator", person.has_totp), ("on a break", person.paused_at is not None)) if holds]
        click.echo(f"{person.login:20} {person.role:12} {person.name:30} {', '.join(marks)}".rstrip())


@command.command("reset-password")
@click.argument("login")
@click.option("--authenticator", is_flag=True, help="Remove the authenticator as well (a lost phone).")
def reset_password(login: str, authenticator: bool) -> None:
    """Give a new one-time password, unlock the account and end its sessions."""
    password = accounts.one_time_password()

    async def reset(tx: AsyncConnection) -> None:
        person = await _called(tx, login)
        await accounts.set_password(tx, person.id, await accounts.hashed(password), must_change=True)
        if authenticator:
            await accounts.set_totp(tx, person.id, None)
        await audit.note(tx, "password_reset", None, detail=f"{person.login}, at the command line")

    _in_record(reset)
    click.echo(f"{login} can sign in at /staff with the one-time password {password}")


@command.command()
@click.argument("login")
@click.option("--again", is_flag=True, help="Open a closed account again.")
def close(login: str, again: bool) -> None:
    """Close the account of somebody who left: its sessions end at once."""

    async def shut(tx: AsyncConnection) -> None:
        person = await _called(tx, login)
        await accounts.set_disabled(tx, person.id, not again)
        await audit.note(tx, "account_opened" if again else "account_closed", None,
                         detail=f"{person.login}, at the command line")

    _in_record(shut)
    click.echo(f"The account {login} is {'open again' if again else 'closed'}.")


async def _called(tx: AsyncConnection, login: str) -> Staff:
    found = next((person for person in await accounts.everybody(tx) if person.login == login.lower()), None)
    if found is None:
        raise AccountError(f"There is no account {login!r}; `bin/haven staff list` shows all.")
    return found


def _in_record(work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Do something in one transaction of the record that the settings name; errors become one sentence."""

    async def run() -> Result:
        async with _record() as record, record.write() as tx:
            return await work(tx)

    try:
        return asyncio.run(run())
    except HavenError as error:
        raise click.ClickException(str(error)) from error


@asynccontextmanager
async def _record() -> AsyncIterator[Record]:
    record = Record.of(load_settings())
    try:
        await record.migrate()
        yield record
    finally:
        await record.close()
