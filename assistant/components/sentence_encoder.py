"""Gives every message its sentence vector, from the encoder that guard and retriever share. Runs inside Rasa."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from haven.encoder import Encoder
from haven.settings import load_settings


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceEncoder(GraphComponent):
    """A dense featurizer: one unit vector a message, from models/encoder."""

    @staticmethod
    def fingerprint_addon(config: dict[str, Any]) -> str | None:
        """Rasa keeps results of earlier trainings; vectors of another encoder must not be among them."""
        return (load_settings().models / "encoder" / "encoder.json").read_text(encoding="utf-8")

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceEncoder:
        return cls(shared_encoder())

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Add vectors to every training example that has a text."""
        self._add([m for m in training_data.training_examples if m.get(TEXT)])
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the vector to each message that has a text."""
        self._add([m for m in messages if m.get(TEXT)])
        return messages

    def _add(self, messages: list[Message]) -> None:
        vectors = self._encoder.encode([m.get(TEXT) for m in messages])
        for message, vector in zip(messages, vectors, strict=True):
            message.add_features(
                Features(vector[np.newaxis, :], FEATURE_TYPE_SENTENCE, TEXT, type(self).__name__))


@lru_cache(maxsize=1)
def shared_encoder() -> Encoder:
    """The one encoder of this process: components share its weights and its cache."""
    return Encoder.load(load_settings().models / "encoder")


class KnownVectors:
    """An encoder that looks the messages' own vectors up and encodes only what is new, such as half a message."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._known: dict[str, np.ndarray] = {}
        for message in messages:
            _, sentence = message.get_dense_features(TEXT, [SentenceEncoder.__name__])
            if sentence is not None:
                self._known[message.get(TEXT)] = sentence.features[0]

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Rows of length 1, shape (texts, dim)."""
        new = [text for text in texts if text not in self._known]
        if new:
            self._known.update(zip(new, shared_encoder().encode(new), strict=True))
        return np.stack([self._known[text] for text in texts])
