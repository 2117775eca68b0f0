"""`bin/haven check`: names every fault of the content at once."""

from __future__ import annotations

import sys
from datetime import date

import click

from haven.check import check
from haven.settings import load_settings


@click.command()
def command() -> None:
    """Check the content under data/; ends with 1 when there is a fault."""
    faults = check(load_settings().data, date.today())
    for fault in faults:
        click.echo(str(fault))
    errors = [fault for fault in faults if not fault.warning]
    click.echo(f"{len(errors)} fault(s), {len(faults) - len(errors)} warning(s) in the content.")
    sys.exit(1 if errors else 0)
