"""Trains Rasa's default pipeline on Haven's content: `.venv/assistant/bin/python bench/peer/train.py EPOCHS`.

The model goes to models/peer. An epoch takes minutes on two cores; `bench/peer/score.py` says how well it answers.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = Path(__file__).with_name("config.yml")
FOLDER = ROOT / "models" / "peer"


def main() -> None:
    """Write the config with the epochs asked for, train, say how long it took."""
    if len(sys.argv) != 2 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    FOLDER.mkdir(parents=True, exist_ok=True)
    config = FOLDER / "config.yml"
    config.write_text(yaml.safe_dump(with_epochs(int(sys.argv[1])), sort_keys=False), encoding="utf-8")
    start = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "rasa", "train", "nlu", "--config", str(config), "--domain", "domain.yml",
         "--nlu", "data/nlu", "--out", str(FOLDER), "--fixed-model-name", "peer"],
        cwd=ROOT, check=True)
    print(f"trained in {time.monotonic() - start:.0f} s")


def with_epochs(epochs: int) -> dict:
    """The default pipeline, every trainable component for so many epochs."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    config["pipeline"] = [{**part, **({"epochs": epochs} if "epochs" in part else {})} for part in config["pipeline"]]
    return config


if __name__ == "__main__":
    main()
