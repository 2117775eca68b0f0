"""cli.backup and cli.restore: what was acknowledged before a backup is there after it, and nothing goes out twice."""

from __future__ import annotations

import asyncio
import json
import socket
import tarfile
import uuid

import httpx
import pytest
from click.testing import CliRunner

from cli.__main__ import main
from cli.stack import free_port
from haven.settings import load_settings
from switchboard import conversations
from switchboard.conversations import Message
from switchboard.records import backup
from switchboard.records.backup import BackupError
from switchboard.records.keyring import Keyring
from switchboard.records.record import Record
from switchboard.sms.deliveries import QUEUED
from tests.switchboard.conftest import assistant, database, patience, unhurried
from tests.switchboard.sms.conftest import ANA, running, settings_for, twilio, until
from tests.twilio import Fault

__all__ = ["assistant", "database", "patience", "twilio", "unhurried"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder that the commands use as well, on a port where nothing runs."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HAVEN_PORT", str(free_port()))
    return tmp_path / "home"


def run(*words: object) -> str:
    """A command of bin/haven; its output. What it refuses is raised."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


class Chat:
    """A visitor who writes on and on and keeps what was acknowledged."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http, self.acknowledged = http, []

    async def begin(self) -> None:
        begun = await self.http.post("/chat/conversations", json={})
        self.headers = {"Authorization": f"Bearer {begun.json()['token']}"}

    async def say(self, text: str) -> int:
        answer = await self.http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": text},
                                      headers=self.headers)
        if answer.status_code == 201:
            self.acknowledged.append(text)
        return answer.status_code

    async def go_on(self) -> None:
        for number in range(6):
            await self.say(f"what is question {len(self.acknowledged)} in round {number}?")


async def test_drill(home, tmp_path, twilio, assistant):
    """Traffic, a backup meanwhile, everything lost, restored: all from before is there, and chats go on."""
    settings = settings_for(home, twilio, assistant.port)
    async with running(settings, twilio) as line, httpx.AsyncClient(base_url=line.url, timeout=20) as http:
        chats = [Chat(http) for _ in range(8)]
        await asyncio.gather(*(chat.begin() for chat in chats))
        await asyncio.gather(*(chat.go_on() for chat in chats))
        traffic = [asyncio.create_task(chat.go_on()) for chat in chats]
        await asyncio.sleep(0.2)
        before = [list(chat.acknowledged) for chat in chats]
        await asyncio.to_thread(run, "backup", tmp_path / "copy")
        await asyncio.gather(*traffic)
    for path in home.glob("haven.db*"):
        path.unlink()

    await asyncio.to_thread(run, "restore", tmp_path / "copy")

    async with running(settings, twilio) as line, httpx.AsyncClient(base_url=line.url, timeout=20) as http:
        for chat, texts in zip(chats, before, strict=True):
            chat.http = http
            conversation = line.parts.sessions.conversation_of(chat.headers["Authorization"])
            async with line.parts.record.read() as connection:
                there = [m.text for m in await conversations.after(connection, conversation, 0)
                         if m.author == "visitor"]
            assert len(texts) >= 6
            assert there[:len(texts)] == texts
            assert await chat.say("and now?") == 201


async def test_a_text_that_went_out_after_the_backup_does_not_go_out_again(home, tmp_path, twilio, assistant):
    """What waited for the carrier at the time of the backup is looked up there before anything is sent."""
    assistant.answer = lambda asked: {"replies": [{"text": f"You asked: {asked['text']}", "response": "utter_faq/X"}]}
    settings = settings_for(home, twilio, assistant.port)
    twilio.faults.extend([Fault(code=20429, retry_after=2)])
    async with running(settings, twilio) as line:
        await twilio.text(ANA, "What is naloxone?")
        await until(lambda: _waits(line))
        await asyncio.to_thread(run, "backup", tmp_path / "copy")
        await until(lambda: len(twilio.to(ANA)), 2)
    await asyncio.to_thread(run, "restore", tmp_path / "copy", "--replace")

    async with running(settings, twilio) as line:
        await until(lambda: _all_sent(line))
    assert len(twilio.to(ANA)) == 2, twilio.to(ANA)


async def _alarms(line) -> list[str]:
    return [row.kind for row in await line.alarms()]


async def _waits(line) -> bool:
    return any(row.state == QUEUED and row.tries for row in await line.deliveries())


async def _all_sent(line) -> bool:
    return {row.state for row in await line.deliveries()} == {"sent"}


async def test_a_text_not_yet_answered_is_put_before_staff(home, tmp_path, twilio, assistant):
    """Whether the bot answered after the backup is not known: a person looks, and no second answer goes out."""
    assistant.hold = asyncio.Event()
    settings = settings_for(home, twilio, assistant.port, turn_budget=60.0)
    async with running(settings, twilio) as line:
        await twilio.text(ANA, "What is naloxone?")
        await asyncio.to_thread(run, "backup", tmp_path / "copy")
        assistant.hold.set()
        await until(lambda: len(twilio.to(ANA)), 2)
    await asyncio.to_thread(run, "restore", tmp_path / "copy", "--replace")

    async with running(settings, twilio) as line:
        await until(lambda: _alarms(line), ["text_unsure"])
        await asyncio.sleep(1)
        assert await _alarms(line) == ["text_unsure"]
    assert len(twilio.to(ANA)) == 2


