"""Visitors' tokens and staff's sessions: what was stolen, forged, cut, kept or planted opens nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from itsdangerous import URLSafeTimedSerializer

from switchboard.sessions import Sessions
from tests.security.conftest import raw
from tests.switchboard.console.conftest import PASSWORD, Console

ROUTES = (("POST", "/chat/messages"), ("GET", "/chat/events"), ("POST", "/chat/feedback"), ("POST", "/chat/typing"),
          ("POST", "/chat/exit"), ("DELETE", "/chat/conversation"))


def forgeries(good: str, conversation_id: str) -> dict[str, str]:
    """Tokens that are none of ours, each made from a good one or in its likeness."""
    payload, moment, signature = good.split(".")
    other = base64.urlsafe_b64encode(json.dumps("0" * 32).encode()).decode().rstrip("=")
    return {
        "no secret": f"{payload}.{moment}.",
        "cut": good[:-1],
        "longer": good + "A",
        "another conversation": f"{other}.{moment}.{signature}",
        "another time": f"{payload}.zzzzzz.{signature}",
        "another secret": str(URLSafeTimedSerializer("guess", salt="visitor session").dumps(conversation_id)),
        "bare id": conversation_id,
        "none": "null", "empty": '""', "dots": "...", "long": "x" * 4000, "json": '{"conversation": 1}',
    }  # fmt: skip


async def test_a_forged_token_opens_nothing(console: Console) -> None:
    """On every route of the website's interface each forgery is refused with 401 and one shape of error."""
    visitor = await console.visitor("mine alone")
    good = visitor.http.headers["Authorization"].removeprefix("Bearer ")
    http = console.client()
    for name, token in forgeries(good, visitor.id).items():
        for method, path in ROUTES:
            answer = await http.request(method, path, headers={"Authorization": f"Bearer {token}"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "bad_token"), (name, path)
    assert await visitor.transcript()


async def test_what_we_sign_for_one_thing_opens_nothing_else(console: Console) -> None:
    """The same secret signs visitors' tokens, known browsers and sign-ins elsewhere; none stands for another."""
    secret = console.parts.settings.session_secret
    visitor = await console.visitor("mine alone")
    for salt in ("staff sign-in elsewhere", "known browser", "itsdangerous"):
        token = URLSafeTimedSerializer(secret, salt=salt).dumps(visitor.id)
        answer = await console.client().get("/chat/events", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401
    for value in (["a"], {"a": 1}, 7, None):
        token = URLSafeTimedSerializer(secret, salt="visitor session").dumps(value)
        answer = await console.client().get("/chat/events", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


async def test_a_token_ends_by_itself(console: Console, monkeypatch: Any) -> None:
    """After its days it is refused as expired, which the widget words kindly."""
    visitor = await console.visitor("mine alone")
    monkeypatch.setattr(console.parts.sessions, "seconds", -1)
    answer = await visitor.http.get("/chat/events")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "expired")


async def test_a_token_opens_its_own_conversation_alone(console: Console) -> None:
    """Two visitors: whatever either sends, rates, leaves or erases touches only what is theirs."""
    ana, ben = await console.visitor("ana's words"), await console.visitor("ben's words")
    await ben.say("more of ben")
    await ben.http.post("/chat/exit")
    assert "ben" not in str(await ana.transcript()) and "ana" not in str(await ben.transcript())
    for name in ("conversation", "conversation_id", "id", "token"):  # no field of a request chooses the conversation
        await ben.http.post("/chat/messages", params={name: ana.id}, json={
            name: ana.id, "client_id": f"by {name}", "text": "planted"})
    assert "planted" not in str(await ana.transcript())
    assert (await ben.http.delete("/chat/conversation")).status_code == 204
    assert await ana.transcript()
    assert (await ben.http.get("/chat/events")).status_code == 410


@pytest.mark.parametrize("header", [b"\xff\xfe", b"\xed\xa0\x80", "Bearer é".encode(), b"Bearer \xff", b"Basic eDp4"])
async def test_a_token_that_is_no_text_is_refused(console: Console, header: bytes) -> None:
    """Bytes that are no UTF-8 in a token or a cookie are a refusal, never an error of ours."""
    for name, path in ((b"Authorization", b"POST /chat/typing"), (b"Cookie", b"GET /staff/")):
        answer = await raw(console.url, path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + name + b": " + header
                           + b"\r\n\r\n")
        assert answer.split()[1] in (b"400", b"401", b"303"), answer


def test_tokens_do_not_tell_their_secret() -> None:
    """Two secrets never open each other's tokens, and no token holds the secret."""
    one, two = Sessions("a" * 43, days=7), Sessions("b" * 43, days=7)
    token = one.token_for("0" * 32)
    assert "a" * 10 not in token
    with pytest.raises(Exception, match="not one of ours"):
        two.conversation_of(f"Bearer {token}")


# -- staff ---------------------------------------------------------------------------------------------------------


async def test_a_planted_session_is_never_taken_over(console: Console) -> None:
    """Signing in gives a session of its own: a cookie that somebody planted before stays worth nothing."""
    anna = await console.account("Anna")
    for planted in ("planted", "a" * 43, ""):
        http = console.client()
        answer = await http.post("/staff/login", data={"login": anna.login, "password": PASSWORD},
                                 headers={"Cookie": f"haven_staff={planted}"})
        assert answer.status_code == 303 and http.cookies["haven_staff"] not in ("", planted)
        assert (await _as(console, planted)) == 303


async def test_signing_in_again_ends_the_session_before(console: Console) -> None:
    """Whoever copied the old cookie is out when its owner signs in anew; signing out ends the new one."""
    anna = await console.person("Anna")
    old = anna.http.cookies["haven_staff"]
    await anna.sign_in()
    new = anna.http.cookies["haven_staff"]
    assert old != new
    assert (await _as(console, old), await _as(console, new)) == (303, 200)
    await anna.do("logout")
    assert await _as(console, new) == 303


async def _as(console: Console, token: str) -> int:
    return (await console.client().get("/staff/", headers={"Cookie": f"haven_staff={token}"})).status_code
