"""The text line on each kind of record: the same way in and out on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from switchboard import conversations
from tests.switchboard.sms.conftest import ANA, BEN, running, settings_for, until
from tests.switchboard.sms.test_inbound import OVERDOSE, answered
from tests.switchboard.sms.test_opt_outs import days_pass, say


async def test_the_whole_way(database, tmp_path, twilio, assistant):
    """Repeats at once, danger, a stranger, an opt-out, a check-in and an erasure, on either kind of record."""
    assistant.answer = lambda asked: {"replies": [{"text": f"You asked: {asked['text']}",
                                                   "response": "utter_faq/FAQ-001"}]}
    settings = replace(settings_for(tmp_path, twilio, assistant.port), database_url=database)
    async with running(settings, twilio) as line:
        await asyncio.gather(*(twilio.text(ANA, "how long does detox take?", sid="SM1") for _ in range(5)),
                             *(twilio.text(BEN, f"question {n}?", sid=f"SMB{n}") for n in range(3)))
        assert len(await answered(twilio, ANA, 2)) == 2
        assert len(await answered(twilio, BEN, 4)) == 4
        assert len(await line.conversations(BEN)) == 1
        answer = await twilio.text(BEN, OVERDOSE)
        assert "CALL 911 NOW" in answer.text
        await line.staff_says(BEN, "hello")
        await until(lambda: "Maria, staff: hello" in twilio.to(BEN))
        assert "tomorrow at 6:00 PM" in (await say(line, twilio, "check in with me tomorrow at 6 pm"))[0]
        await days_pass(line, 31)
        await say(line, twilio, "hello there?")
        assert len(await line.conversations(ANA)) == 2
        await say(line, twilio, "STOP")
        assert await say(line, twilio, "what is methadone?") == []
        async with line.parts.record.write() as tx:
            await conversations.erase(tx, await line.conversation(ANA))
        answer = await twilio.text(ANA, "how long does detox take?", sid="SM1")
        assert answer.status_code == 200 and "<Message" not in answer.text
