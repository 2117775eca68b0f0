"""Reads what a message asks for: an answer of the documents, another intent, or nothing known. Runs inside Rasa."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

import haven.retrieval
from assistant.components.sentence_encoder import KnownVectors, shared_encoder
from haven.content import Content
from haven.retrieval import FAQ, HANDOFF, NOT_COVERED, Example, Quotes, Reading, Retriever, asks, quotable
from haven.retrieval.quotes import LONGEST, LONGEST_SMS
from haven.settings import load_settings

FALLBACK = "nlu_fallback"  # Rasa's own name for "not understood"
UNSURE = "unsure"
RETRIEVED = ("faq", "unsupported", "quote", "source")  # intents whose label names the response
OPTIONS = "faq_options"  # message property: candidate answers, best first
SECOND = "second_question"  # message property: the label of a second question in the same message
ASKS_FOR_PERSON = "asks_for_person"  # message property: a person is asked for beside what the intent says


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class FaqRetriever(GraphComponent):
    """Intent classifier and response selector in one: both read the same ranking."""

    @staticmethod
    def fingerprint_addon(config: dict[str, Any]) -> str | None:
        """What Rasa's cache cannot see: how the retriever is fitted, and what the answers say."""
        content = Content.load(load_settings().data)
        code = sorted(Path(haven.retrieval.__file__).parent.glob("*.py"))
        said = repr((_answers(content), _subjects(content)))
        return "".join(path.read_text(encoding="utf-8") for path in code) + said

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
        self._quotes = Quotes(quotable(Content.load(load_settings().data)), shared_encoder())

    def train(self, training_data: TrainingData) -> Resource:
        """Fit the retriever on all examples and keep it in the model."""
        examples = [Example(m.get(TEXT), m.get_full_intent()) for m in training_data.intent_examples]
        vectors = KnownVectors(training_data.intent_examples)
        content = Content.load(load_settings().data)
        self._retriever = Retriever.fit(
            examples, vectors, answers=_answers(content), subjects=_subjects(content))
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
            if message.get(TEXT) and self._retriever is not None:
                self._read(message, self._retriever)
        return messages

    def _read(self, message: Message, retriever: Retriever) -> None:
        text, metadata = message.get(TEXT), message.get(METADATA) or {}
        topic, vectors = metadata.get("topic") or "", KnownVectors([message])
        first, *more = retriever.read_all(text, vectors, topic=topic)
        if first.label == "source_request" and topic.startswith(FAQ):
            first = _as_sure(first, f"source/{topic.removeprefix(FAQ)}")
        if _may_quote(first, metadata) and asks(text):
            longest = LONGEST_SMS if metadata.get("channel") == "sms" else LONGEST
            claim = self._quotes.find(text, vectors.encode([text])[0], longest=longest)
            first = _as_sure(first, f"quote/{claim.id}") if claim else first
        _apply(message, first)
        for reading in more:
            if reading.label == HANDOFF:
                message.set(ASKS_FOR_PERSON, True, add_to_output=True)
            else:
                message.set(SECOND, reading.label, add_to_output=True)


def _answers(content: Content) -> dict[str, str]:
    """What each label's answer says: a question is often near to its answer's words."""
    return {f"faq/{answer.id}": answer.text for answer in content.answers.values()}


def _subjects(content: Content) -> dict[str, str]:
    """What "it" means after each answer."""
    return {f"faq/{answer.id}": answer.subject for answer in content.answers.values()}


def _as_sure(reading: Reading, label: str) -> Reading:
    return replace(reading, label=label, decision="sure")


def _may_quote(reading: Reading, metadata: dict[str, Any]) -> bool:
    """Whether no answer is sure, and no sign of danger came along: beside one, guidance says more."""
    open_question = reading.decision != "sure" and reading.label.startswith((FAQ, NOT_COVERED))
    return open_question and (metadata.get("crisis") or {}).get("level", "none") == "none"


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
    if name in RETRIEVED:
        message.set("response_selector", selector(reading.label, confidence), add_to_output=True)
    if reading.options:  # also beside an answer, when another question was nearly as likely
        message.set(OPTIONS, list(reading.options), add_to_output=True)
