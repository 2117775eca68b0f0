"""switchboard.follow_through and its clock, on both databases: nobody in danger is asked twice, or left."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from cli.stack import free_port
from haven.settings import load_settings
from switchboard import accounts, conversations, handoff, sealed
from switchboard.conversations import BOT, WAITING
from switchboard.inbox import NotStored
from switchboard.parts import make_parts
from switchboard.records.record import now
from switchboard.records.tables import alerts, deadlines, staff
from tests.waiting import SECONDS

DANGER = "my friend is blue and wont wake up"
SELF = "i took too much i cant stay awake"
SUICIDE = "i want to kill myself tonight"
VIOLENCE = "my boyfriend has a gun and says he will kill me"


@pytest.fixture
async def there(tmp_path, database, assistant, knowledge):
    """All parts of a switchboard, on SQLite and on PostgreSQL; nothing is due by itself."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), assistant_port=assistant.port,
                       actions_port=free_port(), database_url=database, turn_budget=5.0)
    made = make_parts(settings, knowledge)
    await made.open()
    yield made
    await made.close()


class Talk:
    """One conversation, and the time that passes in it."""

    def __init__(self, parts, conversation) -> None:
        self.parts, self.id, self.count = parts, conversation.id, 0

    async def say(self, text, choice=None):
        """What is said at once to a message; like a page, it sends again what a slow disk kept from being stored."""
        self.count += 1
        for _ in range(5):
            with suppress(NotStored):
                received = await self.parts.inbox.receive(self.id, text, client_id=str(self.count), choice=choice)
                return received.replies
        raise AssertionError("nothing can be stored here")

    async def answered(self, text):
        """The same, and what the assistant adds."""
        before = await self.everything()
        await self.say(text)
        async with asyncio.timeout(SECONDS):
            while self.parts.brain.is_busy(self.id):
                await asyncio.sleep(0.01)
        return [m for m in (await self.everything())[len(before):] if m.author != "visitor"]

    async def everything(self):
        async with self.parts.record.read() as connection:
            return await conversations.after(connection, self.id, 0)

    async def responses(self):
        return [m.response for m in await self.everything() if m.author == "bot"]

    async def pass_time(self, seconds):
        """Let time pass: every deadline comes nearer, and what is due is said."""
        async with self.parts.record.write() as tx:
            await tx.execute(deadlines.update().where(deadlines.c.conversation == self.id)
                             .values(due_at=deadlines.c.due_at - 1000 * seconds))
        before = len(await self.everything())
        await self.parts.clock.say_due()
        return [m for m in (await self.everything())[before:] if m.kind != "private" and m.answers_seq is None]

    async def waiting_deadlines(self):
        async with self.parts.record.read() as connection:
            rows = await connection.execute(sa.select(deadlines).where(
                deadlines.c.conversation == self.id, deadlines.c.done_at.is_(None)))
            return sorted((row.kind, row.step) for row in rows)

    async def alert(self):
        async with self.parts.record.read() as connection:
            row = (await connection.execute(sealed.with_key(alerts).where(
                alerts.c.conversation == self.id).order_by(alerts.c.id))).first()
            return row and SimpleNamespace(**{**row._mapping, "why": sealed.why_of(connection, row)})


async def talk(parts, *, channel="widget", owner=BOT):
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel=channel, language="en", address="hash")
        if owner != BOT:
            conversation = await conversations.give(tx, conversation, owner)
    return Talk(parts, conversation)


async def person(parts):
    async with parts.record.write() as tx:
        result = await tx.execute(staff.insert().values(login="ana", name="Ana Diaz", password="x", made_at=now()))
        return await accounts.by_id(tx, result.inserted_primary_key[0])


def titles(message):
    return [option["title"] for option in message.options]


# -- one action, one question -----------------------------------------------------------------------------------


async def test_one_question_after_the_guidance(there):
    """On the page: the guidance, then one question with its answers as buttons."""
    here = await talk(there)
    guidance, question = await here.say(DANGER)

    assert guidance.kind == "guidance"
    assert question.text == "Did you call 911?"
    assert titles(question) == ["I have called", "Not yet", "I can't call", "Next step"]


async def test_the_same_by_sms(there):
    """By SMS the answers are numbered, a number or a word is one, and no carrier's word is asked for."""
    here = await talk(there, channel="sms")
    _, question = await here.say(DANGER)

    assert question.text.splitlines() == [
        "Did you call 911?", "1 I have called", "2 Not yet", "3 I can't call", "4 Next step"]
    assert (await here.say("2"))[0].response == "after/not_yet"
    assert (await here.say("i cant call"))[0].response == "after/cannot"


