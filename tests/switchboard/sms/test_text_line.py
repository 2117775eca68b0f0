"""switchboard.console.text_line: staff see the masked number, what failed, who opted out, and confirm a number."""

from __future__ import annotations

import re

import httpx
import pytest

from switchboard import accounts
from switchboard.console.cookies import SESSION
from switchboard.sms import contacts
from tests.switchboard.sms.conftest import ANA, until
from tests.switchboard.sms.test_opt_outs import held, say
from tests.waiting import SECONDS

PASSWORD = "quiet river at night"


class Nurse:
    """A member of staff who is signed in, without script."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def page(self, path: str) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, **fields: str) -> httpx.Response:
        csrf = re.search(r'name="csrf" value="([^"]+)"', await self.page("/staff/texts"))
        return await self.http.post(path, data={"csrf": csrf[1], **fields})


@pytest.fixture
async def nurse(line):
    async with line.parts.record.write() as tx:
        await accounts.add(tx, login="maria", name="Maria Lopez", role="staff", must_change=False,
                           password=await accounts.hashed(PASSWORD))
    async with httpx.AsyncClient(base_url=line.url, timeout=SECONDS, trust_env=False) as http:
        await http.get("/staff/login")
        page = (await http.get("/staff/login")).text
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        await http.post("/staff/login", data={**fields, "login": "maria", "password": PASSWORD})
        assert http.cookies.get(SESSION)
        yield Nurse(http)


async def test_the_number_is_masked(line, twilio, nurse):
    """A conversation by text shows the number's last two digits; who says why sees it, once, and that is logged."""
    await say(line, twilio, "how long does detox take?")
    path = f"/staff/conversations/{(await line.conversation(ANA)).id}"
    page = await nurse.page(path)
    assert "*****42" in page and "5550142" not in page and "Last text: delivered" in page

    assert ANA in (await nurse.send(f"{path}/number", reason="calling back")).text
    assert ANA not in await nurse.page(path)
    assert (await nurse.send(f"{path}/number", reason="")).status_code == 400


async def test_a_sealed_conversation(line, twilio, nurse):
    """A sealed conversation says so; a confirmation with its reason lets what is written from then on go out."""
    await say(line, twilio, "how long does detox take?")
    old = (await line.conversation(ANA)).id
    await say(line, twilio, "wrong number")
    page = await nurse.page(f"/staff/conversations/{old}")
    assert "may be somebody else" in page
    assert "wrong number" in await nurse.page("/staff/texts")
    await nurse.send(f"/staff/conversations/{old}/claim")
    await nurse.send(f"/staff/conversations/{old}/reply", text="how was your detox?", client_id="a")
    await until(lambda: held(line, old))
    answer = await nurse.send(f"/staff/conversations/{old}/same-person", reason="I called her")
    assert answer.status_code == 303
    async with line.parts.record.read() as connection:
        assert not await contacts.is_sealed(connection, old)

    assert "number is not confirmed" in await nurse.page("/staff/texts")
    assert not any("your detox" in text for text in twilio.to(ANA))


async def test_opted_out(line, twilio, nurse):
    """Staff see that a number has opted out, in the conversation and in the list."""
    await say(line, twilio, "how long does detox take?", "STOP")
    page = await nurse.page(f"/staff/conversations/{(await line.conversation(ANA)).id}")

    assert "has opted out of texts" in page and "Offer a check-in" not in page
    assert "carrier word" in await nurse.page("/staff/texts")


async def test_offer_a_check_in(line, twilio, nurse):
    """A check-in offered at the console goes out, and what was agreed stands on the page."""
    await say(line, twilio, "how long does detox take?")
    conversation = (await line.conversation(ANA)).id
    await nurse.send(f"/staff/conversations/{conversation}/check-in")
    await until(lambda: "check-in text tomorrow" in twilio.to(ANA)[-1])
    await say(line, twilio, "1 at 6 pm")

    assert "asked for by the visitor" in await nurse.page("/staff/texts")
    assert "Check-in:" in await nurse.page(f"/staff/conversations/{conversation}")


async def test_not_by_text(line, nurse):
    """A visitor on the website has no number and gets no check-in by text."""
    from switchboard import conversations

    async with line.parts.record.write() as tx:
        visitor = await conversations.begin(tx, channel="widget", language="en")
    for action in ("number", "check-in"):
        assert (await nurse.send(f"/staff/conversations/{visitor.id}/{action}", reason="x")).status_code == 400


async def test_signed_out(line, twilio):
    """Nobody sees any of it without signing in."""
    await say(line, twilio, "how long does detox take?")
    conversation = (await line.conversation(ANA)).id
    async with httpx.AsyncClient(base_url=line.url, timeout=SECONDS, trust_env=False) as http:
        assert (await http.get("/staff/texts")).status_code == 303
        for action in ("number", "same-person", "check-in"):
            assert (await http.post(f"/staff/conversations/{conversation}/{action}")).status_code == 401
