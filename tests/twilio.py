"""A stand-in for Twilio: a real HTTP server that takes, refuses, delays and lists messages as Twilio's does, and a
caller that signs, repeats and reorders its requests to us as Twilio does.

What we send is held against Twilio's published description of the Messages resource where that file is at hand
(DESCRIPTIONS), and against the rules of its documentation in any case.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

import httpx
from twilio.request_validator import RequestValidator

from haven.gsm import segments

ROOT = Path(__file__).resolve().parent.parent
NAME = "twilio_messages_openapi.json"
DESCRIPTIONS = (Path(os.environ.get("TWILIO_OPENAPI", "")), ROOT / "tests" / "references" / NAME,
                ROOT.parent / "shared" / "references" / NAME)
ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN, OLD_TOKEN = "token of the stand-in", "token before the change"
OURS = "+16155550100"
PUBLIC, SECOND_PUBLIC = "https://chat.centre.example", "https://other.centre.example/haven"
STOP_WORDS = {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
START_WORDS = {"start", "yes", "unstop"}

# Twilio's own error bodies (its documentation, "Error and Warning Dictionary").
ERRORS = {
    20003: (401, "Authenticate"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    21211: (400, "Invalid 'To' Phone Number: {to}"),
    21602: (400, "A text message body or media urls must be specified."),
    21603: (400, "A 'From' phone number is required."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
}


def description() -> Path | None:
    """Where Twilio's published description of Messages is, or None."""
    return next((path for path in DESCRIPTIONS if path.is_file()), None)


@dataclass
class Sent:
    """A message the stand-in took."""

    sid: str
    to: str
    sender: str
    body: str
    direction: str
    made: datetime
    status: str = "queued"
    error: int | None = None
    callback: str = ""
    at: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        """The message as the Messages resource shows it."""
        made = format_datetime(self.made)
        return {
            "sid": self.sid, "account_sid": ACCOUNT, "to": self.to, "from": self.sender, "body": self.body,
            "direction": self.direction, "status": self.status, "error_code": self.error, "error_message": None,
            "num_segments": str(segments(self.body)), "num_media": "0", "date_created": made, "date_updated": made,
            "date_sent": None if self.status == "queued" else made, "api_version": "2010-04-01",
            "messaging_service_sid": None, "price": None, "price_unit": "USD", "subresource_uris": {},
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{self.sid}.json",
        }


@dataclass
class Fault:
    """How the next call goes wrong, once `hold` is set. `taken`: the message is taken all the same. `cut`: the line
    breaks."""

    code: int | None = None
    delay: float = 0.0
    hold: asyncio.Event | None = None
    taken: bool = False
    cut: bool = False
    raw: bytes | None = None
    retry_after: int | None = None


