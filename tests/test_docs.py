"""The docs say what is so: settings, commands, routes and files they name exist, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.__main__ import COMMANDS
from haven.settings import ROOT, SETTINGS

DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def test_every_setting_is_in_the_docs():
    """docs/running.md has each setting with its default, and none that does not exist."""
    text = (ROOT / "docs/running.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(HAVEN_\w+)` \| (?:`([^`]*)`|empty) \|", text, re.M))

    assert rows == {setting.variable: setting.default for setting in SETTINGS}


def test_every_command_is_in_the_readme():
    """The README names each command of bin/haven."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert not [name for name in COMMANDS if f"`{name}`" not in text]


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    """Every link and picture of a page is a file that exists."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_folder_is_on_the_map():
    """The README's map has every folder at the top."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    unnamed = {"deploy", "requirements"}
    folders = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))} - {"var", "bin"}

    assert not [name for name in folders - unnamed if f"`{name}/`" not in text]


def test_chat_routes_are_in_the_docs():
    """docs/architecture.md names every path of the website's interface."""
    from switchboard.channels.widget import blueprint

    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    assert not [r.uri for r in blueprint._future_routes if f"/chat{r.uri}" not in text]
