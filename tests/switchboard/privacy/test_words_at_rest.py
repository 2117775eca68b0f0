"""No words of visitors or staff lie in the record's files: sealed, upgraded, erased, read with the right key alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from cli.stack import free_port
from haven.settings import load_settings
from switchboard import conversations, handoff, keys, old_words, sealed
from switchboard.accounts import Staff, everybody
from switchboard.console.board import read_queue
from switchboard.console.dossier import read_dossier
from switchboard.conversations import WAITING, Message
from switchboard.inbox import NotStored
from switchboard.parts import make_parts
from switchboard.records import record as records
from switchboard.records.keyring import Keyring
from switchboard.records.record import Record, now
from switchboard.records.tables import alerts, callbacks, follow_ups, messages, outcomes, staff
from switchboard.records.tables import conversations as table
from tests.switchboard.conftest import KEYRING
from tests.waiting import SECONDS

PLANTED = ("xylophone", "narwhal", "kingfisher", "zeppelin", "quagmire", "marzipan", "rhubarb", "ottoman")
DANGER = "my friend narwhal is blue and wont wake up"


@pytest.fixture
async def there(tmp_path, database, assistant, knowledge):
    """All parts of a switchboard, on SQLite and on PostgreSQL."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                       actions_port=free_port(), database_url=database)
    made = make_parts(settings, knowledge)
    await made.open()
    yield made
    await made.close()


async def nurse(tx) -> Staff:
    await tx.execute(staff.insert().values(login="ana", name="Ana Diaz", role="staff", password="x", made_at=now()))
    return (await everybody(tx))[0]


async def journey(parts):
    """Everything that stores words: danger, a wish for a person, staff, a call-back, an outcome, a promise."""
    async with parts.record.write() as tx:
        person = await nurse(tx)
        conversation = await conversations.begin(tx, channel="widget", language="en")
    await parts.inbox.receive(conversation.id, f"xylophone. {DANGER}", client_id="1")
    async with parts.record.write() as tx:
        current = await conversations.load(tx, conversation.id)
        await conversations.request_person(
            tx, current, {"reason": "asked", "summary": "kingfisher", "text": "kingfisher"}, wait=True)
        await conversations.promise_callback(
            tx, current, {"name": "Zeppelin", "number": parts.vault.lock("+16155550142"), "when": "quagmire"})
        await handoff.claim(tx, parts.texts, conversation.id, person)
        await handoff.reply(tx, conversation.id, person, "marzipan", client_id="2")
        await handoff.promise_follow_up(tx, conversation.id, person, due="2030-01-01", what="rhubarb")
        await handoff.close(
            tx, parts.texts, conversation.id, person, handoff.Outcome("answered", "past", "911", "ottoman"))
    return conversation.id


async def raw(parts) -> str:
    """All that the database holds, as text: its tables, and on SQLite the very bytes of its files."""
    async with parts.record.read() as connection:
        rows = [str(dict(row._mapping)) for name in (table, messages, alerts, callbacks, outcomes, follow_ups)
                for row in await connection.execute(sa.select(name))]
    folder = Path(parts.settings.home)
    return " ".join(rows) + " ".join(path.read_bytes().decode("latin-1") for path in folder.glob("haven.db*"))


def planted_in(text: str) -> list[str]:
    return [word for word in PLANTED if word in text.lower()]


async def test_no_words_in_the_database(there):
    """After a journey with danger, handoff and a call-back, staff read every word and the files hold none."""
    conversation_id = await journey(there)
    found = await raw(there)
    async with there.record.read() as connection:
        shown = str(vars(await read_dossier(connection, there.content, conversation_id, there.vault)))

    assert planted_in(found) == []
    assert planted_in(shown) == list(PLANTED)
    assert "v1:" in found  # it was this database that was looked at


async def test_erased_with_its_key(there):
    """Erasing destroys the key and leaves it in no file, so that no copy of the words can be read again."""
    conversation_id = await journey(there)
    async with there.record.write() as tx:
        wrapped = (await conversations.load(tx, conversation_id)).data_key
        assert wrapped in await raw(there)
        await conversations.erase(tx, await conversations.load(tx, conversation_id))
    assert await there.record.scrub()

    found = await raw(there)
    assert wrapped not in found
    assert "v1:" not in found
    assert there.record.is_sqlite is False or (there.settings.home / "haven.db-wal").stat().st_size == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_reader_holds_up_the_scrub_and_nobody_else(there):
    """While somebody reads, the journal cannot be emptied: that is said, and a message is stored meanwhile."""
    conversation_id = await journey(there)
    async with there.record.engine.connect() as reader:
        await reader.exec_driver_sql("BEGIN")
        await reader.execute(sa.select(table))
        async with there.record.write() as tx:
            await conversations.erase(tx, await conversations.load(tx, conversation_id))
        scrub = asyncio.create_task(there.record.scrub())
        async with asyncio.timeout(SECONDS), there.record.write() as tx:
            await conversations.begin(tx, channel="widget", language="en")
        assert await scrub is False
        await reader.rollback()
    assert await there.record.scrub()


