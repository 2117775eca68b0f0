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
