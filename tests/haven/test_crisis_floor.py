"""The gate on recall: what was accepted holds today, and a change that finds less or alarms more is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from haven.crisis.floor import below_floor, read
from haven.crisis.values import KIND_ORDER, LEVELS
from haven.errors import ContentError

ROOT = Path(__file__).resolve().parents[2]
# spaCy brings libraries that, on Python 3.10, deprecate one another while they load.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what the gate reads."""
    for name in ("crisis", "safety"):
        shutil.copytree(ROOT / "data" / name, tmp_path / name)
    return tmp_path


def test_nothing_is_below_the_floor() -> None:
    """The guard of today finds what was accepted, whole and by rules alone."""
    assert below_floor(ROOT / "data", ROOT / "models") == []


def test_a_lost_signal_is_named(copy: Path) -> None:
    """Who takes the patterns of breathing out of signals.yml is told which share fell."""
    signals = copy / "crisis" / "signals.yml"
    text = signals.read_text("utf-8")
    start = text.index("  - name: not breathing")
    end = text.index("  - name:", start + 10)
    signals.write_text(text[:start] + text[end:], "utf-8")

    assert any("rules alone, found: overdoses" in fault for fault in below_floor(copy, ROOT / "models"))


def test_a_careless_signal_is_named(copy: Path) -> None:
    """Who adds a pattern that everyday talk holds is told that look-alikes alarm."""
    signals = copy / "crisis" / "signals.yml"
    text = signals.read_text("utf-8")
    signals.write_text(text.replace("      agonal\n", "      agonal\n      my\n", 1), "utf-8")

    assert any("alarm: look-alikes" in fault for fault in below_floor(copy, ROOT / "models"))


def test_a_missing_model_is_named(copy: Path, tmp_path: Path) -> None:
    """Without the encoder's files the gate does not pass in silence."""
    assert any("does not work in full" in fault for fault in below_floor(copy, tmp_path / "none"))


def test_an_unreadable_floor_is_named(copy: Path) -> None:
    """A floor that is no YAML is a fault of the content, named by its folder."""
    (copy / "safety" / "floor.yml").write_text("whole guard: [", "utf-8")

    with pytest.raises(ContentError, match="safety"):
        read(copy)


def test_the_messages_are_held_out_and_labelled() -> None:
    """No line of the safety set is learnt from, and each has a level and a kind or reason that exist."""
    rows, _ = read(ROOT / "data")
    learnt = {
        json.loads(line)["text"].lower()
        for path in (ROOT / "training" / "messages").glob("*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    }

    assert len(rows) > 200
    assert not learnt & {row["text"].lower() for row in rows}
    for row in rows:
        assert row["level"] in LEVELS
        assert row["why"] if row["level"] == "none" else row["kind"] in KIND_ORDER
