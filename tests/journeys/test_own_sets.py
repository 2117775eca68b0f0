"""The trained assistant on our own sets: a wish for a person is heard in any tone, a near miss is none."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from haven.encoder import Encoder
from haven.retrieval import HANDOFF, Retriever
from haven.settings import ROOT

pytestmark = pytest.mark.journey

OWN = Path(__file__).resolve().parents[1] / "own"
SETS = ("handoff", "asking", "people", "people_kept", "people_late")


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """What reads a text and says whether a person is asked for in it, as the trained assistant does."""
    encoder = Encoder.load(ROOT / "models" / "encoder")
    folder = tmp_path_factory.mktemp("reader")
    with tarfile.open(ROOT / "models" / "haven.tar.gz") as archive:
        for member in archive.getmembers():
            if Path(member.name).name.startswith("retriever."):
                member.name = Path(member.name).name
                archive.extract(member, folder, filter="data")
    reader = Retriever.load(folder)
    return lambda text: any((reading.label, reading.decision) == (HANDOFF, "sure")
                            for reading in reader.read_all(text, encoder))


def lines(name, mark):
    return [line[2:] for line in (OWN / f"{name}.txt").read_text("utf-8").splitlines() if line.startswith(f"{mark} ")]


@pytest.mark.parametrize("name", SETS)
def test_requests_are_heard(heard, name):
    """Of the requests in each set that nobody trains on at least nine in ten are heard."""
    asked = lines(name, "+")

    assert sum(map(heard, asked)) >= 0.9 * len(asked)


@pytest.mark.parametrize("name", SETS)
def test_near_misses_are_none(heard, name):
    """Of the messages that only speak of people, at most one in ten is taken for a request."""
    near = lines(name, "-")

    assert sum(map(heard, near)) <= 0.1 * len(near)
