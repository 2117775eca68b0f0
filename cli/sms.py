"""`bin/haven sms`: checks that text messages are set up as Haven needs them, at Twilio and here."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import click
import httpx
from twilio.request_validator import RequestValidator

from haven.settings import Settings, load_settings

TIMEOUT = 10.0
ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
SERVICE = re.compile(r"MG[0-9a-f]{32}")
NUMBER = re.compile(r"\+[1-9]\d{6,14}|\d{5,6}")
NOBODY = "SM" + "0" * 32  # a message that does not exist


@click.group("sms")
def command() -> None:
    """Text messages."""


@command.command()
def check() -> None:
    """Look at the settings, at Twilio, and at our own door; name every fault. Sends no text."""
    findings = list(look(load_settings()))
    for finding in findings:
        click.echo(str(finding))
    faults = sum(finding.kind == "FAULT" for finding in findings)
    click.echo(f"{faults} fault(s).")
    sys.exit(1 if faults else 0)


@dataclass(frozen=True)
class Finding:
    """One thing looked at: "ok", "note" (worth knowing) or "FAULT" (texts will be lost or refused)."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind:>5}  {self.what}"


def look(settings: Settings) -> Iterator[Finding]:
    """Everything that was found, in the order in which it was looked at."""
    if not settings.has_sms:
        yield Finding("FAULT", "HAVEN_SMS_ACCOUNT is empty: text messages are not set up. See docs/sms.md.")
        return
    yield from _forms(settings)
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as http:
        yield from _tokens(http, settings)
        yield from _sender(http, settings)
        for address in settings.sms_addresses:
            yield from _door(http, settings, address)


def _forms(s: Settings) -> Iterator[Finding]:
    sender = SERVICE.fullmatch(s.sms_from) or NUMBER.fullmatch(s.sms_from)
    yield _is(bool(ACCOUNT.fullmatch(s.sms_account)), "the account looks like one",
              "HAVEN_SMS_ACCOUNT is not AC and 32 digits")
    yield _is(bool(sender), "texts leave from a number or service",
              "HAVEN_SMS_FROM is neither a number like +16155550100 nor MG and 32 digits")
    for address in s.sms_addresses:
        yield _is(address.startswith("https://"), f"{address} is reached by TLS",
                  f"{address} is not https: anybody on the way could read the texts")


def _tokens(http: httpx.Client, s: Settings) -> Iterator[Finding]:
    """Whether Twilio knows each token; the first must be good, since texts are sent with it."""
    for place, token in enumerate(s.sms_tokens, 1):
        status, account = _get(http, f"{s.sms_api}/2010-04-01/Accounts/{s.sms_account}.json", s, token=token)
        if status == 200:
            yield _is(account.get("status", "active") == "active", f"Twilio knows token {place}",
                      f"the account is {account.get('status')}")
        else:
            kind = "FAULT" if place == 1 else "note"
            yield Finding(kind, f"token {place} of HAVEN_SMS_TOKENS: {_why(status)}")


def _sender(http: httpx.Client, s: Settings) -> Iterator[Finding]:
    """Where Twilio brings texts to, and what answers when we do not."""
    if SERVICE.fullmatch(s.sms_from):
        base = s.sms_api.replace("//api.", "//messaging.")
        status, found = _get(http, f"{base}/v1/Services/{s.sms_from}", s)
        if found.get("use_inbound_webhook_on_number"):
            yield Finding("note", "the service leaves texts to each number's own settings; look at those too")
        names = ("inbound_request_url", "fallback_url")
    else:
        query = urlencode({"PhoneNumber": s.sms_from})
        url = f"{s.sms_api}/2010-04-01/Accounts/{s.sms_account}/IncomingPhoneNumbers.json?{query}"
        status, listed = _get(http, url, s)
        found = next(iter(listed.get("incoming_phone_numbers") or [{}]), {})
        names = ("sms_url", "sms_fallback_url")
    if status != 200 or not found:
        yield Finding("FAULT", f"{s.sms_from} is not in this account ({_why(status)})")
        return
    yield from _addresses(http, s, found.get(names[0]) or "", found.get(names[1]) or "")


def _addresses(http: httpx.Client, s: Settings, inbound: str, fallback: str) -> Iterator[Finding]:
    wanted = [f"{address}/sms/inbound" for address in s.sms_addresses]
    yield _is(inbound.partition("#")[0].partition("?")[0] in wanted, f"Twilio brings texts to {inbound}",
              f"Twilio brings texts to {inbound or 'nobody'}; it must be {' or '.join(wanted)}")
    if not fallback:
        yield Finding("FAULT", "no fallback address: with this switchboard down, a text gets no answer at all")
        return
    try:
        answer = http.get(fallback)
        yield _is(answer.status_code == 200 and "911" in answer.text, f"the fallback {fallback} answers with 911",
                  f"the fallback {fallback} answers {answer.status_code} and does not name 911")
    except httpx.HTTPError as error:
        yield Finding("FAULT", f"the fallback {fallback} cannot be reached: {type(error).__name__}")


def _door(http: httpx.Client, s: Settings, address: str) -> Iterator[Finding]:
    """Our own door from outside: a signed report is taken, an unsigned one refused."""
    fields = {"MessageSid": NOBODY, "MessageStatus": "queued"}
    url = f"{address}/sms/status"
    good = RequestValidator(s.sms_tokens[0]).compute_signature(url, fields)
    try:
        signed = http.post(url, data=fields, headers={"X-Twilio-Signature": good}).status_code
        unsigned = http.post(url, data=fields).status_code
    except httpx.HTTPError as error:
        yield Finding("FAULT", f"{address} cannot be reached from here: {type(error).__name__}")
        return
    yield _is(signed == 204, f"{address} takes what Twilio signs",
              f"{address} answers {signed} to a signed request: is it this switchboard, with these settings?")
    yield _is(unsigned == 403, f"{address} refuses what nobody signed",
              f"{address} answers {unsigned} without signature")


def _get(http: httpx.Client, url: str, s: Settings, *, token: str = "") -> tuple[int, dict[str, Any]]:
    """Status and object; status 0 when nobody answered, and no object when it is none."""
    try:
        answer = http.get(url, auth=(s.sms_account, token or s.sms_tokens[0]))
        found = answer.json()
        return answer.status_code, found if isinstance(found, dict) else {}
    except httpx.HTTPError:
        return 0, {}
    except ValueError:
        return answer.status_code, {}


def _why(status: int) -> str:
    return {0: "Twilio cannot be reached", 401: "Twilio refuses it", 404: "Twilio does not know it",
            200: "nothing was found"}.get(status, f"Twilio answers {status}")  # fmt: skip


def _is(good: bool, ok: str, fault: str) -> Finding:
    return Finding("ok", ok) if good else Finding("FAULT", fault)
