"""switchboard.channels.sms: what comes in by text is checked, stored once and answered once, whatever it is."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from switchboard.brain import Brain
from switchboard.records.tables import sms_inbound, sms_quarantine
from switchboard.sms import contacts, deliveries
from tests.switchboard.sms.conftest import ANA, BEN, running, settings_for, until
from tests.twilio import OLD_TOKEN, OURS, SECOND_PUBLIC, description

OVERDOSE = "my son is blue and wont wake up"


def texts(line, name, **fields):
    return line.parts.texts.plain(name, channel="sms", **fields)


async def answered(twilio, number, count):
    """Wait until a phone got so many texts, then a moment longer in case there are more."""
    await until(lambda: len(twilio.to(number)) >= count)
    await twilio.settled()
    await asyncio.sleep(0.1)
    return twilio.to(number)


async def test_the_description_is_at_hand():
    """What we send is held against Twilio's published description, where that file is at hand."""
    if description() is None:
        pytest.skip("Twilio's description of Messages is not at hand (tests/twilio.py says where it is looked for)")
    from urllib.parse import urlsplit

    from tests.twilio import _openapi, _Request

    held = _openapi(description())
    head = "POST /x HTTP/1.1\r\nAuthorization: Basic eDp5\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    url = urlsplit("/2010-04-01/Accounts/AC" + "0" * 32 + "/Messages.json")
    held.validate_request(_Request("POST", url, head, b"To=%2B16155550142&Body=x&From=%2B16155550100"))
    with pytest.raises(Exception, match=r'(?i)invalid|does not match'):
        held.validate_request(_Request("POST", url, head, b"To=%2B16155550142&Body=x&MessagingServiceSid=nonsense"))


async def test_a_question_is_answered(line, twilio):
    """The first text is met with who we are, in the response itself; the answer follows. Each once, by name."""
    await twilio.text(ANA, "how long does detox take?")
    got = await answered(twilio, ANA, 2)

    assert len(got) == 2
    assert got[0].startswith("Auto: ") and "bot, not a person" in got[0] and "911" in got[0] and "STOP" in got[0]
    assert got[1] == "Auto: You asked: how long does detox take?"
    await until(lambda: states(line), ["sent/delivered", "sent/delivered"])


async def states(line):
    return [f"{row.state}/{row.status}" for row in await line.deliveries()]


async def test_forged(line, twilio, assistant):
    """A request that Twilio did not sign is refused and never answered, but kept; danger in it alarms staff."""
    fields = twilio.fields(ANA, OVERDOSE, sid="SM1")
    for signature in ("", "nonsense", "é"):
        answer = await twilio.http.post(
            twilio.switchboard + "/sms/inbound", content=urlencode(fields), headers={
                "Content-Type": "application/x-www-form-urlencoded",
                **({"X-Twilio-Signature": signature.encode()} if signature else {})})
        assert answer.status_code == 403
        assert answer.content == b""
    assert (await twilio.post("/sms/inbound", fields, token="somebody else's")).status_code == 403
    assert (await twilio.post("/sms/status", {"MessageSid": "SM1"}, token="somebody else's")).status_code == 403

    kept = await line.rows(sa.select(sms_quarantine))
    assert [row.path for row in kept] == ["/sms/inbound"] * 4 + ["/sms/status"]
    assert ANA not in str(kept) and OVERDOSE not in str(kept)  # encrypted
    assert await line.conversation(ANA) is None
    assert not twilio.messages and not assistant.asked
    assert {alarm.kind for alarm in await line.alarms()} == {"overdose_other"}


async def test_nothing_of_a_request_is_believed_without_a_signature(line, twilio):
    """A Host or X-Forwarded header cannot make a signature for another address good."""
    fields = twilio.fields(ANA, "hi", sid="SM1")
    from twilio.request_validator import RequestValidator

    good = RequestValidator(twilio.token).compute_signature("https://evil.example/sms/inbound", fields)
    answer = await twilio.http.post(twilio.switchboard + "/sms/inbound", content=urlencode(fields), headers={
        "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": good, "Host": "evil.example",
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})

    assert answer.status_code == 403


async def test_a_flood_of_forgeries(line, twilio):
    """A forger fills neither the disk nor the staff's screen."""
    for number in range(130):
        fields = twilio.fields(f"+1615555{number:04}", OVERDOSE, sid=f"SM{number}")
        await twilio.post("/sms/inbound", fields, token="somebody else's")

    assert len(await line.rows(sa.select(sms_quarantine.c.id))) <= 130
    assert len(await line.alarms()) <= 6


