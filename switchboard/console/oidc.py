"""Sign-in with the centre's own OpenID Connect provider, for accounts that are there. Part of the console.

The authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1; RFC 7636). Whoever the
provider names is found by the verified e-mail address that a supervisor gave the account; nobody gets an account by
signing in.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc6749.errors import InsecureTransportError
from authlib.oidc.core import CodeIDToken
from itsdangerous import BadSignature, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, redirect

from haven.errors import HavenError
from haven.settings import Settings
from switchboard import accounts, audit
from switchboard.accounts import SignInFailed
from switchboard.clients import client_of
from switchboard.console import cookies, pages
from switchboard.console.entrance import end_old_session, login_form, next_page, signed_in
from switchboard.parts import parts_of
from switchboard.records.record import RecordUnavailable

logger = logging.getLogger(__name__)

COOKIE = "haven_oidc"
SECONDS = 600  # to sign in at the provider
PATIENCE = 5.0  # seconds for one answer of the provider
KEPT_SECONDS = 600.0  # how long its description and keys are kept
LEEWAY = 60  # seconds by which its clock may differ
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]  # never "none", never a shared secret

blueprint = Blueprint("console_oidc", url_prefix="/oidc")


class ProviderFailed(HavenError):
    """The provider could not be asked, or what it said does not hold; `why` is for the log."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__("The centre's sign-in did not work. Try again, or sign in with your password.")


