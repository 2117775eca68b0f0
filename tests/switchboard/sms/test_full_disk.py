"""switchboard.sms.spool: a text that Haven answered is not lost on a disk that is really full."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager

import pytest
import sqlalchemy as sa

from haven.settings import load_settings
from haven.text import MAX_CHARACTERS
from switchboard import conversations
from switchboard.numbers import Vault
from switchboard.records import backup
from switchboard.records.record import Record
from switchboard.records.tables import conversations as all_conversations
from switchboard.sms.incoming import Incoming
from switchboard.sms.reserve import NAME, SLOTS
from switchboard.sms.spool import Spool
from tests.small_disk import SmallDisk, small_disk
from tests.switchboard.process import Process
from tests.switchboard.sms.conftest import ANA, BEN, settings_for, until

DANGER, QUESTION = "my friend is blue and wont wake up", "how long does detox take?"
LONGEST = "\N{PILE OF POO}" * MAX_CHARACTERS  # four bytes each
SAID = ["x" * 480, "x" * 480]


@pytest.fixture(params=["tmpfs", "ext4"])
def disk(request, tmp_path) -> Iterator[SmallDisk]:
    with small_disk(request.param, tmp_path / "disk") as made:
        yield made


@pytest.fixture
def vault() -> Vault:
    return Vault("a-secret-for-the-numbers-of-tests-long-enough")


def incoming(number: int, text: str = LONGEST) -> Incoming:
    return Incoming(f"SM{number:032}", ANA, BEN, text)


def test_the_reserve_takes_what_the_disk_does_not(disk, vault):
    """As many of the longest texts as there are slots are kept, in order, encrypted, and outlive the process."""
    spool = Spool(disk.folder / "texts", vault)
    spool.prepare()
    disk.fill()
    for number in range(SLOTS):
        spool.keep(incoming(number), SAID)
    with pytest.raises(OSError, match="every slot is taken"):
        spool.keep(incoming(SLOTS), SAID)

    kept = Spool(disk.folder / "texts", vault).kept()
    assert [k.incoming for k in kept] == [incoming(number) for number in range(SLOTS)]
    assert {k.said for k in kept} == {tuple(SAID)}
    assert [path.name for path in (disk.folder / "texts").iterdir()] == [NAME]
    assert ANA[1:].encode() not in (disk.folder / "texts" / NAME).read_bytes()


def test_a_slot_is_used_again(disk, vault):
    """What was taken up leaves its slot, and nothing of itself in it, while the disk is still full."""
    spool = Spool(disk.folder / "texts", vault)
    spool.prepare()
    disk.fill()
    for round in range(3):
        for number in range(SLOTS):
            spool.keep(incoming(100 * round + number), [])
        for kept in spool.kept():
            spool.let_go(kept)
        assert not spool.holds_any()
    assert set((disk.folder / "texts" / NAME).read_bytes()) == {0}


def test_files_and_reserve_are_one_queue(disk, vault):
    """What is kept before, while and after the disk is full is taken up in the order in which it came."""
    spool = Spool(disk.folder / "texts", vault)
    spool.prepare()
    spool.keep(incoming(0), [])
    disk.fill()
    spool.keep(incoming(1), [])
    disk.free()
    spool.keep(incoming(2), [])

    assert [kept.incoming.sid for kept in spool.kept()] == [incoming(n).sid for n in range(3)]


def test_a_slot_that_somebody_else_filled_again(disk, vault):
    """A switchboard that was slow to take a text up does not remove the next one in the same slot."""
    slow, quick = (Spool(disk.folder / "texts", vault) for _ in range(2))
    slow.prepare()
    disk.fill()
    slow.keep(incoming(1), [])
    [theirs] = slow.kept()
    [ours] = quick.kept()
    quick.let_go(ours)
    quick.keep(incoming(2), [])
    slow.let_go(theirs)

    assert [kept.incoming for kept in slow.kept()] == [incoming(2)]


def test_no_room_from_the_start(disk, vault):
    """Where the room was never there, no half of a reserve is left; a text in memory goes to the disk in time."""
    disk.fill()
    spool = Spool(disk.folder / "texts", vault)
    with pytest.raises(OSError) as refused:
        spool.prepare()
    assert refused.value.errno == errno.ENOSPC
    with pytest.raises(OSError):
        spool.keep(incoming(1), SAID)
    assert spool.keep_in_memory(incoming(1), SAID)
    assert [kept.incoming for kept in spool.kept()] == [incoming(1)]

    disk.free()
    spool.settle()
    assert [kept.incoming for kept in Spool(disk.folder / "texts", vault).kept()] == [incoming(1)]
    assert len(spool.kept()) == 1


def test_a_slot_that_cannot_be_read(disk, vault, caplog):
    """A slot under another secret holds up nothing: it is put aside as a file, once there is room for one."""
    spool = Spool(disk.folder / "texts", Vault("another-secret-than-that-of-the-tests-long"))
    spool.prepare()
    disk.fill()
    spool.keep(incoming(1), [])
    ours = Spool(disk.folder / "texts", vault)
    assert ours.kept() == []
    disk.free()
    assert ours.kept() == []

    assert [path.suffix for path in (disk.folder / "texts").iterdir() if path.name != NAME] == [".bad"]
    assert not ours.holds_any()


async def test_the_backup_holds_the_reserve(disk, tmp_path):
    """A text in the reserve is in a backup, and waits as a file where that is restored."""
    home = tmp_path / "home"
    settings = load_settings({"HAVEN_HOME": str(home)})
    record = Record.of(settings)
    await record.migrate()
    await record.close()
    vault = Vault(settings.number_secret)
    spool = Spool(disk.folder / "texts", vault)
    spool.prepare()
    disk.fill()
    spool.keep(incoming(1), SAID)
    (home / "texts").symlink_to(disk.folder / "texts")

    assert backup.make(settings, tmp_path / "copy")["texts"] == 1
    with backup.opened(tmp_path / "copy", tmp_path) as (_, folder):
        assert [kept.incoming for kept in Spool(folder / "texts", vault).kept()] == [incoming(1)]


@asynccontextmanager
async def on_a_small_disk(tmp_path, twilio, assistant) -> AsyncIterator[tuple[Process, SmallDisk]]:
    """A real switchboard with its home, and its reserve, on a disk of its own."""
    with small_disk("tmpfs", tmp_path / "home", mib=24) as disk:
        settings = settings_for(disk.folder, twilio, assistant.port, sms_tokens=(twilio.token.replace(" ", "_"),))
        twilio.token = settings.sms_tokens[0]
        switchboard = Process(settings, logs=tmp_path)
        twilio.switchboard = switchboard.url
        try:
            await switchboard.start()
            await until(lambda: (disk.folder / "texts" / NAME).exists())
            yield switchboard, disk
        finally:
            switchboard.end()


@contextmanager
def locked_record(disk: SmallDisk) -> Iterator[None]:
    with closing(sqlite3.connect(disk.folder / "haven.db", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield


async def test_killed_on_a_full_disk(tmp_path, twilio, assistant):
    """A real switchboard takes texts with its record locked and its disk full, is killed, and has them afterwards."""
    async with on_a_small_disk(tmp_path, twilio, assistant) as (switchboard, disk):
        with locked_record(disk):
            disk.fill()
            assert (await twilio.text(ANA, DANGER)).status_code == 200
            assert (await twilio.text(BEN, QUESTION)).status_code == 200
            assert [len(twilio.to(number)) for number in (ANA, BEN)] == [1, 1]
            switchboard.end()
        disk.free()
        await switchboard.start()
        assert await until(lambda: _visitors_words(switchboard), {DANGER, QUESTION}) == {DANGER, QUESTION}


async def _visitors_words(switchboard: Process) -> set[str]:
    record = Record.of(switchboard.settings)
    try:
        async with record.read() as connection:
            ids = (await connection.execute(sa.select(all_conversations.c.id))).scalars().all()
            said = [await conversations.after(connection, id, 0) for id in ids]
        return {m.text for messages in said for m in messages if m.author == "visitor"}
    finally:
        await record.close()


async def test_neither_record_nor_disk_nor_reserve(tmp_path, twilio, assistant):
    """Where nothing takes a text any more, Twilio gets an error, so that its fallback answers; danger gets guidance."""
    async with on_a_small_disk(tmp_path, twilio, assistant) as (switchboard, disk):
        await fill_without_a_reserve(switchboard, disk)
        with locked_record(disk):
            disk.fill()  # whatever was given up since
            assert (await twilio.text(BEN, QUESTION)).status_code == 503
            assert "CALL 911 NOW" in (await twilio.text(ANA, DANGER)).text


async def fill_without_a_reserve(switchboard: Process, disk: SmallDisk) -> None:
    """Leave no room and no reserve; the switchboard, which makes a missing one anew, is stopped meanwhile.

    It may have the reserve open just then, which would keep the room of a file that has lost its name alone.
    """
    switchboard.send(signal.SIGSTOP)
    os.truncate(disk.folder / "texts" / NAME, 0)
    (disk.folder / "texts" / NAME).unlink()
    disk.fill()
    switchboard.send(signal.SIGCONT)
    await until(lambda: "no room for the reserve" in switchboard.log.read_text())
