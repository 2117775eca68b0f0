"""Promises of haven/check.py: the content has no fault, and each kind of fault is found when planted."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from haven.check import check, phone_like, reading_grade

DATA = Path(__file__).resolve().parents[2] / "data"
TODAY = date(2026, 11, 22)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def faults(root: Path, today: date = TODAY) -> list[str]:
    return [str(fault) for fault in check(root, today) if not fault.warning]


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_content_has_no_fault() -> None:
    """What Haven says today is supported, numbered, worded and dated as it should be."""
    assert faults(DATA) == []


PLANTED = {
    "a support that is not in the documents word for word": (
        "claims.yml", "quote: Muscle and bone pain.", "quote: Muscle and bone aches.",
        "DOC0-15: is not in line",
    ),
    "a support of class never": (
        "faq/withdrawal.yml", "support: [DOC0-9, DOC3-13]", "support: [DOC0-9, DOC0-21]",
        "FAQ-020: rests on DOC0-21, which is of class never",
    ),
    "a support of class drop": (
        "faq/withdrawal.yml", "support: [DOC0-9, DOC3-13]", "support: [DOC0-9, DOC0-1]",
        "FAQ-020: rests on DOC0-1, which is of class drop",
    ),
    "an answer that rests on nothing": (
        "faq/withdrawal.yml", "support: [DOC0-9, DOC3-13]", "support: []",
        "FAQ-020: rests on no sentence and no correction",
    ),
    "a number nobody checked": (
        "unsupported.yml", "SAMHSA, 1-800-662-4357", "SAMHSA, 1-800-662-4358",
        "1-800-662-4358 is not in hotlines.yml",
    ),
    "a number in letters": (
        "unsupported.yml", "SAMHSA, 1-800-662-4357", "SAMHSA, 1-800-662-HELP",
        "1-800-662-HELP is not in hotlines.yml",
    ),
    "a sales number of the documents": (
        "unsupported.yml", "SAMHSA, 1-800-662-4357", "SAMHSA, (877) 659-4555",
        "(877) 659-4555 is a forbidden number",
    ),
    "a line that closed": (
        "crisis/suicide_self.yml", "Veterans: press 1,", "LGBTQ+: press 3,",
        "holds the forbidden words 'press 3'",
    ),
    "an SMS that is too long": (
        "crisis/violence.yml", "sms: >-\n  You don't", f"sms: >-\n  {'Stay safe. ' * 9}You don't",
        "an SMS may have 300",
    ),
    "an SMS outside GSM-7": (
        "texts.yml", 'sms_es: "¿Esta a salvo en este momento?"', 'sms_es: "¿Está a salvo en este momento?"',
        "safety_question_self: sms_es: holds characters outside GSM-7: á",
    ),
    "a stigmatising word": (
        "faq/heroin.yml", "text: >-\n      Heroin is", "text: >-\n      For an addict heroin is",
        "FAQ-001: text: uses the stigmatising word 'addict'",
    ),
    "a stigmatising word in Spanish": (
        "texts.yml", "Gracias por contarlo. Suena", "Gracias, adicto. Suena",
        "feelings: web_es: uses the stigmatising word 'adicto'",
    ),
    "a sentence that must never be repeated": (
        "faq/withdrawal.yml", "text: >-\n      After",
        "text: >-\n      Heroin withdrawal, although very uncomfortable, is not life threatening. After",
        "FAQ-020: text: repeats the sentence DOC0-21, which is of class never",
    ),
    "advice that kills": (
        "crisis/sleepy_after_use.yml", "  Take nothing more: no", "  Have some coffee. Take nothing more: no",
        "says what must never be said: 'coffee'",
    ),
    "a phrase of the kind's own never-say list": (
        "crisis/return_to_use.yml", "  Thank you for telling me.", "  You have to start over.",
        "return_to_use: web: says what must never be said: 'you have to start over'",
    ),
    "a word that carriers act on": (
        "texts.yml", "Text me its number.", "Reply STOP to end.",
        "asks for a word that carriers act on: 'Reply STOP'",
    ),
    "a carrier's word in a canned reply": (
        "replies.yml", "just write ok or no", "just write yes or no",
        "Still there?: text: asks for a word that carriers act on",
    ),
    "one question under two labels": (
        "unsupported.yml", "any beds rn", "heroin definition",
        "U-03: 'heroin definition' stands under FAQ-001 too",
    ),
    "one question under two intents": (
        "nlu/greet.yml", "    examples: |\n", "    examples: |\n      - Tysm\n",
        "'tysm' stands under greet too",
    ),
    "a further question under two labels": (
        "faq_extra/withdrawal.yml", "  - what's withdrawal feel like", "  - heroin definition",
        "data/faq_extra/withdrawal.yml:4: FAQ-017: 'heroin definition' stands under FAQ-001 too",
    ),
    "further questions for an answer that is not there": (
        "faq_extra/heroin.yml", "FAQ-001:", "FAQ-999:", "there is no FAQ-999",
    ),
    "a reviewer without a date": (
        "faq/heroin.yml", "reviewer: null\n    reviewed_on: null", "reviewer: physician\n    reviewed_on: null",
        "'reviewer' and 'reviewed_on' go together",
    ),
    "a review in the future": (
        "faq/heroin.yml", "reviewer: null\n    reviewed_on: null", "reviewer: physician\n    reviewed_on: 2027-01-01",
        "was reviewed in the future, on 2027-01-01",
    ),
    "a source that does not fit one message": (
        "sources.yml", "title: FDA, label of SUBOXONE film", "title: FDA, label of SUBOXONE film, " + "long " * 50,
        "FAQ-044: sms of its source: is",
    ),
    "an unknown placeholder": (
        "texts.yml", "{name} from our staff has joined", "{first_name} from our staff has joined",
        "handoff_accepted: web: holds the unknown placeholder '{first_name}'",
    ),
    "a brace left open": (
        "faq/heroin.yml", "text: >-\n      Heroin is", "text: >-\n      {Heroin is",
        "the unknown placeholder '{'",
    ),
    "a text without Spanish": (
        "texts.yml", '  web_es: "Ninguna de estas"\n', "", "options_none: has no Spanish text",
    ),
    "guidance without Spanish": (
        "crisis/mixing.yml", "follow_up_es:", "follow_up_fr:", "mixing: has no Spanish text",
    ),
    "an answer with Spanish for the page alone": (
        "faq/heroin.yml", "    sms_es:", "    sms_fr:", "FAQ-001: has no Spanish text for both channels",
    ),
    "an unknown id": (
        "faq/heroin.yml", "support: [DOC0-2,", "support: [DOC9-9,", "FAQ-001: there is no DOC9-9",
    ),
    "a step that the guidance does not have": (
        "follow_through.yml", 'web: "Breathing? Roll them on their side."', 'web: "Breathing? Let them be."',
        "overdose_other: has a step its guidance does not",
    ),
    "another question than the reviewed one": (
        "follow_through.yml", 'asks: {web: "Is 911 on the way?"', 'asks: {web: "How are you?"',
        "naloxone_given: does not ask the follow_up of its guidance",
    ),
    "what a kind must never say, in an answer that may follow it": (
        "follow_through.yml", 'web: "Call 911 now if you have not.', 'web: "Lie down, wait an hour.',
        "alone: says what overdose_self must never say: 'wait an hour'",
    ),
    "choices that do not fit into a text message": (
        "follow_through.yml", "title: Next step", "title: " + "Next step of all the steps that there are " * 6,
        "with its numbered choices is",
    ),
    "a carrier's word asked for after guidance": (
        "follow_through.yml", 'sms: "Text a number:"', 'sms: "Text YES or a number:"', "carriers act on",
    ),
    "an answer to a choice that does not exist": (
        "follow_through.yml", "then: [called, cannot, next]", "then: [called, fly]", "there is no choice fly",
    ),
}  # fmt: skip


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(copy: Path, planted: str) -> None:
    """Whatever could mislead or endanger a visitor is found before it can be shown."""
    name, old, new, what = PLANTED[planted]
    spoil(copy / name, old, new)
    found = faults(copy)
    assert any(what in fault for fault in found), found


def test_every_fault_is_reported_at_once(copy: Path) -> None:
    """Several faults in several files are all reported in one run."""
    for planted in ("a stigmatising word", "a text without Spanish", "a number nobody checked"):
        name, old, new, _ = PLANTED[planted]
        spoil(copy / name, old, new)
    assert {fault.split(":")[0] for fault in faults(copy)} == {
        "data/faq/heroin.yml", "data/texts.yml", "data/unsupported.yml",
    }  # fmt: skip


def test_a_fault_names_its_line(copy: Path) -> None:
    """A reviewer is sent to the very line of the text at fault."""
    spoil(copy / "faq/heroin.yml", "text: >-\n      Heroin is", "text: >-\n      For an addict heroin is")
    line = next(fault.line for fault in check(copy, TODAY) if not fault.warning)
    assert line is not None
    assert (copy / "faq/heroin.yml").read_text("utf-8").splitlines()[line - 1].strip() == "text: >-"


def test_a_review_that_is_overdue_is_reported() -> None:
    """The day after a review was due, the answers, questions and guidance concerned are listed."""
    assert faults(DATA, date(2027, 2, 21)) == []
    late = faults(DATA, date(2027, 2, 22))
    assert any("faq/heroin.yml" in fault and "its review was due on 2027-02-21" in fault for fault in late)
    assert any("hotlines.yml" in fault and "was last checked on 2026-11-21" in fault for fault in late)


def test_hard_reading_is_a_warning_only(copy: Path) -> None:
    """A text over the ninth grade is pointed out and does not stop the check."""
    hard = "Pharmacological interventions necessitate comprehensive multidisciplinary evaluation beforehand. "
    spoil(copy / "faq/heroin.yml", "text: >-\n      Heroin is", f"text: >-\n      {hard}Heroin is")
    warnings = [str(fault) for fault in check(copy, TODAY) if fault.warning]
    assert any("FAQ-001: text: reads at grade" in warning for warning in warnings)
    assert faults(copy) == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("call 911 or 988", ["911", "988"]),
        ("SAMHSA, 1-800-662-4357, any time", ["1-800-662-4357"]),
        ("(877) 659-4555", ["(877) 659-4555"]),
        ("text HOME to 741741", ["741741"]),
        ("text START to 678-678.", ["678-678"]),
        ("llame al 1 800 662 4357", ["1 800 662 4357"]),
        ("dial +1 (800) 662-HELP", ["1 (800) 662"]),
        ("54,743 deaths, about 150 a day, in 2009-2017; 808,000 people; $20,000", []),
        ("30 to 90 minutes, 9-19 hours, 2018 and 2019", []),
    ],
)
def test_numbers_are_told_from_figures(text: str, numbers: list[str]) -> None:
    """Whatever could be dialled is seen as a number; years, counts and ranges are not."""
    assert phone_like(text) == numbers



def test_reading_grade_follows_flesch_kincaid() -> None:
    """Short words in short sentences read easier than long ones."""
    assert reading_grade("Call now. Stay with them.") < 3 < reading_grade(
        "Pharmacological treatment necessitates evaluation."
    )


def test_an_answer_needs_many_ways_to_ask(copy: Path) -> None:
    """An answer that hardly anybody could ask for is a fault, in either language."""
    for path in (copy / "faq_extra").glob("*.yml"):
        path.write_text("FAQ-001: []\n", "utf-8")
    text = (copy / "faq/heroin.yml").read_text("utf-8")
    start = text.index("        - I am 78 and have")
    end = text.index("        - tell me what smack is")
    (copy / "faq/heroin.yml").write_text(text[:start] + text[end:], "utf-8")

    assert any("FAQ-001: has 3 ways to ask in English; at least 16" in fault for fault in faults(copy))


def test_what_is_due_is_listed_the_day_after() -> None:
    """With the date moved past every review, each answer is named with the date its review was due."""
    due = [fault for fault in faults(DATA, date(2028, 1, 1)) if "its review was due on" in fault]

    assert len(due) >= 101 + 45
    assert not [fault for fault in faults(DATA) if "its review was due on" in fault]
