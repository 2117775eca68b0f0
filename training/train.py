"""Fine-tune the sentence encoder for all of Haven's tasks at once; run by hand, its result is models/encoder."""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from export import load_bert  # noqa: E402
from noise import noisy  # noqa: E402

from haven.crisis.values import KIND_ORDER, LEVELS  # noqa: E402
from haven.encoder import plain  # noqa: E402

KINDS = ("none", *KIND_ORDER)
MAX_TOKENS = 128
# Learnt twice an epoch: written where the confusion matrix showed need.
TWICE = ("written_later", "everyday_and_terse", "more_voices")


@dataclass(frozen=True)
class Row:
    """One training message: its danger, and its question or intent ('' where it has none)."""

    text: str
    level: str
    kind: str
    label: str
    lang: str
    why: str
    source: str


def read_rows(folder: Path, everyday: Path | None) -> list[Row]:
    """All messages of training/messages, and the public everyday ones when their file is given."""
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in _read(path)] + list(_pasted())
    return rows + (_read(everyday, label="out_of_scope", why="everyday") if everyday else [])


def _pasted() -> Iterator[Row]:
    """The sentences of the documents: whoever pastes or quotes one is in no danger."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((HERE.parent / "data" / "documents").glob("*.txt"))]
    sentences = (" ".join(part.split()) for text in texts for part in re.split(r"(?<=[.?!])\s+|\n+", text))
    for sentence in dict.fromkeys(sentences):
        if 30 <= len(sentence) <= 300:
            yield Row(sentence, "none", "none", "", "en", "documents", "documents")


def _read(path: Path, *, label: str = "", why: str = "") -> list[Row]:
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [
        Row(
            text=r["text"], level=r.get("level", "none"), kind=r.get("kind", "none"), label=r.get("label", label),
            lang=r.get("lang", "en"), why=r.get("why", why), source=path.stem,
        )
        for r in found
    ]  # fmt: skip


class Tasks(torch.nn.Module):
    """The encoder and its heads: level, kind and question or intent, all from one unit vector."""

    def __init__(self, bert: torch.nn.Module, labels: int) -> None:
        super().__init__()
        self.bert = bert
        dim = bert.config.hidden_size
        self.level = torch.nn.Linear(dim, len(LEVELS))
        self.kind = torch.nn.Linear(dim, len(KINDS))
        self.names = torch.nn.Parameter(torch.randn(labels, dim) * 0.02)
        self.scale = 12.0

    def vectors(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1)
        return functional.normalize(mean.float(), dim=1)

    def heads(self, vectors: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        grown = vectors * self.scale
        names = functional.normalize(self.names, dim=1)
        return self.level(grown), self.kind(grown), vectors @ names.T * 20.0


def loss_of(model: Tasks, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    vectors = model.vectors(batch["ids"], batch["mask"])
    level, kind, name = model.heads(vectors)
    total = functional.cross_entropy(level, batch["level"], label_smoothing=0.03)
    total = total + 0.4 * functional.cross_entropy(kind, batch["kind"], label_smoothing=0.03)
    named = batch["label"] >= 0
    if named.any():
        total = total + 0.5 * functional.cross_entropy(name[named], batch["label"][named], label_smoothing=0.05)
    return total


class Batches:
    """An epoch's batches: noise, joined messages, like lengths together."""

    def __init__(self, rows: list[Row], tokenizer: Tokenizer, labels: dict[str, int], *, size: int) -> None:
        self.rows, self.tokenizer, self.labels, self.size = rows, tokenizer, labels, size
        self.calm = [row for row in rows if row.level == "none" and row.why not in ("information", "grief")]

    def epoch(self, seed: int) -> list[dict[str, torch.Tensor]]:
        rng = random.Random(seed)
        items = [self._item(row, rng) for row in self.rows for _ in range(self._times(row))]
        items.sort(key=lambda item: len(item[0]) + rng.random() * 8)
        batches = [self._stack(items[i : i + self.size]) for i in range(0, len(items), self.size)]
        rng.shuffle(batches)
        return batches

    @staticmethod
    def _times(row: Row) -> int:
        return 2 if row.lang in ("es", "mix") or row.source in TWICE else 1

    def _item(self, row: Row, rng: random.Random) -> tuple[list[int], Row, bool]:
        text, label = row.text, True
        if rng.random() < 0.5:
            text = noisy(text, rng)
        # Danger stays danger inside small talk; two calm messages stay calm.
        if row.why != "fiction" and rng.random() < 0.12:
            other = rng.choice(self.calm).text
            text, label = f"{other} {text}" if rng.random() < 0.7 else f"{text} {other}", False
        return self.tokenizer.encode(plain(text)).ids, row, label

    def _stack(self, items: list[tuple[list[int], Row, bool]]) -> dict[str, torch.Tensor]:
        width = max(len(ids) for ids, _, _ in items)
        ids = torch.zeros((len(items), width), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, (row_ids, _, _) in enumerate(items):
            ids[i, : len(row_ids)] = torch.tensor(row_ids)
            mask[i, : len(row_ids)] = 1
        rows = [row for _, row, _ in items]
        return {
            "ids": ids,
            "mask": mask,
            "level": torch.tensor([LEVELS.index(row.level) for row in rows]),
            "kind": torch.tensor([KINDS.index(row.kind) for row in rows]),
            "label": torch.tensor([
                self.labels.get(row.label, -1) if keep else -1 for _, row, keep in items
            ]),
        }  # fmt: skip


def parameter_groups(model: Tasks, rate: float) -> list[dict]:
    """Lower layers learn slower: they hold the language, the upper ones the task."""
    layers = list(model.bert.encoder.layer)
    groups = [{"params": model.bert.embeddings.parameters(), "lr": rate * 0.85 ** (len(layers) + 1)}]
    groups += [{"params": x.parameters(), "lr": rate * 0.85 ** (len(layers) - i)} for i, x in enumerate(layers)]
    heads = [*model.level.parameters(), *model.kind.parameters(), model.names]
    return [*groups, {"params": heads, "lr": rate * 20}]


def rise_and_fall(done: float) -> float:
    """The share of the full rate after `done` of the way: up over the first 8 %, then down as a cosine."""
    return min(1.0, (done + 1e-4) / 0.08) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def fine_tune(rows: list[Row], source: Path, *, epochs: int, seed: int, rate: float, tag: str = "") -> Tasks:
    """The encoder of `source` fine-tuned on `rows`; weights are a running mean over the last steps."""
    torch.manual_seed(seed)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    labels = {name: i for i, name in enumerate(sorted({row.label for row in rows} - {""}))}
    model = Tasks(load_bert(source).train(), len(labels))
    take_heads(model, source / "heads.npz", labels)
    batches = Batches(rows, tokenizer, labels, size=32)
    total = epochs * len(batches.epoch(0))
    optimiser = torch.optim.AdamW(parameter_groups(model, rate), weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rise_and_fall(step / total))
    mean = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.96))
    for epoch in range(epochs):
        started, losses = time.time(), []
        for step, batch in enumerate(batches.epoch(seed * 1000 + epoch)):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = loss_of(model, batch)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            if step % 8 == 0:
                mean.update_parameters(model)
            losses.append(loss.item())
        print(f"{tag} epoch {epoch + 1}: loss {np.mean(losses):.3f}, {time.time() - started:.0f} s", flush=True)
    model.load_state_dict(mean.module.state_dict())
    model.label_names = sorted(labels, key=labels.get)
    return model.eval()


