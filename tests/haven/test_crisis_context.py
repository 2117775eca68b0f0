"""The guard on conversations: answers to questions of safety, fragments, and forms that look like them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from haven.crisis import Guard, Turn

ROOT = Path(__file__).resolve().parents[2]
# spaCy brings libraries that, on Python 3.10, deprecate one another while they load.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SAFETY = "Is anyone hard to wake or not breathing well right now?"


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard.load(ROOT / "data", ROOT / "models")


@pytest.mark.parametrize("answer", ["yes", "yeah", "ya kinda", "sí", "YES PLEASE HURRY", "i think so", "idk"])
def test_yes_to_the_safety_question_is_acute(guard: Guard, answer: str) -> None:
    """A bare yes, or an unsure one, after the bot asked whether anyone is hard to wake is acute."""
    found = guard.assess(answer, [Turn("visitor", "he used a while ago"), Turn("bot", SAFETY)])

    assert (found.level, found.kind) == ("acute", "overdose_other")


@pytest.mark.parametrize("language", ["web", "web_es"])
def test_our_own_safety_questions_are_understood(guard: Guard, language: str) -> None:
    """The questions that Haven itself asks (data/texts.yml) are among those whose answers it understands."""
    texts = yaml.safe_load((ROOT / "data" / "texts.yml").read_text(encoding="utf-8"))
    waking, safe = texts["safety_question"][language], texts["safety_question_self"][language]
    yes = "yes" if language == "web" else "sí"

    assert guard.assess(yes, [Turn("bot", waking)]).level == "acute"
    assert guard.assess("no", [Turn("bot", safe)]).level == "acute"
    assert guard.assess("no", [Turn("bot", waking)]).level == "none"
    assert guard.assess(yes, [Turn("bot", safe)]).level == "none"


@pytest.mark.parametrize("answer", ["no", "nope hes fine", "no im good", "thanks"])
def test_no_to_the_safety_question_is_not(guard: Guard, answer: str) -> None:
    """A no is taken at its word."""
    assert guard.assess(answer, [Turn("visitor", "whats narcan"), Turn("bot", SAFETY)]).level != "acute"


@pytest.mark.parametrize(
    ("question", "answer", "kind"),
    [
        ("Are you thinking about killing yourself?", "yes", "suicide_self"),
        ("Are you safe right now?", "no", "violence"),
        ("Is he awake and breathing normally?", "no", "overdose_other"),
        ("¿Está a salvo en este momento?", "no", "violence"),
    ],
)
def test_each_question_has_its_dangerous_answer(guard: Guard, question: str, answer: str, kind: str) -> None:
    """What a short answer means depends on what was asked."""
    found = guard.assess(answer, [Turn("bot", question)])

    assert (found.level, found.kind) == ("acute", kind)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Is it okay to text you at that number?", "yes"),
        ("What is your first name?", "Kevin"),
        ("What is the best number to reach you?", "555 0142"),
        ("Are you safe right now?", "yes im at my moms"),
        ("Would you like to talk to a person?", "no"),
    ],
)
def test_answers_to_ordinary_questions_stay_ordinary(guard: Guard, question: str, answer: str) -> None:
    """A yes to a form is only a yes."""
    turns = [Turn("visitor", "please book me in for an assessment"), Turn("bot", question)]

    assert guard.assess(answer, turns).level == "none"


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("how do i use the nose spray", "did that and she is still not waking"),
        ("my brother took something", "he is blue"),
        ("do you have parking", "wait something is wrong he stopped breathing"),
    ],
)
def test_danger_that_comes_in_the_middle_is_seen(guard: Guard, before: str, text: str) -> None:
    """A conversation about something else does not hide the turn where danger comes."""
    assert guard.assess(text, [Turn("visitor", before), Turn("bot", "Here is an answer.")]).level == "acute"


def test_old_danger_does_not_alarm_again(guard: Guard) -> None:
    """After danger was answered, a thank-you is not new danger."""
    turns = [Turn("visitor", "he is blue and wont wake up"), Turn("bot", "This may be an overdose. Call 911.")]

    assert guard.assess("ok thank you", turns).level == "none"