async def test_guidance_that_asks_itself(there):
    """Where the guidance ends in its question, the answers stand under it and nothing is asked twice."""
    here = await talk(there)
    replies = await here.say(SUICIDE)

    assert len(replies) == 1
    assert replies[0].text.count("?") == 1
    assert len(replies[0].options) == 6


@pytest.mark.parametrize(("words", "response"), [
    ("yes", "after/called"), ("Yes I called!", "after/called"), ("no", "after/not_yet"), ("not yet", "after/not_yet"),
    ("no phone", "after/cannot"), ("next", "after/steps/overdose_other"), ("ya llamé", "after/called"),
])
async def test_typed_answers(there, assistant, words, response):
    """What is typed under the question is read as its answer; the assistant is not asked."""
    here = await talk(there)
    await here.answered(DANGER)
    asked = len(assistant.asked)

    assert [m.response for m in await here.answered(words)] == [response]
    assert len(assistant.asked) == asked


async def test_a_question_is_still_answered(there):
    """In the middle of it an ordinary question gets its ordinary answer."""
    here = await talk(there)
    await here.answered(DANGER)

    assert [m.response for m in await here.answered("what is naloxone")] == ["utter_faq/FAQ-001"]


async def test_what_was_not_offered_is_no_answer(there):
    """A choice of ours that was never offered is plain text."""
    here = await talk(there)
    replies = await here.say("hello", choice="after/safe")

    assert replies == []


async def test_an_answer_in_words(there, assistant):
    """ "What did you stop, and when?" is thanked for, where the assistant has nothing better."""
    assistant.answer = {"replies": [{"text": "I don't have that.", "response": "utter_unknown"}]}
    here = await talk(there)
    replies = await here.say("i stopped my xanax 2 days ago and now im shaking and seeing things")
    assert replies[-1].response == "after/in_words/alcohol_benzo_withdrawal"

    assert [m.response for m in await here.answered("two days ago")] == ["after/noted"]


async def test_an_answer_in_words_that_the_assistant_cannot_read(there, assistant):
    """It is thanked for all the same, and who wrote it is told that a person takes over from here."""
    here = await talk(there)
    await here.say("i stopped my xanax 2 days ago and now im shaking and seeing things")
    assistant.status = 500

    assert [m.response for m in await here.answered("two days ago")] == ["after/noted", "bot_failed"]


# -- steps ------------------------------------------------------------------------------------------------------


async def test_one_step_a_message(there):
    """Steps come one at a time, in the guidance's own words, and begin again after the last."""
    here = await talk(there)
    guidance = (await here.say(DANGER))[0]
    steps = [(await here.say("next"))[0] for _ in range(7)]

    assert [step.text[:3] for step in steps] == ["1/6", "2/6", "3/6", "4/6", "5/6", "6/6", "1/6"]
    assert all(step.text[5:] in guidance.text for step in steps)
    assert "Next step" not in titles(steps[5])


async def test_who_has_called_goes_on_with_the_second_step(there):
    """After "I called" the steps do not begin with calling."""
    here = await talk(there)
    await here.say(DANGER)
    await here.say("yes")

    assert (await here.say("next"))[0].text.startswith("2/6. Give naloxone")


# -- danger again -------------------------------------------------------------------------------------------------


async def test_the_same_danger_again_is_short(there):
    """The same danger told again gets the first things to do, not the whole wall; a new one gets its own."""
    here = await talk(there)
    first = (await here.say(DANGER))[0]
    again = (await here.say("hes not breathing please help"))[0]
    other = (await here.say(SUICIDE))[0]

    assert again.kind == "guidance"
    assert "Call 911 now" in again.text
    assert "Rescue breaths" in again.text
    assert len(again.text) < len(first.text) / 2
    assert other.response == "crisis/suicide_self"
    assert (await here.alert()).accepted_at is None


async def test_no_to_are_you_safe(there):
    """A bare "no" to "Are you safe right now?" is acute danger of the same kind, answered and raised at once."""
    for words in ("no", "no i really am not ok"):
        here = await talk(there)
        await here.say(SUICIDE)
        said = (await here.say(words))[0]
        asked = (await here.everything())[-2]

        assert said.kind == "guidance"
        assert "988" in said.text
        assert (asked.crisis["level"], asked.crisis["kind"]) == ("acute", "suicide_self")


