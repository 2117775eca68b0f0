"""What every answer carries: policies against hostile pages, nothing personal in a cache, cookies out of reach."""

from __future__ import annotations

import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sanic import Sanic

from haven.settings import load_settings
from switchboard import accounts
from switchboard.app import create_app
from switchboard.security import MAX_HEADERS, MAX_REQUEST
from tests.security.conftest import raw
from tests.security.test_matrix import MATRIX, Cast, cast, table
from tests.switchboard.conftest import known
from tests.switchboard.console.conftest import PASSWORD, Console
from tests.waiting import SECONDS

__all__ = ["cast"]

FILES = ("/widget/<name>", "/staff/static/<name>", "/")  # what anybody may keep: nothing of a person is in it


@pytest.mark.parametrize(("method", "path"), table(MATRIX), ids=lambda value: value)
async def test_every_answer_is_closed_to_hostile_pages(cast: Cast, method: str, path: str) -> None:
    """On every route, for nobody and for a supervisor, the policies stand, and what is personal is never kept."""
    for role in ("nobody", "visitor", "super"):
        headers = await cast.headers(role, method, path)
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == ("no-cache" if path in FILES else "no-store")
        if not headers.get("content-type", "").startswith("text/javascript"):
            policy = headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
            assert "unsafe" not in policy and "*" not in policy
        assert "server" not in headers and "x-powered-by" not in headers


@pytest.mark.parametrize("request_", [
    b"GARBAGE\r\n\r\n", b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"PUT /chat/messages HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /chat/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
], ids=["garbage", "404", "405", "413"])
async def test_errors_carry_the_same(console: Console, request_: bytes) -> None:
    """An answer that no route made has the same policies."""
    answer = (await raw(console.url, request_)).lower()
    assert b"nosniff" in answer and b"frame-ancestors 'none'" in answer and b"cache-control: no-store" in answer


async def test_sizes_are_bounded(console: Console) -> None:
    """16 KB on the website's interface, 64 KB everywhere, 8 KB of headers: more is refused before it is read."""
    visitor = await console.visitor()
    body = b'{"client_id": "1", "text": "' + b"x" * 16_400 + b'"}'
    assert (await visitor.http.post("/chat/messages", content=body)).status_code == 413
    for path in ("/staff/login", "/sms/inbound", "/chat/conversations"):
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_REQUEST + 1}\r\n\r\n"
        assert (await raw(console.url, head.encode())).split()[1] == b"413"
    head = b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * MAX_HEADERS + b"\r\n\r\n"
    assert (await raw(console.url, head)).split()[1] in (b"413", b"431")


@pytest_asyncio.fixture(loop_scope="session")
async def secure(tmp_path: Any) -> AsyncIterator[tuple[Sanic, str]]:
    """A switchboard that is told it stands behind HTTPS."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path), "HAVEN_SECURE_COOKIES": "1"}), assistant_port=1,
                       actions_port=1)
    app = create_app(settings, name=f"secure_{uuid.uuid4().hex[:8]}", knowledge=known())
    app.config.TOUCHUP = False
    listening = socket.create_server(("127.0.0.1", 0))
    server = await app.create_server(sock=listening, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.before_start()
    await server.after_start()
    yield app, f"http://127.0.0.1:{listening.getsockname()[1]}"
    await server.before_stop()
    server.close()
    await server.after_stop()
    Sanic.unregister_app(app)


async def test_behind_https_cookies_and_browsers_are_bound_to_it(secure: tuple[Sanic, str]) -> None:
    """Every cookie is __Host-, Secure, HttpOnly and SameSite; HSTS is on every answer; a plain cookie opens nothing."""
    app, url = secure
    async with app.ctx.parts.record.write() as tx:
        await accounts.add(tx, login="anna", name="Anna", role="staff", must_change=False,
                           password=await accounts.hashed(PASSWORD))
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as http:
        answer = await http.post("/staff/login", data={"login": "anna", "password": PASSWORD})
        given = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
        assert len(given) == 2
        for cookie in given:
            assert cookie.startswith("__Host-haven_") and "Path=/;" in cookie + ";" and "Domain" not in cookie
            assert "Secure" in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie
        token = next(cookie for cookie in given if "haven_staff" in cookie).partition("=")[2].partition(";")[0]
        for path in ("/", "/health", "/widget/haven.js", "/staff/login", "/nothing"):
            assert (await http.get(path)).headers["strict-transport-security"] == "max-age=31536000"
    for name, status in (("__Host-haven_staff", 200), ("haven_staff", 303), ("__Secure-haven_staff", 303)):
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=SECONDS) as http:
            assert (await http.get("/staff/", headers={"Cookie": f"{name}={token}"})).status_code == status


async def test_without_https_no_browser_is_told_of_it(console: Console) -> None:
    """On plain HTTP no HSTS is sent, which would lock a centre out of its own page."""
    assert "strict-transport-security" not in (await console.client().get("/health")).headers