async def test_second_address_and_old_token(line, twilio):
    """A second public address, and the token from before a change, are as good as the first."""
    from twilio.request_validator import RequestValidator

    for number, token in (("1", twilio.token), ("2", OLD_TOKEN)):
        fields = twilio.fields(ANA, "how long does detox take?", sid=f"SM{number}")
        signature = RequestValidator(token).compute_signature(f"{SECOND_PUBLIC}/sms/inbound?from=second", fields)
        answer = await twilio.post("/sms/inbound?from=second", fields, signature=signature)
        assert answer.status_code == 200

    assert [m.client_id for m in await line.said(ANA) if m.author == "visitor"] == ["SM1", "SM2"]


async def test_replayed_five_times_at_once(line, twilio, assistant):
    """The same text five times at once is stored once and answered once; so is its guidance."""
    for body in ("how long does detox take?", OVERDOSE):
        await asyncio.gather(*(twilio.text(ANA, body, sid=f"SM-{body[:3]}") for _ in range(5)))
    got = await answered(twilio, ANA, 4)

    assert [m.text for m in await line.said(ANA) if m.author == "visitor"] == ["how long does detox take?", OVERDOSE]
    assert len(got) == 4 and len(set(got)) == 4  # who we are, the answer, the guidance, its question
    assert sum("CALL 911 NOW" in text for text in got) == 1


async def test_replayed_after_erasing(line, twilio):
    """A text that was erased does not come back when Twilio repeats it."""
    from switchboard import conversations

    await twilio.text(ANA, "how long does detox take?", sid="SM1")
    await answered(twilio, ANA, 2)
    conversation = await line.conversation(ANA)
    async with line.parts.record.write() as tx:
        await conversations.erase(tx, conversation)
    answer = await twilio.text(ANA, "how long does detox take?", sid="SM1")

    assert answer.status_code == 200
    assert await line.conversation(ANA) is None
    assert len(await answered(twilio, ANA, 2)) == 2
    assert len(await line.rows(sa.select(sms_inbound))) == 1


async def test_danger_is_answered_in_the_response(line, twilio, assistant):
    """Guidance is in the response to the text itself, needs no call to Twilio, and is recorded as sent."""
    assistant.status = 500
    answer = await twilio.text(ANA, OVERDOSE)

    assert "CALL 911 NOW" in answer.text
    assert twilio.calls == []
    await until(lambda: states(line), ["sent/delivered"] * 2)
    assert [alarm.level for alarm in await line.alarms()] == ["acute"]
    assert twilio.to(ANA)[0].startswith("Auto: ")


async def test_a_response_that_did_not_arrive(line, twilio, monkeypatch):
    """Guidance in a response that Twilio never got is sent by a call instead, once."""
    monkeypatch.setattr(deliveries, "CONFIRM_MS", 100)
    await twilio.post("/sms/inbound", twilio.fields(ANA, OVERDOSE, sid="SM1"))  # its response is thrown away

    got = await answered(twilio, ANA, 2)
    assert len(got) == 2 and "CALL 911 NOW" in got[0] and "Did you call 911?" in got[1]


async def test_a_response_that_was_not_reported(line, twilio, monkeypatch):
    """Guidance that arrived although no report says so is found at Twilio, and not sent again."""
    monkeypatch.setattr(deliveries, "CONFIRM_MS", 10_000)  # by then the response has arrived
    twilio.reports = False
    await twilio.text(ANA, OVERDOSE)
    await until(lambda: states(line), ["sent/queued"] * 2)

    assert len(await answered(twilio, ANA, 2)) == 2
    assert twilio.calls == []


async def test_a_response_that_is_slow_to_leave(line, twilio, monkeypatch):
    """Guidance in a response that has not left yet is not sent by a call as well."""
    async def slowly(*_):
        await asyncio.sleep(3)

    monkeypatch.setattr(deliveries, "CONFIRM_MS", 1_000)
    monkeypatch.setattr(line.parts.line.door, "_after_talk", slowly)
    assert "CALL 911 NOW" in (await twilio.text(ANA, OVERDOSE)).text
    await until(lambda: states(line), ["sent/delivered"] * 2)

    assert twilio.calls == []
    assert len(twilio.to(ANA)) == 2


async def test_repeated_because_the_response_was_lost(line, twilio, monkeypatch):
    """When Twilio repeats a text some time later, the guidance is in that response too."""
    monkeypatch.setattr(deliveries, "AGAIN_MS", 0)
    await twilio.post("/sms/inbound", twilio.fields(ANA, OVERDOSE, sid="SM1"))
    answer = await twilio.text(ANA, OVERDOSE, sid="SM1")

    assert "CALL 911 NOW" in answer.text
    assert len(await answered(twilio, ANA, 2)) == 2


