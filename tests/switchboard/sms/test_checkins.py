"""switchboard.sms.checkins: who wants a check-in gets it at their hour, once, and one word ends it."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from switchboard.records.record import now
from switchboard.records.tables import sms_checkins
from switchboard.sms import checkins
from tests.switchboard.sms.conftest import ANA, BEN, until
from tests.switchboard.sms.test_opt_outs import days_pass, logs, say

OVERDOSE = "my son is blue and wont wake up"


async def offered(line, twilio):
    await say(line, twilio, "how long does detox take?")
    conversation = await line.conversation(ANA)
    async with line.parts.record.write() as tx:
        await line.parts.line.checkins.offer(tx, conversation, None)
    line.parts.streams.wake("console")
    await until(lambda: "check-in text tomorrow" in twilio.to(ANA)[-1])


async def newest(line):
    rows = await line.rows(sa.select(sms_checkins).order_by(sms_checkins.c.id))
    return rows[-1] if rows else None


def tomorrow(hour, minute=0, zone="America/Chicago", days=1):
    day = datetime.now(ZoneInfo(zone)).date() + timedelta(days=days)
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


async def make_due(line, ago=1000):
    """The hour has come."""
    row = await newest(line)
    async with line.parts.record.write() as tx:
        await tx.execute(sms_checkins.update().where(sms_checkins.c.id == row.id).values(due_at=now() - ago))
        made = await line.parts.line.checkins.make_due(tx)
    line.parts.streams.wake("console")
    return made


@pytest.mark.parametrize(("text", "hour"), [
    ("1", (10, 0)), ("yes", (10, 0)), ("1 at 6 pm", (18, 0)), ("1, 6:30pm", (18, 30)), ("ok at 9", (9, 0)),
    ("1 at 5", (17, 0)), ("1 a las 6 pm", (18, 0)), ("sure at 8 pm", (20, 0)), ("1 at 12", (12, 0)),
])
async def test_agreed(line, twilio, text, hour):
    """A yes, with or without an hour, sets the next day's check-in in the number's own time zone, and says so."""
    await offered(line, twilio)
    got = await say(line, twilio, text)
    row = await newest(line)

    assert (row.state, row.zone, row.due_at) == ("agreed", "America/Chicago", tomorrow(*hour))
    assert "tomorrow at" in got[0] and "Chicago time" in got[0]
    assert any("asked for a check-in" in entry for entry in await logs(line))


@pytest.mark.parametrize("text", ["1 at 3 am", "1 at 11 pm", "1 at 8:30 pm"])
async def test_not_at_night(line, twilio, text):
    """Nobody is texted at night: another hour is asked for, and then taken."""
    await offered(line, twilio)
    assert "between 9 AM and 8 PM" in (await say(line, twilio, text))[0]
    await say(line, twilio, "1 at 10 am")
    assert (await newest(line)).due_at == tomorrow(10)


async def test_declined(line, twilio, assistant):
    """A no is a no, and not a question for the bot."""
    await offered(line, twilio)
    asked = len(assistant.asked)
    assert "no check-in" in (await say(line, twilio, "no thanks"))[0]
    assert (await newest(line)).state == "ended"
    assert len(assistant.asked) == asked


async def test_made_once(line, twilio):
    """It is made once when it is due, says nothing of the subject, and any answer is all that comes of it."""
    await offered(line, twilio)
    await say(line, twilio, "1 at 6 pm")
    assert len(await make_due(line)) == 1
    async with line.parts.record.write() as tx:
        assert await line.parts.line.checkins.make_due(tx) == []
    await until(lambda: "the check-in you asked for" in twilio.to(ANA)[-1])
    assert not any(word in twilio.to(ANA)[-1].lower() for word in ("recovery", "opioid", "use", "drug", "haven"))
    assert await say(line, twilio, "im doing ok i guess?") == ["Auto: You asked: im doing ok i guess?"]
    assert (await newest(line)).state == "ended"


async def test_one_word_ends_it(line, twilio):
    """DONE ends it, before and after it was made."""
    await offered(line, twilio)
    await say(line, twilio, "1")
    assert "no check-in" in (await say(line, twilio, "done"))[0]
    assert await make_due(line) == []


async def test_again(line, twilio, monkeypatch):
    """AGAIN sets one more, at the same hour of the next day."""
    await offered(line, twilio)
    await say(line, twilio, "1 at 6 pm")
    monkeypatch.setattr(checkins, "LATE_MS", 3 * 86_400_000)
    await make_due(line, ago=now() - tomorrow(18, days=-1))  # not by hours: a day may have 23 or 25
    await until(lambda: "the check-in you asked for" in twilio.to(ANA)[-1])
    await say(line, twilio, "again")
    row = await newest(line)

    assert row.state == "agreed"
    assert row.due_at == tomorrow(18)


async def test_asked_for(line, twilio):
    """Somebody may ask for one without being offered it."""
    got = await say(line, twilio, "check in with me tomorrow", number=ANA)
    assert "check-in text tomorrow" in got[-1]
    got = await say(line, twilio, "can you check in tomorrow at 4 pm")
    assert "tomorrow at 4:00 PM" in got[-1]


async def test_danger_goes_first(line, twilio):
    """Danger in answer to the offer is danger."""
    await offered(line, twilio)
    assert "CALL 911 NOW" in (await say(line, twilio, OVERDOSE))[0]


async def test_not_to_strangers_or_who_opted_out(line, twilio):
    """An opt-out or a stranger at the number ends every check-in."""
    await offered(line, twilio)
    await say(line, twilio, "1", "STOP")
    assert (await newest(line)).state == "ended"
    await say(line, twilio, "START", "check in with me tomorrow", "1")
    assert (await newest(line)).state == "agreed"
    await days_pass(line, 31)
    await say(line, twilio, "hello?")
    assert (await newest(line)).state == "ended"


async def test_too_late(line, twilio):
    """A check-in that fell into a stop of the switchboard is made the next day, not in the night."""
    await offered(line, twilio)
    await say(line, twilio, "1")
    assert await make_due(line, ago=3 * 3_600_000) == []
    row = await newest(line)
    assert row.state == "agreed" and row.due_at > now()


async def test_yes_without_an_offer_is_talk(line, twilio):
    """A bare number or yes that answers something else goes to the bot."""
    await say(line, twilio, "how long does detox take?")
    assert await say(line, twilio, "1") == ["Auto: You asked: 1"]


async def test_zone(line):
    """The number's area says the time zone; where it does not, the centre's own counts."""
    from switchboard.sms.checkins import zone_of

    centre = line.parts.centre
    assert zone_of(BEN, centre).key == "America/Los_Angeles"
    assert zone_of("+18005550100", centre) == zone_of("nonsense", centre) == centre.hours.zone
