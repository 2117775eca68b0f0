"""A small OpenID Connect provider, made with Authlib's own server side, on a port of this machine.

It signs in whoever a test says, and can be made to lie.
"""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import RSAKey


class Client(ClientMixin):
    """The one client: this Haven."""

    def __init__(self, redirect: str) -> None:
        self.redirect = redirect

    def get_client_id(self) -> str:
        return "haven"

    def get_default_redirect_uri(self) -> str:
        return self.redirect

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == "between us"

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class Code:
    """One authorization code, as Authlib asks of it."""

    def __init__(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        self.code, self.user = code, request.user
        self.redirect_uri, self.scope = data.get("redirect_uri"), data.get("scope")
        self.nonce = data.get("nonce")
        self.code_challenge, self.code_challenge_method = data.get("code_challenge"), data.get("code_challenge_method")

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Provider(AuthorizationServer):
    """The provider; `user` is who signs in, `lie` changes what its ID token says."""

    def __init__(self) -> None:
        super().__init__(scopes_supported=["openid", "email"])
        self.issuer = ""
        self.user: dict[str, Any] = {"sub": "1", "email": "anna@centre.example", "email_verified": True}
        self.lie: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.signs_with = self.key
        self.codes: dict[str, Code] = {}
        self.client: Client | None = None
        self.register_grant(_grant(self), [CodeChallenge(required=True), _OpenID(self)])
        self.register_token_generator("default", lambda **_: {
            "token_type": "Bearer", "access_token": "an-access-token", "scope": "openid email", "expires_in": 60})

    def query_client(self, client_id: str) -> Client | None:
        return self.client if client_id == "haven" else None

    def save_token(self, token: Any, request: Any) -> None:
        return None

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        return None

    def create_oauth2_request(self, request: tuple[str, str, Any, dict[str, str]]) -> OAuth2Request:
        """`request` is (method, address, headers, values of query or form)."""
        if isinstance(request, OAuth2Request):
            return request
        method, address, headers, values = request
        made = _Request(method, address, headers=headers)
        made.payload = BasicOAuth2Payload(values)
        made._form = values
        return made

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers


class _Request(OAuth2Request):
    @property
    def args(self) -> dict[str, str]:
        return self._form

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _OpenID(OpenIDCode):
    def __init__(self, provider: Provider) -> None:
        super().__init__(require_nonce=True)
        self._provider = provider

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return any(code.nonce == nonce for code in self._provider.codes.values())

    def get_client_claims(self, client: Any) -> dict[str, Any]:
        return {"iss": self._provider.issuer, "aud": ["haven"]}

    def get_client_algorithm(self, client: Any) -> str:
        return "RS256"

    def get_encode_header(self, client: Any) -> dict[str, str]:
        return {"alg": "RS256", "kid": "one"}

    def resolve_client_private_key(self, client: Any) -> Any:
        return self._provider.signs_with

    def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
        return UserInfo(**{**user, **self._provider.lie})


def _grant(provider: Provider) -> type[AuthorizationCodeGrant]:
    class Grant(AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012

        def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
            provider.codes[code] = Code(code, request)

        def query_authorization_code(self, code: str, client: Any) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> Any:
            return authorization_code.user

    return Grant


def _asked(provider: Provider, raw: Any) -> tuple[int, Any, Any]:
    request = provider.create_oauth2_request(raw)
    try:
        grant = provider.get_consent_grant(request, end_user=provider.user)
    except OAuth2Error as error:
        return provider.handle_error_response(request, error)
    answer: tuple[int, Any, Any] = provider.create_authorization_response(request, provider.user, grant)
    return answer


def serve(provider: Provider) -> ThreadingHTTPServer:
    """The provider's pages on a free port: description, keys, sign-in without a form, tokens."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, at = urlsplit(self.path).path, provider.issuer
            if path == "/authorize":
                request = ("GET", at + self.path, self.headers, dict(parse_qsl(urlsplit(self.path).query)))
                self._answer(*_asked(provider, request))
            elif path == "/keys":
                self._answer(200, {"keys": [provider.key.as_dict(private=False)]}, [])
            else:
                self._answer(200, {"issuer": at, "authorization_endpoint": f"{at}/authorize",
                                   "token_endpoint": f"{at}/token", "jwks_uri": f"{at}/keys"}, [])

        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["content-length"])).decode()
            request = ("POST", provider.issuer + self.path, self.headers, dict(parse_qsl(form)))
            self._answer(*provider.create_token_response(request))

        def _answer(self, status: int, body: Any, headers: Any) -> None:
            raw = json.dumps(body).encode() if isinstance(body, dict) else (body or "").encode()
            self.send_response(status)
            for name, value in {**dict(headers), "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    return server


def tampered(address: str, **values: str) -> str:
    """An address with other values in its query."""
    path, _, query = address.partition("?")
    pairs = dict(pair.split("=", 1) for pair in query.split("&"))
    return f"{path}?{urlencode({**pairs, **values})}"
