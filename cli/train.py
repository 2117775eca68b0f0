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

from cli.model_archive import sha256
from cli.stack import environment
from haven.errors import HavenError
from haven.settings import ROOT, Settings, load_settings

# What a model is made from: any change here asks for a new one. The second: in the folder of the content.
SOURCES = ("config.yml", "domain.yml", "assistant", "haven/retrieval", "haven/notes.py", "haven/encoder.py",
           "haven/content.py", "requirements/assistant.txt")
CONTENT = ("faq", "faq_extra", "unsupported.yml", "texts.yml", "crisis", "nlu", "rules", "claims.yml",
           "corrections.yml", "sources.yml", "documents")


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
    return bool(model.is_file() and stamp.get("fingerprint") == fingerprint(settings)
                and stamp.get("sha256") == sha256(model))


def train(settings: Settings) -> None:
    """Run Rasa's training and stamp the model. Raises TrainingFailed."""
    click.echo("Training the assistant (one to two minutes) ...")
    before, log, start = fingerprint(settings), settings.home / "train.log", time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROOT / ".venv/assistant/bin/python"), "-m", "rasa", "train", "--force",  # our stamp says when
             "--data", str(settings.data / "nlu"), str(settings.data / "rules"),
             "--fixed-model-name", "haven", "--out", str(settings.models)],
            cwd=ROOT, env=environment(settings), stdout=output, stderr=subprocess.STDOUT)
        _follow(process, log)
    model = settings.models / "haven.tar.gz"
    if process.returncode != 0 or not model.is_file():
        raise TrainingFailed(f"The assistant could not be trained; {log} says why.")
    _stamp(settings).write_text(json.dumps({"fingerprint": before, "sha256": sha256(model)}), encoding="utf-8")
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


def fingerprint(settings: Settings) -> str:
    """A hash over every file a model is made from, wherever the content and the encoder lie."""
    digest = hashlib.sha256()
    for name, path in _files(settings):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    places = [(source, ROOT / source) for source in SOURCES]
    places += [(f"data/{source}", settings.data / source) for source in CONTENT]
    places.append(("models/encoder.json", settings.models / "encoder" / "encoder.json"))
    for name, place in places:
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        yield from ((f"{name}/{path.relative_to(place)}", path) for path in files
                    if path.is_file() and "__pycache__" not in path.parts)


def _stamp(settings: Settings) -> Path:
    return settings.models / "haven.json"
