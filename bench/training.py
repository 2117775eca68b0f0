"""Full training: ours, done anew on this machine; Rasa's default as `make bench-peer` noted it."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.assistant import PEER
from cli.train import train
from haven.settings import load_settings


def measure() -> dict[str, Any]:
    """{"haven": {"seconds", "processor_seconds"}, "peer": its notes or None}.

    The peer's `full_seconds_at_best` is the least that all its epochs can take here: their processor time spread
    over every core with nothing beside it. The ratio is taken against that, which flatters the peer.
    """
    notes = PEER / "training.json"
    peer = json.loads(notes.read_text(encoding="utf-8")) if notes.is_file() else None
    if peer:
        peer["full_seconds_at_best"] = round(peer["full_processor_seconds"] / peer["cores"])
    return {"haven": _ours(), "peer": peer}


def _ours() -> dict[str, Any]:
    made = load_settings()
    with tempfile.TemporaryDirectory(prefix="haven-bench-") as folder:
        home = Path(folder)
        (home / "encoder").symlink_to(made.models / "encoder")
        before, start = _processor(), time.perf_counter()
        train(replace(made, home=home, models=home))
        return {"seconds": round(time.perf_counter() - start), "processor_seconds": round(_processor() - before)}


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
