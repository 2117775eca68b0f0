"""`bin/haven keys`, `erase`, `export` and `purge`: on a record with a chat, a text line and a call-back."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from cli import erase, export, keys, purge
from haven.settings import ROOT, load_settings
from switchboard import consent, conversations
from switchboard.conversations import Message
from switchboard.keys import check_keys, note_running
from switchboard.numbers import Vault
from switchboard.records.record import Record, now
from switchboard.records.tables import audit, sms_contacts
from switchboard.records.tables import conversations as table
from switchboard.sms import contacts

ANA, BEN = "+16155550142", "+13105550143"
NOBODY = "f" * 32
COMMANDS = {"keys": keys.command, "erase": erase.command, "export": export.command, "purge": purge.command}


@pytest.fixture
def haven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `haven ...` against a record of its own; nothing listens where the assistant would."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path))
    monkeypatch.setenv("HAVEN_ASSISTANT_PORT", "1")

    def run(name: str, *words: str) -> Result:
        return CliRunner().invoke(COMMANDS[name], list(words))

    return run


def in_record(work):
    """Do something with the record as a switchboard has it open."""

    async def run():
        settings = load_settings()
        record = Record.of(settings)
        try:
            await record.migrate()
            await check_keys(record)
            return await work(settings, record)
        finally:
            await record.close()

    return asyncio.run(run())


@pytest.fixture
def ids(haven) -> dict[str, str]:
    """Ana texts, asks for a call in a chat and a colleague's number is Ben's; {"sms", "chat", "ben"}."""

    async def fill(settings, record):
        vault = Vault(settings.number_secret)
        async with record.write() as tx:
            texting = await conversations.begin(tx, channel="sms", language="en", address=vault.address(ANA))
            await contacts.meet(tx, vault.address(ANA), number=vault.lock(ANA), ours="+18005550100")
            await contacts.change(tx, vault.address(ANA), consent_at=now(), consent_text="Told: STOP to opt out")
            await conversations.add(tx, texting, Message("visitor", "xylophone by text"))
            chat = await conversations.begin(tx, channel="widget", language="en")
            told = await conversations.add(tx, chat, Message("bot", "Not a person. Kept 30 days.", kind="notice"))
            await consent.note(tx, chat, told.text)
            await conversations.add(tx, chat, Message("visitor", "narwhal, please call"))
            await conversations.add(
                tx, chat, Message("system", "kingfisher", kind="private", response="note", name="Eve"))
            await conversations.raise_alert(
                tx, chat, 2, {"level": "acute", "kind": "violence", "why": ["gun: narwhal"]})
            await conversations.promise_callback(
                tx, chat, {"name": "Ana", "number": vault.lock("(615) 555-0142"), "when": "after six"})
            ben = await conversations.begin(tx, channel="sms", language="en", address=vault.address(BEN))
            await contacts.meet(tx, vault.address(BEN), number=vault.lock(BEN), ours="+18005550100")
            await contacts.opt_out(tx, vault.address(BEN), "carrier word")
            await conversations.add(tx, ben, Message("visitor", "STOP"))
        return {"sms": texting.id, "chat": chat.id, "ben": ben.id}

    return in_record(fill)


def rows(query):
    async def read(_, record):
        async with record.read() as connection:
            return list(await connection.execute(query))

    return in_record(read)


def logged(action: str) -> list[tuple[str | None, str]]:
    return [(row.conversation, row.detail) for row in rows(sa.select(audit).where(audit.c.action == action))]


def living() -> set[str]:
    return {row.id for row in rows(sa.select(table.c.id).where(table.c.erased_at.is_(None)))}


# -- erase --------------------------------------------------------------------------------------------------------


def test_a_conversation_is_erased(haven, ids) -> None:
    """By its id: told how many, logged without a word of it, and the others are still there."""
    done = haven("erase", ids["chat"], "--yes")

    assert done.exit_code == 0, done.output
    assert "1 conversation(s) erased" in done.output and "Backups" in done.output
    assert living() == {ids["sms"], ids["ben"]}
    assert logged("erased") == [(ids["chat"], "at the command line")]


def test_all_of_a_number_is_erased(haven, ids) -> None:
    """However it is written, a number's texts and the chats it asked a call in are gone, and the number too."""
    done = haven("erase", "615-555-0142", "--yes")

    assert "2 conversation(s) erased" in done.output, done.output
    assert living() == {ids["ben"]}
    assert len(rows(sa.select(sms_contacts))) == 1
    assert "Nothing is stored under this number." in haven("erase", ANA, "--yes").output


def test_an_opt_out_outlives_the_number(haven, ids) -> None:
    """Of an erased number that had opted out nothing is kept but the wish, so that it is not texted again."""
    assert haven("erase", BEN, "--yes").exit_code == 0
    kept, = (row for row in rows(sa.select(sms_contacts)) if row.opted_out_at)

    assert (kept.number, kept.consent_text) == ("", None)
    assert kept.opted_out_how == "carrier word"


def test_erasing_asks_first(haven, ids) -> None:
    """Without --yes and without an answer nothing is erased."""
    assert haven("erase", ids["chat"]).exit_code == 1
    assert ids["chat"] in living()


@pytest.mark.parametrize(("what", "said"), [
    (NOBODY, "There is no conversation"), ("+14155550199", "Nothing is stored under this number."),
    ("hello", "neither a conversation's id (32 digits) nor a telephone number"), ("12", "neither a conversation"),
])
def test_wrong_ids_get_a_sentence(haven, ids, what: str, said: str) -> None:
    """What nobody knows ends with 1 and a sentence, for erasing and for exporting."""
    for name, more in (("erase", ("--yes",)), ("export", ("--by", "Eve"))):
        done = haven(name, what, *more)
        assert done.exit_code == 1 and said in done.output and "Traceback" not in done.output


