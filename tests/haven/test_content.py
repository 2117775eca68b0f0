"""Promises of haven/content.py: what data/ holds is what visitors get, and faults are named all at once."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from haven.content import Content
from haven.errors import ContentError

DATA = Path(__file__).resolve().parents[2] / "data"
KINDS = {
    "overdose_other", "overdose_self", "sleepy_after_use", "naloxone_given", "suicide_self", "suicide_other",
    "using_alone", "return_to_use", "severe_withdrawal", "alcohol_benzo_withdrawal", "pregnancy",
    "chest_breathing", "child_exposed", "unknown_pills", "mixing", "violence", "infection",
}  # fmt: skip


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(DATA)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_all_of_the_reviewed_content_is_there(content: Content) -> None:
    """All 101 answers, 45 unanswerable questions, 17 kinds and 381 sentences of five documents load."""
    assert [len(part) for part in (content.answers, content.unsupported, content.claims)] == [101, 45, 381]
    assert set(content.guidance) == KINDS
    assert set(content.documents) == {"DOC0", "DOC1", "DOC2", "DOC3", "DOC4"}


def test_each_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process loads the whole content as it starts: each file once, by libyaml, ten times as quick as PyYAML."""
    read = []
    load = yaml.load
    monkeypatch.setattr(yaml, "load", lambda raw, Loader: (read.append((raw, Loader)), load(raw, Loader=Loader))[1])
    Content.load(DATA)

    assert len(read) > 30
    assert len({raw for raw, _ in read}) == len(read)
    assert {loader for _, loader in read} == {yaml.CSafeLoader}


def test_every_answer_can_be_asked_for_in_both_languages(content: Content) -> None:
    """Every answer has many ways to be asked for, in English and in Spanish."""
    for answer in content.answers.values():
        languages = [variant.language for variant in answer.variants]
        assert languages.count("en") >= 10, answer.id
        assert languages.count("es") >= 2, answer.id


def test_sources_never_show_a_sentence_that_needs_correction(content: Content) -> None:
    """A source shows a document's sentence only if it may be quoted; else it says that we reworded it."""
    by_id = content.claims
    for answer in content.answers.values():
        for source in content.sources_of(answer):
            if source["kind"] == "document":
                assert ("quote" in source) == (by_id[str(source["id"])].cls == "quote")
                assert source["title"]


def test_a_correction_is_shown_with_its_authority(content: Content) -> None:
    """A correction's source carries its text, the authority's name and a page of the authority's own."""
    sources = content.sources_of(content.answers["FAQ-040"])
    assert [source for source in sources if source["kind"] == "correction"] == [
        {
            "id": "CORR-10",
            "title": "National Academies, Medications for Opioid Use Disorder Save Lives (2019)",
            "text": content.corrections["CORR-10"].text,
            "address": "https://www.ncbi.nlm.nih.gov/books/NBK541390/",
            "kind": "correction",
        }
    ]


def test_no_visitor_is_sent_to_a_company(content: Content) -> None:
    """An address is a page of the authority or the service itself, or there is none."""
    official = (
        ".gov", ".edu", ".edu.au", "nih.gov", "acog.org", "lww.com", "bmj.com", "aafp.org", "aappublications.org",
        "essentialmeds.org", "heart.org", "guidelinecentral.com", "helpjuice.com", "988lifeline.org", "safe-spot.me",
        "neverusealone.com", "crisistextline.org", "veteranscrisisline.net", "thetrevorproject.org",
        "ctclearinghouse.org", "grasphelp.org", "harmreduction.org", "acep.org",
    )  # fmt: skip
    for source in content.sources.values():
        if source.address:
            assert source.address.split("/")[2].endswith(official), source.id


def test_every_answer_has_something_to_rest_on(content: Content) -> None:
    """No answer is shown without at least one source."""
    assert all(content.sources_of(answer) for answer in content.answers.values())


def test_guidance_is_said_in_the_language_and_length_of_the_channel(content: Content) -> None:
    """A crisis is answered in Spanish to who writes Spanish, and in one short message by SMS."""
    guidance = content.guidance["overdose_other"]
    assert guidance.say(language="es").startswith("Esto puede ser una sobredosis")
    assert guidance.say(channel="sms").startswith("Overdose? CALL 911 NOW")
    assert guidance.say(language="es", channel="sms").startswith("SOBREDOSIS: llame al 911")


