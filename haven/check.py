"""Holds the content together: finds every fault in data/ at once; run by `bin/haven check` and in CI."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from haven.centre import retention_faults
from haven.content import Answer, Claim, Content, Guidance, Text, Unsupported
from haven.errors import ContentError
from haven.follow_through import FILE as FOLLOW_THROUGH
from haven.follow_through import Care, FollowThroughContent, numbered
from haven.gsm import is_gsm7, sms_length
from haven.notes import quoted, source_line
from haven.retrieval.quotes import LONGEST_SMS, quotable

SMS_LIMIT = 300  # two segments of a concatenated GSM-7 message (3GPP TS 23.040: 153 characters each) less "Auto: "
HOTLINE_CHECK = timedelta(days=92)  # every number is test-called every three months (clinical review)
GRADE_LIMIT = 9.0
FEWEST_WAYS = {"en": 16, "es": 2}  # to ask for an answer; fewer are not found however people word it
SHINGLE = 7  # words in a row that are no accident

# The longest a field may become, to measure SMS with.
FIELD_LENGTHS = {
    "centre": 26, "name": 14, "next_open": 21, "number": 15, "when": 40, "retention_days": 3, "minutes": 3,
    "sentence": 150, "title": 46, "titles": 180, "about": 46, "authority": 110,
}  # fmt: skip

# Carriers act on these words by themselves; a visitor who sends one as an answer may be cut off.
_RESERVED = "STOPALL|STOP|UNSUBSCRIBE|CANCEL|END|QUIT|OPTOUT|REVOKE|START|YES|UNSTOP|HELP|INFO"
_ASKS = r"(?i:reply|text|send|write|type|answer|responda|mande|env[ií]e|escriba)(?:\s+(?i:with|con))?\s+"
RESERVED_WORD = re.compile(
    _ASKS + rf"(?:(?i:just|only|back)\s+)?(?:\W?(?:{_RESERVED})\b|[\"'“‘](?i:{_RESERVED})\b"
    rf"|(?i:{_RESERVED})(?=\s+or\b|\W*$))(?!\W{{0,2}}\s+(?:to|al|a)\s+\d)"
)

# Person-first words (NIDA, Words Matter; correction CORR-43), in both languages.
STIGMA = re.compile(
    r"\b(?:(?:ex-?)?addicts?|abus(?:e|es|ed|er|ers|ing)|users?|junk(?:ie|ies|y)|druggies?|crackheads?|tweakers?"
    r"|alcoholics?|drunks?|dope ?fiends?|clean (?:and|from|of|again|time|needles?|tests?|urine)"
    r"|(?:get|gets|getting|stay|stays|staying|be|is|are|was) clean|dirty|(?:drug|heroin|opioid) habits?"
    r"|non-?complian(?:t|ce)|(?:replacement|substitution) therapy|medication-assisted"
    r"|commit(?:s|ted|ting)? suicide|suffer(?:s|ing)? from"
    r"|(?:drog)?adict[oa]s?|toxic[oó]man[oa]s?|yonquis?|borrach[oa]s?|alcoh[oó]lic[oa]s?|abus(?:o|ar|ador\w*)"
    r"|usuari[oa]s?|consumidor\w*|limpi[oa]s?|suci[oa]s?|vicios?(?:o|a)?s?"
    r"|(?:cometer|cometi[oó]) suicidio)\b",
    re.IGNORECASE,
)
# A term may be named where it is explained, never used.
NAMED_TERMS = ('"medication-assisted treatment"', "means medication-assisted treatment")

# What may never be advised in a crisis, whatever the kind (clinical review, 4c).
NEVER_SAY = (
    "sleep it off", "cold shower", "cold bath", "ice bath", "walk them around", "coffee", "slap them",
    "make them vomit", "salt water", "wait and see", "drive them yourself", "only one dose",
    "nobody dies from withdrawal", "i have called 911", "i called 911",
)  # fmt: skip
NEGATIONS = {"dont", "not", "never", "no", "without", "cannot", "cant", "nunca", "sin", "ni"}

PHONE = re.compile(r"(?<![\w$,.])\(?\d[\d\-().]*(?:[ \-().]+\d[\d\-().]*)*(?![\w,]*\d)|\b[2-9]11\b|\b988\b")
VANITY = re.compile(r"\b(?:1[-. ])?\d{3}[-. ](?:\d{3}[-. ][A-Z]{4}|[A-Z]{7})\b")
BRACES = re.compile(r"\{([^{}]*)\}|[{}]")


@dataclass(frozen=True)
class Fault:
    """One thing to put right; a `warning` does not fail the check. `line` counts from 1."""

    file: str
    line: int | None
    what: str
    warning: bool = False

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {'warning: ' if self.warning else ''}{self.what}"


@dataclass(frozen=True)
class Said:
    """One text a visitor may read and where it stands; `label` is the id or name of its entry."""

    file: str
    label: str
    key: str
    text: str
    fields: tuple[str, ...] = ()

    @property
    def is_sms(self) -> bool:
        return self.key.startswith("sms")

    @property
    def is_prose(self) -> bool:
        """English that every visitor should read with ease; what clinicians ask may be harder."""
        harder = ("faq/clinicians.yml", "corrections.yml")
        return self.key in ("text", "sms", "web") and self.file not in harder


def check(content_root: Path, today: date) -> list[Fault]:
    """Every fault of the content under `content_root` on the day `today`, by file and line.

    Content that cannot be loaded is reported as such; nothing else can be said of it then.
    """
    root = Path(content_root)
    try:
        content, after = Content.load(root), FollowThroughContent.load(root)
    except ContentError as error:
        return [_loading_fault(root, text) for text in error.faults]
    return [*_Checker(root, content, after, today).faults(), *_centre_faults(root)]


def _centre_faults(root: Path) -> list[Fault]:
    """How long things are kept: what cannot be read would silently be kept for another time than was meant."""
    path = root / "centre.yml"
    raw = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
    faults = retention_faults(raw) if isinstance(raw, dict) else []
    return [Fault(f"{root.name}/centre.yml", None, what) for what in faults]


@lru_cache(maxsize=16384)
def plain(text: str) -> str:
    """A text in lower case without accents and punctuation, for comparing wording."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    return " ".join(re.findall(r"[a-z0-9]+", "".join(c for c in letters if not unicodedata.combining(c))))


