"""Reads "yes" and "no" as answers to what the bot just offered. Runs inside Rasa."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import INTENT, METADATA
from rasa.shared.nlu.training_data.message import Message

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
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Rewrite the intent of a message that answers an offer."""
        for message in messages:
            offer = (message.get(METADATA) or {}).get("offer")
            meaning = MEANINGS.get((offer, (message.get(INTENT) or {}).get("name")))
            if meaning:
                message.set(INTENT, {"name": meaning, "confidence": 1.0}, add_to_output=True)
        return messages
