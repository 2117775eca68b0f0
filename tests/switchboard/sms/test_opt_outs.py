"""switchboard.sms.door: carrier words, opt-outs, first contact, strangers and machines, over the real interface."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from switchboard import whose
from switchboard.limits import Pace
from switchboard.records.tables import sms_contacts
from switchboard.sms import contacts
from switchboard.sms.deliveries import OPEN
from tests.switchboard.sms.conftest import ANA, running, settings_for, until
from tests.twilio import OURS

OVERDOSE = "my son is blue and wont wake up"


async def settle(line, twilio):
    """Wait until the bot is done and nothing is on its way any more."""
    conversation = await line.conversation(ANA)
    while conversation and line.parts.brain.is_busy(conversation.id):
        await asyncio.sleep(0.02)
    await twilio.settled()
    await until(lambda: nothing_open(line))
    await twilio.settled()


async def nothing_open(line):
    return not any(row.state in OPEN for row in await line.deliveries())


async def say(line, twilio, *texts, number=ANA):
    """Text one after the other; everything the phone got meanwhile."""
    before = len(twilio.to(number))
    for text in texts:
        await twilio.text(number, text)
        await settle(line, twilio)
    return twilio.to(number)[before:]


async def logs(line):
    return [m.text for m in await line.said(ANA) if m.kind == "private"]


async def alarms(line):
    return [(alarm.kind, alarm.level) for alarm in await line.alarms()]


async def days_pass(line, days):
    async with line.parts.record.write() as tx:
        await tx.execute(sms_contacts.update().values(last_at=sms_contacts.c.last_at - days * 86_400_000))


# -- carrier words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["STOP", "unsubscribe", "Quit", "END", "cancel", "revoke", "optout", "stopall"])
async def test_stop(line, twilio, assistant, word):
    """A carrier's stop word is recorded and not answered, by nobody of ours; nothing goes out after it."""
    await say(line, twilio, "how long does detox take?")
    assert await say(line, twilio, word) == []
    twilio.opted_out.clear()  # even if the carrier did not block it
    asked = len(assistant.asked)
    assert await say(line, twilio, "what is methadone?") == []
    await line.staff_says(ANA, "hello")
    await until(lambda: last_state(line), "suppressed")

    assert len(assistant.asked) == asked
    assert (await line.contact(ANA)).opted_out_how == "carrier word"
    assert any("opted out" in text for text in await logs(line))
    assert await alarms(line) == [("text_not_sent", "possible")]  # staff wrote and must know that it did not arrive


async def last_state(line):
    return (await line.deliveries())[-1].state


async def test_start(line, twilio):
    """START, UNSTOP and (after an opt-out) YES bring texts back and are left to the carrier to answer."""
    await say(line, twilio, "how long does detox take?", "STOP")
    for word in ("START", "UNSTOP", "yes"):
        assert await say(line, twilio, word) == []
        assert (await line.contact(ANA)).opted_out_at is None
        assert await say(line, twilio, "what is methadone?") == ["Auto: You asked: what is methadone?"]
        await say(line, twilio, "STOP")


async def test_yes_is_an_answer(line, twilio):
    """From somebody who did not opt out, YES is an answer to a question."""
    await say(line, twilio, "how long does detox take?")
    assert await say(line, twilio, "YES") == ["Auto: You asked: YES"]


async def test_help(line, twilio, assistant):
    """HELP is the carrier's to answer; staff are shown it, since somebody in danger may text just that."""
    assert await say(line, twilio, "HELP") == []
    assert await say(line, twilio, "INFO") == []
    assert assistant.asked == []
    assert await alarms(line) == [("texted_help", "possible")]


async def test_first_word_is_start(line, twilio):
    """Somebody who begins with START is told who we are; the carrier does not answer that."""
    got = await say(line, twilio, "START")
    assert len(got) == 1 and "bot, not a person" in got[0]


async def test_free_words(line, twilio, assistant):
    """An opt-out in free words is confirmed once, and then nothing goes out until START."""
    await say(line, twilio, "how long does detox take?")
    got = await say(line, twilio, "please stop texting me")
    assert got == [f"Auto: {line.parts.texts.plain('sms_opted_out', channel='sms')}"]
    assert await say(line, twilio, "what is methadone?", "ok") == []
    assert len(assistant.asked) == 1
    await say(line, twilio, "START")
    assert await say(line, twilio, "what is methadone?") == ["Auto: You asked: what is methadone?"]


