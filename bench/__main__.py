"""`make bench`: takes every measurement and writes bench/latest.json and docs/performance.md."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import click

from bench import assistant, capacity, crisis, floor, growth, machine, replies, report, training, widget
from haven.settings import ROOT


def script(name: str) -> Callable[[], dict[str, Any]]:
    """A measurement that runs by itself and prints JSON."""

    def measure() -> dict[str, Any]:
        command = [sys.executable, f"bench/{name}.py"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        result: dict[str, Any] = json.loads(done.stdout)
        return {**result, "passed": done.returncode == 0}

    return measure


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "floor": floor.measure, "training": training.measure, "assistant": assistant.measure, "replies": replies.measure,
    "crisis": crisis.measure,
    "staff": script("console_live"), "texts": script("sms_load"), "growth": growth.measure, "widget": widget.measure}
LATEST = ROOT / "bench" / "latest.json"


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="Take these; keep the others as they were.")
def main(only: tuple[str, ...]) -> None:
    """Measure, write the figures and the page."""
    before: dict[str, Any] = json.loads(LATEST.read_text("utf-8")) if only and LATEST.is_file() else {}
    about, raw = machine.about(), before.get("raw", {})
    for name in only or PARTS:
        click.echo(f"{name} ...", nl=False)
        start = time.monotonic()
        raw[name] = _taken(name)
        raw[name] |= {"took_s": round(time.monotonic() - start), "commit": about["commit"]}
        click.echo(f" {raw[name]['took_s']} s{_what_is_wrong(raw[name])}")
        _write({"date": about["date"], "commit": about["commit"], "machine": about, **report.headlines(raw),
                "raw": raw})
    sys.exit(1 if any(_what_is_wrong(raw[name]) for name in only or PARTS) else 0)


def _taken(name: str) -> dict[str, Any]:
    """What a part measured; a part that fails must not cost the figures of the others."""
    try:
        return PARTS[name]()
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def _what_is_wrong(figures: dict[str, Any]) -> str:
    if "error" in figures:
        return f", failed: {figures['error']}"
    return "" if figures.get("passed", True) else ", but messages were lost"


def _write(result: dict[str, Any]) -> None:
    LATEST.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    report.write(result)
    capacity.write(result)


if __name__ == "__main__":
    main()