@dataclass
class Twilio:
    """One account with one number."""

    api: str = ""
    switchboard: str = ""
    messages: list[Sent] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    opted_out: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)  # what we sent that the description does not allow
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    ends: dict[str, tuple[str, int | None]] = field(default_factory=dict)  # number -> last status and its error
    resources: dict[str, Any] = field(default_factory=dict)  # what else of the account can be asked for
    reordered: bool = False
    reports: bool = True
    token: str = TOKEN
    timeout: float = 15.0
    strict: bool = True  # hold every request against the description
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def __aenter__(self) -> Twilio:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.api = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        self.http = httpx.AsyncClient(timeout=httpx.Timeout(self.timeout, connect=5.0), trust_env=False)
        path = description() if self.strict else None
        self.held_against = _openapi(path) if path else None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settled()
        self.server.close()
        self.server.close_clients()
        await self.http.aclose()

    # -- what phones do -----------------------------------------------------------------------------------------

    async def text(self, number: str, body: str, *, sid: str = "", **more: str) -> httpx.Response:
        """A phone texts us: Twilio calls the switchboard, acts on what it answers, and on carrier words by itself."""
        word = body.strip().lower()
        if word in STOP_WORDS:
            self.opted_out.add(number)
        if word in START_WORDS:
            self.opted_out.discard(number)
        fields = self.fields(number, body, sid=sid or f"SM{secrets.token_hex(16)}", **more)
        for attempt in (1, 2):  # rc=1: one more try when there was no answer
            try:
                response = await self.post("/sms/inbound", fields)
                break
            except httpx.TransportError:
                if attempt == 2:
                    raise
        if response.status_code == 200:
            self._act_on(response.text, number)
        return response

    def fields(self, number: str, body: str, *, sid: str, **more: str) -> dict[str, str]:
        """The fields of an inbound text, blank ones among them."""
        return {
            "ToCountry": "US", "ToState": "TN", "SmsMessageSid": sid, "NumMedia": "0", "ToCity": "", "FromZip": "",
            "SmsSid": sid, "FromState": "", "SmsStatus": "received", "FromCity": "", "Body": body,
            "FromCountry": "US", "To": OURS, "ToZip": "37201", "NumSegments": "1", "MessageSid": sid,
            "AccountSid": ACCOUNT, "From": number, "ApiVersion": "2010-04-01", **more,
        }

    async def post(
        self, path: str, fields: dict[str, str], *, public: str = PUBLIC, token: str = "", signature: str | None = None
    ) -> httpx.Response:
        """One signed request to the switchboard under one of its public addresses."""
        good = RequestValidator(token or self.token).compute_signature(public + path, fields)
        return await self.http.post(self.switchboard + path, content=urlencode(fields), headers={
            "Content-Type": "application/x-www-form-urlencoded", "Host": "internal.example",
            "X-Twilio-Signature": good if signature is None else signature, "User-Agent": "TwilioProxy/1.1"})

    def to(self, number: str) -> list[str]:
        """Everything a phone got, in order."""
        return [m.body for m in self.messages if m.to == number and m.status not in ("failed", "undelivered")]

    async def settled(self) -> None:
        """Every report has been made."""
        while self.tasks:
            await asyncio.gather(*self.tasks, return_exceptions=True)
            await asyncio.sleep(0)  # ended tasks are gathered without a pause: let them take themselves off the list

    # -- what Twilio does -----------------------------------------------------------------------------------------

    def _act_on(self, twiml: str, number: str) -> None:
        for element in ElementTree.fromstring(twiml):  # noqa: S314 (our own answer)
            if number not in self.opted_out:
                self._take(number, OURS, element.text or "", "outbound-reply", element.get("statusCallback", ""))

    def _take(self, to: str, sender: str, body: str, direction: str, callback: str) -> Sent:
        message = Sent(f"SM{secrets.token_hex(16)}", to, sender, body, direction, datetime.now(timezone.utc),
                       callback=callback)
        self.messages.append(message)
        if callback and self.reports:
            task = asyncio.create_task(self._report(message))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return message

    async def _report(self, message: Sent) -> None:
        """Queued, sent and what became of it; not always in that order."""
        last, error = self.ends.get(message.to, ("delivered", None))
        states = ["queued", "sent", last]
        address = urlsplit(message.callback)
        assert message.callback.startswith(PUBLIC), message.callback
        for state in reversed(states) if self.reordered else states:
            message.status = last if self.reordered else state
            fields = {"MessageSid": message.sid, "SmsSid": message.sid, "MessageStatus": state, "SmsStatus": state,
                      "To": message.to, "From": message.sender, "AccountSid": ACCOUNT, "ApiVersion": "2010-04-01",
                      **({"ErrorCode": str(error)} if error and state == last else {})}
            message.error = error if state == last else message.error
            await self.post(f"{address.path}?{address.query}", fields)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request after the other on a kept connection; a cut one breaks off without an answer."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line.split(":")[1]) for line in head.splitlines()
                               if line.lower().startswith("content-length:")), 0)
                body = await reader.readexactly(length)
                answer = await self._answer(head, body)
                if answer is None:
                    return
                status, raw, more = answer
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                             f"{more}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _answer(self, head: str, body: bytes) -> tuple[int, bytes, str] | None:
        method, target, _ = head.splitlines()[0].split(" ")
        authorization = re.search(r"^authorization: basic (\S+)", head, re.I | re.M)
        known = authorization and base64.b64decode(authorization[1]).decode() == f"{ACCOUNT}:{self.token}"
        if not known:
            return _error(20003)
        url = urlsplit(target)
        self._hold(method, url, head, body)
        if method == "GET":
            if url.path in self.resources:
                return 200, json.dumps(self.resources[url.path]).encode(), ""
            return self._list(url.query) if url.path.endswith("/Messages.json") else (404, b"{}", "")
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.calls.append((target, fields))
        return await self._create(fields)

    async def _create(self, fields: dict[str, str]) -> tuple[int, bytes, str] | None:
        fault = self.faults.popleft() if self.faults else Fault()
        await asyncio.sleep(fault.delay)
        if fault.hold:
            await fault.hold.wait()
        failed = fault.code or fault.cut or fault.raw is not None
        refusal = None if failed and not fault.taken else self._refusal(fields)
        if refusal:
            return _error(refusal, to=fields.get("To", ""))
        message = None
        if not failed or fault.taken:
            message = self._take(fields["To"], fields.get("From", OURS), fields["Body"], "outbound-api",
                                 fields.get("StatusCallback", ""))
        if fault.cut:
            return None
        if fault.raw is not None:
            return 201, fault.raw, ""
        if fault.code or message is None:
            return _error(fault.code or 20500, retry_after=fault.retry_after)
        return 201, json.dumps(message.as_json()).encode(), ""

    def _refusal(self, fields: dict[str, str]) -> int | None:
        if not fields.get("Body"):
            return 21602
        if len(fields["Body"].encode("utf-16-le")) // 2 > 1600:
            return 21617
        if not (fields.get("From") or fields.get("MessagingServiceSid")):
            return 21603
        if not re.fullmatch(r"\+[1-9]\d{6,14}", fields.get("To", "")):
            return 21211
        return 21610 if fields["To"] in self.opted_out else None

    def _list(self, query: str) -> tuple[int, bytes, str]:
        if self.faults and self.faults[0].code == 20500:
            self.faults.popleft()
            return _error(20500)
        to = parse_qs(query).get("To", [""])[0]
        found = [m.as_json() for m in reversed(self.messages) if m.to == to]
        return 200, json.dumps({"messages": found, "page": 0, "page_size": 50}).encode(), ""

    def _hold(self, method: str, url: Any, head: str, body: bytes) -> None:
        """Note what the description does not allow."""
        if self.held_against is None or not url.path.endswith("Messages.json"):
            return
        try:
            self.held_against.validate_request(_Request(method, url, head, body))
        except Exception as error:
            self.wrong.append(f"{method} {url.path}: {error!r} {error.__cause__!r}")


def _error(code: int, *, to: str = "", retry_after: int | None = None) -> tuple[int, bytes, str]:
    status, message = ERRORS[code]
    body = {"code": code, "message": message.format(to=to), "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status}
    return status, json.dumps(body).encode(), f"Retry-After: {retry_after}\r\n" if retry_after else ""


def _openapi(path: Path) -> Any:
    from openapi_core import OpenAPI

    return OpenAPI.from_dict(json.loads(path.read_text(encoding="utf-8")))


class _Request:
    """A request as openapi-core reads one, at the address that the description names."""

    def __init__(self, method: str, url: Any, head: str, body: bytes) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        headers = [line.partition(": ")[::2] for line in head.splitlines()[1:] if ": " in line]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(url.query)), header=Headers(headers), cookie=ImmutableMultiDict(),
            path={})
        self.host_url, self.path, self.method = "https://api.twilio.com", url.path, method.lower()
        self.body = body or None
        self.content_type = next((v for k, v in headers if k.lower() == "content-type"), "").partition(";")[0]
