"""What every answer carries against hostile pages, and what no request may bring. Part of the switchboard."""

from __future__ import annotations

from typing import Any

from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse, HTTPResponse

from switchboard.errors import answer

# The largest form is a drafted answer for both channels and languages (some 8 KB); a text from the carrier, every
# character escaped, stays under 20 KB. The website's interface takes 16 KB (switchboard.channels.widget).
MAX_REQUEST = 65_536
MAX_HEADERS = 8_192

# Everything a page of ours loads comes from here, and nothing may frame it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    "Cache-Control": "no-store",  # files that anybody may keep say so themselves
}
SCRIPT_HEADERS = {name: HEADERS[name] for name in ("Referrer-Policy", "X-Content-Type-Options")}
ONLY_HTTPS = "max-age=31536000"  # a year; subdomains are the centre's own affair


def install(app: Sanic[Any, Any], *, https: bool) -> None:
    """Bound what comes in and mark what goes out; `https`: browsers are to come by HTTPS alone from now on."""
    app.config.update(REQUEST_MAX_SIZE=MAX_REQUEST, REQUEST_MAX_HEADER_SIZE=MAX_HEADERS)

    async def readable(request: Request) -> HTTPResponse | None:
        """Sanic lets bytes that are no UTF-8 through as lone surrogates, which nothing behind it can encode."""
        if all(_is_text(value) for value in (request.path, *request.headers.values())):
            return None
        return answer("bad_request", "The headers must be text.", 400)

    async def mark(_: Any, response: BaseHTTPResponse) -> None:
        # A script is no document: the policies on pages mean nothing on it, and every byte of it is counted.
        script = (response.content_type or "").startswith("text/javascript")
        for header, value in (SCRIPT_HEADERS if script else HEADERS).items():
            response.headers.setdefault(header, value)
        if https:
            response.headers["Strict-Transport-Security"] = ONLY_HTTPS

    app.register_middleware(readable, "request")
    app.register_middleware(mark, "response")


def _is_text(value: str) -> bool:
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
