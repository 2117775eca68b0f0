"""switchboard.inbox on both databases: stored once, danger at once, whatever comes at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cli.stack import free_port
from haven.settings import load_settings
from switchboard import conversations
from switchboard.conversations import WAITING, NoConversation
from switchboard.inbox import RESUME_BOT
from switchboard.parts import make_parts

DANGER = "my friend is blue and wont wake up"


@pytest.fixture
async def there(tmp_path, database, assistant, knowledge):
    """All parts of a switchboard, on SQLite and on PostgreSQL."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                       actions_port=free_port(), database_url=database)
    made = make_parts(settings, knowledge)
    await made.open()
    yield made
    await made.close()


async def begun(parts, owner=None):
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        return await conversations.give(tx, conversation, owner) if owner else conversation


async def everything(parts, conversation):
    async with parts.record.read() as connection:
        return await conversations.after(connection, conversation.id, 0)


async def test_one_send_five_times_at_once(there):
    """Five copies of one send at the same moment: one message, one guidance, one question, five equal answers."""
    conversation = await begun(there)
    received = await asyncio.gather(*(
        there.inbox.receive(conversation.id, DANGER, client_id="same") for _ in range(5)))
    stored = await everything(there, conversation)

    assert [(m.author, m.kind) for m in stored] == [("visitor", "text"), ("bot", "guidance"), ("bot", "text")]
    assert sum(r.fresh for r in received) == 1
    assert {(r.message.seq, *(reply.seq for reply in r.replies)) for r in received} == {(1, 2, 3)}


async def test_acute_is_said_and_raised(there):
    """Acute danger: the guidance and the alert stand in the record together with the message."""
    conversation = await begun(there)
    received = await there.inbox.receive(conversation.id, DANGER, client_id="1")

    assert received.replies[0].kind == "guidance"
    assert received.message.crisis["level"] == "acute"
    async with there.record.read() as connection:
        rows = (await connection.exec_driver_sql("SELECT kind, level FROM alerts")).all()
    assert [tuple(row) for row in rows] == [("overdose_other", "acute")]


async def test_the_bot_is_not_asked_while_people_have_it(there, assistant):
    """What is written to staff, or while waiting, never reaches the assistant."""
    for owner in (WAITING, "staff:1"):
        conversation = await begun(there, owner)
        await there.inbox.receive(conversation.id, "what is naloxone", client_id="1")
        assert not there.brain.is_busy(conversation.id)
    assert assistant.asked == []


async def test_the_waiting_note_is_not_repeated(there):
    """Three messages while waiting get one note, with a way back to the bot."""
    conversation = await begun(there, WAITING)
    for number in range(3):
        await there.inbox.receive(conversation.id, f"hello {number}", client_id=str(number))
    notes = [m for m in await everything(there, conversation) if m.author == "system"]

    assert len(notes) == 1
    assert notes[0].options[0]["choice"] == RESUME_BOT


async def test_a_choice_must_have_been_offered(there):
    """A choice that Haven did not offer is plain text."""
    conversation = await begun(there)
    received = await there.inbox.receive(conversation.id, "x", client_id="1", choice="faq/FAQ-001")

    assert received.message.choice is None


async def test_language_stays_over_a_short_word(there):
    """After Spanish, "ok" and "no" do not turn the conversation to English; a sentence does."""
    conversation = await begun(there)
    languages = []
    for number, text in enumerate(("hola, necesito ayuda para mi hermano", "ok", "can you say that in english please")):
        received = await there.inbox.receive(conversation.id, text, client_id=str(number))
        languages.append(received.message.language)

    assert languages == ["es", "es", "en"]


async def test_unknown_conversation(there):
    """A conversation that does not exist, or was erased, takes nothing in."""
    with pytest.raises(NoConversation):
        await there.inbox.receive("0" * 32, "hello", client_id="1")
