"""The console's promises on PostgreSQL: the same tests, in a process of their own, on a database of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = ("test_handoff.py", "test_shift.py", "test_nobody_forgotten.py", "test_questions.py", "test_pictures.py",
         "test_hours.py", "test_practice.py")


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_shift_holds_on_postgresql(database: str) -> None:
    """Claims, transfers, silence, practice, figures, questions and hours, as on SQLite."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / name) for name in FILES)],
        env={**os.environ, "TEST_CONSOLE_DATABASE": database}, cwd=HERE.parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