async def test_no_question_over_a_person(there):
    """While a person has the conversation the guidance goes out, and no question of ours with it."""
    here = await talk(there, owner="staff:1")

    assert [m.kind for m in await here.say(DANGER)] == ["guidance"]
    assert await here.say("not yet") == []


# -- taking it back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["lol jk", "im fine forget it", "was a joke", "era broma"])
async def test_a_denial_ends_nothing(there, words):
    """A denial gets a kind sentence with the numbers; the alert stays open and silence is still asked about."""
    here = await talk(there)
    await here.say(DANGER)
    said = (await here.say(words))[0]

    assert said.response == "after/taken_back"
    assert "911" in said.text
    assert "988" in said.text
    assert (await here.alert()).accepted_at is None
    assert ("quiet", 2) in await here.waiting_deadlines()


# -- silence --------------------------------------------------------------------------------------------------------


async def test_silence_is_asked_about_three_times(there):
    """After 2, 5 and 15 minutes without a word, once each; staff read how long; it is never closed."""
    here = await talk(there)
    await here.say(SUICIDE)

    assert await here.pass_time(60) == []
    assert [m.response for m in await here.pass_time(65)] == ["after/check/suicide"]
    assert "silent" in (await here.alert()).why[0]
    assert await here.pass_time(10) == []
    assert [m.response for m in await here.pass_time(170)] == ["after/check/suicide"]
    assert [m.response for m in await here.pass_time(600)] == ["after/last_check"]
    assert await here.pass_time(100_000) == []
    assert (await here.alert()).accepted_at is None
    assert (await here.say(SUICIDE))[0].kind == "guidance"


async def test_a_word_puts_the_question_off(there):
    """Whoever writes is not asked whether they are there; the next silence asks the next question only."""
    here = await talk(there)
    await here.say(SUICIDE)
    await here.pass_time(121)
    await here.say("my sister is at work until six")

    assert await here.pass_time(121) == []
    assert [m.response for m in await here.pass_time(180)] == ["after/check/suicide"]
    assert [m.response for m in await here.pass_time(600)] == ["after/last_check"]


async def test_safe_ends_the_questions(there):
    """Who says that help is here, or that they are safe, is not asked again; the alert stays with staff."""
    for danger, words in ((SUICIDE, "im safe"), (DANGER, "the ambulance is here")):
        here = await talk(there)
        await here.say(danger)
        if danger == DANGER:
            await here.say("yes")
        assert (await here.say(words))[0].text.startswith("I'm glad")

        assert await here.waiting_deadlines() == []
        assert (await here.alert()).accepted_at is None


async def test_the_911_line_again_after_a_minute(there):
    """Who may be overdosing and does not answer is told the 911 line again after a minute."""
    here = await talk(there)
    await here.say(SELF)
    kind = (await here.responses())[0].removeprefix("crisis/")

    assert [m.response for m in await here.pass_time(61)] == [f"after/again/{kind}"]


async def test_staff_take_over_from_the_clock(there):
    """A person who has it is not talked over; when they return it, nothing more is asked."""
    here, ana = await talk(there), await person(there)
    await here.say(SUICIDE)
    async with there.record.write() as tx:
        await handoff.claim(tx, there.texts, here.id, ana)
    assert await here.pass_time(1000) == []
    async with there.record.write() as tx:
        await handoff.return_to_bot(tx, there.texts, here.id, ana)

    assert await here.pass_time(1000) == []
    assert await here.waiting_deadlines() == []


async def test_lost_staff_give_it_back_to_the_clock(there):
    """A person who claimed and vanished leaves nobody unasked."""
    here, ana = await talk(there), await person(there)
    await here.say(SUICIDE)
    async with there.record.write() as tx:
        await handoff.claim(tx, there.texts, here.id, ana)
    await here.pass_time(121)
    async with there.record.write() as tx:
        await handoff.lose(tx, there.texts, here.id, ana.owner, "Ana",
                           handoff.Lapse("is no longer connected", "staff_gone"))

    assert [m.response for m in await here.pass_time(1000)] == ["after/check/suicide"]


async def test_somebody_who_waits_is_asked_too(there):
    """Waiting for a person is no reason not to be asked."""
    here = await talk(there, owner=WAITING)
    await here.say(SUICIDE)

    assert [m.response for m in await here.pass_time(121)] == ["after/check/suicide"]


