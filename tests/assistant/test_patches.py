"""assistant.patches: each change to Rasa's behaviour keeps what Rasa promises."""

from __future__ import annotations

import ast
import copy
import inspect
import logging
import subprocess
import sys
from pathlib import Path

import dask
import pytest
from jsonschema import Draft202012Validator, ValidationError
from rasa.core import processor
from rasa.core.actions.action import RemoteAction
from rasa.core.policies import rule_policy
from rasa.engine.exceptions import GraphComponentException, GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphModelConfiguration, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.graph_components.providers.domain_provider import DomainProvider
from rasa.shared.core.domain import Domain
from rasa.shared.data import TrainingType

from assistant import patches
from haven.settings import ROOT

RESULTS = [
    {},
    {"events": [], "responses": []},
    {"events": [{"event": "slot", "name": "language", "value": "es", "timestamp": None}],
     "responses": [{"text": None, "response": "utter_handoff", "custom": {"handoff": {"reason": "asked"}}}]},
    {"responses": [{"text": 5}]},
    {"events": [{"event": "followup", "name": "action_listen"}]},
    [],
    None,
    {"events": {}},
    {"events": ["slot"]},
    {"events": [{"event": "no such event"}]},
    {"events": [{"event": "slot"}]},
    {"responses": "text"},
    {"responses": ["text"]},
]
# What YAML may read as something else than it was, in responses that Rasa writes into a model.
TRICKY = ["no", "Yes", "on", "null", "~", "12:30", "1_000", "0x1F", "1e3", "3.10", "2026-11-27", "a: b", "- a", "# a",
          "", "líneas\n\ndos  \n", "'quoted' \"twice\"", "{x}", "🙂", "\\n", "tab\there"]


# -- action results -------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """The quick check in place; other tests get Rasa as it is."""
    monkeypatch.setattr(RemoteAction, "_validate_action_result", RemoteAction._validate_action_result)
    patches.check_action_results_quickly()


def verdict(check, result):
    """Where a result breaks the schema and by which rule, or that it is fine."""
    try:
        return check(RemoteAction("action_request_handoff", None), result)
    except ValidationError as error:
        return list(error.absolute_path), list(error.absolute_schema_path)


STOCK = RemoteAction._validate_action_result


@pytest.mark.parametrize("result", RESULTS, ids=repr)
def test_action_results_are_judged_as_rasa_judges_them(quick, result):
    """An action's result is taken or refused for the same fault as without the change."""
    assert verdict(RemoteAction._validate_action_result, result) == verdict(STOCK, result)


def test_both_verdicts_are_among_the_results():
    """The results above hold some that Rasa takes and some that it refuses."""
    assert {verdict(STOCK, result) is True for result in RESULTS} == {True, False}


def test_the_schema_is_not_checked_anew(quick, monkeypatch):
    """However many results come, the schema itself was checked before the first."""
    monkeypatch.setattr(Draft202012Validator, "check_schema", lambda *_: pytest.fail("the schema is read again"))

    assert verdict(RemoteAction._validate_action_result, {"events": [], "responses": []}) is True


# -- the domain -------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path, monkeypatch) -> Path:
    """A model as Rasa packs it: our domain, and responses whose texts YAML might misread."""
    for owner, name in ((LocalModelStorage, "from_model_archive"), (DomainProvider, "load")):
        monkeypatch.setattr(owner, name, owner.__dict__[name])
    responses = {f"utter_{number}": [{"text": text, "metadata": {"sources": [{"page": number}]}},
                                     {"text": text, "channel": "sms"}] for number, text in enumerate(TRICKY)}
    domain = Domain.load(str(ROOT / "domain.yml")).merge(Domain.from_dict({"responses": responses}))
    (tmp_path / "trained").mkdir()
    storage = LocalModelStorage.create(tmp_path / "trained")
    DomainProvider(storage, Resource("domain_provider"))._persist(domain)
    storage.create_model_package(tmp_path / "model.tar.gz", GraphModelConfiguration(
        GraphSchema({}), GraphSchema({}), TrainingType.BOTH, "haven", "en", None, "run"), domain)
    return tmp_path / "model.tar.gz"


def domain_of(model: Path, folder: Path) -> Domain:
    """The domain that policies get when the model is loaded."""
    folder.mkdir()
    storage, metadata = LocalModelStorage.from_model_archive(folder, model)
    provider = DomainProvider.load({}, storage, Resource("domain_provider"), ExecutionContext(metadata.predict_schema))
    assert provider.provide_inference() is not metadata.domain  # a change to the one must not reach the other
    return provider.provide_inference()


