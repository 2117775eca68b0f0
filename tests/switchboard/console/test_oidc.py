"""Sign-in by OpenID Connect against a real provider on this machine: the way in, and every way that stays shut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from joserfc.jwk import RSAKey

from switchboard import accounts
from switchboard.console.oidc import Provider as Ours
from switchboard.records.tables import audit, staff
from tests.switchboard.console.conftest import PASSWORD, Console, Staffer
from tests.switchboard.console.oidc_provider import Client, Provider, serve, tampered
from tests.waiting import SECONDS


@pytest_asyncio.fixture(loop_scope="session")
async def provider(console: Console) -> AsyncIterator[Provider]:
    """The provider, known to the console."""
    made = Provider()
    server = serve(made)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    redirect = f"{console.url}/staff/oidc/back"
    made.client = Client(redirect)
    console.app.ctx.oidc = Ours(made.issuer, "haven", "between us", redirect)
    yield made
    console.app.ctx.oidc = None
    server.shutdown()
    server.server_close()


async def known(console: Console, **values: Any) -> Staffer:
    """Anna, whose address a supervisor has written down."""
    anna = await console.account("Anna")
    async with console.parts.record.write() as tx:
        await tx.execute(staff.update().where(staff.c.email == "anna@centre.example").values(email=None))
        await accounts.set_email(tx, anna.id, "Anna@Centre.example ")
        if values:
            await tx.execute(staff.update().where(staff.c.id == anna.id).values(**values))
    return anna


async def to_provider(http: httpx.AsyncClient, path: str = "/staff/oidc/") -> str:
    """As far as the provider sends the browser back."""
    begun = await http.get(path)
    assert begun.status_code == 303, begun.text
    assert "code_challenge_method=S256" in begun.headers["location"] and "nonce=" in begun.headers["location"]
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as elsewhere:
        return (await elsewhere.get(begun.headers["location"])).headers["location"]


async def is_in(http: httpx.AsyncClient) -> bool:
    return (await http.get("/staff/")).status_code == 200


async def test_an_account_with_this_address_is_signed_in_and_led_on(console: Console, provider: Provider) -> None:
    """The login page offers it, the person is in, the log says how, and the page asked for comes next."""
    anna = await known(console)
    assert "Sign in with your centre" in (await anna.http.get("/staff/login")).text
    entered = await anna.http.get(await to_provider(anna.http, "/staff/oidc/?next=/staff/callbacks"))
    assert entered.status_code == 200 and "url=/staff/callbacks" in entered.text
    cookies = [value for name, value in entered.headers.multi_items() if name == "set-cookie"]
    session = next(cookie for cookie in cookies if cookie.startswith("haven_staff="))
    assert "HttpOnly" in session and "SameSite=Strict" in session
    assert await is_in(anna.http)
    async with console.parts.record.read() as connection:
        rows = (await connection.execute(sa.select(audit).where(audit.c.staff == anna.id))).all()
    assert [(row.action, row.detail) for row in rows] == [("sign_in", "by the centre's provider")]


async def test_a_one_time_password_that_was_never_used_ends_with_it(console: Console, provider: Provider) -> None:
    """Whoever signs in by the provider is not asked for a password, and the slip of paper opens nothing."""
    anna = await known(console, must_change=True)
    await anna.http.get(await to_provider(anna.http))
    assert await is_in(anna.http)
    other = console.client()
    assert (await other.post("/staff/login", data={"login": anna.login, "password": PASSWORD})).status_code == 401


@pytest.mark.parametrize("user", [
    {"email": "nobody@centre.example", "email_verified": True}, {"email": "anna@centre.example"},
    {"email": "anna@centre.example", "email_verified": False}, {"email": "anna@centre.example", "email_verified": "1"},
    {"email_verified": True}, {"email": ["anna@centre.example"], "email_verified": True},
])
async def test_an_address_that_is_unknown_or_not_verified_opens_nothing(
    console: Console, provider: Provider, user: dict[str, Any]
) -> None:
    """Nobody gets an account by signing in, and nobody gets another's."""
    anna = await known(console)
    provider.user = {"sub": "1", **user}
    answer = await anna.http.get(await to_provider(anna.http))
    assert answer.status_code in (403, 502) and "haven_staff" not in anna.http.cookies
    assert not await is_in(anna.http)


