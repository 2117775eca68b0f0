"""switchboard.records.record: a migration is there wholly or not at all, whenever the power goes."""

from __future__ import annotations

import json
import subprocess
import sys

from haven.settings import ROOT

VERSIONS = sorted(path.stem[:4] for path in (ROOT / "switchboard/records/migrations/versions").glob("[0-9]*.py"))


def test_power_cut_in_the_newest_migration(tmp_path):
    """Killed after any statement of the newest migration, the record is what it was, and the next start does it."""
    all_or_nothing(tmp_path, VERSIONS[-2])


def all_or_nothing(folder, start):
    """Cut the power after every statement on the way from one version to the newest; the older ways: tests/power."""
    done = subprocess.run([sys.executable, "-m", "tests.switchboard.records.dies", str(folder), start], cwd=ROOT,
                          capture_output=True, text=True, check=True)
    cuts = [json.loads(line) for line in done.stdout.splitlines()]

    assert [cut["killed"] for cut in cuts] == [True] * (len(cuts) - 1) + [False]
    assert len(cuts) > 3
    assert [cut for cut in cuts if cut["killed"] and not cut["untouched"]] == []
    assert [cut for cut in cuts if not cut["started"]] == []
