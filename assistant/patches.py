"""Every change to Rasa's own behaviour, each with its reason; `assistant/serve.py` puts them in place. In Rasa only.

Nothing of Rasa is imported at the top: the first change has to come before.
"""

from __future__ import annotations

import copy
import importlib
import logging
import sys
from types import ModuleType
from typing import Any

TRAINERS = ("rasa.utils.tensorflow.callback", "rasa.utils.tensorflow.data_generator")
VALIDATOR = "rasa.graph_components.validators.default_recipe_validator"


def apply() -> None:
    """Put every change in place, before anything else of Rasa is imported."""
    import_tensorflow_when_needed()
    check_action_results_quickly()
    read_the_domain_once()
    repeat_the_steps_of_a_run()
    read_few_states_for_rules()
    try_rules_that_may_fit()
    read_ordinary_dialogues_quickly()
    copy_nothing_for_silent_logs()
    know_an_empty_domain()


def import_tensorflow_when_needed() -> None:
    """Let TensorFlow come with a component that uses it; none of ours does.

    Rasa imports it in two places on its way to any model: helpers for training, and the check of a configuration
    before training. Both are classes that a serving process never makes; what stands in for them imports the real one
    when somebody does. It saves half of the assistant's memory.
    """
    if "rasa.utils.train_utils" in sys.modules:
        return
    for name in (*TRAINERS, VALIDATOR):
        sys.modules[name] = _Later(name)
    importlib.import_module("rasa.utils.train_utils")
    for name in TRAINERS:  # whoever asks from here on gets the real ones
        del sys.modules[name]


class _Later(ModuleType):
    """Stands for a module until one of its classes is made."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _LaterClass(name, (), {"__module__": self.__name__})


class _LaterClass(type):
    """Stands for a class; making one, or asking for anything of it, imports the real class."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return cls._real()(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def _real(cls) -> type:
        if isinstance(sys.modules.get(cls.__module__), _Later):
            del sys.modules[cls.__module__]
        return getattr(importlib.import_module(cls.__module__), cls.__name__)


def check_action_results_quickly() -> None:
    """Check what an action sent against a schema that was read once.

    Rasa reads the schema, and checks the schema itself, for each result: 20 ms of processor time a turn with an action.
    """
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from rasa.core.actions.action import RemoteAction

    schema = RemoteAction.action_response_format_spec()
    kind = validator_for(schema)
    kind.check_schema(schema)
    validator = kind(schema)

    def _validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
        error = best_match(validator.iter_errors(result))
        if error is not None:
            error.message += ". The action server's answer has not the form that Rasa asks for."
            raise error
        return True

    RemoteAction._validate_action_result = _validate_action_result


def read_the_domain_once() -> None:
    """Take the domain from the model's metadata, where it stands as JSON, and not from its YAML file again.

    Both are written from one domain in the training. The file holds every text Rasa may say, and Rasa parses it
    several times over: 26 of the 30 seconds of processor time that loading a model took.
    """
    from rasa.engine.storage.local_model_storage import LocalModelStorage
    from rasa.graph_components.providers.domain_provider import DomainProvider
    from rasa.shared.core.domain import Domain

    unpack, read = LocalModelStorage.from_model_archive.__func__, DomainProvider.load.__func__

    def from_model_archive(cls: type, *args: Any, **kwargs: Any) -> Any:
        storage, metadata = unpack(cls, *args, **kwargs)
        storage.domain_of_metadata = metadata.domain
        return storage, metadata

    def load(cls: type, config: dict, model_storage: Any, resource: Any, execution_context: Any, **more: Any) -> Any:
        known = getattr(model_storage, "domain_of_metadata", None)
        if known is None:  # no archive, so a training
            return read(cls, config, model_storage, resource, execution_context, **more)
        return cls(model_storage, resource, Domain.from_dict(copy.deepcopy(known.as_dict())))

    LocalModelStorage.from_model_archive = classmethod(from_model_archive)
    DomainProvider.load = classmethod(load)