async def test_both_kinds_of_record(home, tmp_path, database, monkeypatch):
    """SQLite and PostgreSQL: words written before come back, words written after are gone, open pages go on."""
    monkeypatch.setenv("HAVEN_DATABASE_URL", database)
    conversation = await _write(database, None, "before the backup")
    await asyncio.to_thread(run, "backup", tmp_path / "copy")
    await _write(database, conversation, "after the backup")
    with pytest.raises(BackupError, match="not empty"):
        await asyncio.to_thread(run, "restore", tmp_path / "copy")

    await asyncio.to_thread(run, "restore", tmp_path / "copy", "--replace")

    record = Record(database, Keyring(load_settings().record_keys))
    async with record.read() as connection:
        kept = await conversations.load(connection, conversation.id)
        words = [m.text for m in await conversations.after(connection, conversation.id, 0)]
    await record.close()
    assert words == ["before the backup"]
    assert kept.last_seq > 2  # a page that saw number 2 sees what comes now


async def _write(url, conversation, text):
    record = Record(url, Keyring(load_settings().record_keys))
    await record.migrate()
    async with record.write() as tx:
        conversation = conversation or await conversations.begin(tx, channel="widget", language="en")
        await conversations.add(tx, conversation, Message("visitor", text))
        await conversations.handled(tx, conversation, 10)
    await record.close()
    return conversation


async def test_what_is_refused(home, tmp_path, monkeypatch):
    """A running Haven, a damaged or foreign file, a newer version, a second backup in one file: each a sentence."""
    await _write(load_settings().database_url, None, "some words")
    copy = tmp_path / "copy"
    await asyncio.to_thread(run, "backup", copy)
    assert b"some words" not in copy.read_bytes()
    assert copy.stat().st_mode & 0o077 == 0
    settings = load_settings()
    held = [*settings.record_keys, settings.session_secret, settings.number_secret]
    assert not [secret for secret in held if secret.encode() in copy.read_bytes()]

    for file, said in ((copy, "there already"),):
        with pytest.raises(BackupError, match=said):
            await asyncio.to_thread(run, "backup", file)
    (tmp_path / "foreign").write_bytes(b"no tar")
    (tmp_path / "damaged").write_bytes(copy.read_bytes().replace(b"waiting_since", b"waiting_sinze"))
    (tmp_path / "short").write_bytes(copy.read_bytes()[:40_000])
    _newer(copy, tmp_path / "newer")
    for name, said in (("foreign", "no backup"), ("damaged", "damaged"), ("short", "no backup"), ("newer", "newer")):
        with pytest.raises(BackupError, match=said):
            await asyncio.to_thread(run, "restore", tmp_path / name, "--replace")
    with socket.create_server(("127.0.0.1", settings.port)), pytest.raises(BackupError, match="Stop it first"):
        await asyncio.to_thread(run, "restore", copy, "--replace")


def _newer(source, target):
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for member in old.getmembers():
            handle = old.extractfile(member) if member.isfile() else None
            if member.name == "manifest.json":
                raw = json.dumps({**json.load(handle), "version": "9999"}).encode()
                (target.parent / "manifest").write_bytes(raw)
                new.add(target.parent / "manifest", "manifest.json")
            else:
                new.addfile(member, handle)


async def test_without_postgresqls_programs(home, tmp_path, monkeypatch):
    """Where pg_dump is missing, a sentence says what to install."""
    monkeypatch.setenv("HAVEN_DATABASE_URL", "postgresql+asyncpg://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="pg_dump is missing"):
        await asyncio.to_thread(run, "backup", tmp_path / "copy")


async def test_an_older_record_is_brought_up_to_date(home, tmp_path):
    """A backup of an older version is migrated as it is restored."""
    await asyncio.to_thread(run, "backup", await _old(home, tmp_path))
    for path in home.glob("haven.db*"):
        path.unlink()
    await asyncio.to_thread(run, "restore", tmp_path / "copy")
    assert backup.version_of(home / "haven.db") == sorted(
        path.stem[:4] for path in backup.MIGRATIONS.glob("versions/0*.py"))[-1]


async def _old(home, tmp_path):
    from alembic import command

    load_settings()
    newest = command.upgrade
    command.upgrade = lambda config, _: newest(config, "0001")
    try:
        record = Record.of(load_settings())
        await record.migrate()
        await record.close()
    finally:
        command.upgrade = newest
    assert backup.version_of(home / "haven.db") == "0001"
    return tmp_path / "copy"
