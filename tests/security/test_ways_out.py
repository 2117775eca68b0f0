"""Ways out of where a request belongs: other files, other hosts, other headers, commands to Rasa."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from typing import Any

import pytest

from haven.text import clean, without_command
from tests.security.conftest import raw
from tests.switchboard.console.conftest import PASSWORD, Console
from tests.switchboard.sms.conftest import ANA, until
from tests.twilio import PUBLIC

FOLDERS = ("/widget/", "/staff/static/", "/")
CLIMBS = ("../README.md", "..%2fREADME.md", "..%2f..%2fhaven%2fsettings.py", "%2e%2e/README.md", "..\\README.md",
          "..%5c..%5cREADME.md", "%252e%252e%252fREADME.md", "....//README.md", "/etc/passwd", "%2fetc%2fpasswd",
          "haven.js%00.html", "src", "src/main.js", "README.md", "pack.py", ".", "..",
          "%c0%ae%c0%ae/README.md")  # fmt: skip
COMMANDS = ("/restart", "/session_start", "/faq/FAQ-001", "/crisis{\"a\": 1}", "//restart", " /restart", "\n/back",
            "／restart", "\u200b/restart", "/\u202erestart", "/greet@0.9", "/ /restart")  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("climb", CLIMBS)
async def test_no_path_reaches_another_file(console: Console, folder: str, climb: str) -> None:
    """Dots, slashes and their encodings lead to nothing: only files that were read at the start are ever served."""
    answer = await raw(console.url, f"GET {folder}{climb} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    status = answer.split()[1]
    assert status in (b"404", b"400", b"405") or (status == b"200" and b"<title>" in answer and folder != "/widget/")
    for secret in (b"root:", b"SETTINGS", b"Two commands", b"import ", b"def "):
        assert secret not in answer


@pytest.mark.parametrize("goal", ["//elsewhere.example", "https://elsewhere.example", "/staff//elsewhere.example",
                                  "/staff/\\elsewhere.example", "javascript:alert(1)", "/staff/../chat",
                                  "/staff/\r\nSet-Cookie: x=1", "/staff/\r\n\r\n<script>",
                                  "/staff/%0d%0aX-A: 1"])  # fmt: skip
async def test_after_the_login_nobody_is_sent_elsewhere(console: Console, goal: str) -> None:
    """The page to go on to is one of the console's, and no line of it becomes a header."""
    anna = await console.account("Anna")
    answer = await console.client().post("/staff/login", data={
        "login": anna.login, "password": PASSWORD, "next": goal})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/staff/") and "//" not in answer.headers["location"]
    assert ".." not in answer.headers["location"]
    assert "\r" not in answer.headers["location"] and "x-a" not in answer.headers
    assert not [value for value in answer.headers.get_list("set-cookie") if not value.startswith("haven_")]


@pytest.mark.parametrize("host", ["elsewhere.example", "elsewhere.example:80", "", "x\"><script>", "x@e.example"])
async def test_the_host_header_is_believed_by_nobody(console: Console, host: str) -> None:
    """No answer is built from the name a caller claims to have reached: no redirect, no page, no address."""
    for path in ("/", "/staff/", "/staff/login", "/nothing"):
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-Host: {host}\r\n\r\n"
        answer = await raw(console.url, head.encode())
        assert b"elsewhere" not in answer and b"e.example" not in answer and b'"><script>' not in answer


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_reaches_rasa(command: str) -> None:
    """Whatever hides the slash, what Rasa reads begins with none."""
    assert not without_command(clean(command)).startswith("/")


async def test_commands_are_plain_words_on_both_ways_in(
    console: Console, line: Any, twilio: Any, assistant: Any
) -> None:
    """By chat and by text a command is stored as it was typed and changes nothing; a choice nobody offered is none."""
    visitor = await console.visitor()
    for number, command in enumerate(COMMANDS[:6]):
        answer = await visitor.http.post("/chat/messages", json={
            "client_id": str(number), "text": command, "choice": "faq/FAQ-001"})
        assert answer.status_code == 201 and answer.json()["message"].get("choice") is None
        response = await twilio.text(ANA, command)
        assert response.status_code == 200
        await until(lambda before=number: len(assistant.asked) > before)  # short texts that wait become one turn
    assert all(asked.get("choice") is None for asked in assistant.asked)
    assert len([m for m in await line.said(ANA) if m.author == "visitor"]) == 6


async def test_links_in_texts_are_never_fetched(line: Any, twilio: Any) -> None:
    """A picture's address, wherever it points, is not asked for: nothing connects to it."""
    asked: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    trap = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{trap.sockets[0].getsockname()[1]}/secret"
    try:
        for body in ("look", "", f"see {url}", "he is not breathing"):
            await twilio.text(ANA, body, NumMedia="2", MediaUrl0=url, MediaUrl1="file:///etc/passwd",
                              MediaContentType0="image/png")
        await asyncio.sleep(0.5)
    finally:
        trap.close()
    assert asked == []


async def test_a_replayed_text_is_stored_once(line: Any, twilio: Any) -> None:
    """Somebody who recorded a signed request sends it again and again: one message; whatever they change is refused."""
    fields = twilio.fields(ANA, "what is naloxone", sid=f"SM{secrets.token_hex(16)}")
    for _ in range(4):
        assert (await twilio.post("/sms/inbound", fields)).status_code == 200
    assert len([m for m in await line.said(ANA) if m.author == "visitor"]) == 1
    from twilio.request_validator import RequestValidator

    signed = RequestValidator(twilio.token).compute_signature(f"{PUBLIC}/sms/inbound", fields)
    for change in ({"Body": "other words"}, {"From": "+16155550199"}, {"MessageSid": "SM" + uuid.uuid4().hex}):
        assert (await twilio.post("/sms/inbound", {**fields, **change}, signature=signed)).status_code == 403
    assert (await twilio.post("/sms/status", fields, signature=signed)).status_code == 403
