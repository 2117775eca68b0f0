"""Trains Rasa's default pipeline and policies on Haven's content: `make bench-peer EPOCHS=n`.

The model goes to models/peer, with training.json beside it: what the training took, and what all 100 epochs of the
default would have taken, reckoned from the epochs that ran. `bench/peer/score.py` says how well it answers.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name("config.yml")
STORIES = Path(__file__).with_name("stories.yml")
FOLDER = ROOT / "models" / "peer"
DEFAULT_EPOCHS = 100
# Keras' progress bar when a component's last epoch is done, written several times: "5/5 [12:34<00:00, ...".
FINISHED = re.compile(r"Epochs: 100%\|[^|]*\| (\d+)/\1 \[((?:\d+:)?\d+:\d+)<")


def main() -> None:
    """Write the config with the epochs asked for, train, note what it took."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    epochs = int(sys.argv[1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    config = FOLDER / "config.yml"
    config.write_text(yaml.safe_dump(with_epochs(epochs), sort_keys=False), encoding="utf-8")
    start, log = time.monotonic(), FOLDER / "training.log"
    with log.open("wb") as output:
        subprocess.run(
            [sys.executable, "-m", "rasa", "train", "--config", str(config), "--domain", "domain.yml",
             "--data", str(STORIES), "--out", str(FOLDER), "--fixed-model-name", "haven", "--force"],
            cwd=ROOT, check=True, stdout=output, stderr=subprocess.STDOUT)
    taken = what_it_took(epochs, time.monotonic() - start, log.read_bytes().decode("utf-8", "replace"))
    (FOLDER / "training.json").write_text(json.dumps(taken), encoding="utf-8")
    print(json.dumps(taken))


def with_epochs(epochs: int) -> dict:
    """The default configuration, every trainable component for so many epochs."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for part in ("pipeline", "policies"):
        config[part] = [{**item, **({"epochs": epochs} if "epochs" in item else {})} for item in config[part]]
    return config


def what_it_took(epochs: int, seconds: float, log: str) -> dict:
    """Seconds of wall and processor time, and the same for all epochs of the default.

    Only the time between a component's first and last epoch grows with their number. Processor time says more than
    wall time where something else ran beside it.
    """
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = used.ru_utime + used.ru_stime
    in_epochs = sum(_in_epochs(line) for line in log.split("\n"))  # a bar is redrawn after \r
    if not in_epochs:
        raise SystemExit("Rasa's log shows no finished epochs; the time of a full training cannot be reckoned.")
    growth = 1 + in_epochs / seconds * (DEFAULT_EPOCHS / epochs - 1)
    return {"epochs": epochs, "seconds": round(seconds), "processor_seconds": round(processor),
            "seconds_in_epochs": in_epochs, "full_seconds": round(seconds * growth),
            "full_processor_seconds": round(processor * growth), "cores": os.cpu_count(),
            "peak_mib": used.ru_maxrss // 1024}


def _in_epochs(line: str) -> int:
    """Seconds that one component's epochs took; 0 for a line of the log that is no finished progress bar."""
    bars = FINISHED.findall(line)
    return _seconds(bars[-1][1]) if bars else 0


def _seconds(clock: str) -> int:
    """Seconds of "12:34" or "1:02:03"."""
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    return total


if __name__ == "__main__":
    main()
