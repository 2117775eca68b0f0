"""`make bench`: what it writes, and that one failing part costs the others nothing."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

import bench.__main__ as bench_main
from bench import capacity, report


@pytest.fixture
def latest(tmp_path, monkeypatch):
    """The figures' file and page, away from the real ones; two parts, of which one fails."""
    monkeypatch.setattr(bench_main, "LATEST", tmp_path / "latest.json")
    monkeypatch.setattr(capacity, "PAGE", tmp_path / "capacity.md")
    shutil.copy(report.PAGE, tmp_path / "performance.md")
    monkeypatch.setattr(report, "PAGE", tmp_path / "performance.md")
    monkeypatch.setattr(report, "PICTURES", tmp_path / "images")

    def broken():
        raise OSError("no such program")

    monkeypatch.setattr(bench_main, "PARTS", {"training": broken, "widget": lambda: {"gzip_bytes": 14_000}})
    return tmp_path / "latest.json"


def test_a_failing_part_costs_the_others_nothing(latest):
    """A part that fails is named with its reason, the others are measured, and the command ends with 1."""
    ran = CliRunner().invoke(bench_main.main, [])
    figures = json.loads(latest.read_text("utf-8"))

    assert ran.exit_code == 1
    assert "no such program" in ran.output
    assert figures["raw"]["training"]["error"] == "OSError: no such program"
    assert figures["widget_gzip_bytes"] == 14_000
    assert figures["train_ratio"] is None


def test_what_every_run_notes(latest):
    """Date, commit and machine, every headline, and how long each part took; the page shows them with its plot."""
    CliRunner().invoke(bench_main.main, [])
    figures = json.loads(latest.read_text("utf-8"))
    page = (latest.parent / "performance.md").read_text("utf-8")

    assert figures["date"] and figures["commit"] and figures["machine"]["cores"]
    assert set(report.AIMS) <= set(figures)
    assert figures["raw"]["widget"]["took_s"] == 0
    assert "14,000" in page and "images/performance.svg" in page
    assert (latest.parent / "images" / "performance.svg").is_file()