@torch.no_grad()
def take_heads(model: Tasks, path: Path, labels: dict[str, int]) -> None:
    """Start from the heads of an earlier run, when `path` holds them."""
    if not path.is_file():
        return
    with np.load(path) as stored:
        for name in ("level", "kind"):
            head = getattr(model, name)
            head.weight.copy_(torch.from_numpy(stored[f"{name}_w"]) / model.scale)
            head.bias.copy_(torch.from_numpy(stored[f"{name}_b"]))
        for name, row in zip(stored["names"], stored["names_w"], strict=True):
            if str(name) in labels:
                model.names[labels[str(name)]] = torch.from_numpy(row)


@torch.no_grad()
def read_messages(model: Tasks, source: Path, texts: list[str]) -> dict[str, np.ndarray]:
    """Level and kind probabilities and vectors of `texts`, in float32."""
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    encoded = [tokenizer.encode(plain(text)).ids for text in texts]
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
    out: dict[str, list] = {"vectors": [], "levels": [], "kinds": [], "names": []}
    for start in range(0, len(order), 64):
        rows = [encoded[i] for i in order[start : start + 64]]
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        vectors = model.vectors(ids, mask)
        level, kind, name = model.heads(vectors)
        for key, value in zip(out, (vectors, level.softmax(1), kind.softmax(1), name.softmax(1)), strict=True):
            out[key].append(value.numpy())
    back = np.argsort(order)
    return {key: np.concatenate(value)[back] for key, value in out.items()}


def plain_array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().float().numpy()


def save(model: Tasks, source: Path, target: Path) -> None:
    """Weights, tokenizer and heads of a fine-tuned model, ready for export.py."""
    target.mkdir(parents=True, exist_ok=True)
    model.bert.save_pretrained(target)
    (target / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    np.savez(
        target / "heads.npz",
        level_w=plain_array(model.level.weight) * model.scale, level_b=plain_array(model.level.bias),
        kind_w=plain_array(model.kind.weight) * model.scale, kind_b=plain_array(model.kind.bias),
        kinds=np.array(KINDS), names_w=plain_array(functional.normalize(model.names, dim=1)),
        names=np.array(model.label_names),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with the original weights and tokenizer")
    parser.add_argument("target", type=Path)
    parser.add_argument("--messages", type=Path, default=HERE / "messages", help="folder of jsonl files")
    parser.add_argument("--everyday", type=Path, help="public everyday messages (jsonl), not kept here")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=1, help="more only on a machine that does nothing else")
    parser.add_argument("--fold", type=int, help="leave out this fifth and write its readings beside the model")
    parser.add_argument("--thin", type=int, default=1, help="learn one in so many questions and everyday lines only")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = read_rows(options.messages, options.everyday)
    kept = [row for row in rows if options.fold is None or fold_of(row) != options.fold]
    kept = list(thinned(kept, options.thin))
    model = fine_tune(
        kept, options.source, epochs=options.epochs, seed=options.seed, rate=options.rate, tag=options.target.name
    )
    save(model, options.source, options.target)
    if options.fold is not None:
        held = [row for row in rows if fold_of(row) == options.fold]
        found = read_messages(model, options.source, [row.text for row in held])
        np.savez(options.target / "held_out.npz", texts=np.array([row.text for row in held]), **found)


def thinned(rows: list[Row], thin: int) -> Iterator[Row]:
    """One in `thin` of the questions and everyday lines, and all others: a fold is about danger."""
    for row in rows:
        if row.why not in ("faq", "everyday") or zlib.crc32(b"thin" + row.text.encode()) % thin == 0:
            yield row


def fold_of(row: Row) -> int:
    """Which fifth a message belongs to."""
    return fold_of_text(row.text)


def fold_of_text(text: str) -> int:
    """By the text alone, so that it is the same in every run and every script."""
    return zlib.crc32(text.encode()) % 5


if __name__ == "__main__":
    main()
