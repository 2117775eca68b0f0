"""Turn encoder weights into the int8 ONNX file of models/encoder; run by hand, never by Haven itself."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.optimizer import optimize_model
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from haven.encoder import plain  # noqa: E402

ORIGINAL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


FILES = ("encoder.onnx", "tokenizer.json", "heads.npz", "words.npz", "judge.json")


class SmallEmbedding(torch.nn.Module):
    """A word table of int8 rows with one scale a row: a quarter of the size, cosine above 0.9999."""

    def __init__(self, table: torch.nn.Embedding) -> None:
        super().__init__()
        weight = table.weight.detach()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("rows", torch.round(weight / scale).to(torch.int8))
        self.register_buffer("scale", scale)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.rows[ids].to(torch.float32) * self.scale[ids]


class SentenceVector(torch.nn.Module):
    """Mean of the token vectors, of length one: what sentence-transformers calls mean pooling."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1)
        return torch.nn.functional.normalize(mean, dim=1)


def load_bert(folder: Path) -> BertModel:
    """The BERT of a folder with config.json and model.safetensors."""
    return BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()


def export(source: Path, target: Path, *, note: str, max_tokens: int = 128) -> None:
    """Write encoder.onnx (int8), tokenizer.json and encoder.json with checksums into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        full = Path(work) / "full.onnx"
        write_onnx(load_bert(source), full)
        shrink(full, target / "encoder.onnx", layers=BertConfig.from_pretrained(source))
    for name in ("tokenizer.json", "heads.npz", "words.npz", "judge.json"):
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    keep_sample(source, target / "sample.npz")
    config = BertConfig.from_pretrained(source)
    describe(target, note=note, dim=config.hidden_size, max_tokens=max_tokens)


def write_onnx(bert: BertModel, path: Path) -> None:
    model = SentenceVector(bert).eval()
    model.bert.embeddings.word_embeddings = SmallEmbedding(bert.embeddings.word_embeddings)
    ids = torch.tensor([[101, 7592, 2088, 102], [101, 7592, 102, 0]])
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "texts", 1: "tokens"} for name in names}
    torch.onnx.export(
        model, (ids, (ids != 0).long()), str(path), input_names=names, output_names=["vector"],
        dynamic_axes={**axes, "vector": {0: "texts"}}, opset_version=17, dynamo=False,
    )


def shrink(full: Path, target: Path, *, layers: BertConfig) -> None:
    fused = full.with_name("fused.onnx")
    optimised = optimize_model(
        str(full), model_type="bert", num_heads=layers.num_attention_heads, hidden_size=layers.hidden_size
    )
    print("fused:", optimised.get_fused_operator_statistics())
    optimised.save_model_to_file(str(fused))
    quantize_dynamic(
        fused, target, op_types_to_quantize=["MatMul", "Gemm", "Attention"], per_channel=True,
        # Seven bits: on processors without VNNI eight would overflow, and two machines would disagree.
        reduce_range=True, weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    onnx.checker.check_model(str(target))


@torch.no_grad()
def keep_sample(source: Path, target: Path) -> None:
    """The unreduced model's vectors of training/sample.txt, which a test holds against the int8 ones."""
    texts = (HERE / "sample.txt").read_text(encoding="utf-8").splitlines()
    tokenizer, model = Tokenizer.from_file(str(source / "tokenizer.json")), SentenceVector(load_bert(source)).eval()
    tokenizer.no_padding()
    rows = [torch.tensor([tokenizer.encode(plain(text)).ids]) for text in texts]
    vectors = [model(row, torch.ones_like(row))[0].numpy().astype(np.float16) for row in rows]
    np.savez_compressed(target, texts=np.array(texts), vectors=np.stack(vectors))


def describe(target: Path, *, note: str, dim: int, max_tokens: int) -> None:
    names = [name for name in FILES if (target / name).is_file()]
    files = {name: hashlib.sha256((target / name).read_bytes()).hexdigest() for name in names}
    facts = {"note": note, "dim": dim, "max_tokens": max_tokens, "files": files}
    (target / "encoder.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with config.json, model.safetensors, tokenizer.json")
    parser.add_argument("target", type=Path, help="folder to write, usually models/encoder")
    parser.add_argument("--note", default="all-MiniLM-L6-v2, unchanged, int8")
    parser.add_argument("--original", action="store_true", help="insist on the published checksum")
    options = parser.parse_args()
    found = hashlib.sha256((options.source / "model.safetensors").read_bytes()).hexdigest()
    if options.original and found != ORIGINAL_SHA256:
        raise SystemExit(f"model.safetensors has checksum {found}, the published one is {ORIGINAL_SHA256}")
    export(options.source, options.target, note=options.note)


if __name__ == "__main__":
    main()
