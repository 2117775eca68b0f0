"""`bin/haven`: finds the command and words its errors as one sentence."""

from __future__ import annotations

import sys

import click

from haven.errors import HavenError

# command -> module that holds it; loaded only when asked for, since some take seconds to import
COMMANDS = {
    "run": "cli.run",
    "reload": "cli.reload",
    "migrate": "cli.migrate",
    "train": "cli.train",
    "ask": "cli.ask",
    "check": "cli.check",
    "evaluate": "cli.evaluate",
    "staff": "cli.staff",
    "content": "cli.content",
    "feedback": "cli.feedback",
    "sms": "cli.sms",
    "keys": "cli.keys",
    "purge": "cli.purge",
    "erase": "cli.erase",
    "export": "cli.export",
    "backup": "cli.backup",
    "restore": "cli.restore",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = __import__(COMMANDS[name], fromlist=["command"])
        command: click.Command = module.command
        return command


@click.command(cls=_Commands)
def main() -> None:
    """Haven: recovery-support chat for addiction treatment centres."""


if __name__ == "__main__":
    try:
        main(prog_name="haven")
    except HavenError as error:
        sys.exit(f"haven: {error}")
