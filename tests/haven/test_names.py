"""The promises about names: whatever a visitor is called, danger is seen and a question is answered as without it."""

from __future__ import annotations

import pytest

from haven.crisis import Guard
from haven.names import name_in, only_introduces, without_introduction
from haven.settings import ROOT

# People, towns and clinics; some sound like a medicine, a drug or a danger.
NAMES = (
    "Rosalind", "Xanthippe", "Narcisa", "Percival", "Oxana", "Crystal", "Molly", "Odessa", "Roxanne", "Viviana",
    "Methuselah", "Benzion", "Saoirse", "Phuc", "Hung", "River", "Destiny", "Mercy", "Hope", "Dolores", "Socorro",
    "Nguyễn", "O'Dea", "Marie-Ève", "Codeigh", "Fentress", "Suboth", "Norcross", "Poisson", "Coldwater", "Bluefield",
    "Deathridge", "Jesús", "Gunner",
)  # fmt: skip


@pytest.fixture(scope="module")
def guard() -> Guard:
    return Guard.load(ROOT / "data", ROOT / "models")


@pytest.mark.parametrize("name", NAMES)
def test_danger_is_seen_whatever_the_name(guard: Guard, name: str) -> None:
    """Somebody in danger is in danger under any name, written with a capital or without."""
    for said in (f"{name} is not breathing", f"I found {name} on the floor, lips blue", f"{name} won't wake up",
                 f"{name} took a whole bottle of pills", f"my daughter {name} says she wants to die tonight",
                 f"my name is {name} and i just overdosed"):
        for text in (said, said.lower()):
            assert guard.assess(text).level == "acute", text


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_no_danger(guard: Guard, name: str) -> None:
    """Who says a name, and a town or a clinic of that name, gets no guidance for it."""
    for text in (f"my name is {name}", f"hello, my name is {name}.", f"My name is {name}. What is methadone?",
                 f"{name} made dinner for us", f"{name} has group on monday", f"the clinic in {name} is nice",
                 f"my sister {name} asked what happens in group therapy"):
        assert guard.assess(text).level == "none", text


@pytest.mark.parametrize("text", ["my name is Anna. help", "my name is anna and i took pills", "my name"])
def test_more_than_a_name(text: str) -> None:
    """A name with anything beside it is read in full for danger."""
    assert not only_introduces(text)


@pytest.mark.parametrize(("text", "left"), [
    ("My name is Narcisa. What is methadone?", "What is methadone?"),
    ("hola, me llamo Herón, qué es la naloxona", "qué es la naloxona"),
    ("my name is Ann Marie! how long is detox", "how long is detox"),
    ("My name is Narcisa.", "My name is Narcisa."),
    ("i'm pregnant. is methadone safe", "i'm pregnant. is methadone safe"),
    ("my name is on the list and i wonder how long detox is", "my name is on the list and i wonder how long detox is"),
])  # fmt: skip
def test_without_introduction(text: str, left: str) -> None:
    """A question is read without the name it begins with; nothing else is taken from it."""
    assert without_introduction(text) == left


@pytest.mark.parametrize(("answer", "name"), [
    ("Rosalind", "Rosalind"), ("it's Xanthippe, thanks", "Xanthippe"), ("me llamo José Luis", "José Luis"),
    ("just Dee.", "Dee"), ("Mary-Jane O'Dea", "Mary-Jane O'Dea"), ("how long does that take?", None),
    ("615 555 0142", None), ("i would rather not say that here", None), ("", None),
])  # fmt: skip
def test_name_in(answer: str, name: str | None) -> None:
    """The answer to a question for a first name is a name when it has the form of one."""
    assert name_in(answer) == name
