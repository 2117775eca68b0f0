"""The weighted mean of two runs of train.py, the second gone on from the first; run by hand, before export.py."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file


def mean_of(first: Path, second: Path, target: Path, *, share: float) -> None:
    """Write (1 - share) of `first` and `share` of `second` into `target`, encoder and heads alike.

    Runs that share a past may be averaged (Izmailov et al. 2018): the mean is steadier than either.
    """
    target.mkdir(parents=True, exist_ok=True)
    a, b = (load_file(folder / "model.safetensors") for folder in (first, second))
    weights = {name: ((1 - share) * a[name] + share * b[name]).contiguous() for name in a}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    with np.load(first / "heads.npz") as x, np.load(second / "heads.npz") as y:
        np.savez(target / "heads.npz", **_heads(x, y, share))
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(second / name, target / name)


def _heads(x: np.lib.npyio.NpzFile, y: np.lib.npyio.NpzFile, share: float) -> dict[str, np.ndarray]:
    heads = {name: y[name] for name in y.files}
    for name in ("level_w", "level_b", "kind_w", "kind_b"):
        heads[name] = (1 - share) * x[name] + share * y[name]
    # A label that only the second run knows keeps its own row.
    before = {str(label): row for label, row in zip(x["names"], x["names_w"], strict=True)}
    rows = zip(y["names"], y["names_w"], strict=True)
    means = [(1 - share) * before.get(str(label), row) + share * row for label, row in rows]
    heads["names_w"] = np.stack([row / np.linalg.norm(row) for row in means]).astype(np.float32)
    return heads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--share", type=float, default=0.6, help="of the second, 0 to 1")
    options = parser.parse_args()
    mean_of(options.first, options.second, options.target, share=options.share)


if __name__ == "__main__":
    main()
