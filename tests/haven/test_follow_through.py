"""haven.follow_through: what follows guidance is complete, and a denial is told from an answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from haven.content import Content
from haven.errors import ContentError
from haven.follow_through import FILE, FollowThroughContent, fold, numbered

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="module")
def content() -> FollowThroughContent:
    return FollowThroughContent.load(DATA)


def test_every_kind_of_danger_is_followed_through(content: FollowThroughContent) -> None:
    """Each kind that has guidance has what comes after it."""
    assert set(content.kinds) == set(Content.load(DATA).guidance)


def test_three_ways_beyond_a_number(content: FollowThroughContent) -> None:
    """Thoughts of suicide: at least three things to do besides a call, each with its own text."""
    offered = set(content.kinds["suicide_self"].choices)

    assert {"text_988", "someone", "distance", "ground"} <= offered
    assert len({content.choices[key].said.web for key in offered}) == len(offered)


@pytest.mark.parametrize("text", ["lol jk", "was a joke!!", "just kidding", "era broma", "haha im joking sorry"])
def test_a_joke_taken_back(content: FollowThroughContent, text: str) -> None:
    """A joke is taken back in few words, whatever was said last."""
    assert content.takes_back(text, asked=False, only=False)


@pytest.mark.parametrize("text", ["im fine forget it", "nvm", "hes fine", "I'm fine.", "estoy bien", "olvídelo"])
def test_said_to_be_nothing(content: FollowThroughContent, text: str) -> None:
    """ "I'm fine" takes it back only where something was said about it just before."""
    assert content.takes_back(text, asked=True, only=True)
    assert not content.takes_back(text, asked=False, only=True)


@pytest.mark.parametrize("text", [
    "nvm, what is methadone?", "he is not fine at all he is blue and i am scared please", "ok", "is this a joke?", "",
])
def test_no_denial(content: FollowThroughContent, text: str) -> None:
    """A question, a longer message or a plain word takes nothing back."""
    assert not content.takes_back(text, asked=True, only=False)


def test_danger_beside_a_denial(content: FollowThroughContent) -> None:
    """Where the guard sees danger, a denial counts only when nothing else is said with it."""
    assert not content.takes_back("jk hes blue", asked=True, only=True)


@pytest.mark.parametrize(("text", "key"), [
    ("yes", "called"), ("yeah theyre on the way now", "called"), ("ok i called", "called"), ("no", "not_yet"),
    ("I CANT call!!", "cannot"), ("he is on the floor", None), ("are they on the way to you", None), ("now", None),
])
def test_typed_answers(content: FollowThroughContent, text: str, key: str | None) -> None:
    """A typed answer is one of the offered choices, in its own words or with words that say nothing around it."""
    assert content.meant(text, content.kinds["overdose_other"].choices) == key


def test_typed_answers_are_told_apart(content: FollowThroughContent) -> None:
    """Of the choices under one question no two are read from the same words but the first that fits."""
    for care in content.kinds.values():
        words = [content.choices[key].words - {"yes", "yeah", "yep", "no", "nope", "si", "ya", "i did", "safe"}
                 for key in care.choices]
        assert sum(map(len, words)) == len(set().union(*words)), care.kind


def test_folding_and_numbering() -> None:
    """Answers are compared without accents, marks and capitals; choices by SMS are numbered lines."""
    assert fold("  ¡SÍ, ya Llamé!! ") == "si ya llame"
    assert fold("I can't") == "i cant"
    assert numbered("Which?", ["One", "Two"]) == "Which?\n1 One\n2 Two"


@pytest.mark.parametrize(("change", "complaint"), [
    (lambda raw: raw["kinds"]["mixing"]["choices"].append("fly"), "there is no choice fly"),
    (lambda raw: raw["kinds"]["mixing"].update(check="daily"), "there is no check daily"),
    (lambda raw: raw["choices"]["called"].update(effect="cheer"), "effect is 'cheer'"),
    (lambda raw: raw["choices"]["called"].pop("web_es"), "web_es"),
    (lambda raw: raw.pop("checks"), "checks"),
    (lambda raw: raw["choices"]["called"].update(words="yes"), "should be a list"),
])
def test_a_fault_is_named(tmp_path: Path, change, complaint: str) -> None:
    """A file that cannot be used is refused with what is wrong in it."""
    raw = yaml.safe_load((DATA / FILE).read_text("utf-8"))
    change(raw)
    (tmp_path / FILE).write_text(yaml.safe_dump(raw, allow_unicode=True), "utf-8")

    with pytest.raises(ContentError, match=complaint):
        FollowThroughContent.load(tmp_path)


def test_no_file(tmp_path: Path) -> None:
    """Without the file nothing starts half."""
    with pytest.raises(ContentError, match="follow_through"):
        FollowThroughContent.load(tmp_path)