def test_policies_get_the_domain_that_rasa_would_read(model, tmp_path):
    """Every text, name and order of the domain is as if its file had been read."""
    read = domain_of(model, tmp_path / "stock")

    patches.read_the_domain_once()
    taken = domain_of(model, tmp_path / "ours")

    assert taken.as_dict() == read.as_dict()
    assert taken.action_names_or_texts == read.action_names_or_texts
    assert taken.input_states == read.input_states
    assert [(slot.name, slot.type_name, slot.mappings) for slot in taken.slots] == \
        [(slot.name, slot.type_name, slot.mappings) for slot in read.slots]
    assert [variant["text"] for number in range(len(TRICKY)) for variant in taken.responses[f"utter_{number}"]] == \
        [text for text in TRICKY for _ in range(2)]


def test_the_file_is_not_read(model, tmp_path, monkeypatch):
    """The domain's file in the model is left alone: reading it is what took the time."""
    patches.read_the_domain_once()
    monkeypatch.setattr(Domain, "from_path", lambda *_: pytest.fail("the file is read"))

    assert domain_of(model, tmp_path / "ours").responses["utter_0"][0]["text"] == TRICKY[0]


# -- TensorFlow -------------------------------------------------------------------------------------------------


def in_a_fresh_process(code: str) -> str:
    """What a program prints that puts the changes in place before anything of Rasa is there."""
    program = f"import sys\nfrom assistant import patches\npatches.apply()\n{code}"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_serving_process_has_no_tensorflow():
    """Rasa's server, our channel, components and policies come without it; what stands in for a class has its name."""
    assert in_a_fresh_process(
        "import rasa.__main__, rasa.core.run, rasa.server\n"
        "import assistant.channel, assistant.tracker_store, assistant.components.faq_retriever\n"
        "import assistant.policies.crisis_policy, rasa.core.policies.rule_policy\n"
        "from rasa.shared.utils.common import class_from_module_path as found\n"
        "node = found(patches.VALIDATOR + '.DefaultV1RecipeValidator')\n"
        "print('tensorflow' in sys.modules, node.__module__ + '.' + node.__name__)"
    ) == f"False {patches.VALIDATOR}.DefaultV1RecipeValidator"


def test_whoever_needs_tensorflow_gets_it():
    """Rasa's own classifier, helpers for training and check of a configuration are the real ones all the same."""
    assert in_a_fresh_process(
        "import rasa.utils.train_utils as helpers\n"
        "made = helpers.create_common_callbacks(epochs=1)[0]\n"
        "from rasa.nlu.classifiers.diet_classifier import DIETClassifier\n"
        "from rasa.utils.tensorflow.models import RasaBatchDataGenerator\n"
        "from rasa.shared.utils.common import class_from_module_path as found\n"
        "node = found(patches.VALIDATOR + '.DefaultV1RecipeValidator')\n"
        "from rasa.engine.graph import GraphSchema\n"
        "import tensorflow as tf\n"
        "print(isinstance(made, tf.keras.callbacks.Callback),"
        "      issubclass(RasaBatchDataGenerator, tf.keras.utils.Sequence),"
        "      node(GraphSchema({})).validate.__qualname__)"
    ) == "True True DefaultV1RecipeValidator.validate"


# -- the graph --------------------------------------------------------------------------------------------------


class Noted(GraphComponent):
    """Notes its calls; joins what it gets; fails as it is told to."""

    called: list[str] = []  # noqa: RUF012 (of all of them, in order)

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def create(cls, config, model_storage, resource, execution_context):
        return cls(config["name"])

    def join(self, left: object, right: object = "") -> str:
        self.called.append(self.name)
        for given in (left, right):
            if isinstance(given, Exception):
                raise given
        return f"{self.name}({left},{right})"


GRAPH = {"b": {"left": "text", "right": "a"}, "a": {"left": "text"}, "z": {"left": "a", "right": "other"},
         "end": {"left": "z", "right": "b"}, "beside": {"left": "text"}}


