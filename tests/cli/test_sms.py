"""`bin/haven sms check`: what is set up wrong is named, at Twilio and at our own door; nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from click.testing import CliRunner

from cli import sms
from tests.twilio import ACCOUNT, OURS, TOKEN, Twilio

ACCOUNT_PATH = f"/2010-04-01/Accounts/{ACCOUNT}.json"
NUMBERS_PATH = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json"
SERVICE = "MG" + "a" * 32


class Door:
    """Our own door, and the static fallback, as they look from outside."""

    def __init__(self) -> None:
        self.signed, self.unsigned, self.fallback = 204, 403, "<Response><Message>In danger: 911</Message></Response>"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line.split(":")[1]) for line in head.splitlines()
                       if line.lower().startswith("content-length:")), 0)
        await reader.readexactly(length)
        raw = self.fallback.encode() if head.startswith("GET") else b""
        status = 200 if raw else self.signed if "twilio-signature" in head.lower() else self.unsigned
        more = b"" if status == 204 else b"Content-Length: %d\r\n" % len(raw)
        writer.write(b"HTTP/1.1 %d X\r\nConnection: close\r\n%s\r\n" % (status, more) + raw)
        await writer.drain()
        writer.close()


@pytest.fixture
async def set_up(tmp_path) -> AsyncIterator[tuple]:
    """Everything as it should be."""
    from haven.settings import load_settings

    door = Door()
    server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Twilio() as twilio:
        twilio.resources = {
            ACCOUNT_PATH: {"status": "active"},
            NUMBERS_PATH: {"incoming_phone_numbers": [
                {"sms_url": f"{address}/sms/inbound#rc=2&rp=all", "sms_fallback_url": f"{address}/fallback"}]},
            f"/v1/Services/{SERVICE}": {"inbound_request_url": f"{address}/sms/inbound",
                                        "fallback_url": f"{address}/fallback"}}
        settings = load_settings({
            "HAVEN_HOME": str(tmp_path), "HAVEN_SMS_ACCOUNT": ACCOUNT, "HAVEN_SMS_TOKENS": "x", "HAVEN_SMS_FROM": OURS,
            "HAVEN_SMS_ADDRESSES": address, "HAVEN_SMS_API": twilio.api})
        yield replace(settings, sms_tokens=(TOKEN,)), twilio, door
        assert not twilio.messages
    server.close()


async def faults(settings):
    found = await asyncio.to_thread(lambda: list(sms.look(settings)))
    return [finding.what for finding in found if finding.kind == "FAULT" and "is not https" not in finding.what]


async def test_all_is_well(set_up):
    """With a number or with a messaging service, what is right is no fault (but for https, which a test has not)."""
    settings, _, _ = set_up
    assert await faults(settings) == []
    assert await faults(replace(settings, sms_from=SERVICE)) == []


@pytest.mark.parametrize(("spoil", "said"), [
    (lambda s, t, d: (replace(s, sms_account="AC1"), t, d), "not AC and 32 digits"),
    (lambda s, t, d: (replace(s, sms_from="our number"), t, d), "neither a number"),
    (lambda s, t, d: (replace(s, sms_tokens=("wrong",)), t, d), "Twilio refuses it"),
    (lambda s, t, d: (replace(s, sms_api="http://127.0.0.1:9"), t, d), "Twilio cannot be reached"),
    (lambda s, t, d: (replace(s, sms_addresses=("http://127.0.0.1:9",)), t, d), "cannot be reached from here"),
    (lambda s, t, d: t.resources.update({NUMBERS_PATH: {"incoming_phone_numbers": []}}), "is not in this account"),
    (lambda s, t, d: t.resources.update({NUMBERS_PATH: {"incoming_phone_numbers": [
        {"sms_url": "https://demo.example/x", "sms_fallback_url": ""}]}}), "it must be http"),
    (lambda s, t, d: t.resources.update({NUMBERS_PATH: {"incoming_phone_numbers": [
        {"sms_url": "https://demo.example/x", "sms_fallback_url": ""}]}}), "no fallback address"),
    (lambda s, t, d: t.resources.update({ACCOUNT_PATH: {"status": "suspended"}}), "the account is suspended"),
    (lambda s, t, d: setattr(d, "fallback", "hello"), "does not name 911"),
    (lambda s, t, d: setattr(d, "signed", 403), "answers 403 to a signed request"),
    (lambda s, t, d: setattr(d, "unsigned", 204), "answers 204 without signature"),
], ids=range(12))
async def test_a_fault_is_named(set_up, spoil, said):
    """Each thing that would lose texts is named in a sentence."""
    changed = spoil(*set_up)
    settings = changed[0] if isinstance(changed, tuple) else set_up[0]

    assert any(said in fault for fault in await faults(settings)), await faults(settings)


async def test_an_old_token(set_up):
    """A second token that Twilio no longer knows is worth a note, not a fault."""
    settings, _, _ = set_up
    assert await faults(replace(settings, sms_tokens=(TOKEN, "old"))) == []


def test_not_set_up(tmp_path, monkeypatch):
    """Without settings the command says so and fails; half of them stop every command with a sentence."""
    monkeypatch.setenv("HAVEN_HOME", str(tmp_path))
    run = CliRunner().invoke(sms.command, ["check"])
    assert run.exit_code == 1 and "not set up" in run.output
    monkeypatch.setenv("HAVEN_SMS_ACCOUNT", ACCOUNT)
    run = CliRunner().invoke(sms.command, ["check"])
    assert "HAVEN_SMS_FROM is missing" in str(run.exception)
