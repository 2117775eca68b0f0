"""switchboard.conversations on both databases: order, once only, and one owner at a time."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from switchboard import accounts, conversations, handoff
from switchboard.conversations import BOT, WAITING, Message, NoConversation, OwnerChanged
from switchboard.texts import Texts


async def begun(record):
    async with record.write() as tx:
        return await conversations.begin(tx, channel="widget", language="en")


async def test_sequence_numbers_have_no_gap_and_no_double(record):
    """Fifty messages stored at once get the numbers 1 to 50."""
    conversation = await begun(record)

    async def store(number):
        async with record.write() as tx:
            return (await conversations.add(tx, conversation, Message("visitor", f"m{number}"))).seq

    assert sorted(await asyncio.gather(*(store(n) for n in range(50)))) == list(range(1, 51))


async def test_same_id_cannot_be_stored_twice(record):
    """The database itself refuses a second message with one client id in one conversation."""
    conversation = await begun(record)
    with pytest.raises(sa.exc.IntegrityError):
        async with record.write() as tx:
            for _ in range(2):
                await conversations.add(tx, conversation, Message("visitor", "x", client_id="a"))
    async with record.read() as connection:
        assert await conversations.after(connection, conversation.id, 0) == []


async def test_of_two_who_claim_one_gets_it(record):
    """Ten who claim at once: one owner, nine told who it is."""
    conversation = await begun(record)
    async with record.write() as tx:
        waiting = await conversations.give(tx, conversation, WAITING)

    async def claim(staff_id):
        try:
            async with record.write() as tx:
                return (await conversations.give(tx, waiting, f"staff:{staff_id}")).owner
        except OwnerChanged as error:
            return ("late", error.owner)

    results = await asyncio.gather(*(claim(n) for n in range(10)))
    owner = next(r for r in results if isinstance(r, str))
    assert sum(isinstance(r, str) for r in results) == 1
    assert {r for r in results if not isinstance(r, str)} == {("late", owner)}


async def test_a_claim_while_the_bot_gives_up(record, knowledge):
    """Who claims at the very moment at which the bot gives the visitor up gets the conversation all the same."""
    conversation = await begun(record)
    async with record.write() as tx:
        anna = await accounts.add(tx, login="anna", name="Anna", role="staff", password="x")
    async with record.write() as tx:
        current = await conversations.load(tx, conversation.id, hold=True)
        claiming = asyncio.create_task(_claim(record, knowledge, conversation.id, anna))
        await asyncio.sleep(0.3)  # it has read what it may read
        await conversations.give(tx, current, WAITING)
    assert (await claiming).owner == anna.owner


async def _claim(record, knowledge, conversation_id, person):
    async with record.write() as tx:
        return await handoff.claim(tx, Texts(knowledge.content), conversation_id, person)


async def test_give_marks_what_people_will_read(record):
    """When a person takes over, the bot owes nothing for what was written before."""
    conversation = await begun(record)
    async with record.write() as tx:
        await conversations.add(tx, conversation, Message("visitor", "hello"))
        current = await conversations.load(tx, conversation.id)
        assert await conversations.unhandled(tx, current)
        current = await conversations.give(tx, current, "staff:1")
        assert await conversations.unhandled(tx, current) == []
        assert (current.speaker, current.staff_id, current.epoch) == ("staff", 1, 1)


async def test_with_unhandled_finds_what_is_owed(record):
    """After a crash the bot's open conversations are found, those of people are not."""
    owed, owned, quiet = [await begun(record) for _ in range(3)]
    async with record.write() as tx:
        for conversation in (owed, owned):
            await conversations.add(tx, conversation, Message("visitor", "hello"))
        await conversations.give(tx, await conversations.load(tx, owned.id), WAITING)
        assert await conversations.with_unhandled(tx) == [owed.id]
    assert quiet.owner == BOT


async def test_erase_leaves_no_word(record):
    """An erased conversation has no message, alert or call-back left, and cannot be read."""
    conversation = await begun(record)
    async with record.write() as tx:
        stored = await conversations.add(tx, conversation, Message("visitor", "kingfisher"))
        await conversations.raise_alert(tx, conversation, stored.seq,
                                        {"level": "acute", "kind": "overdose_other", "why": ["x"]})
        await conversations.promise_callback(tx, conversation, {"name": None, "number": "+1", "when": "now"})
        await conversations.erase(tx, await conversations.load(tx, conversation.id))
        for table in ("messages", "alerts", "callbacks"):
            count = await tx.execute(sa.text(f"SELECT count(*) FROM {table}"))  # noqa: S608 (fixed names)
            assert count.scalar() == 0
        with pytest.raises(NoConversation):
            await conversations.load(tx, conversation.id)


async def test_erase_beside_a_message(record):
    """A message that is being stored while its conversation is erased leaves no row."""
    conversation = await begun(record)
    async with record.write() as tx:
        await conversations.add(tx, conversation, Message("visitor", "kingfisher"))
        erasing = asyncio.create_task(_erase(record, conversation))
        await asyncio.sleep(0.3)
    await erasing
    async with record.read() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM messages"))).scalar() == 0


async def _erase(record, conversation):
    async with record.write() as tx:
        await conversations.erase(tx, conversation)