@dataclass
class Provider:
    """One provider, asked for its addresses and keys when they are needed."""

    issuer: str
    client_id: str
    client_secret: str
    redirect: str
    _kept: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    async def begin(self, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in. Raises ProviderFailed."""
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                await self._address("authorization_endpoint"), state=state, code_verifier=verifier, nonce=nonce)
        return str(address)

    async def email(self, code: str, nonce: str, verifier: str) -> str:
        """The verified e-mail address of whoever signed in. Raises ProviderFailed."""
        token_endpoint = await self._address("token_endpoint")
        try:
            async with self._client() as client, asyncio.timeout(2 * PATIENCE):
                answer = await client.fetch_token(token_endpoint, code=code, code_verifier=verifier)
        except (OAuthError, httpx2.HTTPError, InsecureTransportError, TimeoutError, ValueError, TypeError) as error:
            raise ProviderFailed(f"no token: {type(error).__name__}") from error
        claims = await self._claims(str(answer.get("id_token") or ""), str(answer.get("access_token") or ""), nonce)
        if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
            raise ProviderFailed("no verified e-mail address")
        return str(claims["email"])

    async def _claims(self, id_token: str, access_token: str, nonce: str) -> dict[str, Any]:
        """What the ID token says, once its signature, issuer, audience, times and nonce hold."""
        try:
            token = jwt.decode(id_token, KeySet.import_key_set(await self._keys()), algorithms=ALGORITHMS)  # type: ignore[arg-type]
            claims = CodeIDToken(
                token.claims, token.header, params={"nonce": nonce, "client_id": self.client_id,
                                                    "access_token": access_token},
                options={"iss": {"essential": True, "value": self.issuer},
                         "aud": {"essential": True, "value": self.client_id}, "nonce": {"essential": True}})
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise ProviderFailed(f"the ID token does not hold: {type(error).__name__}") from error
        return dict(claims)

    async def _address(self, name: str) -> str:
        found = (await self._description()).get(name)
        if not isinstance(found, str) or found.partition(":")[0] != self.issuer.partition(":")[0]:
            raise ProviderFailed(f"its description has no usable {name}")
        return found

    async def _description(self) -> dict[str, Any]:
        found = await self._read(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise ProviderFailed("its description names another issuer")
        return found

    async def _keys(self) -> dict[str, Any]:
        return await self._read(await self._address("jwks_uri"))

    async def _read(self, address: str) -> dict[str, Any]:
        """A JSON object of the provider, kept for a while. Raises ProviderFailed."""
        read_at, found = self._kept.get(address, (float("-inf"), {}))
        if time.monotonic() - read_at < KEPT_SECONDS:
            return found
        try:
            async with httpx2.AsyncClient(timeout=PATIENCE, trust_env=False) as http, asyncio.timeout(2 * PATIENCE):
                answer = await http.get(address)
            found = answer.raise_for_status().json()
        except (httpx2.HTTPError, TimeoutError, ValueError) as error:
            raise ProviderFailed(f"{type(error).__name__} instead of its description or keys") from error
        if not isinstance(found, dict):
            raise ProviderFailed("its description or keys are no object")
        self._kept[address] = (time.monotonic(), found)
        return found

    def forget(self) -> None:
        """Ask anew next time: its keys may have changed."""
        self._kept.clear()

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self.client_id, client_secret=self.client_secret, redirect_uri=self.redirect,
            scope="openid email", code_challenge_method="S256", timeout=PATIENCE, trust_env=False)


def provider_of(settings: Settings) -> Provider | None:
    """The provider the settings name, or None."""
    if not (settings.oidc_issuer and settings.oidc_client):
        return None
    return Provider(settings.oidc_issuer, settings.oidc_client, settings.oidc_secret, settings.oidc_redirect)


@blueprint.before_server_start
async def prepare(app: Sanic[Any, Any]) -> None:
    app.ctx.oidc = None


@blueprint.listener("before_server_start", priority=-1)  # type: ignore[untyped-decorator]  # after the parts
async def know_provider(app: Sanic[Any, Any]) -> None:
    app.ctx.oidc = provider_of(app.ctx.parts.settings)


@blueprint.get("/")
async def begin(request: Request) -> HTTPResponse:
    """Send the browser to the provider; what must come back unchanged stays in a signed cookie."""
    provider: Provider | None = request.app.ctx.oidc
    if provider is None or not request.app.ctx.sign_in_pace.allows(client_of(request)):
        return login_form(request, said="This way to sign in is not open now.", status=404 if provider is None else 429)
    kept = {"state": generate_token(43), "nonce": generate_token(43), "verifier": generate_token(64),
            "next": request.args.get("next", "")}
    try:
        address = await provider.begin(kept["state"], kept["nonce"], kept["verifier"])
    except ProviderFailed as error:
        return _failed(request, error)
    answer = redirect(address, status=303)
    cookies.give(request, answer, COOKIE, str(_seal(request).dumps(kept)), seconds=SECONDS, path="/staff/oidc",
                 samesite="Lax")
    return answer


@blueprint.get("/back")
async def back(request: Request) -> HTTPResponse:
    """The provider sent the browser back: check everything, and sign the person in."""
    provider: Provider | None = request.app.ctx.oidc
    try:
        kept = _kept(request)
        if provider is None or not request.app.ctx.sign_in_pace.allows(client_of(request)):
            raise ProviderFailed("not open now")
        email = await provider.email(request.args.get("code", ""), kept["nonce"], kept["verifier"])
        token, person = await accounts.sign_in_by_email(parts_of(request).record, email)
    except (ProviderFailed, SignInFailed, RecordUnavailable) as error:
        if provider is not None:
            provider.forget()
        return _failed(request, error)
    async with parts_of(request).record.write() as tx:
        await audit.note(tx, "sign_in", person.id, detail="by the centre's provider")
    # A page, no redirect: the strict cookie is sent only when the way to the console begins at our own page.
    answer = pages.page(request, "entered.html", None, goal=quote(next_page(kept["next"], person), safe="/"))
    cookies.drop(request, answer, COOKIE, path="/staff/oidc")
    await end_old_session(request)
    return signed_in(request, answer, token)


def _kept(request: Request) -> dict[str, str]:
    """What this browser took along, if the answer belongs to it. Raises ProviderFailed."""
    try:
        kept: dict[str, str] = _seal(request).loads(cookies.read(request, COOKIE), max_age=SECONDS)
    except BadSignature as error:
        raise ProviderFailed("no sign-in was begun in this browser") from error
    if not hmac.compare_digest(kept["state"].encode(), request.args.get("state", "").encode()):
        raise ProviderFailed("the state is another one")
    return kept


def _seal(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts_of(request).settings.session_secret, salt="staff sign-in elsewhere")


def _failed(request: Request, error: HavenError) -> HTTPResponse:
    logger.warning("sign-in by the centre's provider: %s", getattr(error, "why", type(error).__name__))
    words = ("No open account has the e-mail address you signed in with. Ask a supervisor."
             if isinstance(error, SignInFailed) else str(error))
    return login_form(request, said=words, status=403 if isinstance(error, SignInFailed) else 502)
