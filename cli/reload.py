"""`bin/haven reload`: restarts the assistants one after the other, so that a new model costs no visitor an answer."""

from __future__ import annotations

import time

import click

from cli.model_archive import CannotStart
from cli.stack import READY_SECONDS, Stack, is_answering
from haven.settings import Settings, load_settings

POLL_SECONDS = 0.25


@click.command()
def command() -> None:
    """Load a new model: restart each assistant once the one before it is ready."""
    settings = load_settings()
    reload(settings)
    click.echo("Every assistant runs the new model.")


def reload(settings: Settings) -> None:
    """Restart the assistants of the Haven that runs in this home, in turn.

    Raises CannotStart where there is only one (its visitors would get no answers meanwhile), where another is not
    ready, or when one does not come back; the rest then keep the old model and go on.
    """
    if settings.assistants < 2:
        raise CannotStart("One assistant cannot be reloaded without a gap. Set HAVEN_ASSISTANTS=2, or restart Haven.")
    for url in settings.assistant_urls:
        if not is_answering(f"{url}/webhooks/haven/ready"):
            raise CannotStart(f"The assistant at {url} is not ready; nothing was restarted.")
    stack = Stack(settings, programs=("assistant",))
    for number, url in enumerate(settings.assistant_urls):
        stack.control("restart", f"assistant:{settings.assistant_port + number}")
        _wait_for(f"{url}/webhooks/haven/ready")


def _wait_for(url: str) -> None:
    limit = time.monotonic() + READY_SECONDS
    while not is_answering(url):
        if time.monotonic() > limit:
            raise CannotStart(f"{url} did not answer within {READY_SECONDS:.0f} s; the other assistants go on.")
        time.sleep(POLL_SECONDS)
