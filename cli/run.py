"""`bin/haven run`: trains if needed, starts everything on one address, says where to go."""

from __future__ import annotations

import asyncio
import signal
from types import FrameType

import click

from cli.stack import Stack
from cli.train import fits, train
from haven.settings import Settings, load_settings
from switchboard import accounts
from switchboard.records.record import Record

PROGRAMS = ("actions", "assistant", "switchboard")


@click.command()
def command() -> None:
    """Start everything; Ctrl-C stops it."""
    for number in (signal.SIGINT, signal.SIGTERM):  # also where whoever started us had them ignored
        signal.signal(number, _as_ctrl_c)
    settings = load_settings()
    if not fits(settings):
        train(settings)
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


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    """A stop by a service manager ends the processes too."""
    raise KeyboardInterrupt


async def _first_account(settings: Settings) -> tuple[str, str] | None:
    record = Record(settings.database_url)
    try:
        await record.migrate()
        return await accounts.first_account(record, settings.home)
    finally:
        await record.close()


def _tell(settings: Settings, first: tuple[str, str] | None) -> None:
    address = f"http://{settings.host}:{settings.port}"
    login = f"   (first login: {first[0]}, one-time password: {first[1]})" if first else ""
    click.echo(f"\nChat here:        {address}/")
    click.echo(f"Staff log in at:  {address}/staff{login}")
    click.echo("Stop with:        Ctrl-C")