async def test_i_want_to_quit(line, twilio, assistant):
    """ "I want to quit" is a sentence and gets an answer."""
    got = await say(line, twilio, "I want to quit")

    assert [turn["text"] for turn in assistant.asked] == ["I want to quit"]
    assert (await line.contact(ANA)).opted_out_at is None
    assert any("You asked" in text or "988" in text for text in got)


async def test_danger_from_an_opted_out_number(line, twilio):
    """Danger from a number that opted out: nothing can be sent, staff are alarmed to call."""
    await say(line, twilio, "how long does detox take?", "STOP")
    assert await say(line, twilio, OVERDOSE) == []

    alarm = (await line.alarms())[-1]
    assert (alarm.kind, alarm.level) == ("overdose_other", "acute")
    assert alarm.why[0] == "opted out of texts, please call"


async def test_danger_and_an_opt_out(line, twilio):
    """Guidance for the danger in a text that also opts out; then the wish is honoured, and staff know."""
    got = await say(line, twilio, f"{OVERDOSE}. stop texting me")

    assert "CALL 911 NOW" in got[0] and not any("You asked" in text for text in got)
    assert (await line.contact(ANA)).opted_out_at
    assert await say(line, twilio, "what is methadone?") == []
    assert ("overdose_other", "acute") in await alarms(line)


# -- first contact ------------------------------------------------------------------------------------------------


async def test_first_contact(line, twilio):
    """The first text says all it must, in two segments, and is kept word for word with the number."""
    from haven.gsm import is_gsm7, segments

    told = (await say(line, twilio, "how long does detox take?"))[0]
    contact = await line.contact(ANA)

    for word in ("bot, not a person", line.parts.centre.name, "Not an emergency service", "911", "988",
                 "Msg&data rates", "STOP", "HELP"):
        assert word in told
    assert is_gsm7(told) and segments(told) == 2
    assert contact.consent_text == told and contact.consent_at
    assert not any("bot, not a person" in text for text in await say(line, twilio, "what is methadone?"))


async def test_first_contact_is_danger(line, twilio):
    """Somebody who begins with danger gets guidance and nothing else; who we are comes with the next text."""
    assert not any("bot, not a person" in text for text in await say(line, twilio, OVERDOSE))
    got = await say(line, twilio, "how long does detox take?")
    assert "bot, not a person" in got[0]


async def test_discreet(tmp_path, twilio, assistant):
    """In discreet mode the first text gives neither the centre nor the subject away."""
    settings = replace(settings_for(tmp_path, twilio, assistant.port), sms_discreet=True)
    assistant.status = 500
    async with running(settings, twilio) as line:
        told = (await say(line, twilio, "hello, what is this line?"))[0].lower()

        assert line.parts.centre.name.lower() not in told
        assert not any(word in told for word in ("recovery", "opioid", "heroin", "addict", "haven", "drug"))
        assert "911" in told and "988" in told and "bot, not a person" in told


async def test_spanish(line, twilio):
    """Somebody who writes in Spanish is told in Spanish, in GSM-7."""
    from haven.gsm import is_gsm7

    told = (await say(line, twilio, "hola, cuánto dura la desintoxicación?"))[0]
    assert "programa, no una persona" in told and is_gsm7(told)


# -- shared and recycled phones --------------------------------------------------------------------------------------


async def test_thirty_quiet_days(line, twilio):
    """After 30 quiet days a new conversation begins, the number is told anew, and the old one is sealed."""
    await say(line, twilio, "how long does detox take?")
    await days_pass(line, 31)
    got = await say(line, twilio, "what is methadone?")
    old, new = await line.conversations(ANA)

    assert "bot, not a person" in got[0]
    assert not any("detox" in text for text in got)
    assert [await sealed(line, each.id) for each in (old, new)] == [True, False]


async def sealed(line, conversation_id):
    async with line.parts.record.read() as connection:
        return await contacts.is_sealed(connection, conversation_id)


