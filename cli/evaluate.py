"""`bin/haven evaluate`: sends labelled messages through the whole way and prints how they were scored."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli.ask import BadLine, ask_all, read_lines, whole_way
from haven.crisis import Guard
from haven.crisis.floor import read
from haven.crisis.measure import measure, measure_conversations
from haven.errors import HavenError
from haven.settings import ROOT, load_settings

SETS = ROOT.parent / "shared" / "evaluation"

# group -> the sets it runs: (file, how score.py scores it)
GROUPS: dict[str, tuple[tuple[str, str], ...]] = {
    "guard": (),
    "crisis": (("crisis", "crisis"), ("benign", "benign"), ("sequences", "sequences"),
               ("public_suicide", "suicide"), ("public_benign_easy", "benign"), ("public_benign_hard", "benign"),
               ("public_out_of_scope", "benign")),
    "faq": (("faq", "faq"), ("abstain", "abstain"), ("public_chitchat", "answered"),
            ("public_out_of_scope", "answered"), ("public_faq", "answered")),
    "handoff": (("handoff", "handoff"), ("public_handoff", "asked")),
}


class NoSets(HavenError):
    """There are no labelled messages where they were looked for, or they cannot be read or scored."""


@click.command()
@click.argument("groups", nargs=-1, type=click.Choice(sorted(GROUPS)))
@click.option("--sets", type=click.Path(path_type=Path), default=SETS,
              help="Folder with score.py and the sets, FOLDER/dev/*.jsonl or FOLDER/*.jsonl.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder to keep the answers in.")
def command(groups: tuple[str, ...], sets: Path, keep: Path | None) -> None:
    """Score the running system on labelled messages; all groups where none is named.

    "faq", "handoff" and "crisis" start Haven; "guard" starts nothing: the crisis guard alone, by kind, style and
    language ("crisis" prints it too). Sets that the folder does not hold are named and left out.
    """
    wanted = _there(sets, [pair for group in groups or GROUPS for pair in GROUPS[group]])
    if not groups or {"guard", "crisis"} & set(groups):
        _guard_alone(sets)
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(_answer(sets, folder, list(dict.fromkeys(name for name, _ in wanted))))
        for name, kind in wanted:
            _score(sets, folder, name, kind)


def _there(sets: Path, asked: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The sets that can be run. Raises NoSets when one cannot be read, or none of those asked for is there."""
    there = [(name, kind) for name, kind in asked if _path(sets, name).is_file()]
    if asked and not there:
        names = ", ".join(f"{name}.jsonl" for name, _ in asked)
        raise NoSets(f"None of {names} is in {sets}. Name the folder of the sets: bin/haven evaluate --sets FOLDER")
    if any(kind not in COUNTS for _, kind in there) and not (sets / "score.py").is_file():
        raise NoSets(f"There is no score.py in {sets}. Name its folder: bin/haven evaluate --sets FOLDER")
    for name, _ in there:
        _rows(_path(sets, name))
    for name in dict.fromkeys(name for name, _ in asked if not _path(sets, name).is_file()):
        click.echo(f"{name}.jsonl is not there; left out.", err=True)
    return there


def _path(sets: Path, name: str) -> Path:
    folder = sets / "dev"
    return (folder if folder.is_dir() else sets) / f"{name}.jsonl"


def _guard_alone(sets: Path) -> None:
    settings = load_settings()
    guard = Guard.load(settings.data, settings.models)
    own, _ = read(settings.data)
    told = {"own messages in danger": [row for row in own if row["level"] != "none"],
            "own look-alikes": [row for row in own if row["level"] == "none"]}
    for name in ("crisis", "benign", "public_suicide", "public_benign_easy", "public_benign_hard",
                 "public_out_of_scope", "public_chitchat"):
        if _path(sets, name).is_file():
            told[f"dev/{name}"] = _rows(_path(sets, name))
    for name, rows in told.items():
        report = measure(guard, rows)
        click.echo(f"\n== {name}, the guard alone")
        for group, tally in sorted(report.groups.items(), key=lambda item: (item[0] != "all", item[0])):
            click.echo(f"{group}: {tally.line()}")
        click.echo(f"processor time: {report.times()}")
    if not _path(sets, "sequences").is_file():
        return
    right, wrong = measure_conversations(guard, _rows(_path(sets, "sequences")))
    click.echo(f"\n== dev/sequences, the guard alone\nhandled: {right} of {right + len(wrong)} {wrong}")


async def _answer(sets: Path, folder: Path, names: list[str]) -> None:
    async with whole_way() as parts:
        for name in names:
            lines = [_question(line) for line in _rows(_path(sets, name))]
            start = time.monotonic()
            with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as output:
                async for answer in ask_all(parts, lines):
                    output.write(json.dumps(answer, ensure_ascii=False) + "\n")
            pace = len(lines) / (time.monotonic() - start)
            click.echo(f"{name}: {len(lines)} asked, {pace:.0f} a second", err=True)


def _question(row: dict[str, Any]) -> dict[str, Any]:
    """What a visitor would send; labels stay here."""
    return {key: row[key] for key in ("id", "text", "turns") if key in row}


def _score(sets: Path, folder: Path, name: str, kind: str) -> None:
    click.echo(f"\n== {name}")
    answers = folder / f"{name}.jsonl"
    if kind in COUNTS:
        rows = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
        words, holds = COUNTS[kind]
        hits = [row["id"] for row in rows if holds(row)]
        click.echo(f"{words}: {len(hits)}/{len(rows)} = {len(hits) / len(rows):.3f} {hits[:25]}")
        return
    done = subprocess.run(
        [sys.executable, str(sets / "score.py"), kind, str(_path(sets, name)), str(answers)],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = (done.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise NoSets(f"score.py cannot score {name}.jsonl: {why}")
    click.echo(done.stdout.rstrip())


# Sets that score.py has no table for: a share of the answers.
COUNTS: dict[str, tuple[str, Callable[[dict[str, Any]], bool]]] = {
    "answered": ("answered as an FAQ", lambda row: row["answered"]),
    "asked": ("a person asked for", lambda row: row["handoff"]),
    "suicide": ("acute or possible", lambda row: row["crisis"]["level"] in ("acute", "possible")),
}


def _rows(path: Path) -> list[dict[str, Any]]:
    """The messages of a set. Raises NoSets with the line that is none."""
    try:
        with path.open(encoding="utf-8") as handle:
            return list(read_lines(handle))
    except (BadLine, OSError, UnicodeDecodeError) as error:
        raise NoSets(f"{path.name} cannot be read: {error}") from error
