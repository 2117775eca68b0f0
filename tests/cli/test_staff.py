"""`bin/haven staff`: accounts made, listed, reset and closed at the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.staff import command


@pytest.fixture
def haven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `haven staff ...` against an empty record."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path))

    def run(*words: str) -> Result:
        return CliRunner().invoke(command, list(words))

    return run


def test_an_account_is_made_and_listed(haven) -> None:
    """The one-time password is printed once and stands in no list."""
    made = haven("add", "anna", "--name", "Anna Weber", "--role", "supervisor")
    once = re.search(r"one-time password ([a-z0-9]{4}(?:-[a-z0-9]{4}){3})", made.output)
    assert made.exit_code == 0 and once
    listed = haven("list").output
    assert re.search(r"anna +supervisor +Anna Weber +one-time password", listed)
    assert once.group(1) not in listed


def test_mistakes_are_one_sentence(haven) -> None:
    """A login that is taken, cannot be one, or does not exist ends with 1 and a sentence."""
    haven("add", "anna", "--name", "Anna")
    for words, said in (
        (("add", "anna", "--name", "Other"), "There is already an account 'anna'."),
        (("add", "An na", "--name", "Other"), "cannot be a login"),
        (("reset-password", "nobody"), "There is no account 'nobody'"),
    ):
        result = haven(*words)
        assert result.exit_code == 1 and said in result.output and "Traceback" not in result.output


def test_a_password_is_reset_and_an_account_closed(haven) -> None:
    """Both change what the list says; a closed account can be opened again."""
    haven("add", "anna", "--name", "Anna")
    assert "one-time password" in haven("reset-password", "anna", "--authenticator").output
    assert haven("close", "anna").exit_code == 0
    assert "closed" in haven("list").output
    assert haven("close", "anna", "--again").exit_code == 0
    assert "closed" not in haven("list").output
