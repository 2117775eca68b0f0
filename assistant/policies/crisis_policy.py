"""What no rule says: a crisis ends any form; a person asked for beside it or a question is served. Runs inside Rasa."""

from __future__ import annotations

from typing import Any

from rasa.core.policies.policy import Policy, PolicyPrediction, SupportedData
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.constants import ACTION_LISTEN_NAME, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, Event, SlotSet
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker

from assistant.components.crisis_guard import CRISIS
from assistant.components.faq_retriever import ASKS_FOR_PERSON

GUIDANCE = "utter_crisis"
REQUEST = "action_request_handoff"
ANSWERS = ("utter_faq", "utter_unsupported", "utter_harmful_decline")  # a wish in the same message comes after


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=True)
class CrisisPolicy(Policy):
    """Above every other policy when the last message is a crisis, or asks for a person beside a question; else silent.

    A prediction "without a user" beats an active form (rasa.core.policies.ensemble), which a rule does not.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"priority": 100}

    @staticmethod
    def supported_data() -> SupportedData:
        return SupportedData.ML_AND_RULE_DATA

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CrisisPolicy:
        return cls(config, model_storage, resource, execution_context)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> CrisisPolicy:
        return cls(config, model_storage, resource, execution_context)

    def train(
        self,
        training_trackers: list[TrackerWithCachedStates],
        domain: Domain,
        **kwargs: Any,
    ) -> Resource:
        """Nothing is learnt: what to do in a crisis is decided, not predicted."""
        return self._resource

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> PolicyPrediction:
        """Guidance, unless the switchboard has said it already; then what was asked; the form, if any, is over."""
        message = tracker.latest_message
        if message is None or message.intent.get("name") != CRISIS:
            wish = _beside_an_answer(tracker)
            return self._prediction(_certain(domain, wish) if wish else self._default_predictions(domain))
        return self._prediction(_certain(domain, _next(tracker)), optional_events=_end_of_form(tracker),
                                is_no_user_prediction=True)


def _next(tracker: DialogueStateTracker) -> str:
    message, done = tracker.latest_message, tracker.latest_action_name
    if done == ACTION_LISTEN_NAME and not _said(message.metadata):
        return GUIDANCE
    if done in (ACTION_LISTEN_NAME, GUIDANCE) and message.parse_data.get(ASKS_FOR_PERSON):
        return REQUEST
    return ACTION_LISTEN_NAME


def _beside_an_answer(tracker: DialogueStateTracker) -> str | None:
    message, done = tracker.latest_message, tracker.latest_action_name
    if message is None or not message.parse_data.get(ASKS_FOR_PERSON):
        return None
    return {**dict.fromkeys(ANSWERS, REQUEST), REQUEST: ACTION_LISTEN_NAME}.get(done or "")


def _said(metadata: dict[str, Any] | None) -> bool:
    return bool(((metadata or {}).get("crisis") or {}).get("said"))


def _certain(domain: Domain, action: str) -> list[float]:
    probabilities = [0.0] * domain.num_actions
    probabilities[domain.index_for_action(action)] = 1.0
    return probabilities


def _end_of_form(tracker: DialogueStateTracker) -> list[Event]:
    if not tracker.active_loop_name:
        return []
    return [ActiveLoop(None), SlotSet(REQUESTED_SLOT, None)]