def test_the_first_line_of_acute_guidance_is_what_to_do(content: Content) -> None:
    """Whoever is in acute danger reads 911 or 988 within the first two sentences or lines."""
    for guidance in content.guidance.values():
        if guidance.level == "acute":
            for text in (guidance.web, guidance.sms, guidance.web_es, guidance.sms_es):
                assert text and ("911" in text[:330] or "988" in text[:330]), guidance.kind


def test_a_text_fills_its_fields_and_nothing_else(content: Content) -> None:
    """A field's value is put in as it is, never read as a template of its own."""
    said = content.texts["handoff_accepted"].say(name="{name} {centre}")
    assert said == "{name} {centre} from our staff has joined. You are now writing with a person."


def test_a_field_without_value_is_a_mistake_of_ours(content: Content) -> None:
    """A text is never said with a hole in it."""
    with pytest.raises(KeyError):
        content.texts["handoff_accepted"].say()


def test_harmful_questions_are_declined_with_somewhere_safer(content: Content) -> None:
    """The five harmful questions are known as such and name a safer place to turn to, or a person."""
    harmful = {entry.id for entry in content.unsupported.values() if entry.group == "harmful"}
    assert harmful == {"U-18", "U-19", "U-20", "U-21", "U-22"}
    assert all(content.unsupported[id].offer_handoff for id in harmful)


def test_documents_are_kept_as_received(content: Content) -> None:
    """Every classed sentence can be found in the document it is said to come from."""
    for claim in content.claims.values():
        assert claim.quote in content.documents[claim.document].text, claim.id


def test_all_faults_are_named_at_once(copy: Path) -> None:
    """A reviewer who made three mistakes hears of all three, each by file and entry."""
    spoil(copy / "faq/heroin.yml", "sms:", "smss:")
    spoil(copy / "unsupported.yml", "group: harmful\n", "group: nobody\n")
    spoil(copy / "hotlines.yml", "checked_on: 2026-11-21", "checked_on: lately")
    with pytest.raises(ContentError) as raised:
        Content.load(copy)
    assert raised.value.faults == [
        "faq/heroin.yml: FAQ-001: 'sms' is missing",
        "unsupported.yml: U-18: 'group' is 'nobody'; it can be needs_human, harmful, out_of_scope",
        "hotlines.yml: emergency: 'checked_on' should be a date such as 2027-02-21, is 'lately'",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        ("faq/heroin.yml", "support: [DOC0-2,", "support: [DOC9-9,", "FAQ-001: there is no DOC9-9"),
        ("faq/detox.yml", "corrections: [CORR-44]", "corrections: [CORR-99]", "there is no CORR-99"),
        ("corrections.yml", "sources: [S15]", "sources: [S999]", "CORR-01: there is no S999"),
        ("crisis/mixing.yml", "src: [S1,", "src: [S998,", "mixing: there is no S998"),
        ("unsupported.yml", "id: U-02", "id: U-01", "U-01: stands here twice"),
        ("faq/heroin.yml", "topic: heroin", "topic: [", "cannot be read"),
        ("faq/heroin.yml", "topic: heroin", "topic: herbs", "'topic' is 'herbs', the file is heroin.yml"),
        ("documents/catalogue.yml", "file: 000_", "file: 00_", "the document cannot be read"),
        ("texts.yml", "source_reworded:", "source_rewritten:", "source_reworded: is missing"),
        ("faq/heroin.yml", "      es:", "      fr:", "'variants' holds fr"),
    ],
)
def test_broken_content_is_refused(copy: Path, name: str, old: str, new: str, fault: str) -> None:
    """Content with a broken reference, a double or an unreadable file does not load."""
    spoil(copy / name, old, new)
    with pytest.raises(ContentError, match=r"fault\(s\) in the content") as raised:
        Content.load(copy)
    assert any(fault in text for text in raised.value.faults), raised.value.faults


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    """Content that is not there at all is a fault in words, not a crash."""
    with pytest.raises(ContentError) as raised:
        Content.load(tmp_path)
    assert any(fault.startswith("faq/: holds no .yml file") for fault in raised.value.faults)


def test_review_dates_are_dates(content: Content) -> None:
    """Every answer says until when its review holds, and that nobody has signed it off yet."""
    assert all(isinstance(answer.review_by, date) for answer in content.answers.values())
    assert all(answer.reviewer is None for answer in content.answers.values())
