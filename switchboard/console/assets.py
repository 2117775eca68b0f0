"""Serves the console's script and style sheet, read once at start. Part of the switchboard's console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sanic import Blueprint, Request, Sanic
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse, raw

FOLDER = Path(__file__).parent / "static"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

blueprint = Blueprint("console_assets", url_prefix="/static")


@blueprint.before_server_start
async def read_files(app: Sanic[Any, Any]) -> None:
    """Only files that exist at start are ever served: no path of a request reaches the disk."""
    app.ctx.console_assets = {
        path.name: (path.read_bytes(), TYPES[path.suffix])
        for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES
    }


@blueprint.get("/<name:str>")
async def asset(request: Request, name: str) -> HTTPResponse:
    """One file of the console."""
    if name not in request.app.ctx.console_assets:
        raise NotFound()
    content, kind = request.app.ctx.console_assets[name]
    return raw(content, content_type=kind, headers={"Cache-Control": "no-cache"})
