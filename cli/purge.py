"""`bin/haven purge`: removes now what has been kept long enough; the switchboard does it once a day by itself."""

from __future__ import annotations

import click

from cli.record import with_record
from haven.centre import load_centre
from haven.settings import Settings
from switchboard import audit, retention
from switchboard.records.record import Record


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def command(dry_run: bool) -> None:
    """Remove what has been kept long enough, after the periods in data/centre.yml."""

    async def work(settings: Settings, record: Record) -> dict[str, int]:
        removed = await retention.purge(record, load_centre(settings.data), settings.home, dry_run=dry_run)
        if not dry_run:
            async with record.write() as tx:
                await audit.note(tx, "purged", None, detail=f"{sum(removed.values())} rows, at the command line")
        return removed

    for line in retention.in_lines(with_record(work)):
        click.echo(line)
    click.echo("Nothing was removed: this was a dry run." if dry_run else "Done.")
