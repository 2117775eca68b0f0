"""`bin/haven backup`: the record in one file, taken while Haven runs."""

from __future__ import annotations

from pathlib import Path

import click

from haven.settings import load_settings
from switchboard.records import backup


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path) -> None:
    """Write a consistent backup of the record to FILE while Haven runs. It holds visitors' words: keep it safe."""
    manifest = backup.make(load_settings(), file.absolute())
    click.echo(f"{file}: the record of {manifest['made_at']}, version {manifest['version']}, "
               f"{file.stat().st_size // 1024} KiB, {manifest['texts']} text(s) that wait on the disk.")
    click.echo("Not in it, and needed with it: " + ", ".join(f"HAVEN_{name.upper()}" for name in manifest["secrets"])
               + " (or secrets.json of the home folder). Keep them elsewhere.")
