"""The trained classifier: level and kind of danger from the encoder's vectors; runs in both processes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from haven.crisis.values import LEVELS
from haven.encoder import Encoder
from haven.errors import EncoderError


@dataclass(frozen=True)
class Reading:
    """What the classifier makes of one message: probabilities of the levels and of the kinds."""

    levels: dict[str, float]
    kinds: dict[str, float]

    @property
    def danger(self) -> float:
        """The probability that the message tells of any danger, 0 to 1."""
        return self.levels["possible"] + self.levels["acute"]


class Classifier:
    """Linear heads over the sentence encoder; build it with `Classifier.load`."""

    def __init__(self, encoder: Encoder, heads: dict[str, np.ndarray]) -> None:
        self._encoder = encoder
        self._heads = heads
        self._kinds = [str(kind) for kind in heads["kinds"]]

    @property
    def encoder(self) -> Encoder:
        """The sentence encoder below the heads."""
        return self._encoder

    @classmethod
    def load(cls, folder: Path, *, encoder: Encoder | None = None) -> Classifier:
        """The classifier kept beside the encoder in `folder`; raises EncoderError when it cannot be used."""
        encoder = encoder or Encoder.load(folder)
        try:
            with np.load(Path(folder) / "heads.npz", allow_pickle=False) as stored:
                return cls(encoder, {name: stored[name] for name in stored.files})
        except (OSError, ValueError, KeyError) as error:
            raise EncoderError(f"the classifier {folder}/heads.npz cannot be read: {error}") from error

    def read(self, text: str) -> Reading:
        """The reading of `text`; of a long text the window that shows most danger decides."""
        (windows,) = self._encoder.windows([text])
        levels = _softmax(windows @ self._heads["level_w"].T + self._heads["level_b"])
        worst = int(np.argmax(1 - levels[:, 0]))
        kinds = _softmax(windows[worst] @ self._heads["kind_w"].T + self._heads["kind_b"])
        return Reading(
            levels=dict(zip(LEVELS, map(float, levels[worst]), strict=True)),
            kinds=dict(zip(self._kinds, map(float, kinds), strict=True)),
        )


def _softmax(logits: np.ndarray) -> np.ndarray:
    grown = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))
