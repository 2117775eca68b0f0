"""`bin/haven train`: trains the assistant when its content changed."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import click

from cli.stack import environment
from haven.errors import HavenError
from haven.settings import ROOT, Settings, load_settings

# What a model is made from: any change here asks for a new one.
SOURCES = ("config.yml", "domain.yml", "data/faq", "data/unsupported.yml", "data/texts.yml", "data/crisis",
           "data/nlu", "data/rules", "data/claims.yml", "data/corrections.yml", "data/sources.yml",
           "data/documents", "data/faq_extra", "assistant", "haven/retrieval", "haven/notes.py", "haven/encoder.py",
           "haven/content.py", "models/encoder/encoder.json", "requirements/assistant.txt")


class TrainingFailed(HavenError):
    """Rasa could not train; the log says why."""


@click.command()
@click.option("--force", is_flag=True, help="Train even if the model fits the content.")
def command(force: bool) -> None:
    """Train the assistant, if no model fits the content."""
    settings = load_settings()
    if fits(settings) and not force:
        click.echo("The trained assistant fits the content; nothing to do.")
        return
    train(settings)


def fits(settings: Settings) -> bool:
    """Whether the model in the models folder was trained from what is here now."""
    try:
        stamp = json.loads(_stamp(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    model = settings.models / "haven.tar.gz"
    return bool(model.is_file() and stamp.get("fingerprint") == fingerprint()
                and stamp.get("sha256") == _sha256(model))


def train(settings: Settings) -> None:
    """Run Rasa's training and stamp the model. Raises TrainingFailed."""
    click.echo("Training the assistant (one to two minutes) ...")
    before, log, start = fingerprint(), settings.home / "train.log", time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROOT / ".venv/assistant/bin/python"), "-m", "rasa", "train", "--force",  # our stamp says when
             "--data", "data/nlu", "data/rules", "--fixed-model-name", "haven", "--out", str(settings.models)],
            cwd=ROOT, env=environment(settings), stdout=output, stderr=subprocess.STDOUT)
        _follow(process, log)
    model = settings.models / "haven.tar.gz"
    if process.returncode != 0 or not model.is_file():
        raise TrainingFailed(f"The assistant could not be trained; {log} says why.")
    _stamp(settings).write_text(json.dumps({"fingerprint": before, "sha256": _sha256(model)}), encoding="utf-8")
    click.echo(f"Trained in {time.monotonic() - start:.0f} s.")


def _follow(process: subprocess.Popen[bytes], log: Path) -> None:
    """Say which component is being trained, as Rasa's log names it, until the training ends."""
    said = 0
    while process.poll() is None:
        stages = re.findall(r"Starting to train component '([\w.]+)'", log.read_text("utf-8", "replace"))
        for stage in stages[said:]:
            click.echo(f"  {stage} ...")
        said = len(stages)
        time.sleep(0.5)


def fingerprint() -> str:
    """A hash over every file a model is made from."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for source in SOURCES:
        path = ROOT / source
        if path.is_dir():
            yield from sorted(f for f in path.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
        elif path.is_file():
            yield path


def _stamp(settings: Settings) -> Path:
    return settings.models / "haven.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