async def test_a_closed_account_stays_closed(console: Console, provider: Provider) -> None:
    """The provider may not know yet that somebody has left."""
    anna = await known(console, disabled_at=1)
    answer = await anna.http.get(await to_provider(anna.http))
    assert answer.status_code == 403 and "Ask a supervisor" in answer.text and not await is_in(anna.http)


@pytest.mark.parametrize("lie", [
    {"nonce": "another"}, {"aud": ["somebody else"]}, {"iss": "https://elsewhere.example"}, {"exp": 1},
    {"iat": 4102444800, "nbf": 4102444800}, {"at_hash": "x"}, {"azp": "somebody else"},
])
async def test_an_id_token_that_does_not_hold_opens_nothing(
    console: Console, provider: Provider, lie: dict[str, Any]
) -> None:
    """Nonce, audience, issuer, times and the hash of the access token are all looked at."""
    anna = await known(console)
    provider.lie = lie
    answer = await anna.http.get(await to_provider(anna.http))
    assert answer.status_code == 502 and "sign in with your password" in answer.text
    assert not await is_in(anna.http)


async def test_a_token_signed_with_another_key_opens_nothing(console: Console, provider: Provider) -> None:
    """Only the keys the provider publishes count."""
    anna = await known(console)
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    answer = await anna.http.get(await to_provider(anna.http))
    assert answer.status_code == 502 and not await is_in(anna.http)


async def test_an_answer_for_another_browser_or_a_second_time_opens_nothing(
    console: Console, provider: Provider
) -> None:
    """State and code belong to the browser that began, and count once."""
    anna = await known(console)
    address = await to_provider(anna.http)
    thief = console.client()
    assert (await thief.get(address)).status_code == 502
    assert (await anna.http.get(tampered(address, state="x" * 43))).status_code == 502
    assert (await anna.http.get(address)).status_code == 200
    again = console.client()
    again.cookies = anna.http.cookies
    assert (await again.get(address)).status_code == 502


async def test_a_code_that_was_made_up_or_denied_opens_nothing(console: Console, provider: Provider) -> None:
    """The provider refuses the code, or sends an error back."""
    anna = await known(console)
    assert (await anna.http.get(tampered(await to_provider(anna.http), code="made up"))).status_code == 502
    address = await to_provider(anna.http)
    state = address.partition("state=")[2].partition("&")[0]
    denied = await anna.http.get(f"/staff/oidc/back?error=access_denied&state={state}")
    assert denied.status_code == 502 and not await is_in(anna.http)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.sleep(30)
    finally:
        writer.close()


async def _babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<not>json")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("behave", [None, _silent, _babbling], ids=["refuses", "hangs", "babbles"])
async def test_a_provider_that_is_down_leaves_the_password(
    console: Console, behave: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The login page comes back with a sentence, soon, and the password still works."""
    monkeypatch.setattr("switchboard.console.oidc.PATIENCE", 0.3)
    server = await asyncio.start_server(behave or _silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if behave is None:
        server.close()
    console.app.ctx.oidc = Ours(f"http://127.0.0.1:{port}", "haven", "x", f"{console.url}/staff/oidc/back")
    try:
        anna = await console.account("Anna")
        answer = await anna.http.get("/staff/oidc/")
        assert answer.status_code == 502 and "sign in with your password" in answer.text
        assert (await anna.sign_in()).status_code == 303
    finally:
        console.app.ctx.oidc = None
        server.close()


async def test_without_settings_there_is_no_such_way_in(console: Console) -> None:
    """No button, and its address leads back to the login page."""
    http = console.client()
    assert "Sign in with your centre" not in (await http.get("/staff/login")).text
    assert (await http.get("/staff/oidc/")).status_code == 404
    assert (await http.get("/staff/oidc/back?code=x&state=y")).status_code == 502


async def test_a_supervisor_writes_an_address_down_and_no_two_share_one(console: Console) -> None:
    """Nonsense and a second account with the same address are refused."""
    carla, anna, ben = (await console.person("Carla", role="supervisor"), await console.person("Anna"),
                        await console.person("Ben"))
    assert (await carla.do(f"people/{anna.id}/email", email="a.w@centre.example")).status_code == 200
    assert (await carla.do(f"people/{ben.id}/email", email="A.W@centre.example")).status_code == 400
    assert (await carla.do(f"people/{ben.id}/email", email="no address")).status_code == 400
    assert (await carla.do(f"people/{ben.id}/email", email="")).status_code == 200
    assert (await anna.do(f"people/{anna.id}/email", email="x@y.zz")).status_code == 403
