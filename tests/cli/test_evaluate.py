"""The promises of `bin/haven evaluate` about folders of sets; what it measures needs the running system."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.evaluate import NoSets, command

CALM = {"id": "b1", "text": "how long does detox take", "level": "none", "kind": "none"}


def run(*arguments: str) -> str:
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_guard_alone_on_a_folder_of_ones_own(tmp_path: Path) -> None:
    """ "guard" reads whatever sets a folder holds, with or without a folder `dev`, and starts nothing."""
    (tmp_path / "benign.jsonl").write_text(json.dumps(CALM) + "\n", encoding="utf-8")

    said = run("guard", "--sets", str(tmp_path))

    assert "== dev/benign, the guard alone" in said
    assert "== dev/crisis" not in said


@pytest.mark.parametrize(("file", "content", "group", "said"), [
    (None, "", "faq", "None of faq.jsonl, abstain.jsonl"),
    ("faq.jsonl", '{"id": 1, "text": "a"}\n', "faq", "There is no score.py in"),
    ("public_handoff.jsonl", '{"id": 1, "text": "a"}\nnonsense\n', "handoff", "Line 2 is not JSON."),
    ("public_handoff.jsonl", '{"id": 1}\n', "handoff", 'Line 1 needs "id" and "text" or "turns".'),
    ("public_handoff.jsonl", b"\xff\xfe", "handoff", "public_handoff.jsonl cannot be read"),
])  # fmt: skip
def test_what_is_wrong_is_one_sentence(
    tmp_path: Path, file: str | None, content: str | bytes, group: str, said: str
) -> None:
    """A folder without the sets, without score.py, or with a broken line is one sentence, before anything starts."""
    if file:
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(NoSets, match=re.escape(said)) as caught:
        run(group, "--sets", str(tmp_path))
    assert "\n" not in str(caught.value)
