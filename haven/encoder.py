"""The sentence encoder: text to unit vectors by a small ONNX transformer; runs in switchboard and assistant."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from haven.errors import EncoderError

_REPEATED = re.compile(r"(\w)\1{2,}")
_SPACES = re.compile(r"\s+")
_REMEMBERED = 512
_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"'})


class Encoder:
    """A sentence encoder that may be shared by threads; build it with `Encoder.load`."""

    def __init__(self, session: Any, tokenizer: Any, facts: dict[str, Any]) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._seen: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        self.dim: int = facts["dim"]
        self.max_tokens: int = facts["max_tokens"]
        self.fingerprint: str = facts["files"]["encoder.onnx"]

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Encoder:
        """The encoder kept in `folder`; raises EncoderError when a file is absent or altered."""
        facts = _verified(Path(folder))
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Spinning workers would burn the second core of a small server while nobody writes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(Path(folder) / "encoder.onnx"), options, providers=["CPUExecutionProvider"]
        )
        tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(session, tokenizer, facts)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of `texts`: float32 (len(texts), dim); a long text is the mean of its windows."""
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        means = np.stack([windows.mean(axis=0) for windows in self.windows(texts)])
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)

    def windows(self, texts: Sequence[str]) -> list[np.ndarray]:
        """For each text the unit vectors of its overlapping windows, (k, dim): k is 1 for all but long ones.

        Danger is often told in the last words of a long message, so the guard reads every window.
        """
        keys = [plain(text) for text in texts]
        found = {key: self._recall(key) for key in keys}
        fresh = [key for key, value in found.items() if value is None]
        for key, value in zip(fresh, self._run(fresh), strict=True):
            found[key] = value
            self._remember(key, value)
        return [found[key] for key in keys]  # type: ignore[misc]

    def _recall(self, key: str) -> np.ndarray | None:
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
            return self._seen.get(key)

    def _remember(self, key: str, value: np.ndarray) -> None:
        with self._lock:
            self._seen[key] = value
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def _run(self, texts: Sequence[str]) -> list[np.ndarray]:
        cut = [list(self._cut(encoding.ids)) for encoding in self._tokenizer.encode_batch(list(texts))]
        # One row at a time: the int8 model scales by what is in the batch, so a vector would depend on its
        # company; and on one core a batch is no faster.
        return [np.concatenate([self._forward(row) for row in rows]) for rows in cut]

    def _cut(self, ids: list[int]) -> Iterator[list[int]]:
        first, inner, last = ids[0], ids[1:-1], ids[-1]
        room = self.max_tokens - 2
        start = 0
        while True:
            # The last window is moved back to be full: its words need what came before them.
            end = min(start + room, len(inner))
            yield [first, *inner[max(0, end - room) : end], last]
            if end >= len(inner):
                return
            start = end - room // 4

    def _forward(self, row: list[int]) -> np.ndarray:
        ids = np.array([row], dtype=np.int64)
        (vector,) = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return np.asarray(vector, dtype=np.float32)


def plain(text: str) -> str:
    """`text` as the encoder reads it: one kind of quote, emoji as their names, 'heeelp' as 'heelp'."""
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    if not text.isascii():
        text = "".join(_spoken(char) for char in text)
    return _SPACES.sub(" ", _REPEATED.sub(r"\1\1", text)).strip()


@lru_cache(maxsize=4096)
def _spoken(char: str) -> str:
    category = unicodedata.category(char)
    if category == "So":
        return f" {unicodedata.name(char, '').lower()} "
    # Joiners, variation selectors and skin tones say nothing; lone surrogates cannot be encoded.
    return " " if category in ("Cc", "Cf", "Cs", "Sk", "Co", "Cn") or "\ufe00" <= char <= "\ufe0f" else char


def _verified(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = _facts(folder)
    for name, expected in facts["files"].items():
        path = folder / name
        if not path.is_file():
            raise EncoderError(f"the encoder file {path} is absent")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise EncoderError(f"the encoder file {path} has checksum {found}, expected {expected}")
    return facts


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / "encoder.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise EncoderError(f"the encoder's description {path} cannot be read: {error}") from error