async def test_values_cannot_be_swapped(there):
    """A message that somebody moved within the database is shown as unreadable, to staff alone, and nothing breaks."""
    async with there.record.write() as tx:
        first = await conversations.begin(tx, channel="widget", language="en")
        for text in ("one", "two"):
            await conversations.add(tx, first, Message("visitor", text))
        other = (await tx.execute(sa.select(messages.c.text).where(messages.c.seq == 2))).scalar_one()
        await tx.execute(messages.update().where(messages.c.seq == 1).values(text=other))
    async with there.record.read() as connection:
        read = await conversations.after(connection, first.id, 0)
        queue = await read_queue(connection, there.content, {})

    assert [(m.text, m.readable, m.is_for_staff) for m in read] == [("", False, True), ("two", True, False)]
    assert queue.bots[0].said == "two"


async def test_danger_is_answered_where_the_key_is_broken(there):
    """With its key broken nothing can be stored, yet danger gets its guidance and staff an alert without words."""
    async with there.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        await tx.execute(table.update().values(data_key=KEYRING.new("somebody else")))
    with pytest.raises(NotStored) as caught:
        await there.inbox.receive(conversation.id, DANGER, client_id="1")
    with pytest.raises(NotStored) as calm:
        await there.inbox.receive(conversation.id, "hello", client_id="2")
    async with there.record.read() as connection:
        queue = await read_queue(connection, there.content, {})

    assert "911" in caught.value.guidance.text
    assert calm.value.guidance is None
    assert [(card.alert.kind, card.alert.why) for card in queue.line] == [("overdose_other", ())]


async def test_an_unreadable_question_gets_a_person(there, assistant):
    """A question whose words were lost is not answered at random: the visitor reads that a person will."""
    assistant.hold = asyncio.Event()
    async with there.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        await conversations.add(tx, conversation, Message("visitor", "how long does detox take"))
        await tx.execute(messages.update().values(text="v1:AAAA"))
    await there.brain.take_up()
    while there.brain.is_busy(conversation.id):
        await asyncio.sleep(0.02)
    async with there.record.read() as connection:
        said = await conversations.after(connection, conversation.id, 1)
        owner = (await conversations.load(connection, conversation.id)).owner

    assert [m.response for m in said] == ["bot_failed"]
    assert owner == WAITING
    assert assistant.asked == []


# -- keys ---------------------------------------------------------------------------------------------------------


async def test_the_wrong_key_stops_the_start(database, tmp_path):
    """A record that was begun with one key is refused with another, in a sentence, and is left as it was."""
    begun, wrong = Record(database, KEYRING), Record(database, Keyring(["another key, and also long enough"]))
    await begun.migrate()
    await keys.check_keys(begun)
    for _ in range(2):
        with pytest.raises(keys.WrongKeys, match="not the key this record was begun with"):
            await keys.check_keys(wrong)
    await keys.check_keys(begun)
    await begun.close()
    await wrong.close()


async def test_a_key_that_is_still_needed_stops_the_start(database):
    """Whoever takes an old key away before the rotation is told which one, and how many conversations need it."""
    old, both, new = (Record(database, Keyring(secrets)) for secrets in (["o" * 40], ["n" * 40, "o" * 40], ["n" * 40]))
    await old.migrate()
    await keys.check_keys(old)
    async with old.write() as tx:
        for _ in range(3):
            await conversations.begin(tx, channel="widget", language="en")
    await keys.check_keys(both)
    async with both.write() as tx:  # the record's own key was rotated, the conversations not yet
        await tx.execute(sa.text("UPDATE record_state SET value = :v WHERE name = 'key'"),
                         {"v": sealed.keyring_of(tx).new(keys.KEY)})
    with pytest.raises(keys.WrongKeys, match=r"3 conversation\(s\) are encrypted with the key [0-9a-f]{8}"):
        await keys.check_keys(new)
    for record in (old, both, new):
        await record.close()


async def test_rotation_while_people_write(database, monkeypatch):
    """Every key is wrapped anew while messages come in; killed half-way it goes on; the old key is not needed then."""
    monkeypatch.setattr(keys, "BATCH", 3)
    both = Record(database, Keyring(["n" * 40, "o" * 40]))
    old = Record(database, Keyring(["o" * 40]))
    await old.migrate()
    await keys.check_keys(old)
    async with old.write() as tx:
        begun = [await conversations.begin(tx, channel="widget", language="en") for _ in range(10)]
    stopped = asyncio.create_task(keys.rotate(both))
    await asyncio.sleep(0.01)
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)

    async def write(conversation):
        async with both.write() as tx:  # as it was read before its key was wrapped anew
            await conversations.add(tx, conversation, Message("visitor", "kingfisher"))

    await asyncio.gather(keys.rotate(both), *(write(conversation) for conversation in begun))
    assert await keys.rotate(both) == 0
    new = Record(database, Keyring(["n" * 40]))
    await keys.check_keys(new)
    async with new.read() as connection:
        read = [(await conversations.last(connection, conversation.id, 9, 1))[0].text for conversation in begun]
    assert read == ["kingfisher"] * 10
    for record in (old, both, new):
        await record.close()


