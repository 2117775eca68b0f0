"""The promises of knowing whether a trained model fits what it was made from."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cli.train import fingerprint
from haven.settings import ROOT, Settings, load_settings


@pytest.fixture
def copied(tmp_path: Path) -> Settings:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    return replace(load_settings(), data=tmp_path / "data")


def test_a_copy_of_the_content_asks_for_the_same_model(copied: Settings) -> None:
    """The same content in another folder fits the same model."""
    assert fingerprint(copied) == fingerprint(load_settings())


@pytest.mark.parametrize("name", ["faq/heroin.yml", "nlu/greet.yml", "texts.yml", "crisis/signals.yml"])
def test_a_change_in_a_copy_is_noticed(copied: Settings, name: str) -> None:
    """Who changes a copy of the content and trains on it is not told that nothing changed."""
    before = fingerprint(copied)
    with (copied.data / name).open("a", encoding="utf-8") as file:
        file.write("# changed\n")

    assert fingerprint(copied) != before
