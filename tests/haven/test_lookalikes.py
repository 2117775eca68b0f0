"""haven.lookalikes: danger in letters that only look like a-z, or with unseen characters between, is recognised."""

from __future__ import annotations

import pytest

from haven.crisis import Guard
from haven.lookalikes import readable
from haven.settings import ROOT
from haven.text import clean

DANGERS = ("he is not breathing and his lips are blue", "i want to kill myself tonight",
           "she overdosed on fentanyl and wont wake up")
CYRILLIC = str.maketrans("aeopcxyi", "аеорсхуі")
GREEK = str.maketrans("oviap", "ονιαρ")
SMALL = str.maketrans("abcdefghijklmnopqrstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡʏᴢ")
BOXED = str.maketrans({chr(ord("a") + i): chr(0x1F170 + i) for i in range(26)})
BETWEEN = {"joiner": "\u200d", "emoji selector": "\ufe0f", "zero width": "\u200b", "soft hyphen": "\u00ad",
           "hangul filler": "\u3164", "braille blank": "\u2800", "text selector": "\ufe00", "tag": "\U000e0020",
           "grapheme joiner": "\u034f", "stroke": "\u0336"}  # fmt: skip


@pytest.fixture(scope="module", params=["whole", "rules alone"])
def guard(request, tmp_path_factory) -> Guard:
    models = ROOT / "models" if request.param == "whole" else tmp_path_factory.mktemp("nothing")
    return Guard.load(ROOT / "data", models)


@pytest.mark.parametrize("danger", DANGERS)
@pytest.mark.parametrize("letters", [CYRILLIC, GREEK, SMALL, BOXED], ids=["cyrillic", "greek", "small", "boxed"])
def test_letters_that_look_alike_hide_nothing(guard, danger, letters):
    """Danger in look-alike letters is judged exactly as the same danger in plain ones."""
    plain, hidden = guard.assess(danger), guard.assess(clean(danger.translate(letters)))

    assert (hidden.level, hidden.kind) == (plain.level, plain.kind)
    assert plain.level == "acute"


@pytest.mark.parametrize("danger", DANGERS)
@pytest.mark.parametrize("unseen", BETWEEN.values(), ids=BETWEEN)
def test_what_nobody_sees_hides_nothing(guard, danger, unseen):
    """Danger with an unseen character after every letter is judged exactly as without."""
    plain, hidden = guard.assess(danger), guard.assess(clean(unseen.join(danger)))

    assert (hidden.level, hidden.kind) == (plain.level, plain.kind)


@pytest.mark.parametrize(
    ("typed", "read"),
    [("no está, señor", "no está, señor"), ("дышать", "дышать"), ("ψυχή", "ψυχή"),
     ("he's dеad", "he's dead"), ("👩\u200d👧 ok", "👩👧 ok"), ("plain", "plain")],
)
def test_other_alphabets_stay(typed, read):
    """Accents stay, and so does a word that has a letter no Latin one looks like."""
    assert readable(typed) == read


def test_a_broken_model_of_any_kind_leaves_the_rules(tmp_path):
    """Whatever is wrong with the model's files, even with their own description, danger is still answered by rules."""
    (tmp_path / "encoder").mkdir()
    for text in ("{}", '{"files": {}}', "[]", '{"dim": 1, "files": {"encoder.onnx": 7}}'):
        (tmp_path / "encoder" / "encoder.json").write_text(text)
        guard = Guard.load(ROOT / "data", tmp_path)

        assert guard.degraded
        assert guard.assess("he is not breathing").level == "acute"