@pytest.mark.parametrize(("more", "name"), [
    ({"NumMedia": "2", "MediaUrl0": "https://api.twilio.com/x", "MediaContentType0": "image/jpeg"}, "sms_media"),
    ({"Latitude": "36.16", "Longitude": "-86.78"}, "sms_location"),
    ({}, "not_text"),
    ({"SomethingNew": "x", "NumMedia": "many"}, "not_text"),
])
async def test_no_words(line, twilio, assistant, more, name):
    """A picture, a location, an empty text: a polite answer, a line for staff, never an error."""
    answer = await twilio.text(ANA, "", **more)

    assert answer.status_code == 200
    assert twilio.to(ANA) == [f"Auto: {texts(line, name)}"]
    assert assistant.asked == []
    logs = [m.text for m in await line.said(ANA) if m.kind == "private"]
    assert ("36.16" in " ".join(logs)) == (name == "sms_location")
    assert ("picture" in " ".join(logs)) == (name == "sms_media")


@pytest.mark.parametrize("body", [
    "a" * 1600, "how does it work " * 94, "😀🙏 how long does detox take 😀", "ﬃ" * 1500, "\u200b\u200d", "/restart",
    "' OR 1=1 --", "<script>alert(1)</script>", "\x00\x01", "مرحبا كيف حالك",
], ids=range(10))
async def test_strange_words(line, twilio, body):
    """1,600 characters, emoji, ligatures that grow, hidden characters, commands: answered, never an error."""
    answer = await twilio.text(ANA, body)

    assert answer.status_code == 200
    await until(lambda: twilio.to(ANA))


async def test_nothing_turns_the_direction(line, twilio):
    """Neither what is stored of a text nor what is said back to it turns the direction of a line."""
    await twilio.text(ANA, "how \u202e\u2067long does detox take?")
    got = await answered(twilio, ANA, 2)

    assert got[1] == "Auto: You asked: how long does detox take?"
    assert "how long does detox take?" in [m.text for m in await line.said(ANA)]


@pytest.mark.parametrize("body", [
    b"", b"x", b"\xff\xfe", b"From=%ff%fe&Body=x", b"&".join(b"a%d=1" % n for n in range(500)), b"{}",
])
async def test_no_form(line, twilio, body):
    """What is no form of Twilio's is refused, whatever it is."""
    answer = await twilio.http.post(twilio.switchboard + "/sms/inbound", content=body, headers={
        "X-Twilio-Signature": "x", "Content-Type": "application/x-www-form-urlencoded"})

    assert answer.status_code == 403


async def test_a_form_without_sender(line, twilio):
    """A signed request without sender or id is acknowledged and let be."""
    answer = await twilio.post("/sms/inbound", {"Body": "hi", "MessageSid": "", "From": ""})

    assert answer.status_code == 200
    assert "<Message" not in answer.text


async def test_without_a_text_line(parts, tmp_path, twilio, assistant):
    """A switchboard without the settings has no such door."""
    from dataclasses import replace

    settings = replace(settings_for(tmp_path / "none", twilio, assistant.port), sms_account="")
    async with running(settings, twilio):
        answer = await twilio.post("/sms/inbound", twilio.fields(ANA, "hi", sid="SM1"))

    assert answer.status_code == 404


async def test_fifty_milliseconds_apart(line, twilio, assistant):
    """Two first texts 50 ms apart: one conversation, who we are once, both answered in the order they came in."""
    first = asyncio.create_task(twilio.text(ANA, "how long does detox take?"))
    await asyncio.sleep(0.05)
    await twilio.text(ANA, "and does it hurt?")
    await first
    got = await answered(twilio, ANA, 3)
    asked = [m.text for m in await line.said(ANA) if m.author == "visitor"]

    assert len(await line.conversations(ANA)) == 1
    assert ["STOP" in text for text in got] == [True, False, False]
    assert sorted(asked) == ["and does it hurt?", "how long does detox take?"]
    assert got[1:] == [f"Auto: You asked: {text}" for text in asked]


async def test_restart_between_receipt_and_answer(tmp_path, twilio, assistant, monkeypatch):
    """A text that was acknowledged and not answered before a restart is answered after it, once."""
    held = assistant.hold = asyncio.Event()
    settings = settings_for(tmp_path, twilio, assistant.port, turn_budget=60.0)
    monkeypatch.setattr(Brain, "finish", lambda brain: asyncio.sleep(0))  # a stop that does not wait for turns
    async with running(settings, twilio):
        await twilio.text(ANA, "how long does detox take?")
        await until(lambda: assistant.asked)
    assistant.hold = None
    held.set()
    async with running(settings, twilio):
        got = await answered(twilio, ANA, 2)

    assert got[1:] == ["Auto: an answer"]


