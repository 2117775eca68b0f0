"""Reads "yes", "no" and a name as answers to what the bot just offered or asked. Runs inside Rasa."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, METADATA, TEXT
from rasa.shared.nlu.training_data.message import Message

from assistant.components.faq_retriever import ASKS_FOR_PERSON, OPTIONS, SECOND
from haven.content import Content
from haven.names import name_in
from haven.retrieval import HANDOFF, asks, plain
from haven.retrieval.wishes import outright, speaks_of_people
from haven.settings import load_settings

NAME = "name"  # what the switchboard calls the question for a first name
GIVEN = "give_name"
# What the switchboard says was offered last -> what yes and no then mean.
MEANINGS = {
    ("handoff", "affirm"): "human_handoff",
    ("handoff", "deny"): "decline_offer",
    ("callback", "affirm"): "accept_callback",
    ("callback", "deny"): "decline_offer",
}


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class OfferReader(GraphComponent):
    """Turns affirm and deny into the intent they stand for; the offer comes with the message's metadata."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> OfferReader:
        answers = Content.load(load_settings().data).answers.values()
        asked = (text for answer in answers for text in (answer.question, *(v.text for v in answer.variants)))
        return cls(frozenset(word for text in asked for word in plain(text).split()))

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known

    def process(self, messages: list[Message]) -> list[Message]:
        """Rewrite the intent of a message that answers an offer."""
        for message in messages:
            offer = (message.get(METADATA) or {}).get("offer")
            read = (message.get(INTENT) or {}).get("name")
            meaning = MEANINGS.get((offer, read))
            if offer == NAME and self._is_name(message.get(TEXT) or "", read):
                meaning = GIVEN
                for found in (OPTIONS, SECOND, ASKS_FOR_PERSON):
                    message.set(found, None)
            if meaning:
                message.set(INTENT, {"name": meaning, "confidence": 1.0}, add_to_output=True)
        return messages

    def _is_name(self, text: str, read: str | None) -> bool:
        """Whether a name was given, whatever it was read as: no reader knows "Rosalind" or "Narcisa"."""
        name = name_in(text)
        if name is None or asks(text):
            return False
        if read == HANDOFF:
            return not outright(text) and not speaks_of_people(text)
        return read not in ("faq", "unsure") or self._known.isdisjoint(plain(name).split())
