"""The console's cookies: out of scripts' and other sites' reach, and bound to this host where there is HTTPS.

Part of the switchboard's console.
"""

from __future__ import annotations

import secrets

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sanic import Request
from sanic.cookies.response import SameSite
from sanic.response import HTTPResponse

from switchboard.parts import parts_of

SESSION = "haven_staff"
BROWSER = "haven_browser"
BROWSER_SECONDS = 180 * 86_400


def read(request: Request, name: str) -> str:
    """The value of a cookie that we gave, or an empty text."""
    return str(request.cookies.get(_called(request, name)) or "")


def give(
    request: Request, answer: HTTPResponse, name: str, value: str, *, seconds: int, path: str,
    samesite: SameSite = "Strict",
) -> None:
    """Set a cookie. Over HTTPS it is bound to this very host, so that no neighbour under the centre's domain sets one;
    such a cookie has no path (RFC 6265bis, 4.1.3.2)."""
    secure = _is_secure(request)
    answer.add_cookie(_called(request, name), value, path="/" if secure else path, httponly=True, samesite=samesite,
                      secure=secure, max_age=seconds)


def drop(request: Request, answer: HTTPResponse, name: str, *, path: str) -> None:
    """Let the browser forget a cookie."""
    give(request, answer, name, "", seconds=0, path=path)


# -- a browser that somebody has signed in with before ---------------------------------------------------------


def remember_browser(request: Request, answer: HTTPResponse, login: str) -> None:
    """Note that this login was signed in to in this browser: a lock that strangers cause does not count here."""
    mark = _seal(request).dumps([login.strip().lower(), secrets.token_urlsafe(9)])
    give(request, answer, BROWSER, str(mark), seconds=BROWSER_SECONDS, path="/staff/login")


def known_browser(request: Request, login: str) -> str:
    """What names this browser, if this login was signed in to in it before; else an empty text."""
    try:
        mark = _seal(request).loads(read(request, BROWSER), max_age=BROWSER_SECONDS)
    except BadSignature:
        return ""
    return str(mark[1]) if mark[0] == login.strip().lower() else ""


def _seal(request: Request) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts_of(request).settings.session_secret, salt="known browser")


def _called(request: Request, name: str) -> str:
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Request) -> bool:
    return parts_of(request).settings.secure_cookies
