"""`bin/haven content export`: drafts become files once, and a draft with a fault stays one."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys

import pytest

from haven.content import Content
from haven.settings import ROOT
from switchboard import accounts
from switchboard.records.record import Record, now
from switchboard.records.tables import drafts


@pytest.fixture
def home(tmp_path):
    """A home with a record of three drafts: a wording, one for an answer that is gone, one left out."""
    shutil.copytree(ROOT / "data", tmp_path / "data")
    asyncio.run(_fill(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}"))
    return tmp_path


async def _fill(url):
    record = Record(url)
    await record.migrate()
    async with record.write() as tx:
        person = await accounts.add(tx, login="wilma", name="Wilma", role="content", password="x")
        for kind, question, answer in (("variant", "zzz is it a place", "FAQ-029"), ("variant", "zzz gone", "FAQ-999"),
                                       ("none", "zzz not needed", None)):
            await tx.execute(drafts.insert().values(
                kind=kind, question=question, answer=answer, language="en", asked=1, made_by=person.id, made_at=now()))
    await record.close()


def haven(home, *arguments):
    environment = {**os.environ, "HAVEN_HOME": str(home), "HAVEN_DATA": str(home / "data"), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "cli", "content", *arguments], env=environment, cwd=ROOT,
                          capture_output=True, text=True, timeout=120)


def test_drafts_are_written_once_and_faulty_ones_are_named(home):
    """A look first changes nothing; then the wording is in its file, the other is held back with its reason."""
    looked = haven(home, "export", "--dry-run")
    assert "would be written: zzz is it a place" in looked.stdout
    assert "zzz is it a place" not in (home / "data/faq_extra/detox.yml").read_text("utf-8")

    written = haven(home, "export")
    assert written.returncode == 1, written.stderr
    assert "faq_extra/detox.yml: zzz is it a place" in written.stdout
    assert "There is no answer 'FAQ-999'" in written.stdout and "not needed" not in written.stdout
    assert "1 draft(s) exported, 1 held back." in written.stdout
    assert "zzz is it a place" in [v.text for v in Content.load(home / "data").answers["FAQ-029"].variants]

    assert "0 draft(s) exported, 1 held back." in haven(home, "export").stdout
