"""Turns the reviewed content under data/ into what Rasa trains on, so that a fact stands in one place."""

from __future__ import annotations

from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.importers.rasa import RasaFileImporter
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from haven.content import Answer, Claim, Content, Text, Unsupported
from haven.notes import quoted, source_line
from haven.retrieval.examples import asked
from haven.retrieval.quotes import quotable
from haven.settings import load_settings

Responses = dict[str, list[dict[str, Any]]]
_FILLED = ("quote", "source_line", "corrected_openly")  # said only with the content's own names in them
_WAYS = (("en", "widget"), ("en", "sms"), ("es", "widget"), ("es", "sms"))
_SPANISH = [{"type": "slot", "name": "language", "value": "es"}]


class HavenImporter(TrainingDataImporter):
    """Rasa's file importer for config, domain, data/nlu and data/rules, and our content beside it."""

    def __init__(
        self,
        config_file: str | None = None,
        domain_path: str | None = None,
        training_data_paths: list[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        self._data = load_settings().data
        self._content = Content.load(self._data)
        self._files = RasaFileImporter(
            config_file, domain_path, [str(self._data / "nlu"), str(self._data / "rules")])

    def get_config(self) -> dict:
        return self._files.get_config()

    def get_config_file_for_auto_config(self) -> str | None:
        return self._files.get_config_file_for_auto_config()

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        return self._files.get_stories(exclusion_percentage)

    def get_domain(self) -> Domain:
        """The domain file with every response of the content."""
        return self._files.get_domain().merge(Domain.from_dict({"responses": responses(self._content)}))

    def get_nlu_data(self, language: str | None = "en") -> TrainingData:
        """The files under data/nlu with every question of the content."""
        return self._files.get_nlu_data(language).merge(TrainingData(examples(self._content)))


def examples(content: Content) -> list[Message]:
    """Every question and variant as an example of its retrieval intent."""
    return [Message.build(example.text, example.label) for example in asked(content)]


def responses(content: Content) -> Responses:
    """Every text Rasa may say, by response name, with its variants for SMS and Spanish."""
    said: Responses = {}
    for answer in content.answers.values():
        said[f"utter_faq/{answer.id}"] = _answer(answer, content.sources_of(answer))
        said[f"utter_source/{answer.id}"] = _source(content, answer)
    for claim in quotable(content):
        said[f"utter_quote/{claim.id}"] = _quote(content, claim)
    for unsupported in content.unsupported.values():
        said[f"utter_unsupported/{unsupported.id}"] = _answer(unsupported, [])
    for guidance in content.guidance.values():
        said[f"utter_crisis/{guidance.kind}"] = _variants(
            guidance.web, guidance.sms, guidance.web_es, guidance.sms_es)
    for text in content.texts.values():
        if text.name in _FILLED:
            continue
        said[_response_name(text.name)] = _text(text)
    return said


def _response_name(text: str) -> str:
    """Rasa looks for a form's questions under utter_ask_<slot>."""
    return f"utter_ask_callback_{text.removeprefix('callback_ask_')}" if text.startswith("callback_ask_") \
        else f"utter_{text}"


def _answer(entry: Answer | Unsupported, sources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return _variants(entry.text, entry.sms, entry.text_es, entry.sms_es, {"sources": sources})


def _source(content: Content, answer: Answer) -> list[dict[str, Any]]:
    lines = [source_line(content, answer, language=language, channel=channel) for language, channel in _WAYS]
    return _variants(*lines, {"sources": content.sources_of(answer)})


def _quote(content: Content, claim: Claim) -> list[dict[str, Any]]:
    lines = [quoted(content, claim, language=language, channel=channel) for language, channel in _WAYS]
    return _variants(*lines, {"sources": [content.source_of(claim)]})


def _text(text: Text) -> list[dict[str, Any]]:
    return _variants(text.web, text.sms, text.web_es, text.sms_es)


def _variants(
    web: str, sms: str, web_es: str | None, sms_es: str | None, metadata: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Rasa's response variations: by channel, and by the language slot."""
    made = [{"text": web}, {"text": sms, "channel": "sms"}]
    if web_es:
        made.append({"text": web_es, "condition": _SPANISH})
    if sms_es:
        made.append({"text": sms_es, "channel": "sms", "condition": _SPANISH})
    return [{**variant, **({"metadata": metadata} if metadata else {})} for variant in made]


__all__ = ["HavenImporter", "examples", "responses"]
