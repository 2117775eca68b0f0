"""switchboard.outbox: every message goes out once, in order, or staff hear that it did not."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from switchboard import conversations, outbox
from switchboard.conversations import Message
from switchboard.records import record as records
from switchboard.records.record import now
from switchboard.records.tables import sms_deliveries
from switchboard.sms import deliveries
from tests.switchboard.sms.conftest import ANA, BEN, running, settings_for, until
from tests.twilio import OURS, PUBLIC, TOKEN, Fault
from tests.waiting import SECONDS

OVERDOSE = "my son is blue and wont wake up"


async def met(line, twilio, number=ANA):
    """A number that has been told who we are and has had one answer."""
    await twilio.text(number, "how long does detox take?")
    await until(lambda: len(twilio.to(number)) == 2)
    await twilio.settled()
    await until(lambda: settled(line))
    twilio.calls.clear()


async def settled(line):
    return all(row.state not in deliveries.OPEN for row in await line.deliveries())


async def last(line):
    return (await line.deliveries())[-1]


async def state(line):
    return (await last(line)).state


async def test_what_is_sent(line, twilio):
    """A call names the number texted to, the words and where to report; the report is noted with its segments."""
    await met(line, twilio)
    await line.staff_says(ANA, "Can you talk now?")
    await until(lambda: len(twilio.to(ANA)) == 3)
    await until(lambda: reported(line), "delivered")
    row = await last(line)

    assert twilio.calls[0][1] == {"To": ANA, "From": OURS, "Body": "Maria, staff: Can you talk now?",
                                  "StatusCallback": f"{PUBLIC}/sms/status?delivery={row.id}"}
    assert (row.segments, row.tries, row.sid) == (1, 0, twilio.messages[-1].sid)


async def reported(line):
    return (await last(line)).status


async def test_500_then_200(line, twilio):
    """A failure of Twilio's is tried again, and the text goes out once."""
    await met(line, twilio)
    twilio.faults.append(Fault(code=20500))
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "sent")

    assert twilio.to(ANA)[2:] == ["Maria, staff: hello"]
    assert len(twilio.calls) == 2


@pytest.mark.parametrize("fault", [
    Fault(code=20500, taken=True), Fault(cut=True, taken=True), Fault(raw=b"<html>", taken=True),
    Fault(raw=b"{}", taken=True), Fault(raw=b"[1]", taken=True), Fault(raw=b'{"sid": 7, "status": []}', taken=True),
], ids=["500", "cut", "html", "empty", "list", "strange"])
async def test_taken_but_not_said(line, twilio, fault):
    """Where Twilio took a text and failed to say so, it is found there and never sent twice."""
    await met(line, twilio)
    twilio.faults.append(fault)
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "sent")

    assert len(twilio.calls) == 1
    assert twilio.to(ANA)[2:] == ["Maria, staff: hello"]
    assert (await last(line)).sid == twilio.messages[-1].sid


async def test_not_taken_and_not_said(line, twilio):
    """Where the line broke before Twilio took it, it is looked for, then sent."""
    await met(line, twilio)
    twilio.faults.append(Fault(cut=True))
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "sent")

    assert twilio.to(ANA)[2:] == ["Maria, staff: hello"]


async def test_the_same_words_twice(line, twilio):
    """Two messages with the same words are two texts, also when one has to be looked for."""
    await met(line, twilio)
    await line.staff_says(ANA, "hello")
    await until(lambda: len(twilio.to(ANA)) == 3)
    twilio.faults.append(Fault(code=20500))
    await line.staff_says(ANA, "hello")
    await until(lambda: len(twilio.to(ANA)) == 4)
    await until(lambda: settled(line))

    assert len({row.sid for row in await line.deliveries()}) == 4


