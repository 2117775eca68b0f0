"""Holds the guard to what was accepted: no change may lower recall on data/safety; run by `bin/haven check` and CI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from haven.crisis.guard import Guard
from haven.errors import ContentError

_OVERDOSE = frozenset({"overdose_other", "overdose_self", "sleepy_after_use", "naloxone_given"})

Row = Mapping[str, Any]


def below_floor(data: Path, models: Path) -> list[str]:
    """What is worse than data/safety/floor.yml accepts, in words; empty when all holds.

    Both guards are held: the whole one, and the rules that work alone when the model is missing.
    Raises ContentError when the messages or the floor cannot be read.
    """
    rows, floor = read(data)
    whole = Guard.load(data, models)
    faults = [f"the guard does not work in full: {whole.degraded}"] if whole.degraded else []
    for name, guard in (("whole guard", whole), ("rules alone", Guard.load(data, data / "no models here"))):
        faults += _compared(name, shares(guard, rows), floor[name])
    return faults


def read(data: Path) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """The messages of data/safety and the accepted shares by guard; raises ContentError naming what is wrong."""
    folder = Path(data) / "safety"
    try:
        lines = (folder / "messages.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines], yaml.safe_load((folder / "floor.yml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ContentError([f"{folder}: {error!r}"]) from error


def shares(guard: Guard, rows: Sequence[Row]) -> dict[str, float]:
    """Shares of 0 to 1 by name: what is found of danger ("found: ..."), what alarms without ("alarm: ...")."""
    levels = {row["text"]: guard.assess(row["text"]).level for row in rows}
    return {
        name: sum(levels[row["text"]] in wanted for row in group) / len(group)
        for name, group, wanted in _groups(rows)
    }  # fmt: skip


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row], tuple[str, ...]]]:
    acute = [row for row in rows if row["level"] == "acute"]
    calm = [row for row in rows if row["level"] == "none"]
    some = ("acute", "possible")
    yield "found: acute danger called acute", acute, ("acute",)
    yield "found: acute danger", acute, some
    yield "found: overdoses", [row for row in acute if row["kind"] in _OVERDOSE], some
    yield "found: suicide", [row for row in acute if str(row["kind"]).startswith("suicide")], some
    yield "found: Spanish and mixed", [row for row in acute if row["lang"] != "en"], some
    yield "found: possible danger", [row for row in rows if row["level"] == "possible"], some
    yield "alarm: look-alikes called acute", calm, ("acute",)
    yield "alarm: look-alikes", calm, some


def _compared(guard: str, found: Mapping[str, float], floor: Mapping[str, float]) -> Iterator[str]:
    for name, share in found.items():
        worse = share < floor[name] if name.startswith("found") else share > floor[name]
        if worse:
            yield f"{guard}, {name}: {share:.3f}, accepted is {floor[name]:.3f}"
