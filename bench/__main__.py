"""`make bench`: takes every measurement and writes bench/latest.json and docs/performance.md."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from bench import assistant, crisis, floor, growth, machine, replies, report, widget
from haven.settings import ROOT


def script(name: str) -> Callable[[], dict[str, Any]]:
    """A measurement that runs by itself and prints JSON."""

    def measure() -> dict[str, Any]:
        command = [sys.executable, f"bench/{name}.py"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return measure


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "floor": floor.measure, "assistant": assistant.measure, "replies": replies.measure, "crisis": crisis.measure,
    "staff": script("console_live"), "texts": script("sms_load"), "growth": growth.measure, "widget": widget.measure}
LATEST = ROOT / "bench" / "latest.json"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="Take these; keep the others as they were.")
def main(only: tuple[str, ...]) -> None:
    """Measure, write the figures and the page."""
    before: dict[str, Any] = json.loads(LATEST.read_text("utf-8")) if only and LATEST.is_file() else {}
    result = {**before, "machine": machine.about(), "raw": before.get("raw", {})}
    for name in only or PARTS:
        click.echo(f"{name} ...", nl=False)
        start = time.monotonic()
        result["raw"][name] = {**PARTS[name](), "commit": result["machine"]["commit"]}
        click.echo(f" {time.monotonic() - start:.0f} s")
    result.update(report.headlines(result["raw"]))
    LATEST.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    report.write(result)


if __name__ == "__main__":
    main()