def repeat_the_steps_of_a_run() -> None:
    """Run a model's graph as it ran the first time, step by step, without planning it anew.

    For each message and each prediction Rasa builds a graph for dask, and dask orders and schedules it: a sixth of
    a turn for three graphs that never change. The first run of each kind still goes that way, and the order of its
    steps is noted; so does every run that is in any way unlike it.
    """
    from dask.callbacks import Callback
    from rasa.engine.exceptions import GraphRunError
    from rasa.engine.runner.dask import DaskGraphRunner

    plan = DaskGraphRunner.run

    def run(self: DaskGraphRunner, inputs: dict | None = None, targets: list | None = None) -> dict[str, Any]:
        kind = (tuple(inputs or ()), tuple(targets or ()))
        steps = self.__dict__.setdefault("_steps", {}).get(kind)
        if steps is not None and not _names_a_node(self, inputs or {}):
            try:
                return _repeat(self, steps, inputs or {}, targets or self._graph_schema.target_names)
            except RuntimeError as error:
                raise GraphRunError("Error running runner.") from error
        order: list[str] = []
        with Callback(pretask=lambda key, graph, state: order.append(key)):
            result = plan(self, inputs, targets)
        self._steps[kind] = [name for name in order if name not in (inputs or {})]
        return result

    DaskGraphRunner.run = run


def _names_a_node(runner: Any, inputs: dict[str, Any]) -> bool:
    """Whether an input could be taken for a node by its value, which Rasa refuses, or takes a node's place."""
    nodes = runner._graph_schema.nodes
    return any(name in nodes or isinstance(value, str) for name, value in inputs.items())


def _repeat(runner: Any, steps: list[str], inputs: dict[str, Any], targets: list[str]) -> dict[str, Any]:
    """Call the nodes in a known order; what a node needs and nobody provides stays a name, as with dask."""
    found: dict[str, tuple[str, Any]] = {name: (name, value) for name, value in inputs.items()}
    for name in steps:
        needs = runner._graph_schema.nodes[name].needs.values()
        found[name] = runner._instantiated_nodes[name](*[found.get(need, need) for need in needs])
    return dict(found[target] for target in targets)