async def test_429(line, twilio):
    """A busy carrier is left alone for as long as it asks, then asked again."""
    await met(line, twilio)
    twilio.faults.append(Fault(code=20429, retry_after=1))
    began = time.monotonic()
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "sent")

    assert time.monotonic() - began > 0.9
    assert twilio.to(ANA)[2:] == ["Maria, staff: hello"]


@pytest.mark.parametrize("code", [21211, 21617, 20003])
async def test_refused(line, twilio, code):
    """A refusal is for good: not tried again, and staff hear of it."""
    await met(line, twilio)
    twilio.faults.append(Fault(code=code))
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "refused")
    await asyncio.sleep(0.3)

    assert len(twilio.calls) == 1
    assert [alarm.kind for alarm in await line.alarms()] == ["text_not_sent"]


async def test_no_carrier(line, twilio):
    """With Twilio out of reach texts wait, staff hear of it once, and all goes out when it is back."""
    await met(line, twilio)
    port = twilio.server.sockets[0].getsockname()[1]
    twilio.server.close()
    twilio.server.close_clients()
    held = socket.socket()  # nobody listens at the port, and nobody else is given it
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    await line.staff_says(ANA, "hello")
    await until(lambda: alarmed(line))
    twilio.server = await asyncio.start_server(twilio._serve, sock=held)
    await until(lambda: state(line), "sent")

    assert twilio.to(ANA)[2:] == ["Maria, staff: hello"]
    assert [alarm.kind for alarm in await line.alarms()] == ["text_delayed"]


async def alarmed(line):
    return bool(await line.alarms())


async def test_nobody_can_say(line, twilio, monkeypatch):
    """A text whose fate cannot be found out is not sent again: a person is told."""
    await met(line, twilio)
    monkeypatch.setattr(outbox, "LOOK_UPS", 2)
    twilio.faults.extend(Fault(code=20500) for _ in range(9))
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "lost")

    assert len(twilio.calls) == 1
    assert "text_unsure" in [alarm.kind for alarm in await line.alarms()]


async def test_slow_carrier(line, twilio):
    """A call that does not end holds up nobody else: not other numbers, not the website."""
    calls = line.parts.line.outbox._carrier._http
    calls.timeout, calls._silence = 300.0, None
    await met(line, twilio)
    await met(line, twilio, BEN)
    twilio.faults.append(Fault(hold=(hold := asyncio.Event()), cut=True, taken=True))
    await line.staff_says(ANA, "hello")
    await until(lambda: len(twilio.calls) == 1)
    await twilio.text(BEN, "what is methadone?")
    await until(lambda: len(twilio.to(BEN)) == 3)
    async with line.parts.record.write() as tx:
        visitor = await conversations.begin(tx, channel="widget", language="en")
    await line.parts.inbox.receive(visitor.id, "how long does detox take?", client_id="1")
    while line.parts.brain.is_busy(visitor.id):
        await asyncio.sleep(0.01)

    assert await state_of(line, ANA) == "sending"  # her call is still under way
    hold.set()
    await until(lambda: state_of(line, ANA), "sent")
    assert twilio.to(ANA)[2:] == ["Maria, staff: hello"]


async def state_of(line, number):
    conversation = await line.conversation(number)
    return [row for row in await line.deliveries() if row.conversation == conversation.id][-1].state


async def test_21610_on_a_crisis(line, twilio, monkeypatch):
    """Guidance refused because the number opted out: noted, staff are alarmed as for the danger itself."""
    await met(line, twilio)
    monkeypatch.setattr(deliveries, "CONFIRM_MS", 50)
    twilio.opted_out.add(ANA)  # at the carrier, unknown to us
    await twilio.text(ANA, OVERDOSE)
    await until(lambda: settled(line))
    await until(lambda: state(line), "suppressed")  # the question after the guidance
    alarms = [(alarm.kind, alarm.level, alarm.why) for alarm in await line.alarms()]

    assert ("text_not_sent", "acute", ["opted out of texts"]) in alarms
    assert (await line.contact(ANA)).opted_out_how == "carrier: 21610"
    assert [row.error for row in await line.deliveries() if row.state == "refused"] == [21610]


