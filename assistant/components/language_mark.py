"""Marks the language a message is in, so that responses can follow it. Runs inside Rasa."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, METADATA
from rasa.shared.nlu.training_data.message import Message


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class LanguageMark(GraphComponent):
    """Adds the entity `language`, which fills the slot that conditional responses look at."""

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> LanguageMark:
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the language that came with each message; English where none came."""
        for message in messages:
            language = (message.get(METADATA) or {}).get("language") or "en"
            mark = {"entity": "language", "value": language, "start": 0, "end": 0, "extractor": "LanguageMark"}
            message.set(ENTITIES, [*message.get(ENTITIES, []), mark], add_to_output=True)
        return messages