def read_few_states_for_rules() -> None:
    """Make as many states of a dialogue as the longest rule has, and not all since its start.

    A rule says nothing about what was before its own first state, so Rasa's rules look no further; the states before
    were made, three times a turn, and not used. A prediction by text and then by intent starts from the same states.
    """
    from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.trackers import DialogueStateTracker

    predict = RulePolicy._predict

    def longest(policy: RulePolicy) -> int:
        if "_longest" not in policy.__dict__:
            rules = [*policy.lookup[RULES], *policy.lookup[RULES_FOR_LOOP_UNHAPPY_PATH]]
            policy._longest = max((len(policy._rule_key_to_state(rule)) for rule in rules), default=1)
        return policy._longest

    def _predict(self: RulePolicy, tracker: DialogueStateTracker, domain: Domain) -> Any:
        self._states = None
        try:
            return predict(self, tracker, domain)
        finally:
            self._states = None

    def _prediction_states(
        self: RulePolicy,
        tracker: DialogueStateTracker,
        domain: Domain,
        use_text_for_last_user_input: bool = False,
        rule_only_data: dict[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        if self._states is None:
            self._states = _last_states(tracker, domain, longest(self))
        states = [{kind: dict(part) for kind, part in state.items()} for state in self._states]
        self.featurizer._choose_last_user_input([states], use_text_for_last_user_input)
        return states

    RulePolicy._states = None
    RulePolicy._predict = _predict
    RulePolicy._prediction_states = _prediction_states


def _last_states(tracker: Any, domain: Any, most: int) -> list[dict[str, Any]]:
    """The last states before an action, and the state now, as `Domain.states_for_tracker_history` makes them."""
    from rasa.shared.core.events import ActionExecuted

    events, before, states = tracker.applied_events(), tracker.init_copy(), []
    passed = sum(type(event) is ActionExecuted for event in events) + 1 - most
    for event in events:
        if type(event) is ActionExecuted:
            if passed <= 0:
                states.append(domain.get_active_state(before))
            passed -= 1
        event.apply_to(before)
    return [*states, domain.get_active_state(before)]


def try_rules_that_may_fit() -> None:
    """Try the rules whose last state has the action and the intent of the dialogue's, or names none.

    Rasa tries all of them, each with its states turned round anew: 150 comparisons a turn.
    """
    from rasa.core.policies.rule_policy import RulePolicy
    from rasa.shared.core.constants import SHOULD_NOT_BE_SET

    every = RulePolicy._get_possible_keys

    def end_of(states: list[dict[str, Any]]) -> tuple[str | None, str | None]:
        done, said = states[-1].get("prev_action", {}).get("action_name"), states[-1].get("user", {}).get("intent")
        return done if done != SHOULD_NOT_BE_SET else None, said if said != SHOULD_NOT_BE_SET else None

    def by_end(policy: RulePolicy, lookup: dict[str, str]) -> dict[tuple[str | None, str | None], dict[str, str]]:
        kept, ends = policy.__dict__.setdefault("_ends", {}).get(id(lookup), (None, {}))
        if kept is not lookup:
            for rule, action in lookup.items():
                ends.setdefault(end_of(policy._rule_key_to_state(rule)), {})[rule] = action
            policy._ends[id(lookup)] = lookup, ends
        return ends

    def _get_possible_keys(self: RulePolicy, lookup: dict[str, str], states: list[dict[str, Any]]) -> set[str]:
        done, said = end_of(states)
        if done is None:  # the start of a dialogue is matched in another way
            return every(self, lookup, states)
        ends, known = {(done, said), (done, None), (None, said), (None, None)}, by_end(self, lookup)
        return every(self, {rule: known[end][rule] for end in ends & known.keys() for rule in known[end]}, states)

    RulePolicy._get_possible_keys = _get_possible_keys


def read_ordinary_dialogues_quickly() -> None:
    """Take the events of a dialogue in which nothing was undone and no form was open as they stand.

    Rasa asks of each event, five times a turn, of which of six abstract classes it is. A copy of a dialogue is made
    of events that were checked when they came; they are not checked again.
    """
    from rasa.shared.core.events import ActionReverted, ActiveLoop, Restarted, SessionStarted, UserUtteranceReverted
    from rasa.shared.core.trackers import DialogueStateTracker

    stock = DialogueStateTracker.applied_events
    undo, start = (ActionReverted, UserUtteranceReverted, ActiveLoop), (Restarted, SessionStarted)

    def applied_events(self: DialogueStateTracker) -> list[Any]:
        kinds = set(map(type, self.events))
        if any(issubclass(kind, undo) for kind in kinds):
            return stock(self)
        starts = {kind for kind in kinds if issubclass(kind, start)}
        events = list(self.events)
        last = max((place for place, event in enumerate(events, 1) if type(event) in starts), default=0)
        return events[last:]

    def copied(self: DialogueStateTracker) -> DialogueStateTracker:
        made = self.init_copy()
        for event in self.events:
            made.events.append(event)
            event.apply_to(made)
        return made

    DialogueStateTracker.applied_events = applied_events
    DialogueStateTracker.copy = copied


def copy_nothing_for_silent_logs() -> None:
    """Copy what is said in debug logs only where they are written.

    Rasa copies messages, events and states in depth, several times a turn, for lines that are thrown away.
    """
    from rasa.core import processor
    from rasa.core.policies import rule_policy

    for module in (processor, rule_policy):  # they copy for nothing else, which a test sees to
        module.copy = _CopiesForLogs(logging.getLogger(module.__name__))


class _CopiesForLogs:
    """Stands for the module `copy` where copies go to debug logs alone."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def deepcopy(self, said: Any) -> Any:
        return copy.deepcopy(said) if self._log.isEnabledFor(logging.DEBUG) else said


def know_an_empty_domain() -> None:
    """Compare a domain with an empty one that was made once; Rasa makes one for each message."""
    from rasa.shared.core.domain import Domain

    empty = Domain.empty().as_dict()

    def is_empty(self: Domain) -> bool:
        return self.as_dict() == empty

    Domain.is_empty = is_empty