@pytest.mark.parametrize(("error", "status"), [(30003, "undelivered"), (30007, "failed"), (39999, "undelivered")])
async def test_not_delivered(line, twilio, error, status):
    """A staff message or guidance that did not arrive alarms staff, whatever the code; an ordinary answer does not."""
    await met(line, twilio)
    twilio.ends[ANA] = (status, error)
    await twilio.text(ANA, "what is methadone?")
    await until(lambda: reported(line), status)
    assert await line.alarms() == []
    await line.staff_says(ANA, "hello")
    await until(lambda: alarmed(line))
    await twilio.text(ANA, OVERDOSE)
    await until(lambda: levels(line), ["possible", "acute", "acute"])


async def levels(line):
    await asyncio.sleep(0.05)
    return [alarm.level for alarm in await line.alarms()]


async def test_reports_in_any_order(line, twilio):
    """Of reports that come in any order, twice, or for nothing, the highest stays."""
    twilio.reordered = True
    await twilio.text(ANA, "how long does detox take?")
    await until(lambda: len(twilio.to(ANA)) == 2)
    await twilio.settled()
    for fields in ({"MessageSid": "SM0", "MessageStatus": "failed"}, {}, {"MessageSid": twilio.messages[0].sid},
                   {"MessageSid": twilio.messages[0].sid, "MessageStatus": "nonsense", "ErrorCode": "x"}):
        assert (await twilio.post("/sms/status?delivery=999999", fields)).status_code == 204

    assert [row.status for row in await line.deliveries()] == ["delivered"] * 2


async def test_order(line, twilio):
    """Many messages to one number leave in the order in which they were stored, also past a failure."""
    await met(line, twilio)
    twilio.faults.extend([Fault(code=20500), Fault(), Fault(code=20429), Fault(), Fault(cut=True, taken=True)])
    for number in range(8):
        await line.staff_says(ANA, f"message {number}")
    await until(lambda: len(twilio.to(ANA)) == 10)

    assert twilio.to(ANA)[2:] == [f"Maria, staff: message {number}" for number in range(8)]


async def test_long_message(line, twilio):
    """Only what carriers do not take whole is divided, at the end of a sentence, each part under its own report."""
    await met(line, twilio)
    text = " ".join(f"This is sentence number {number} of a very long message." for number in range(36))[:1600]
    await line.staff_says(ANA, text)
    await until(lambda: len(twilio.to(ANA)) == 4)
    first, second = twilio.to(ANA)[2:]

    assert first.endswith(".") and second.startswith("This")
    assert f"{first} {second}" == f"Maria, staff: {text}"
    assert len({row.sid for row in await line.deliveries()}) == 4


async def test_switchboard_killed_in_a_call(tmp_path, twilio, assistant, monkeypatch):
    """A claim that a dead switchboard left is looked up at Twilio: what went out is not sent again, the rest is."""
    monkeypatch.setattr(outbox, "LEASE_MS", 3000)
    settings = settings_for(tmp_path, twilio, assistant.port)
    async with running(settings, twilio) as line:
        for number in (ANA, BEN):
            await met(line, twilio, number)
        conversation = await line.conversation(ANA), await line.conversation(BEN)
    async with running(settings, twilio) as line:  # what a killed one leaves: claimed rows and nothing said
        await line.parts.line.outbox.close()
        twilio.reports = False
        twilio._take(ANA, OURS, "Maria, staff: went out", "outbound-api", "")
        async with line.parts.record.write() as tx:
            for place, text in zip(conversation, ("went out", "did not"), strict=True):
                await conversations.add(tx, place, Message("staff", text, name="Maria"))
            await tx.execute(sms_deliveries.update().where(sms_deliveries.c.state == "queued")
                             .values(state="sending", claimed_at=now()))
    async with running(settings, twilio) as line:
        await until(lambda: settled(line))

    assert twilio.to(ANA)[2:] == ["Maria, staff: went out"]
    assert twilio.to(BEN)[2:] == ["Maria, staff: did not"]


