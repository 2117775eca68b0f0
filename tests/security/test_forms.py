"""Requests that no browser of ours would send: without proof, from elsewhere, broken, or full of strange characters."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import pytest

from tests.security.conftest import raw
from tests.security.test_matrix import MATRIX, SENT, Cast, _filled, cast, table
from tests.switchboard.console.conftest import Console

__all__ = ["cast"]

FORMS = [path for method, path in table(MATRIX)
         if method == "POST" and path.startswith("/staff/") and "login" not in path]
FIELDS = (
    "to", "scene", "seq", "capacity", "email", "asked", "asked_as", "due", "what", "text", "note", "reason", "name",
    "login", "role", "time_zone", "monday", "holidays", "result", "secret", "client_id", "code", "language", "next",
)  # fmt: skip
STRANGE = ("²", "٣", "9" * 30, "9" * 5000, "0009", "-1", "1e9", "\0", "\ud7ff\ue000", "‮", "' OR 1=1 --", "{{7*7}}",
           "${7*7}", "../../etc/passwd", "%00", "\r\nSet-Cookie: x=1")


@pytest.mark.parametrize("path", FORMS)
async def test_no_form_is_taken_without_proof(cast: Cast, path: str) -> None:
    """Without the session's own token, with another's, or sent from elsewhere, every form of the console is refused."""
    person, other = cast.people["super"], cast.people["owner"]
    address = _filled(path, await cast.conversation(), await cast.row(path))
    for csrf, headers in (
        ("", {}), ("x" * 32, {}), (other.csrf, {}), ("é", {}), (person.csrf[:-1], {}),
        (person.csrf, {"Origin": "https://elsewhere.example"}), (person.csrf, {"Origin": "http://["}),
        (person.csrf, {"Sec-Fetch-Site": "cross-site"}), (person.csrf, {"Sec-Fetch-Site": "same-site"}),
        (person.csrf, {"Origin": f"{cast.console.url}.elsewhere.example"}),
    ):
        answer = await person.http.post(address, data={"csrf": csrf, **SENT.get(path, {})}, headers=headers)
        assert answer.status_code == 403, (csrf, headers)


@pytest.mark.parametrize("path", FORMS)
async def test_strange_values_are_refused_in_words(cast: Cast, path: str, caplog: Any) -> None:
    """Whatever stands in a form's fields, the answer is a page: never an error of ours."""
    if path in ("/staff/logout", "/staff/on-call/test"):
        return
    person = cast.people["super"]
    for value in STRANGE:
        address = _filled(path, await cast.conversation(), await cast.row(path))
        data = {"csrf": person.csrf, "password": "wrong", **dict.fromkeys(FIELDS, value)}
        if path == "/staff/authenticator":
            data = {"csrf": person.csrf, "secret": value}
        answer = await person.http.post(address, data=data)
        assert answer.status_code < 500, (value, answer.text[:200])
        assert "set-cookie" not in answer.headers or "x=1" not in answer.headers["set-cookie"]
    assert not [row for row in caplog.records if row.levelno >= logging.ERROR and row.name.startswith("switchboard")]


@pytest.mark.parametrize("address", ["conversations/{}", "callbacks/{}/done", "people/{}/close", "follow-ups/{}/done",
                                     "questions/drafts/{}/withdraw", "conversations/{}/claim"])
async def test_addresses_that_name_nothing(cast: Cast, address: str) -> None:
    """Numbers no database holds and names that are none lead to "nothing here", for staff who may look."""
    person = cast.people["super"]
    for value in ("9" * 30, "2147483648", "%00", "a%00b", "%ff", "x" * 500, "-1", "%e2%80%ae", "%C2%B2"):
        path = "/staff/" + address.format(value)
        answer = await (person.http.get(path) if address.count("/") == 1 and "claim" not in address
                        else person.http.post(path, data={"csrf": person.csrf}))
        assert answer.status_code < 500, path


BODIES = {
    "nothing": b"", "no json": b"{", "text": b'"text"', "list": b"[]", "null": b"null", "number": b"7",
    "deep lists": b"[" * 16_000, "deep objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000, "nan": b'{"text": NaN}',
    "huge number": b'{"seq": ' + b"9" * 5_000 + b', "helped": true}', "not utf-8": b'{"text": "\xff\xfe"}',
    "utf-16": '{"text": "hi"}'.encode("utf-16"), "lone surrogate": b'{"client_id": "1", "text": "\\ud800"}',
    "surrogate id": b'{"client_id": "\\ud800", "text": "hi"}', "nul id": b'{"client_id": "\\u0000", "text": "hi"}',
    "twice": b'{"client_id": "1", "client_id": ["2"], "text": "hi"}', "big seq": b'{"seq": 1e30, "helped": true}',
    "seq beyond": b'{"seq": 99999999999999999999, "helped": true}', "negative": b'{"seq": -1, "helped": true}',
    "language list": b'{"language": ["en"]}', "language object": b'{"language": {"a": 1}}', "bom": b"\xef\xbb\xbf{}",
    "form": b"client_id=1&text=hi", "multipart": b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--x--\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
async def test_broken_bodies_are_refused_in_one_shape(console: Console, name: str) -> None:
    """On every route of the website that reads one: a named error or an ordinary answer, whatever the type says."""
    visitor = await console.visitor()
    for path in ("/chat/conversations", "/chat/messages", "/chat/feedback", "/chat/typing", "/chat/exit"):
        for kind in ("application/json", "text/plain", "multipart/form-data", "application/json; charset=utf-16", "é"):
            answer = await visitor.http.post(path, content=BODIES[name], headers={"Content-Type": kind.encode()})
            assert answer.status_code < 500, (path, kind, answer.text)
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("field", ["client_id", "choice"])
async def test_danger_is_stored_and_answered_whatever_stands_beside_it(console: Console, field: str) -> None:
    """A strange id is refused before anything is said; beside a strange choice the guidance comes and is stored."""
    visitor = await console.visitor()
    for value in ("\ud800", "\0", "faq/../..", "x" * 64, "after/yes", "/restart"):
        body = {"client_id": uuid.uuid4().hex, "text": "he is not breathing", field: value}
        answer = await visitor.http.post("/chat/messages", content=json.dumps(body))
        assert answer.status_code in (200, 201, 400)
        if answer.status_code != 400:
            assert answer.json()["replies"][0]["kind"] == "guidance"
            assert answer.json()["message"]["seq"]


@pytest.mark.parametrize("request_", [
    b"POST /chat/typing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /chat/typing HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /chat/conversations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"GET /staff/conversations/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
    b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
], ids=["two lengths", "negative", "bad chunk", "bad path", "bad header", "version", "tls"])
async def test_what_is_no_http_is_refused(console: Console, request_: bytes) -> None:
    """Two lengths (smuggling), broken chunks, bytes in a path: 400 or a cut line, and the next caller is served."""
    answer = await raw(console.url, request_)
    assert answer == b"" or answer.split()[1] in (b"400", b"404", b"505")
    assert (await console.client().get("/health")).status_code == 200
