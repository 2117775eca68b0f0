"""A switchboard that is replaced by a newer one, with newer tables, while people write: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from haven.settings import ROOT
from tests.power.place import Place, answer
from tests.twilio import Twilio

PEOPLE, EACH = 6, 12
NEWER = """
from alembic import op
import sqlalchemy as sa
revision, down_revision, branch_labels, depends_on = "9999", {newest!r}, None, None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("of_tomorrow", sa.Integer(), nullable=True))
"""


def newer(folder: Path) -> str:
    """A folder of migrations with one more than this version has."""
    shutil.copytree(ROOT / "switchboard/records/migrations", folder / "migrations")
    versions = folder / "migrations" / "versions"
    newest = max(path.stem[:4] for path in versions.glob("[0-9]*.py"))
    (versions / "9999_tomorrow.py").write_text(NEWER.format(newest=newest))
    return str(folder)


async def test_upgrade_under_traffic(nursery, assistant, tmp_path):
    """SIGTERM, new tables, new start: every message is stored once, in order, and answered once."""
    assistant.answer = answer
    async with Twilio(token="token-of-the-stand-in", strict=False) as twilio:
        place = Place(tmp_path, nursery, twilio, assistant.port)
        try:
            await place.start()
            place.revives = False
            people = [await place.visitor() for _ in range(PEOPLE)]
            talking = [asyncio.create_task(_talk(place, who)) for who in people]
            await asyncio.sleep(1)
            await _upgrade(place, newer(tmp_path / "newer"))
            await asyncio.gather(*talking)
            for who in people:
                await place.until(lambda who=who: _all_answered(place, who))
                await _must_be_whole(place, who)
        finally:
            await twilio.settled()
            place.stop()
            await place.http.aclose()
    with closing(sqlite3.connect(tmp_path / "haven.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


async def _upgrade(place: Place, migrations: str) -> None:
    began = time.monotonic()
    os.kill(place.pid, signal.SIGTERM)
    while place.lives():
        await asyncio.sleep(0.05)
        assert time.monotonic() - began < 40
    stopped = time.monotonic()
    await place.start(migrations=migrations)
    print(f"stopped after {stopped - began:.1f} s, back {time.monotonic() - stopped:.1f} s later")


async def _talk(place: Place, who: dict[str, str]) -> None:
    for number in range(EACH):
        await place.say(who, f"what is question number {number}?")
        await asyncio.sleep(0.3)


async def _all_answered(place: Place, who: dict[str, str]) -> bool:
    return len(await place.transcript(place.id_of(who))) >= 1 + 2 * EACH


async def _must_be_whole(place: Place, who: dict[str, str]) -> None:
    talk = await place.transcript(place.id_of(who))
    assert [m.text for m in talk if m.author == "visitor"] == [f"what is question number {n}?" for n in range(EACH)]
    assert len({m.answers_seq for m in talk if m.answers_seq}) == EACH
    assert len(talk) == 1 + 2 * EACH
