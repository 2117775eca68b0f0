"""The promises of reading a wish for a person word for word."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haven.retrieval.wishes import clauses, declines, elsewhere, hints, outright, told

OWN = Path(__file__).resolve().parents[1] / "own"


@pytest.mark.parametrize("text", [
    "i want to talk to a real person", "can i speek to somone plese", "get me a nurse", "someone call me",
    "could one of your counselors ring my mother tomorrow", "put me through to admissions", "please call me back",
    "HUMAN!!!", "agent agent agent", "a real person, please", "is there anybody i can talk to", "connect me",
    "he's blue and not waking up get me a nurse NOW", "i don't want a machine, i want a person",
    "quiero hablar con una persona", "páseme con un consejero", "¿me puede llamar alguien?", "persona real por favor",
    "necesito talk to a nurse", "for gods sake a person", "is Dana in today",
    "how do i reach one of your counselors", "are there any humans? i'd like one",
    "i dont want to talk to anyone but a nurse, can i speak with a nurse", "hyuman", "tehrapist pls", "press 0",
    "this bot is useless", "your app sucks", "is anyone up over there", "hello? anybody awake",
    "is there someone who's been thru it themselves that i could talk to. not a doctor", "555 0142",
    "do you have a vet on staff who would talk to my brother? got anyone who can text him",
    "my number's (615) 555-0142, after six", "call 6155550142 and ask for Rosalind", "¿hay alguien despierto?",
    "¿podría una enfermera escribirme?", "este robot no sirve", "mi número es 615 555 0142, márquenme",
])  # fmt: skip
def test_unmistakable(text: str) -> None:
    """A plain request for a person is found wherever it stands, misspelt, in English, Spanish and both."""
    assert outright(text)


@pytest.mark.parametrize("text", [
    "how do i talk to my doctor about methadone", "do i need to see a doctor to get narcan", "what does a nurse do",
    "i talked to a person there yesterday", "should i talk to someone if i relapse", "can i get a therapist in rehab?",
    "nurse here. which medicines do you list", "what can you call me", "my name is rosa, call me that",
    "can you bring somebody back from an overdose", "i love someone who uses", "will my counselor tell my parents",
    "is narcan in the building", "quien decide si soy adicto, un doctor?",
    "mi mamá no me habla", "when can they get me a doctor's note", "this thing doesn't help with cravings",
    "1-800-662-4357", "call 988 or 800 662 4357 after 6", "is 615 555 0142 your number", "i took 100 mg at 5 0142",
    "someone called me from 615 555 0142", "the medicine is useless", "you don't understand my mother", "human rights",
    "don't call me at 615 555 0142", "is anyone there allergic to naloxone",
])  # fmt: skip
def test_near_misses(text: str) -> None:
    """Talk about people, counselors and calls is no request by these words."""
    assert not outright(text)


@pytest.mark.parametrize("text", [
    "i don't want to talk to anyone", "please dont call my house", "no person needed", "i hate talking to people",
    "i'd rather talk to you than to a person", "no me llamen por favor",
    "no quiero hablar con nadie", "i'd sooner keep typing with the bot", "you don't have to get a person",
    "i'm too shy to talk to a person", "no transfer please", "prefiero seguir con el programa",
    "i'm not ready to talk to a counselor",
])  # fmt: skip
def test_turned_down(text: str) -> None:
    """Who wants no person says so, and the same words are no request."""
    assert declines(text)
    assert not outright(text)


@pytest.mark.parametrize("text", [
    "i don't want to talk to a machine", "no quiero hablar con un robot", "why don't you call me",
    "i dont want to talk to anybody but Rosa", "they never called me back", "can't i just talk to somebody",
])  # fmt: skip
def test_not_turned_down(text: str) -> None:
    """A "not" to the machine, or to everybody but one, turns no person down."""
    assert not declines(text)


@pytest.mark.parametrize(("text", "own"), [
    ("i want to talk with my wife but she shuts down", True), ("how do i tell my mother", True),
    ("help me text my brother", True), ("quiero hablar con mi hijo", True), ("i lied to my sponsor's face", True),
    ("could a nurse talk to my son", False), ("please ring my husband", False),
    ("i want to talk to my counselor", False), ("quiero hablar con mi consejera", False), ("someone call me", False),
])  # fmt: skip
def test_somebody_of_ones_own(text: str, own: bool) -> None:
    """Who wants to talk to a wife or a son asks nobody here; who wants a nurse to talk to them does."""
    assert elsewhere(text) is own


@pytest.mark.parametrize(("text", "done"), [
    ("somebody from your place rang me monday and it was helpful", True), ("i talked with a lady from intake", True),
    ("ya me llamó la enfermera, gracias", True), ("la doctora no me creyó", True),
    ("a nurse called me, could she call again", False), ("you called me, i'm calling back, who was it?", False),
    ("someone call me", False), ("nobody called me back, i need somebody", False),
])  # fmt: skip
def test_what_is_told(text: str, done: bool) -> None:
    """Who tells that somebody has called or helped asks for nobody; who wants more does."""
    assert told(text) is done


def test_clauses() -> None:
    """A message falls into its clauses, so that a wish after a question can be told from it."""
    assert clauses("What is methadone, and can somebody call me?") == ("What is methadone,", "can somebody call me?")
    assert clauses("cuánto dura? y también quiero hablar con alguien") == ("cuánto dura?", "quiero hablar con alguien")
    assert clauses(" ... !") == ()


@pytest.mark.parametrize("name", ["handoff.txt", "asking.txt", "people.txt", "people_kept.txt"])
def test_no_near_miss_of_the_own_sets(name: str) -> None:
    """No near miss of our own sets, and no danger without a wish, is a request by these words."""
    lines = (OWN / name).read_text("utf-8").splitlines()

    assert [line for line in lines if line[:2] in ("- ", "~ ") and outright(line[2:])] == []


@pytest.mark.parametrize("piece", [
    "human ", "a the some ", "please just ", "i want to please ", "can i ", "no quiero ", "one of your ", "una de la ",
    "dont want a b c ", "get me a real live actual ", "do you have somebody a b ", "this bot is so no ", "555-0142 ",
    "i want to talk to my ", "is there someone ",
])  # fmt: skip
def test_time_is_bounded(piece: str) -> None:
    """However a message is made, no pattern goes through its words again and again, which would take minutes."""
    text = (piece * 1600)[:1600]
    start = time.process_time()
    outright(text)
    assert [declines(part) and hints(part) for part in clauses(text)]

    assert time.process_time() - start < 20


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Any text can be read, and only its own words are found in it."""
    assert set(outright(text)) <= set(clauses(text))