async def test_twenty_nine_days(line, twilio):
    """A shorter silence ends nothing."""
    await say(line, twilio, "how long does detox take?")
    await days_pass(line, 29)
    await say(line, twilio, "what is methadone?")
    assert len(await line.conversations(ANA)) == 1


@pytest.mark.parametrize("text", ["who is this?", "wrong number"])
async def test_stranger(line, twilio, assistant, text):
    """Somebody who does not know the number learns nothing of what was written before them."""
    await say(line, twilio, "how long does detox take?")
    await days_pass(line, 1)
    asked = len(assistant.asked)
    got = await say(line, twilio, text)

    assert got == [f"Auto: {line.parts.texts.plain('sms_who', channel='sms')}"]
    assert len(assistant.asked) == asked
    assert len(await line.conversations(ANA)) == 2
    assert not any(word in got[0].lower() for word in ("detox", "recovery", "haven", line.parts.centre.name.lower()))


async def test_who_is_this_in_the_middle(line, twilio):
    """Somebody who wrote a minute ago and asks who this is, is the same person: the bot says what it is."""
    await say(line, twilio, "how long does detox take?")
    assert await say(line, twilio, "who is this") == ["Auto: You asked: who is this"]
    assert len(await line.conversations(ANA)) == 1


async def test_staff_write_to_a_sealed_conversation(line, twilio):
    """What staff write in a sealed conversation is held and they are told; after they confirm, the next goes out."""
    await say(line, twilio, "how long does detox take?")
    old = await line.conversation(ANA)
    await say(line, twilio, "wrong number")
    from switchboard import accounts, conversations

    async with line.parts.record.write() as tx:
        await conversations.add(tx, old, conversations.Message("staff", "how was your detox?", name="Maria"))
    await until(lambda: held(line, old.id))
    assert ("text_not_sent", "possible") in await alarms(line)
    async with line.parts.record.write() as tx:
        maria = await accounts.add(tx, login="maria", name="Maria", role="staff", password="x")
        await contacts.unseal(tx, old.id, maria.id)
        await conversations.add(tx, old, conversations.Message("staff", "thank you for confirming", name="Maria"))
    line.parts.streams.wake("console")
    await until(lambda: any("thank you for confirming" in text for text in twilio.to(ANA)))

    assert not any("detox?" in text and "Maria" in text for text in twilio.to(ANA))


async def held(line, conversation_id):
    return [row for row in await line.deliveries() if row.conversation == conversation_id][-1].state == "held"


# -- machines and floods ----------------------------------------------------------------------------------------------


async def test_a_machine_is_not_answered(line, twilio, assistant):
    """A short code or a name is a machine that may answer answers: kept, not answered."""
    for sender in ("72345", "BANK"):
        answer = await twilio.text(sender, "Your code is 1234")
        assert "<Message" not in answer.text
    await asyncio.sleep(0.3)
    assert not twilio.messages and not assistant.asked


async def test_a_flood_from_one_number(line, twilio, assistant):
    """More texts than a person writes are kept and not answered one by one; danger among them always is."""
    line.parts.line.door._pace = Pace(burst=20, seconds=1e6)
    await asyncio.gather(*(twilio.text(ANA, f"question number {n}?") for n in range(30)))
    danger = await twilio.text(ANA, OVERDOSE)

    assert "CALL 911 NOW" in danger.text
    assert sum(m.author == "visitor" for m in await line.said(ANA)) == 31
    await settle(line, twilio)
    assert len(assistant.asked) <= 21


async def test_our_number_is_kept(line, twilio):
    """Answers leave from the number that was texted."""
    await twilio.text(ANA, "how long does detox take?", To="+16155550199")
    await until(lambda: len(twilio.to(ANA)) == 2)
    assert twilio.messages[-1].sender == "+16155550199" != OURS


async def test_a_number_that_was_erased_can_text_again(line, twilio):
    """Of an erased number only its opt-out is kept; when it opts in again, its number is known and answered again."""
    await say(line, twilio, "hello", "STOP")
    async with line.parts.record.write() as tx:
        await whose.forget_number(tx, line.parts.vault, ANA)
    assert (await line.contact(ANA)).number == ""
    await say(line, twilio, "START")
    assert "You asked: what is methadone?" in (await say(line, twilio, "what is methadone?"))[-1]
