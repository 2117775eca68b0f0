"""Everything a visitor may read, loaded from data/ into plain values; used by every process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from haven.errors import ContentError

CLASSES = ("quote", "correct_first", "never", "drop")
GROUPS = ("needs_human", "harmful", "out_of_scope")
LEVELS = ("acute", "possible")
LANGUAGES = ("en", "es")


@dataclass(frozen=True)
class Variant:
    """One way a visitor may ask; `language` is "en" or "es"."""

    text: str
    language: str


@dataclass(frozen=True)
class Answer:
    """A reviewed answer; `support` are claim ids, `corrects` the claims it overrides.

    `subject` is what "it" means after this answer. `text_es` and `sms_es` are None where there is no Spanish
    wording yet. `openly` names what a document gets wrong about it, where that must be said. `reviewer` is the
    role of who signed it off, `reviewed_on` when; None as long as nobody has.
    """

    id: str
    topic: str
    question: str
    subject: str
    text: str
    sms: str
    text_es: str | None
    sms_es: str | None
    support: tuple[str, ...]
    corrections: tuple[str, ...]
    corrects: tuple[str, ...]
    openly: str | None
    openly_es: str | None
    variants: tuple[Variant, ...]
    reviewer: str | None
    reviewed_on: date | None
    review_by: date


@dataclass(frozen=True)
class Unsupported:
    """A question the documents do not answer, with the fixed text that says so."""

    id: str
    question: str
    text: str
    sms: str
    text_es: str | None
    sms_es: str | None
    group: str
    offer_handoff: bool
    variants: tuple[Variant, ...]
    reviewer: str | None
    reviewed_on: date | None
    review_by: date


@dataclass(frozen=True)
class Guidance:
    """What is said at once for one kind of crisis; `level` is the kind's usual level."""

    kind: str
    code: str
    name: str
    level: str
    web: str
    sms: str
    web_es: str | None
    sms_es: str | None
    never: tuple[str, ...]
    src: tuple[str, ...]
    follow_up: str
    follow_up_es: str
    reviewer: str | None
    reviewed_on: date | None
    review_by: date

    def say(self, *, language: str = "en", channel: str = "widget") -> str:
        """The guidance for a language and a channel; English where no Spanish exists."""
        english, spanish = (self.sms, self.sms_es) if channel == "sms" else (self.web, self.web_es)
        return spanish if language == "es" and spanish else english


@dataclass(frozen=True)
class Hotline:
    """A line people may call or text; `keyword` is the word to text, if any."""

    key: str
    name: str
    number: str
    keyword: str | None
    hours: str
    languages: tuple[str, ...]
    source: str
    checked_on: date
    status: str


@dataclass(frozen=True)
class Claim:
    """One sentence of a document (`line` counts from 1) and whether it may be shown (`cls`)."""

    id: str
    document: str
    line: int
    quote: str
    cls: str


