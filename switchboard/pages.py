"""Serves the demo page and the widget's files, read once at start. Part of the switchboard."""

from __future__ import annotations

import gzip
from typing import Any

from sanic import Blueprint, Request, Sanic
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse, raw

from haven.settings import ROOT

FOLDER = ROOT / "widget"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png"}

blueprint = Blueprint("pages")


@blueprint.before_server_start
async def read_files(app: Sanic[Any, Any]) -> None:
    """Only files that exist at start are ever served: no path of a request reaches the disk."""
    app.ctx.pages = {
        path.name: (path.read_bytes(), gzip.compress(path.read_bytes(), 9), TYPES[path.suffix])
        for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES
    }


@blueprint.get("/")
async def demo(request: Request) -> HTTPResponse:
    """A plain page of a centre with the widget on it."""
    return _file(request, "demo.html")


@blueprint.get("/widget/<name:str>")
async def widget(request: Request, name: str) -> HTTPResponse:
    """One file of the widget."""
    return _file(request, name)


def _file(request: Request, name: str) -> HTTPResponse:
    if name not in request.app.ctx.pages:
        raise NotFound()
    plain, packed, kind = request.app.ctx.pages[name]
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return raw(packed, content_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return raw(plain, content_type=kind, headers=headers)