# -- an older record ------------------------------------------------------------------------------------------------


async def old_record(record: Record, count: int) -> list[str]:
    """A record as migration 0005 leaves one of before: words in the open, no keys."""
    ids = [f"{number:032x}" for number in range(count)]
    async with record.write() as tx:
        person = await nurse(tx)
        for id in ids:
            await tx.execute(table.insert().values(
                id=id, channel="widget", opened_at=1, updated_at=2, last_seq=2, handled_seq=2,
                handoff={"reason": "asked", "text": "kingfisher"}))
            await tx.execute(messages.insert(), [
                {"conversation": id, "seq": seq, "author": "visitor", "epoch": 0, "at": seq,
                 "text": json.dumps({"text": f"narwhal {seq}", "name": None, "sources": [], "options": None,
                                     "crisis": {"level": "acute", "kind": "violence", "why": ["gun: zeppelin"]}})}
                for seq in (1, 2)])
            await tx.execute(alerts.insert().values(
                conversation=id, seq=1, level="acute", kind="violence", why=["gun: zeppelin"], raised_at=5))
            await tx.execute(callbacks.insert().values(
                conversation=id, name="Xylophone", number="1", call_when="quagmire", asked_at=6))
            await tx.execute(outcomes.insert().values(
                conversation=id, staff=person.id, at=7, result="x", danger="x", referred="x", note="ottoman"))
            await tx.execute(follow_ups.insert().values(
                conversation=id, due="2030-01-01", what="rhubarb", made_by=person.id, made_at=8))
    return ids


async def test_old_words_are_sealed_whenever_the_step_is_killed(record, tmp_path, knowledge, monkeypatch):
    """Words of an older Haven are sealed at the start; killed after each conversation it goes on where it was."""
    monkeypatch.setattr(old_words, "BATCH", 2)
    ids = await old_record(record, 5)
    done = 0
    real = old_words._seal

    async def dies(tx, row):
        nonlocal done
        await real(tx, row)
        done += 1
        if done in (2, 3):  # once at the end of a transaction, once in its middle
            raise KeyboardInterrupt

    monkeypatch.setattr(old_words, "_seal", dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            await old_words.seal_old_words(record)
    assert await old_words.seal_old_words(record) == 5
    assert await old_words.seal_old_words(record) == 0

    files = " ".join(path.read_bytes().decode("latin-1") for path in tmp_path.glob("haven.db*"))
    assert planted_in(files) == []
    async with record.read() as connection:
        for id in ids:
            read = await conversations.after(connection, id, 0)
            current = await conversations.load(connection, id)
            alert = (await connection.execute(sealed.with_key(alerts).where(alerts.c.conversation == id))).one()
            call = (await connection.execute(sealed.with_key(callbacks).where(callbacks.c.conversation == id))).one()
            assert [m.text for m in read] == ["narwhal 1", "narwhal 2"]
            assert read[0].crisis["why"] == sealed.why_of(connection, alert) == ["gun: zeppelin"]
            assert current.handoff == {"reason": "asked", "text": "kingfisher"}
            assert sealed.callback_of(connection, call)["call_when"] == "quagmire"


async def test_a_record_of_the_version_before(database, tmp_path):
    """From migration 0004 with plain words to sealed ones, message by message the same, and no word left in a file."""
    from alembic import command
    from alembic.config import Config

    old = Record(database, KEYRING)

    def upgrade(connection, revision):
        config = Config()
        config.set_main_option("script_location", str(Path(records.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with old.engine.connect() as connection:
        await connection.run_sync(upgrade, "0004")
        await connection.commit()
        await connection.execute(sa.text(
            "INSERT INTO conversations (id, channel, opened_at, updated_at) VALUES ('c1', 'widget', 1, 1)"))
        await connection.execute(sa.text(
            "INSERT INTO messages (conversation, seq, author, name, text, epoch, at, crisis, sources, options) VALUES "
            "('c1', 1, 'staff', 'Ana', 'narwhal \"quoted\"', 0, 1, :crisis, 'null', '[]')"),
            {"crisis": json.dumps({"level": "acute", "kind": "violence", "why": ["x: xylophone"]})})
        await connection.commit()
    await old.migrate()
    await old_words.seal_old_words(old)
    async with old.read() as connection:
        message, = await conversations.after(connection, "c1", 0)
    await old.close()

    assert (message.text, message.name, message.sources, message.options) == ('narwhal "quoted"', "Ana", [], [])
    assert message.crisis == {"level": "acute", "kind": "violence", "why": ["x: xylophone"]}
    assert planted_in(" ".join(path.read_bytes().decode("latin-1") for path in tmp_path.glob("haven.db*"))) == []