def reading_grade(text: str) -> float:
    """US school grade after Flesch and Kincaid (1975), syllables counted by vowel groups."""
    words = re.findall(r"[A-Za-z']+", text)
    sentences = max(1, len(re.findall(r"[.!?:;\n]+(?:\s|$)", text)))
    if not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def _syllables(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", word.lower().removesuffix("e")))
    return max(1, groups)


def _loading_fault(root: Path, text: str) -> Fault:
    """A loader's "file: entry: what" with the line of the entry where it can be found."""
    name, _, what = text.partition(": ")
    label = what.partition(": ")[0]
    return Fault(f"{root.name}/{name}", _Lines(root).of(name, label), what)


@dataclass
class _Lines:
    """Finds the line of an entry in a content file."""

    root: Path
    _files: dict[str, list[str]] = field(default_factory=dict)

    def of(self, name: str, label: str, key: str = "") -> int | None:
        """The line of `key` within the entry `label`, else of the entry, else None."""
        lines = self._lines(name)
        start = next((i for i, line in enumerate(lines) if _opens(line, label)), None)
        if start is None or not key:
            return None if start is None else start + 1
        inside = (i for i in range(start, len(lines)) if lines[i].strip().startswith(f"{key}:"))
        return next(inside, start) + 1

    def holding(self, name: str, text: str) -> int | None:
        """The first line that holds the beginning of `text`."""
        beginning = " ".join(text.split())[:30]
        return next((i + 1 for i, line in enumerate(self._lines(name)) if beginning in line), None)

    def _lines(self, name: str) -> list[str]:
        path = self.root / name
        if name not in self._files:
            self._files[name] = path.read_text("utf-8").splitlines() if path.is_file() else []
        return self._files[name]


def _opens(line: str, label: str) -> bool:
    bare = line.strip().removeprefix("- ").removeprefix("{")
    return re.match(rf"(?:(?:id|key|kind): )?{re.escape(label)}(?![\w-])", bare) is not None


class _Checker:
    """Runs every check over one loaded content."""

    def __init__(self, root: Path, content: Content, after: FollowThroughContent, today: date) -> None:
        self.root, self.content, self.after, self.today = root, content, after, today
        self.lines = _Lines(root)

    def faults(self) -> list[Fault]:
        found = [fault for each in self._checks() for fault in each()]
        return sorted(set(found), key=lambda fault: (fault.warning, fault.file, fault.line or 0, fault.what))

    def _checks(self) -> tuple[Callable[[], Iterator[Fault]], ...]:
        return (
            self._claims, self._supports, self._dates, self._reviews, self._hotlines, self._spanish, self._guidance,
            self._ways, self._duplicates, self._texts, self._replies, self._sources, self._follow_through,
        )  # fmt: skip

    def _fault(self, said: Said, what: str, *, warning: bool = False) -> Fault:
        line = self.lines.of(said.file, said.label, said.key)
        return Fault(f"{self.root.name}/{said.file}", line, f"{said.label}: {said.key}: {what}", warning)

    def _entry_fault(self, file: str, label: str, what: str) -> Fault:
        return Fault(f"{self.root.name}/{file}", self.lines.of(file, label), f"{label}: {what}")

    def _questions(self) -> list[Answer | Unsupported]:
        return [*self.content.answers.values(), *self.content.unsupported.values()]

    # -- entries ---------------------------------------------------------------------------------------

    def _claims(self) -> Iterator[Fault]:
        for claim in self.content.claims.values():
            if not self._stands(claim):
                yield self._entry_fault(
                    "claims.yml", claim.id, f"is not in line {claim.line} of its document word for word"
                )

    def _stands(self, claim: Claim) -> bool:
        lines = self.content.documents[claim.document].text.splitlines()
        return claim.line <= len(lines) and claim.quote in lines[claim.line - 1]

    def _supports(self) -> Iterator[Fault]:
        for answer in self.content.answers.values():
            if not answer.support and not answer.corrections:
                yield self._entry_fault(_file_of(answer), answer.id, "rests on no sentence and no correction")
            for id in answer.support:
                if (cls := self.content.claims[id].cls) in ("never", "drop"):
                    what = f"rests on {id}, which is of class {cls}"
                    yield self._entry_fault(_file_of(answer), answer.id, what)

    def _dates(self) -> Iterator[Fault]:
        for entry in (*self._questions(), *self.content.guidance.values()):
            if entry.review_by < self.today:
                label = entry.kind if isinstance(entry, Guidance) else entry.id
                yield self._entry_fault(_file_of(entry), label, f"its review was due on {entry.review_by}")

    def _reviews(self) -> Iterator[Fault]:
        for entry in (*self._questions(), *self.content.guidance.values()):
            label = entry.kind if isinstance(entry, Guidance) else entry.id
            if bool(entry.reviewer) != bool(entry.reviewed_on):
                yield self._entry_fault(_file_of(entry), label, "'reviewer' and 'reviewed_on' go together")
            elif entry.reviewed_on and entry.reviewed_on > self.today:
                yield self._entry_fault(_file_of(entry), label, f"was reviewed in the future, on {entry.reviewed_on}")

    def _hotlines(self) -> Iterator[Fault]:
        for line in self.content.hotlines.values():
            if line.checked_on + HOTLINE_CHECK < self.today:
                yield self._entry_fault("hotlines.yml", line.key, f"was last checked on {line.checked_on}")
            if _digits(line.number) in self._forbidden:
                yield self._entry_fault("hotlines.yml", line.key, f"{line.number} is a forbidden number")

    def _spanish(self) -> Iterator[Fault]:
        for entry in self._questions():
            fault = self._entry_fault(_file_of(entry), entry.id, "has no Spanish text for both channels")
            if bool(entry.text_es) != bool(entry.sms_es):
                yield fault
            elif not entry.text_es and fault.file != f"{self.root.name}/faq/clinicians.yml":
                yield replace(fault, warning=True)  # it is shown in English, with a line that says so
        for text in self.content.texts.values():
            if not text.web_es:
                yield self._entry_fault("texts.yml", text.name, "has no Spanish text")
        for guidance in self.content.guidance.values():
            asked = bool(guidance.follow_up) == bool(guidance.follow_up_es)
            if not (guidance.web_es and guidance.sms_es and asked):
                yield self._entry_fault(_file_of(guidance), guidance.kind, "has no Spanish text")

    def _guidance(self) -> Iterator[Fault]:
        for said in self._said():
            guidance = self.content.guidance.get(said.label)
            for phrase in NEVER_SAY + (guidance.never if guidance else ()):
                if _advises(plain(said.text), plain(phrase)):
                    yield self._fault(said, f"says what must never be said: {phrase!r}")

    # -- after guidance --------------------------------------------------------------------------------

    def _follow_through(self) -> Iterator[Fault]:
        for kind in sorted(set(self.content.guidance) ^ set(self.after.kinds)):
            yield self._entry_fault(FOLLOW_THROUGH, kind, "stands in only one of crisis/ and follow_through.yml")
        for kind in sorted(set(self.content.guidance) & set(self.after.kinds)):
            yield from self._as_guided(self.content.guidance[kind], self.after.kinds[kind])
        for label, text, keys in self._sms_lists():
            titles = [self.after.choices[key].title.sms for key in keys]
            titles_es = [self.after.choices[key].title.sms_es for key in keys]
            for said in (numbered(text.sms, titles), numbered(text.sms_es, titles_es)):
                for what in _sms_faults(Said(FOLLOW_THROUGH, label, "sms", said, text.fields)):
                    yield self._entry_fault(FOLLOW_THROUGH, label, f"with its numbered choices {what}")

    def _as_guided(self, guidance: Guidance, care: Care) -> Iterator[Fault]:
        """The question and the steps are those of the guidance, and nothing after it breaks its never-say list."""
        if guidance.follow_up and (care.asks is None or care.asks.web != guidance.follow_up):
            yield self._entry_fault(FOLLOW_THROUGH, care.kind, "does not ask the follow_up of its guidance")
        for step in care.steps:
            if not _holds(guidance.web, step.web) or not _holds(guidance.web_es or "", step.web_es):
                yield self._entry_fault(FOLLOW_THROUGH, care.kind, f"has a step its guidance does not: {step.web!r}")
        for name, text in self._reached(care):
            for said in (text.web, text.sms, text.web_es, text.sms_es):
                for phrase in guidance.never:
                    if _advises(plain(said), plain(phrase)):
                        yield self._entry_fault(
                            FOLLOW_THROUGH, name, f"says what {care.kind} must never say: {phrase!r}")

    def _reached(self, care: Care) -> Iterator[tuple[str, Text]]:
        """Every text that may follow one kind of guidance."""
        check, choices = self.after.checks[care.check], self.after.choices
        open_, seen = {*care.choices, *check.choices, *check.choices_sms}, set[str]()
        while open_:
            key = open_.pop()
            seen.add(key)
            open_ |= set(choices[key].then) - seen
        yield from ((key, choices[key].said) for key in sorted(seen))
        yield from ((care.kind, text) for text in (care.asks, care.again, *care.steps) if text)
        yield care.check, check.said
        yield "last_check", self.after.sentences.last_check

    def _sms_lists(self) -> Iterator[tuple[str, Text, tuple[str, ...]]]:
        after = self.after
        for care in after.kinds.values():
            yield care.kind, care.asks or after.sentences.choose, care.choices
            yield from ((care.kind, step, after.choices["next"].then) for step in care.steps)
        for choice in after.choices.values():
            yield choice.key, choice.said, choice.then
        for name, check in after.checks.items():
            yield name, check.said, check.choices_sms
        yield "second_dose", after.sentences.second_dose, after.second_dose_choices
        yield "second_dose_given", after.sentences.second_dose_given, after.second_dose_choices

    # -- variants --------------------------------------------------------------------------------------

    def _ways(self) -> Iterator[Fault]:
        """An answer that can hardly be asked for is found by nobody."""
        for answer in self.content.answers.values():
            languages = [variant.language for variant in answer.variants]
            for language, name in (("en", "English"), ("es", "Spanish")):
                if (found := languages.count(language)) < FEWEST_WAYS[language]:
                    what = f"has {found} ways to ask in {name}; at least {FEWEST_WAYS[language]}"
                    yield self._entry_fault(_file_of(answer), answer.id, what)

    def _duplicates(self) -> Iterator[Fault]:
        seen: dict[str, str] = {}
        for file, label, text in self._variants():
            first = seen.setdefault(plain(text), label)
            if first != label:
                yield self._variant_fault(file, f"{label}: {text!r} stands under {first} too", text)

    def _variant_fault(self, file: str, what: str, text: str) -> Fault:
        extra = sorted(f"faq_extra/{path.name}" for path in (self.root / "faq_extra").glob("*.yml"))
        found = ((name, self.lines.holding(name, text)) for name in (file, *extra))
        name, line = next(((name, line) for name, line in found if line), (file, None))
        return Fault(f"{self.root.name}/{name}", line, what)

    def _variants(self) -> Iterator[tuple[str, str, str]]:
        """(file, label, text) of everything the assistant learns from."""
        for entry in self._questions():
            yield _file_of(entry), entry.id, entry.question
            for variant in entry.variants:
                yield _file_of(entry), entry.id, variant.text
        for path in sorted((self.root / "nlu").glob("*.yml")):
            yield from ((f"nlu/{path.name}", intent, text) for intent, text in _examples(path))

    # -- texts -----------------------------------------------------------------------------------------

    def _texts(self) -> Iterator[Fault]:
        for said in self._said():
            for what in self._wrong_with(said):
                yield self._fault(said, what)
            if said.is_prose and (grade := reading_grade(said.text)) > GRADE_LIMIT:
                yield self._fault(said, f"reads at grade {grade:.1f}, over {GRADE_LIMIT:.0f}", warning=True)

    def _sources(self) -> Iterator[Fault]:
        """What "source" gets by SMS; titles are names and may hold words and numbers that we do not say."""
        for answer in self.content.answers.values():
            for key, language in (("sms", "en"), ("sms_es", "es")):
                line = source_line(self.content, answer, language=language, channel="sms")
                said = Said(_file_of(answer), answer.id, f"{key} of its source", line)
                yield from (self._fault(said, what) for what in _sms_faults(said))

    def _replies(self) -> Iterator[Fault]:
        """Canned replies of staff go out by text too: they ask for no word that carriers act on."""
        for reply in _mapping(self.root / "replies.yml").get("replies") or ():
            for key in ("text", "es"):
                for match in RESERVED_WORD.finditer(str(reply.get(key) or "")):
                    line = self.lines.holding("replies.yml", str(reply[key]))
                    yield Fault(f"{self.root.name}/replies.yml", line, f"{reply.get('title')}: {key}: "
                                f"asks for a word that carriers act on: {match.group().strip()!r}")

    def _wrong_with(self, said: Said) -> Iterator[str]:
        yield from self._numbers(said.text)
        yield from _sms_faults(said) if said.is_sms else ()
        yield from _placeholder_faults(said)
        for term in _stigma(said.text):
            yield f"uses the stigmatising word {term!r}"
        for match in RESERVED_WORD.finditer(said.text):
            yield f"asks for a word that carriers act on: {match.group().strip()!r}"
        for word in self.content.forbidden_words:
            if re.search(rf"\b{re.escape(word)}\b", said.text, re.IGNORECASE):
                yield f"holds the forbidden words {word!r}"
        for id in sorted(self._unquotable(plain(said.text))):
            yield f"repeats the sentence {id}, which is of class {self.content.claims[id].cls}"

    def _numbers(self, text: str) -> Iterator[str]:
        for number in phone_like(text):
            if _digits(number) in self._forbidden:
                yield f"{number} is a forbidden number"
            elif _digits(number) not in self._known:
                yield f"{number} is not in hotlines.yml"

    @cached_property
    def _known(self) -> set[str]:
        return {_digits(line.number) for line in self.content.hotlines.values()}

    @cached_property
    def _forbidden(self) -> set[str]:
        return {_digits(number) for number in self.content.forbidden_numbers}

    def _unquotable(self, text: str) -> set[str]:
        words = text.split()
        runs = (" ".join(words[i : i + n]) for n in self._run_lengths for i in range(len(words) - n + 1))
        return {id for run in runs for id in self._never_runs.get(run, ())}

    @cached_property
    def _run_lengths(self) -> set[int]:
        return {run.count(" ") + 1 for run in self._never_runs}

    @cached_property
    def _never_runs(self) -> dict[str, set[str]]:
        """The runs of words that would give away a sentence of class never or drop, with its id."""
        claims = self.content.claims.values()
        shown = " | ".join(plain(claim.quote) for claim in claims if claim.cls == "quote")
        found: dict[str, set[str]] = {}
        for claim in claims:
            if claim.cls in ("never", "drop"):
                for run in _runs(claim):
                    found.setdefault(run, set()).add(claim.id)
        return {run: ids for run, ids in found.items() if run not in shown}

    def _said(self) -> Iterator[Said]:
        """Everything a visitor may read, with what the visitor may be shown as its source."""
        for answer in self.content.answers.values():
            fields = ("question", "subject", "text", "sms", "text_es", "sms_es", "openly", "openly_es")
            yield from _said_of(answer, _file_of(answer), answer.id, fields)
        for entry in self.content.unsupported.values():
            yield from _said_of(entry, _file_of(entry), entry.id, ("text", "sms", "text_es", "sms_es"))
        for guidance in self.content.guidance.values():
            keys = ("web", "sms", "web_es", "sms_es", "follow_up", "follow_up_es")
            yield from _said_of(guidance, _file_of(guidance), guidance.kind, keys)
        for text in self.content.texts.values():
            yield from _said_of(text, "texts.yml", text.name, ("web", "sms", "web_es", "sms_es"))
        for label, text in self.after.texts():
            yield from _said_of(text, FOLLOW_THROUGH, label, ("web", "sms", "web_es", "sms_es"))
        for id in sorted({id for answer in self.content.answers.values() for id in answer.corrections}):
            yield Said("corrections.yml", id, "text", self.content.corrections[id].text)
        for claim in quotable(self.content):
            yield Said("claims.yml", claim.id, "its quotation", quoted(self.content, claim))
            if len(claim.quote) > LONGEST_SMS:
                continue  # never quoted by text message
            for key, language in (("sms", "en"), ("sms_es", "es")):
                line = quoted(self.content, claim, language=language, channel="sms")
                yield Said("claims.yml", claim.id, f"{key} of the quotation", line)


def _holds(text: str, step: str) -> bool:
    """Whether every sentence of a step stands in a text."""
    return all(plain(sentence) in plain(text) for sentence in re.split(r"(?<=[.?!])\s+", step))


def _said_of(entry: object, file: str, label: str, keys: tuple[str, ...]) -> Iterator[Said]:
    fields = entry.fields if isinstance(entry, Text) else ()
    for key in keys:
        if text := getattr(entry, key):
            yield Said(file, label, key, text, fields)


def _file_of(entry: Answer | Unsupported | Guidance) -> str:
    if isinstance(entry, Answer):
        return f"faq/{entry.topic}.yml"
    return f"crisis/{entry.kind}.yml" if isinstance(entry, Guidance) else "unsupported.yml"


def _examples(path: Path) -> Iterator[tuple[str, str]]:
    """(intent, text) of a Rasa 3.1 training file."""
    for part in _mapping(path).get("nlu") or ():
        for line in str(part.get("examples") or "").splitlines():
            yield str(part.get("intent")), line.strip().removeprefix("- ").strip()


def _mapping(path: Path) -> dict[str, Any]:
    raw = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    return raw if isinstance(raw, dict) else {}


def phone_like(text: str) -> list[str]:
    """Every number in a text that could be dialled or texted: five digits and more, N11, 988."""
    found = [match.group().strip(" .-").removesuffix("(") for match in PHONE.finditer(text)]
    return [number for number in found if _dialled(number)] + VANITY.findall(text)


def _dialled(number: str) -> bool:
    if re.fullmatch(r"(?:19|20)\d\d-(?:19|20)\d\d", number):  # a span of years
        return False
    return len(_digits(number)) >= 5 or re.fullmatch(r"[2-9]11|988", number) is not None


def _digits(number: str) -> str:
    digits = re.sub(r"\D", "", number)
    return digits[1:] if len(digits) == 11 and digits.startswith("1") else digits or number


def _sms_faults(said: Said) -> Iterator[str]:
    text = said.text
    for name in said.fields:
        text = text.replace("{" + name + "}", "x" * FIELD_LENGTHS.get(name, 30))
    outside = sorted({c for c in text if not is_gsm7(c)})
    if outside:
        yield f"holds characters outside GSM-7: {' '.join(outside)}"
    if sms_length(text) > SMS_LIMIT:
        yield f"is {sms_length(text)} characters long; an SMS may have {SMS_LIMIT}"


def _placeholder_faults(said: Said) -> Iterator[str]:
    for match in BRACES.finditer(said.text):
        if match.group(1) not in said.fields:
            yield f"holds the unknown placeholder {match.group()!r}"


def _stigma(text: str) -> list[str]:
    for term in NAMED_TERMS:
        text = text.replace(term, "")
    return [match.group() for match in STIGMA.finditer(text)]


def _advises(text: str, phrase: str) -> bool:
    """Whether a text says the phrase without a negation in the three words before it."""
    if not phrase or phrase not in text:
        return False
    for match in re.finditer(rf"\b{re.escape(phrase)}\b", text):
        if not NEGATIONS & set(text[: match.start()].split()[-3:]):
            return True
    return False


def _runs(claim: Claim) -> tuple[str, ...]:
    """A sentence as runs of SHINGLE words; a short one whole, unless it is no more than a heading."""
    words = plain(claim.quote).split()
    if len(words) < (4 if claim.cls == "never" else SHINGLE):
        return ()
    return tuple(" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1)))
