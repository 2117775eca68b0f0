"""`bin/haven check`: names every fault of the content at once, and every loss of recall."""

from __future__ import annotations

import sys
from datetime import date

import click

from haven.check import check
from haven.crisis.floor import below_floor
from haven.settings import load_settings


@click.command()
def command() -> None:
    """Check the content under data/ and what the crisis guard finds; ends with 1 when there is a fault."""
    settings = load_settings()
    faults = check(settings.data, date.today())
    for fault in faults:
        click.echo(str(fault))
    errors = [fault for fault in faults if not fault.warning]
    click.echo(f"{len(errors)} fault(s), {len(faults) - len(errors)} warning(s) in the content.")
    worse = below_floor(settings.data, settings.models)
    for line in worse:
        click.echo(f"The crisis guard finds less, or alarms more, than data/safety/floor.yml accepts. {line}")
    sys.exit(1 if errors or worse else 0)