async def test_two_switchboards(tmp_path, twilio, assistant, monkeypatch):
    """Two switchboards on one record send each text once."""
    monkeypatch.setattr(records, "BUSY_SECONDS", SECONDS)
    settings = settings_for(tmp_path, twilio, assistant.port)
    async with running(settings, twilio) as first, running(settings, twilio) as second:
        await met(first, twilio)
        for number in range(10):
            await first.staff_says(ANA, f"message {number}")
            second.parts.line.outbox.wake()
        await until(lambda: len(twilio.to(ANA)) >= 12)
        await until(lambda: settled(first))

    assert twilio.to(ANA)[2:] == [f"Maria, staff: message {number}" for number in range(10)]


async def test_old_texts_are_not_sent(line, twilio, monkeypatch):
    """What could not be sent for hours is not sent any more; staff hear of it."""
    await met(line, twilio)
    monkeypatch.setattr(outbox, "USEFUL_MS", -1)
    await line.staff_says(ANA, "hello")
    await until(lambda: state(line), "expired")

    assert twilio.calls == []
    assert [alarm.kind for alarm in await line.alarms()] == ["text_not_sent"]


async def test_another_secret(tmp_path, twilio, assistant):
    """With another HAVEN_NUMBER_SECRET nothing goes to a wrong number: it is refused, and staff hear of it."""
    from dataclasses import replace

    settings = settings_for(tmp_path, twilio, assistant.port)
    async with running(settings, twilio) as line:
        await met(line, twilio)
        conversation = await line.conversation(ANA)
    async with running(replace(settings, number_secret="another"), twilio) as line:
        async with line.parts.record.write() as tx:
            await conversations.add(tx, conversation, Message("staff", "hello", name="Maria"))
        await until(lambda: state(line), "refused")
        assert [alarm.kind for alarm in await line.alarms()] == ["text_not_sent"]

    assert twilio.calls == []


async def test_erased(line, twilio):
    """What is erased does not go out any more, and its rows are gone."""
    await met(line, twilio)
    twilio.faults.append(Fault(code=20429, retry_after=4))
    await line.staff_says(ANA, "hello")
    await until(lambda: len(twilio.calls) == 1)
    async with line.parts.record.write() as tx:
        await conversations.erase(tx, await line.conversation(ANA))
    await asyncio.sleep(4.5)

    assert await line.deliveries() == []
    assert len(twilio.calls) == 1


async def test_messaging_service(tmp_path, twilio, assistant):
    """Where a messaging service is named, texts leave through it."""
    from dataclasses import replace

    service = "MG" + "0" * 32
    settings = replace(settings_for(tmp_path, twilio, assistant.port), sms_from=service)
    async with running(settings, twilio):
        await twilio.text(ANA, "how long does detox take?")
        await until(lambda: len(twilio.to(ANA)) == 2)

    assert twilio.calls[0][1]["MessagingServiceSid"] == service
    assert "From" not in twilio.calls[0][1]
    assert TOKEN not in str(twilio.calls)


async def test_it_stops_at_any_moment(tmp_path, twilio, assistant):
    """Wherever it stands between two looks when its switchboard stops, it ends."""
    async with running(settings_for(tmp_path, twilio, assistant.port), twilio) as line:
        sender = line.parts.line.outbox
        await ended(sender)
        for steps in range(20):
            sender.start()
            await asyncio.sleep(2 * outbox.GAP_SECONDS)  # it has looked, and waits to be woken
            sender.wake()
            for _ in range(steps):
                await asyncio.sleep(0)
            await ended(sender)


async def ended(sender):
    sender._task.cancel()
    assert await asyncio.wait([sender._task], timeout=SECONDS) == ({sender._task}, set())
