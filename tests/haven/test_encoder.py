"""The sentence encoder: the files in models/encoder, their checksum, and what their vectors promise."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from haven.encoder import Encoder, plain
from haven.errors import EncoderError

FOLDER = Path(__file__).resolve().parents[2] / "models" / "encoder"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(FOLDER)


def test_the_small_weights_say_what_the_full_ones_said(encoder: Encoder) -> None:
    """The int8 vectors of real sentences are those of the unreduced model, to a cosine above 0.98."""
    with np.load(FOLDER / "sample.npz") as sample:
        texts, full = [str(text) for text in sample["texts"]], sample["vectors"].astype(np.float32)

    cosines = (encoder.encode(texts) * full).sum(axis=1) / np.linalg.norm(full, axis=1)

    assert cosines.mean() > 0.98
    assert cosines.min() > 0.95


def test_vectors_are_float32_rows_of_length_one(encoder: Encoder) -> None:
    """Each text gives one float32 row of length one, whatever it is."""
    vectors = encoder.encode(["hello", "", "😭😭😭", "a" * 5000, "ya no puedo más", "\ud800"])

    assert vectors.dtype == np.float32
    assert vectors.shape == (6, encoder.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    """Nothing to encode is an empty table, not an error."""
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_a_text_reads_the_same_alone_and_in_company(encoder: Encoder) -> None:
    """Padding and order of a batch do not move a vector by more than rounding."""
    texts = ["where are you", "my son will not wake up and his lips are grey, please tell me what to do first", "hi"]
    fresh = Encoder.load(FOLDER)

    together, alone = fresh.encode(texts), np.concatenate([encoder.encode([text]) for text in texts])

    assert (together * alone).sum(axis=1).min() > 0.99


def test_the_end_of_a_long_text_is_read(encoder: Encoder) -> None:
    """A text of many windows gives one vector a window, and the last window holds the last words."""
    ramble = "the waiting room was nice and the coffee was good and the chairs were soft. " * 30
    (windows,) = encoder.windows([ramble + "he is not breathing"])

    assert len(windows) > 2
    assert not np.allclose(windows[-1], encoder.windows([ramble])[0][-1], atol=1e-3)


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    """A file that is not the one the checksum names stops the encoder from loading, with its name said."""
    folder = tmp_path / "encoder"
    shutil.copytree(FOLDER, folder)
    with (folder / "tokenizer.json").open("a") as file:
        file.write(" ")

    with pytest.raises(EncoderError, match=r"tokenizer\.json has checksum"):
        Encoder.load(folder)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    """A missing model is told by its path."""
    with pytest.raises(EncoderError, match=r"encoder\.json cannot be read"):
        Encoder.load(tmp_path)
    (tmp_path / "encoder.json").write_text(json.dumps({"files": {"encoder.onnx": "0"}}))
    with pytest.raises(EncoderError, match=r"encoder\.onnx is absent"):
        Encoder.load(tmp_path)


def test_threads_share_one_encoder(encoder: Encoder) -> None:
    """Many threads get the same vectors that one gets."""
    texts = [f"message number {i} about detox" for i in range(40)]
    expected, found = encoder.encode(texts), {}

    def work(which: int) -> None:
        found[which] = np.concatenate([encoder.encode([text]) for text in texts])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert all((rows * expected).sum(axis=1).min() > 0.99 for rows in found.values())


@pytest.mark.parametrize(
    ("written", "read"),
    [("heeeelp", "heelp"), ("can’t", "can't"), ("💊", "pill"), ("a\u200bb", "a b"), ("  x \n y ", "x y")],
)
def test_spelling_is_made_plain(written: str, read: str) -> None:
    """Quotes, emoji, doubled letters and invisible characters reach the encoder in one form."""
    assert plain(written) == read