async def test_record_locked(line, twilio, tmp_path):
    """While the record cannot be written: guidance in danger, a true sentence otherwise; nothing is lost."""
    await twilio.text(ANA, "hello there, what is this?")
    await answered(twilio, ANA, 2)
    lock = sqlite3.connect(Path(tmp_path) / "haven.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        began = time.monotonic()
        danger, plain = await asyncio.gather(
            twilio.text(ANA, OVERDOSE, sid="SM8"), twilio.text(BEN, "how long does detox take?", sid="SM9"))
        assert time.monotonic() - began < twilio.timeout
        assert "CALL 911 NOW" in danger.text
        assert texts(line, "sms_kept") in plain.text.replace("&amp;", "&")
        kept = list((tmp_path / "texts").glob("*.text"))
        assert len(kept) == 2
        assert not any(b"blue" in path.read_bytes() or b"5550142" in path.read_bytes() for path in kept)
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    await until(lambda: not list((tmp_path / "texts").glob("*.text")))
    ben = await answered(twilio, BEN, 3)
    ana = await answered(twilio, ANA, 3)

    assert "You asked: how long does detox take?" in ben[-1]
    assert sum("CALL 911 NOW" in text for text in ana) == 1
    assert [alarm.kind for alarm in await line.alarms()] == ["overdose_other"]


async def test_an_unforeseen_fault(line, twilio, tmp_path, monkeypatch):
    """Whatever fails in here, danger has its guidance, others a true sentence, and both are stored when it is over."""
    meet = contacts.meet

    async def fails(*args, **more):
        raise ValueError("unforeseen")

    monkeypatch.setattr(contacts, "meet", fails)
    danger, plain = await twilio.text(ANA, OVERDOSE), await twilio.text(BEN, "how long does detox take?")
    monkeypatch.setattr(contacts, "meet", meet)

    assert "CALL 911 NOW" in danger.text
    assert texts(line, "sms_kept") in plain.text.replace("&amp;", "&")
    await until(lambda: not list((tmp_path / "texts").glob("*.text")))
    assert "You asked: how long does detox take?" in (await answered(twilio, BEN, 3))[-1]
    assert sum("CALL 911 NOW" in text for text in await answered(twilio, ANA, 2)) == 1


async def test_with_a_person(line, twilio, assistant):
    """A text while a person has the conversation goes to that person; danger is answered all the same."""
    from switchboard import accounts, handoff

    await twilio.text(ANA, "how long does detox take?")
    await answered(twilio, ANA, 2)
    conversation = await line.conversation(ANA)
    async with line.parts.record.write() as tx:
        maria = await accounts.add(tx, login="maria", name="Maria Lopez", role="staff", password="x")
        await handoff.claim(tx, line.parts.texts, conversation.id, maria)
        await handoff.reply(tx, conversation.id, maria, "Hi, I’m here — how are you?", client_id="staff-1")
    line.parts.streams.wake("console")
    got = await answered(twilio, ANA, 4)
    asked = len(assistant.asked)
    await twilio.text(ANA, "not so good")
    danger = await twilio.text(ANA, OVERDOSE)
    await answered(twilio, ANA, 5)

    assert got[2].startswith("Auto: Maria from our staff")
    assert got[3] == "Maria, staff: Hi, I'm here - how are you?"
    assert "CALL 911 NOW" in danger.text
    assert len(assistant.asked) == asked
    assert (await conversations_owner(line, ANA)).startswith("staff:")


async def conversations_owner(line, number):
    return (await line.conversation(number)).owner


async def test_in_line(line, twilio, assistant):
    """Somebody in line reads how to go on with the bot, and BOT does it."""
    assistant.answer = b"nonsense"
    await twilio.text(ANA, "how long does detox take?")
    await answered(twilio, ANA, 2)
    assistant.answer = {"replies": [{"text": "Here again.", "response": "utter_greet"}]}
    answer = await twilio.text(ANA, "is anybody there?")
    assert "text BOT" in answer.text
    await twilio.text(ANA, "bot")
    await until(lambda: conversations_owner(line, ANA), "bot")


async def test_numbers_are_nowhere_in_clear(line, twilio, tmp_path, caplog):
    """A number stands nowhere in the record's files or the log, and no log holds what was written."""
    caplog.set_level("DEBUG", logger="switchboard")
    await twilio.text(ANA, "how long does zanzibar take?")
    await answered(twilio, ANA, 2)
    twilio.opted_out.add(ANA)
    await line.staff_says(ANA, "hello from zanzibar")
    await until(lambda: opted_out(line, ANA))
    for path in tmp_path.rglob("haven.db*"):
        assert b"5550142" not in path.read_bytes(), path
    log = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("switchboard"))
    assert "5550142" not in log and "zanzibar" not in log
    assert line.parts.vault.open((await line.contact(ANA)).number) == ANA
    assert (await line.contact(ANA)).ours == OURS


async def opted_out(line, number):
    return (await line.contact(number)).opted_out_at is not None