@pytest.fixture
def runner(tmp_path, monkeypatch) -> DaskGraphRunner:
    """A graph of notes with our way to run it."""
    monkeypatch.setattr(DaskGraphRunner, "run", DaskGraphRunner.run)
    monkeypatch.setattr(Noted, "called", [])
    patches.repeat_the_steps_of_a_run()
    schema = GraphSchema({name: SchemaNode(
        needs=needs, uses=Noted, constructor_name="create", fn="join", config={"name": name}, eager=True,
        is_target=name == "end") for name, needs in GRAPH.items()})
    return DaskGraphRunner.create(schema, LocalModelStorage.create(tmp_path), ExecutionContext(schema))


STOCK_RUN = DaskGraphRunner.run


def outcome(run, runner: DaskGraphRunner, *asked: object) -> object:
    """What a run gives, or how it fails; and which nodes it called, in which order."""
    Noted.called.clear()
    try:
        return run(runner, *asked), list(Noted.called)
    except Exception as error:
        return type(error), str(error), repr(error.__cause__), list(Noted.called)


@pytest.mark.parametrize(("inputs", "targets"), [
    ({"text": ["t"], "other": ["o"]}, None),
    ({"text": ["t"], "other": ["o"]}, ["end", "b"]),
    ({"text": ["t"]}, ["b"]),
    ({"text": ["t"], "other": ["o"]}, ["text", "z"]),
    ({"text": ["t"], "other": ["o"], "a": ["instead"]}, None),
    ({"text": ["t"], "other": "a"}, None),
    ({"text": ["t"], "other": "o"}, None),
    ({"text": ["t"]}, None),
    ({"text": ["t"], "other": ValueError("x")}, None),
    ({"text": ["t"], "other": RuntimeError("x")}, None),
    ({"text": ["t"], "other": GraphComponentException("x")}, None),
    ({"text": ["t"], "other": GraphRunError("x")}, None),
], ids=str)
def test_a_repeated_run_is_like_the_first(runner, inputs, targets):
    """Results, failures and the order of the calls are those of Rasa's own runs, also after other runs."""
    stock = outcome(STOCK_RUN, runner, inputs, targets)
    good = {name: inputs.get(name) if isinstance(inputs.get(name), list) else ["g"] for name in inputs}

    assert outcome(DaskGraphRunner.run, runner, inputs, targets) == stock
    outcome(DaskGraphRunner.run, runner, good, targets)  # so that the steps of this kind are known
    assert outcome(DaskGraphRunner.run, runner, inputs, targets) == stock


def test_a_known_run_is_not_planned_anew(runner, monkeypatch):
    """dask is asked once for each kind of run."""
    first = runner.run({"text": ["t"], "other": ["o"]})
    monkeypatch.setattr(dask, "get", lambda *_: pytest.fail("the graph is planned again"))

    assert runner.run({"text": ["t"], "other": ["o"]}) == first
    assert runner.run({"text": ["u"], "other": ["o"]}) != first


# -- logs and an empty domain -------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [processor, rule_policy])
def test_what_is_copied_goes_to_debug_logs(module):
    """Each use of `copy` in these files of Rasa's stands inside a call of structlogger.debug."""
    tree = ast.parse(inspect.getsource(module))

    def uses(node: ast.AST) -> int:
        return sum(isinstance(part, ast.Name) and part.id == "copy" for part in ast.walk(node))

    debugs = [node for node in ast.walk(tree)
              if isinstance(node, ast.Call) and ast.unparse(node.func) == "structlogger.debug"]
    assert uses(tree) == sum(map(uses, debugs)) > 0


def test_copies_are_made_where_debug_logs_are_written(monkeypatch):
    """Silent logs cost no copies; written ones get them."""
    for module in (processor, rule_policy):
        monkeypatch.setattr(module, "copy", copy)
    patches.copy_nothing_for_silent_logs()
    said, log = [["x"]], logging.getLogger(processor.__name__)

    monkeypatch.setattr(log, "level", logging.INFO)
    log.manager._clear_cache()
    assert processor.copy.deepcopy(said) is said
    monkeypatch.setattr(log, "level", logging.DEBUG)
    log.manager._clear_cache()
    assert processor.copy.deepcopy(said) == said
    assert processor.copy.deepcopy(said)[0] is not said[0]


def test_an_empty_domain_is_known(monkeypatch):
    """A domain with anything in it is not empty; an empty one is, however it was made."""
    monkeypatch.setattr(Domain, "is_empty", Domain.is_empty)
    patches.know_an_empty_domain()

    assert Domain.empty().is_empty()
    assert Domain.from_dict({}).is_empty()
    assert not Domain.load(str(ROOT / "domain.yml")).is_empty()
    assert not Domain.from_dict({"intents": ["greet"]}).is_empty()
