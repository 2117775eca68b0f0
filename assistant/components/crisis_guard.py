"""The second line of defence: a danger the switchboard did not name is named here. Runs inside Rasa."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

from assistant.components.faq_retriever import ASKS_FOR_PERSON, selector
from assistant.components.sentence_encoder import shared_encoder
from haven.crisis import Guard
from haven.retrieval import HANDOFF
from haven.settings import load_settings

CRISIS = "crisis"
SURELY = 0.9  # beside danger a person must be asked for in so many words: "me quiero matar" is no request


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class CrisisGuard(GraphComponent):
    """Sets intent `crisis` for acute danger, whatever the components before it read."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> CrisisGuard:
        settings = load_settings()
        return cls(Guard.load(settings.data, settings.models, encoder=shared_encoder()))

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def process(self, messages: list[Message]) -> list[Message]:
        """Trust the switchboard's reading where it came with the message, else read for danger here."""
        for message in messages:
            level, kind = self._reading(message)
            if level == "acute":
                _mark(message, kind or "overdose_other")
        return messages

    def _reading(self, message: Message) -> tuple[str, str | None]:
        told = (message.get(METADATA) or {}).get("crisis")
        if told:
            return told["level"], told["kind"]
        assessment = self._guard.assess(message.get(TEXT) or "")
        return assessment.level, assessment.kind


def _mark(message: Message, kind: str) -> None:
    read = message.get(INTENT) or {}
    if read.get("name") == HANDOFF and read["confidence"] >= SURELY:
        message.set(ASKS_FOR_PERSON, True, add_to_output=True)
    intent = {"name": CRISIS, "confidence": 1.0}
    message.set(INTENT, intent, add_to_output=True)
    message.set(INTENT_RANKING_KEY, [intent], add_to_output=True)
    message.set("response_selector", selector(f"{CRISIS}/{kind}", 1.0), add_to_output=True)
