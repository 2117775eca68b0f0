"""`bin/haven run`: trains if needed, starts everything on one address, says where to go."""

from __future__ import annotations

import asyncio
import os
import signal
from types import FrameType

import click

from cli.stack import Stack
from cli.train import fits, train
from haven.settings import Settings, load_settings
from switchboard import accounts
from switchboard.keys import check_keys
from switchboard.records.record import Record

PROGRAMS = ("actions", "assistant", "switchboard")


@click.command()
def command() -> None:
    """Start everything; Ctrl-C stops it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where whoever started us had them ignored
        signal.signal(number, _as_ctrl_c)
    os.umask(0o077)  # record and log are this account's alone
    settings = load_settings()
    if not fits(settings):
        train(settings)
    _warn(settings)
    stack = Stack(settings, programs=PROGRAMS, log=settings.home / "haven.log")
    click.echo("Starting Haven ...")
    try:
        stack.start()
        first = asyncio.run(_first_account(settings))
        stack.wait_until_ready(lambda words: click.echo(f"  {words}"))
        _tell(settings, first)
        stack.wait()
    except KeyboardInterrupt:
        click.echo("\nStopping ...")
    finally:
        stack.stop()


def _warn(settings: Settings) -> None:
    """Say what is open to others before it is."""
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        click.echo(f"Warning: HAVEN_HOST is {settings.host}, which others can reach, and Haven itself speaks no TLS: "
                   "what visitors write could be read on the way. Put a proxy with HTTPS in front, and leave "
                   "HAVEN_HOST alone.", err=True)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    """A stop by a service manager ends the processes too."""
    raise KeyboardInterrupt


async def _first_account(settings: Settings) -> tuple[str, str] | None:
    record = Record.of(settings)
    try:
        await record.migrate()
        await check_keys(record)
        return await accounts.first_account(record, settings.home)
    finally:
        await record.close()


def _tell(settings: Settings, first: tuple[str, str] | None) -> None:
    address = f"http://{settings.host}:{settings.port}"
    login = f"   (first login: {first[0]}, one-time password: {first[1]})" if first else ""
    click.echo(f"\nChat here:        {address}/")
    click.echo(f"Staff log in at:  {address}/staff{login}")
    click.echo("Stop with:        Ctrl-C")