@dataclass(frozen=True)
class Correction:
    """What an authority says where the documents are wrong or silent; `source` are source ids."""

    id: str
    text: str
    source: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where a correction comes from; `address` is None where no page is known."""

    id: str
    title: str
    address: str | None
    year: str
    status: str


@dataclass(frozen=True)
class Document:
    """A source document as received."""

    id: str
    file: str
    title: str
    note: str
    text: str


@dataclass(frozen=True)
class Text:
    """A sentence the system says by itself; `fields` are the names it may carry in braces."""

    name: str
    web: str
    sms: str
    web_es: str
    sms_es: str
    fields: tuple[str, ...]

    def say(self, *, language: str = "en", channel: str = "widget", **values: object) -> str:
        """The sentence for a language and a channel, its fields filled; KeyError for one without a value."""
        english, spanish = (self.sms, self.sms_es) if channel == "sms" else (self.web, self.web_es)
        said = spanish if language == "es" else english
        for field in self.fields:  # not str.format: a value is never read as a template
            if "{" + field + "}" in said:
                said = said.replace("{" + field + "}", str(values[field]))
        return said


@dataclass(frozen=True)
class Content:
    """All content, each part by its id; `Content.load(root)` reads it from the data folder."""

    answers: dict[str, Answer]
    unsupported: dict[str, Unsupported]
    guidance: dict[str, Guidance]
    hotlines: dict[str, Hotline]
    forbidden_numbers: tuple[str, ...]
    forbidden_words: tuple[str, ...]
    claims: dict[str, Claim]
    corrections: dict[str, Correction]
    sources: dict[str, Source]
    documents: dict[str, Document]
    texts: dict[str, Text]

    @classmethod
    def load(cls, root: Path) -> Content:
        """Read the data folder. Raises one ContentError that lists every file, row and key at fault."""
        return _Loader(Path(root)).content()

    def sources_of(self, answer: Answer, *, language: str = "en") -> list[dict[str, str | None]]:
        """Where an answer comes from, documents first.

        Each is {"id", "title", "address", "kind": "document"|"correction"} with "quote" (the sentence, word
        for word) or, where the sentence may not be shown, "text" (that we reworded it, or the correction).
        """
        documents = [self.source_of(self.claims[id], language=language) for id in answer.support]
        return documents + [self._correction_source(self.corrections[id]) for id in answer.corrections]

    def source_of(self, claim: Claim, *, language: str = "en") -> dict[str, str | None]:
        """Where a sentence comes from, as in `sources_of`."""
        said = (
            {"quote": claim.quote}
            if claim.cls == "quote"
            else {"text": self.texts["source_reworded"].say(language=language)}
        )
        title = self.documents[claim.document].title
        return {"id": claim.id, "title": title, "address": None, "kind": "document", **said}

    def _correction_source(self, correction: Correction) -> dict[str, str | None]:
        first = self.sources[correction.source[0]] if correction.source else None
        return {
            "id": correction.id,
            "title": first.title if first else "",
            "text": correction.text,
            "address": first.address if first else None,
            "kind": "correction",
        }


class _Wrong(Exception):
    """A row cannot be read; its text says why."""


class _Loader:
    """Reads one data folder and gathers what is wrong with it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faults: list[str] = []
        self._files: dict[str, dict[str, Any]] = {}

    def content(self) -> Content:
        content = self._read()
        if not self.faults:
            self._check_references(content)
        if self.faults:
            raise ContentError(self.faults)
        return content

    def _read(self) -> Content:
        hotlines = self._file("hotlines.yml")
        more = self._more_variants()
        return Content(
            answers=self._keyed(_answer, self._asked(self._topics(), more)),
            unsupported=self._keyed(
                _unsupported, self._asked(self._rows("unsupported.yml", "unsupported"), more)
            ),
            guidance=self._keyed(_guidance, self._folder("crisis"), key="kind"),
            hotlines=self._keyed(_hotline, self._listed("hotlines.yml", hotlines.get("hotlines")), key="key"),
            forbidden_numbers=tuple(str(row["number"]) for row in hotlines.get("forbidden") or ()),
            forbidden_words=tuple(str(word) for word in hotlines.get("forbidden_words") or ()),
            claims=self._keyed(_claim, self._rows("claims.yml", "claims")),
            corrections=self._keyed(_correction, self._rows("corrections.yml", "corrections")),
            sources=self._keyed(_source, self._rows("sources.yml", "sources")),
            documents=self._keyed(self._document, self._rows("documents/catalogue.yml", "documents")),
            texts=self._keyed(_text, self._named_texts(), key="name"),
        )

    def _file(self, name: str) -> dict[str, Any]:
        """One YAML file as a mapping; an empty one, and a fault, if it cannot be read."""
        if name not in self._files:
            self._files[name] = self._parsed(name)
        return self._files[name]

    def _parsed(self, name: str) -> dict[str, Any]:
        try:
            raw = yaml.load((self.root / name).read_bytes(), Loader=yaml.CSafeLoader)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            self.faults.append(f"{name}: cannot be read: {' '.join(str(error).split())}")
            return {}
        if not isinstance(raw, dict):
            self.faults.append(f"{name}: should be a mapping, is {type(raw).__name__}")
            return {}
        return raw

    def _listed(self, name: str, rows: object) -> Iterator[tuple[str, dict[str, Any]]]:
        if not isinstance(rows, list):
            self.faults.append(f"{name}: holds no list where one is expected")
            return
        for row in rows:
            yield name, row

    def _rows(self, name: str, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return self._listed(name, self._file(name).get(key))

    def _topics(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in self._names("faq"):
            raw = self._file(name)
            topic = raw.get("topic")
            if raw and topic != Path(name).stem:
                self.faults.append(f"{name}: 'topic' is {topic!r}, the file is {Path(name).name}")
            for where, row in self._listed(name, raw.get("answers")):
                yield where, {"topic": topic, **row} if isinstance(row, dict) else row

    def _more_variants(self) -> dict[str, list[str]]:
        """data/faq_extra: further ways to ask, by the id of the answer or unsupported question."""
        more: dict[str, list[str]] = {}
        for path in sorted((self.root / "faq_extra").glob("*.yml")):
            for id, texts in self._file(f"faq_extra/{path.name}").items():
                if isinstance(texts, list) and all(isinstance(text, str) for text in texts):
                    more.setdefault(str(id), []).extend(texts)
                else:
                    self.faults.append(f"faq_extra/{path.name}: {id}: should be a list of texts")
        return more

    def _asked(
        self, rows: Iterable[tuple[str, dict[str, Any]]], more: dict[str, list[str]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for where, row in rows:
            if isinstance(row, dict):
                row = {**row, "more": more.get(str(row.get("id")), [])}
            yield where, row

    def _folder(self, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name in self._names(folder):
            raw = self._file(name)
            if "kind" in raw:  # crisis/signals.yml lies beside the guidance and is read by haven.crisis
                yield name, raw

    def _names(self, folder: str) -> list[str]:
        names = sorted(f"{folder}/{path.name}" for path in (self.root / folder).glob("*.yml"))
        names = [name for name in names if name != "crisis/signals.yml"]
        if not names:
            self.faults.append(f"{folder}/: holds no .yml file")
        return names

    def _named_texts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, row in self._file("texts.yml").items():
            yield "texts.yml", {"name": name, **row} if isinstance(row, dict) else {"name": name}

    def _keyed(
        self,
        make: Callable[[dict[str, Any]], Any],
        rows: Iterable[tuple[str, dict[str, Any]]],
        *,
        key: str = "id",
    ) -> dict[str, Any]:
        """Every row that can be read, by its key; the others, and doubles, become faults."""
        made: dict[str, Any] = {}
        for where, row in rows:
            label = row.get(key) if isinstance(row, dict) else None
            try:
                if label in made:
                    raise _Wrong("stands here twice")
                made[str(label)] = make(row)
            except _Wrong as error:
                self.faults.append(f"{where}: {label}: {error}")
            except (AttributeError, TypeError, ValueError) as error:
                self.faults.append(f"{where}: {label}: cannot be read: {error}")
        return made

    def _document(self, row: dict[str, Any]) -> Document:
        path = self.root / "documents" / _string(row, "file")
        try:
            text = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _Wrong(f"the document cannot be read: {error}") from error
        return Document(**_each(row, _string, "id", "file", "title", "note"), text=text)

    def _check_references(self, content: Content) -> None:
        known_ids = {*content.answers, *content.unsupported}
        for name in sorted(f"faq_extra/{path.name}" for path in (self.root / "faq_extra").glob("*.yml")):
            self.faults.extend(f"{name}: {id}: there is no {id}" for id in self._file(name) if str(id) not in known_ids)
        for name, row, ids, known in _references(content):
            unknown = [id for id in ids if id not in known]
            self.faults.extend(f"{name}: {row}: there is no {id}" for id in unknown)
        if "source_reworded" not in content.texts:
            self.faults.append("texts.yml: source_reworded: is missing")


def _references(content: Content) -> Iterator[tuple[str, str, tuple[str, ...], dict[str, Any]]]:
    """(file, row, ids it names, where they must stand) for every reference in the content."""
    for answer in content.answers.values():
        name = f"faq/{answer.topic}.yml"
        yield name, answer.id, answer.support + answer.corrects, content.claims
        yield name, answer.id, answer.corrections, content.corrections
    for correction in content.corrections.values():
        yield "corrections.yml", correction.id, correction.source, content.sources
    for claim in content.claims.values():
        yield "claims.yml", claim.id, (claim.document,), content.documents
    for guidance in content.guidance.values():
        yield f"crisis/{guidance.kind}.yml", guidance.kind, guidance.src, content.sources


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(
        **_each(row, _string, "id", "topic", "question", "subject", "text", "sms"),
        **_each(row, _optional, "text_es", "sms_es", "openly", "openly_es"),
        **_each(row, _strings, "support", "corrections"),
        corrects=_strings(row, "corrects", needed=False),
        variants=_variants(row),
        reviewer=_optional(row, "reviewer"),
        reviewed_on=_date(row, "reviewed_on") if row.get("reviewed_on") else None,
        review_by=_date(row, "review_by"),
    )


def _unsupported(row: dict[str, Any]) -> Unsupported:
    return Unsupported(
        **_each(row, _string, "id", "question", "text", "sms"),
        **_each(row, _optional, "text_es", "sms_es"),
        group=_one_of(row, "group", GROUPS),
        offer_handoff=bool(_value(row, "offer_handoff")),
        variants=_variants(row),
        reviewer=_optional(row, "reviewer"),
        reviewed_on=_date(row, "reviewed_on") if row.get("reviewed_on") else None,
        review_by=_date(row, "review_by"),
    )


def _guidance(row: dict[str, Any]) -> Guidance:
    return Guidance(
        **_each(row, _string, "kind", "code", "name", "web", "sms"),
        level=_one_of(row, "level", LEVELS),
        web_es=_optional(row, "web_es"),
        sms_es=_optional(row, "sms_es"),
        never=_strings(row, "never"),
        src=_strings(row, "src"),
        follow_up=_optional(row, "follow_up") or "",
        follow_up_es=_optional(row, "follow_up_es") or "",
        reviewer=_optional(row, "reviewer"),
        reviewed_on=_date(row, "reviewed_on") if row.get("reviewed_on") else None,
        review_by=_date(row, "review_by"),
    )


def _hotline(row: dict[str, Any]) -> Hotline:
    return Hotline(
        **_each(row, _string, "key", "name", "number", "hours", "source", "status"),
        keyword=_optional(row, "keyword"),
        languages=_strings(row, "languages"),
        checked_on=_date(row, "checked_on"),
    )


def _claim(row: dict[str, Any]) -> Claim:
    id = _string(row, "id")
    line = _value(row, "line")
    if not isinstance(line, int):
        raise _Wrong(f"'line' should be a number, is {line!r}")
    return Claim(id, id.partition("-")[0], line, _string(row, "quote"), _one_of(row, "class", CLASSES))


def _correction(row: dict[str, Any]) -> Correction:
    return Correction(_string(row, "id"), _string(row, "text"), _strings(row, "sources"))


def _source(row: dict[str, Any]) -> Source:
    return Source(
        id=_string(row, "id"),
        title=_string(row, "title"),
        address=_optional(row, "address"),
        year=_string(row, "year"),
        status=_string(row, "status"),
    )


def _text(row: dict[str, Any]) -> Text:
    web, web_es = _string(row, "web"), _optional(row, "web_es") or ""
    return Text(
        name=_string(row, "name"),
        web=web,
        sms=_optional(row, "sms") or web,  # one wording serves both channels unless SMS needs its own
        web_es=web_es,
        sms_es=_optional(row, "sms_es") or web_es,
        fields=_strings(row, "fields", needed=False),
    )


def _variants(row: dict[str, Any]) -> tuple[Variant, ...]:
    by_language = _value(row, "variants")
    unknown = sorted(set(by_language) - set(LANGUAGES))
    if unknown:
        raise _Wrong(f"'variants' holds {', '.join(unknown)}; the languages are {', '.join(LANGUAGES)}")
    written = [
        Variant(text, language)
        for language in LANGUAGES
        for text in _strings(by_language, language, needed=False)
    ]
    further = [Variant(text, _language(text)) for text in row.get("more") or ()]
    return tuple({variant.text: variant for variant in (*further, *written)}.values())


def _language(text: str) -> str:
    """A guess, for variants that do not say it: Spanish letters, or two Spanish words of the commonest."""
    common = {"que", "como", "es", "la", "el", "de", "mi", "si", "para", "puedo", "cuanto", "hay", "los", "se"}
    words = text.lower().split()
    return "es" if set(text) & set("áéíóúñ¿¡") or len(common & set(words)) >= min(2, len(words)) else "en"


def _each(row: dict[str, Any], read: Callable[[dict[str, Any], str], Any], *keys: str) -> dict[str, Any]:
    return {key: read(row, key) for key in keys}


def _value(row: dict[str, Any], key: str) -> Any:
    if not isinstance(row, dict):
        raise _Wrong(f"should be a mapping, is {row!r}")
    if row.get(key) is None:
        raise _Wrong(f"'{key}' is missing")
    return row[key]


def _string(row: dict[str, Any], key: str) -> str:
    value = _value(row, key)
    if not isinstance(value, str) or not value.strip():
        raise _Wrong(f"'{key}' should be text, is {value!r}")
    return value.strip()


def _optional(row: dict[str, Any], key: str) -> str | None:
    return _string(row, key) if row.get(key) not in (None, "") else None


def _strings(row: dict[str, Any], key: str, *, needed: bool = True) -> tuple[str, ...]:
    if not needed and row.get(key) is None:
        return ()
    values = _value(row, key)
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise _Wrong(f"'{key}' should be a list of texts, is {values!r}")
    return tuple(values)


def _date(row: dict[str, Any], key: str) -> date:
    value = _value(row, key)
    if not isinstance(value, date):
        raise _Wrong(f"'{key}' should be a date such as 2027-02-21, is {value!r}")
    return value


def _one_of(row: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    value = _string(row, key)
    if value not in allowed:
        raise _Wrong(f"'{key}' is {value!r}; it can be {', '.join(allowed)}")
    return value