def test_erased_already(haven, ids) -> None:
    """Erasing twice says so."""
    haven("erase", ids["chat"], "--yes")
    assert "was erased already" in haven("erase", ids["chat"], "--yes").output


# -- export -------------------------------------------------------------------------------------------------------


def test_an_export_as_json(haven, ids) -> None:
    """Everything in plain words, with the notice of 42 CFR 2.32, what the visitor was told, and who exported it."""
    done = CliRunner().invoke(export.command, [ids["chat"], "--by", "Eve Adams", "--format", "json"])
    found = json.loads(done.stdout)
    chat, = found["conversations"]

    assert found["notice"].startswith("This record which has been disclosed to you is protected by Federal")
    assert "42 CFR 2.64 or 2.65" in found["notice"] and "(iii) You have received the record" in found["notice"]
    assert found["exported_by"] == "Eve Adams"
    assert chat["told"]["text"] == "Not a person. Kept 30 days."
    assert chat["told"]["version"] == consent.version_of(chat["told"]["text"])
    assert [m["text"] for m in chat["messages"]][1:] == ["narwhal, please call", "kingfisher"]
    assert chat["dangers"][0]["why"] == ["gun: narwhal"]
    assert (chat["callbacks"][0]["name"], chat["callbacks"][0]["number"]) == ("Ana", "(615) 555-0142")
    assert logged("exported") == [(ids["chat"], "by Eve Adams, as json")]


def test_an_export_to_read(haven, ids, tmp_path) -> None:
    """All of a number's as text in a file that only its owner can read; never over a file that is there."""
    path = tmp_path / "ana.txt"
    done = haven("export", ANA, "--by", "Eve", "--output", str(path), "--without-notes")
    text = path.read_text()

    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "42 CFR part 2" in text and "Told: STOP to opt out" in text
    assert "xylophone by text" in text and "narwhal, please call" in text
    assert "kingfisher" not in text
    assert re.search(r"\d\d:\d\d:\d\d E[SD]T +Visitor:", text)
    assert "exists already" in haven("export", ANA, "--by", "Eve", "--output", str(path)).output
    assert len(logged("exported")) == 2


def test_nothing_is_exported_unlogged(haven, ids, monkeypatch) -> None:
    """Where the log cannot be written, nothing is handed out."""

    async def fails(*_, **__):
        raise conversations.NoConversation("the log is away")

    monkeypatch.setattr(export.audit, "note", fails)
    done = haven("export", ids["chat"], "--by", "Eve")
    assert done.exit_code == 1 and "narwhal" not in done.output


# -- purge --------------------------------------------------------------------------------------------------------


def test_a_dry_run_removes_nothing(haven, ids) -> None:
    """It tells what would go; then the purge removes just that, and says so in the log."""

    async def age(_, record):
        async with record.write() as tx:
            await tx.execute(table.update().where(table.c.id == ids["sms"]).values(updated_at=1))

    in_record(age)
    dry = haven("purge", "--dry-run")
    assert "     1  conversations" in dry.output and "dry run" in dry.output
    assert ids["sms"] in living()
    assert "     1  conversations" in haven("purge").output
    assert living() == {ids["chat"], ids["ben"]}
    assert len(logged("purged")) == 1


# -- keys ---------------------------------------------------------------------------------------------------------


def restart() -> None:
    """What a switchboard notes when it starts."""
    in_record(lambda _, record: note_running(record))


def test_a_key_is_changed(haven, ids, tmp_path) -> None:
    """add, restart, rotate, retire: each step says what comes next, and none can be taken too early."""
    restart()
    assert "Every conversation can be read" in haven("keys", "check").output
    before = json.loads((tmp_path / "secrets.json").read_text())["record"]

    assert haven("keys", "add").exit_code == 0
    assert "No switchboard has started with the first key yet" in haven("keys", "rotate").output
    assert "An older key is still in use" in haven("keys", "retire").output
    restart()
    assert "3 conversation(s) now depend on the first key alone" in haven("keys", "rotate").output
    assert "0 conversation(s)" in haven("keys", "rotate").output
    assert "1 old key(s) removed" in haven("keys", "retire").output

    after = json.loads((tmp_path / "secrets.json").read_text())["record"]
    assert before not in after and len(after.split()) == 1
    assert "xylophone by text" in haven("export", ids["sms"], "--by", "Eve").output


def test_keys_of_the_environment_are_left_alone(haven, ids, monkeypatch) -> None:
    """Who sets the keys changes them there; a key that is too short is refused, and one that is wrong."""
    monkeypatch.setenv("HAVEN_RECORD_KEYS", "k" * 40)
    for step in ("add", "retire"):
        assert "set by HAVEN_RECORD_KEYS" in haven("keys", step).output
    done = haven("keys", "check")
    assert done.exit_code == 1 and "not the key this record was begun with" in done.output
    monkeypatch.setenv("HAVEN_RECORD_KEYS", "short")
    assert "too short" in haven("keys", "check").output


def test_a_switchboard_with_the_wrong_key_stops(haven, ids) -> None:
    """The process itself ends with a sentence and no traceback, before it serves anybody."""
    done = subprocess.run([sys.executable, "-m", "switchboard.app"], cwd=ROOT, capture_output=True, text=True,
                          timeout=120, env={**os.environ, "HAVEN_RECORD_KEYS": "k" * 40, "PYTHONPATH": str(ROOT)})

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("CRITICAL __main__ HAVEN_RECORD_KEYS (or secrets.json")
    assert "Traceback" not in done.stderr
