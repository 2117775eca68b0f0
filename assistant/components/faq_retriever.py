"""Reads what a message asks for: an answer of the documents, another intent, or nothing known. Runs inside Rasa."""

from __future__ import annotations

import inspect
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

import haven.retrieval
from assistant.components.sentence_encoder import KnownVectors
from haven.content import Content
from haven.retrieval import Example, Reading, Retriever
from haven.settings import load_settings

FALLBACK = "nlu_fallback"  # Rasa's own name for "not understood"
UNSURE = "unsure"
OPTIONS = "faq_options"  # message property: candidate answers, best first
SECOND = "second_question"  # message property: the label of a second question in the same message


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class FaqRetriever(GraphComponent):
    """Intent classifier and response selector in one: both read the same ranking."""

    @staticmethod
    def fingerprint_addon(config: dict[str, Any]) -> str | None:
        """What Rasa's cache cannot see: how the retriever is fitted, and what the answers say."""
        content = Content.load(load_settings().data)
        return inspect.getsource(haven.retrieval) + repr(_answers(content))

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> FaqRetriever:
        return cls(model_storage, resource)

    def __init__(
        self, model_storage: ModelStorage, resource: Resource, retriever: Retriever | None = None
    ) -> None:
        self._model_storage = model_storage
        self._resource = resource
        self._retriever = retriever

    def train(self, training_data: TrainingData) -> Resource:
        """Fit the retriever on all examples and keep it in the model."""
        examples = [Example(m.get(TEXT), m.get_full_intent()) for m in training_data.intent_examples]
        vectors = KnownVectors(training_data.intent_examples)
        self._retriever = Retriever.fit(
            examples, vectors, answers=_answers(Content.load(load_settings().data)))
        with self._model_storage.write_to(self._resource) as path:
            self._retriever.save(path)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> FaqRetriever:
        with model_storage.read_from(resource) as path:
            return cls(model_storage, resource, Retriever.load(path))

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent, ranking, response_selector and the questions that may have been meant."""
        for message in messages:
            text = message.get(TEXT)
            if text and self._retriever is not None:
                topic = (message.get(METADATA) or {}).get("topic") or ""
                first, *more = self._retriever.read_all(text, KnownVectors([message]), topic=topic)
                _apply(message, first)
                if more:
                    message.set(SECOND, more[0].label, add_to_output=True)
        return messages


def _answers(content: Content) -> dict[str, str]:
    """What each label's answer says: a question is often near to its answer's words."""
    return {f"faq/{answer.id}": answer.text for answer in content.answers.values()}


def selector(label: str, confidence: float) -> dict[str, Any]:
    """What Rasa's `utter_<intent>` reads for a retrieval intent such as "faq/FAQ-029"."""
    chosen = {"intent_response_key": label, "utter_action": f"utter_{label}", "confidence": confidence,
              "responses": [{"text": ""}]}
    return {label.partition("/")[0]: {"response": chosen, "ranking": [chosen]}}


def _apply(message: Message, reading: Reading) -> None:
    name = {"sure": reading.label.partition("/")[0], "unsure": UNSURE}.get(reading.decision, FALLBACK)
    confidence = float(reading.confidence)
    message.set(INTENT, {"name": name, "confidence": confidence}, add_to_output=True)
    message.set(INTENT_RANKING_KEY, [{"name": label, "confidence": float(score)}
                                     for label, score in reading.ranking[:5]], add_to_output=True)
    if name in ("faq", "unsupported"):
        message.set("response_selector", selector(reading.label, confidence), add_to_output=True)
    if reading.options:  # also beside an answer, when another question was nearly as likely
        message.set(OPTIONS, list(reading.options), add_to_output=True)