async def test_erased_and_left(there):
    """Nothing is said into a chat that was erased; one left by the exit button is not asked either."""
    erased, left = await talk(there), await talk(there)
    await erased.say(SUICIDE)
    await left.say(SUICIDE)
    async with there.record.write() as tx:
        await conversations.erase(tx, await conversations.load(tx, erased.id))
        await there.follow.end(tx, left.id, "left")

    assert await erased.waiting_deadlines() == await left.waiting_deadlines() == []
    assert await left.pass_time(1000) == []


async def test_discreet_by_sms(there):
    """By SMS no word of the subject is sent unasked, and to somebody hurt at home nothing at all."""
    here, hurt = await talk(there, channel="sms"), await talk(there, channel="sms")
    await here.say(SUICIDE)
    await hurt.say(VIOLENCE)
    said = await here.pass_time(121)

    assert len(said) == 1
    assert not {"suicide", "kill", "die", "overdose", "drug"} & set(said[0].text.lower().split())
    assert (await hurt.responses())[0] == "crisis/violence"
    assert await hurt.pass_time(100_000) == []


# -- a second dose ----------------------------------------------------------------------------------------------------


async def test_a_second_dose_is_reminded_of(there):
    """Two to three minutes after guidance: another dose, with the time that has passed, once."""
    here = await talk(there)
    await here.say(DANGER)

    assert await here.pass_time(115) == []
    reminder = (await here.pass_time(36))[0]
    assert reminder.response == "after/second_dose"
    assert "Give another dose in the other nostril" in reminder.text
    assert await here.pass_time(100) == []
    assert (await here.pass_time(60))[0].response == "after/check/other"


async def test_counted_from_the_naloxone(there):
    """Who says that naloxone was given is reminded counting from then."""
    here = await talk(there)
    await here.say(DANGER)
    await here.pass_time(100)
    await here.say("i gave narcan", choice=None)
    responses = await here.responses()

    assert responses[-1] in ("after/naloxone", "crisis/naloxone_given", "after/asks/naloxone_given")
    assert await here.pass_time(100) == []
    assert [m.response for m in await here.pass_time(55)] == ["after/second_dose"]
    assert "since naloxone" in (await here.everything())[-1].text


async def test_breathing_again(there):
    """Who breathes again needs no second dose, and is still asked about."""
    here = await talk(there)
    await here.say(DANGER)
    await here.pass_time(151)
    await here.say("yes")

    assert (await here.responses())[-1] == "after/better"
    assert [kind for kind, _ in await here.waiting_deadlines()] == ["quiet", "quiet"]


# -- the clock ------------------------------------------------------------------------------------------------------


async def test_two_switchboards_say_it_once(there, knowledge):
    """Two switchboards over one record, both awake at the moment: one sentence."""
    other = make_parts(there.settings, knowledge)
    here = await talk(there)
    await here.say(SUICIDE)
    async with there.record.write() as tx:
        await tx.execute(deadlines.update().where(deadlines.c.step == 0).values(due_at=now()))
    try:
        await asyncio.gather(*(parts.clock.say_due() for parts in (there, other, there, other)))
    finally:
        await other.close()

    assert (await here.responses()).count("after/check/suicide") == 1


async def test_a_long_stop_is_asked_about_once(there):
    """What fell due while nothing ran is said in one question, not three."""
    here = await talk(there)
    await here.say(SUICIDE)

    assert [m.response for m in await here.pass_time(4000)] == ["after/check/suicide"]
    assert await here.pass_time(4000) == []


async def test_the_clock_wakes_by_itself(there):
    """The clock sleeps until the next deadline; one that is set while it sleeps wakes it in time."""
    follow = there.follow
    follow._delays = replace(follow._delays, quiet=(200, 60_000))
    running = asyncio.create_task(there.clock.run())
    here = await talk(there)
    try:
        await asyncio.sleep(0.05)
        await here.say(SUICIDE)
        async with asyncio.timeout(SECONDS):
            while "after/check/suicide" not in await here.responses():
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_one_fault_does_not_silence_the_others(there):
    """A deadline that cannot be kept is put off; the next one is kept."""
    broken, here = await talk(there), await talk(there)
    await broken.say(SUICIDE)
    await here.say(SUICIDE)
    async with there.record.write() as tx:
        await tx.execute(sa.text("UPDATE follow_through SET kind = 'no_such_kind' WHERE conversation = :id"),
                         {"id": broken.id})
        await tx.execute(deadlines.update().where(deadlines.c.step == 0).values(due_at=now()))
    await there.clock.say_due()

    assert (await here.responses())[-1] == "after/check/suicide"
    assert ("quiet", 0) in await broken.waiting_deadlines()
