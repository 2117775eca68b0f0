"""Lets the centre's own websites load the widget and talk to it from another address. Part of the switchboard."""

from __future__ import annotations

from typing import Any

from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse, HTTPResponse, empty

PATHS = ("/widget/", "/chat/")  # never the console


def install(app: Sanic[Any, Any], allowed: frozenset[str]) -> None:
    """Answer browsers' questions about other origins; only those named in the settings may."""

    async def preflight(request: Request) -> HTTPResponse | None:
        if request.method == "OPTIONS" and _origin(request, allowed):
            return empty(headers={
                "Access-Control-Allow-Methods": "GET, POST, DELETE",
                "Access-Control-Allow-Headers": "authorization, content-type, last-event-id",
                "Access-Control-Max-Age": "600",
            })
        return None

    async def header(request: Any, response: BaseHTTPResponse) -> None:
        if not request.path.startswith(PATHS):
            return
        response.headers.add("Vary", "Origin")
        if origin := _origin(request, allowed):
            response.headers["Access-Control-Allow-Origin"] = origin

    app.register_middleware(preflight, "request")
    app.register_middleware(header, "response")


def _origin(request: Request, allowed: frozenset[str]) -> str | None:
    """The origin that asks, if it is one of the centre's and asks for something of the widget's."""
    origin = request.headers.get("origin", "")
    return origin if origin in allowed and request.path.startswith(PATHS) else None
