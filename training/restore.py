"""Turn models/encoder back into weights to train on from; run by hand, before train.py."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, numpy_helper
from transformers import BertConfig, BertModel


def restore(source: Path, original: Path, target: Path) -> None:
    """Write what train.py starts from into `target`; `original` gives the shape (config.json) only.

    Seven bits of each weight survive the export: enough to go on from, not to publish unchanged.
    """
    target.mkdir(parents=True, exist_ok=True)
    bert = BertModel(BertConfig.from_pretrained(original), add_pooling_layer=False)
    found = dict(weights_of(onnx.load(str(source / "encoder.onnx"))))
    bert.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in found.items()})
    bert.save_pretrained(target)
    for name in ("tokenizer.json", "heads.npz"):
        shutil.copyfile(source / name, target / name)


def weights_of(model: ModelProto) -> Iterator[tuple[str, np.ndarray]]:
    """The weights of an exported encoder under the names that transformers gives them."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, value in stored.items():
        if name.startswith("bert.") and ".word_embeddings." not in name:
            yield name.removeprefix("bert."), value
    rows, scale = (stored[f"bert.embeddings.word_embeddings.{part}"] for part in ("rows", "scale"))
    yield "embeddings.word_embeddings.weight", rows.astype(np.float32) * scale
    yield from _attention(model, stored)
    yield from _dense(model, stored)


def _attention(model: ModelProto, stored: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    for layer, node in enumerate(n for n in model.graph.node if n.op_type == "QAttention"):
        weight = _real(stored, node.input[1], node.input[4], node.input[7])
        parts = zip(np.split(weight, 3, axis=1), np.split(stored[node.input[2]], 3), strict=True)
        for name, (part, bias) in zip(("query", "key", "value"), parts, strict=True):
            yield f"encoder.layer.{layer}.attention.self.{name}.weight", part.T
            yield f"encoder.layer.{layer}.attention.self.{name}.bias", bias


def _dense(model: ModelProto, stored: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    # Three a layer, in the order in which a layer uses them.
    names = ("attention.output.dense", "intermediate.dense", "output.dense")
    for i, node in enumerate(n for n in model.graph.node if n.op_type == "MatMulInteger"):
        scale = node.input[1].removesuffix("_quantized") + "_scale"
        weight = _real(stored, node.input[1], scale, node.input[3])
        yield f"encoder.layer.{i // 3}.{names[i % 3]}.weight", weight.T


def _real(stored: dict[str, np.ndarray], rows: str, scale: str, zero: str) -> np.ndarray:
    return (stored[rows].astype(np.float32) - stored[zero].astype(np.float32)) * stored[scale]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="usually models/encoder")
    parser.add_argument("original", type=Path, help="folder with the original's config.json")
    parser.add_argument("target", type=Path, help="folder to write")
    options = parser.parse_args()
    restore(options.source, options.original, options.target)


if __name__ == "__main__":
    main()
