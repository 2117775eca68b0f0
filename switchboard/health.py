"""Says whether the switchboard lives and whether the whole way works, part by part."""

from __future__ import annotations

import asyncio

import httpx
import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, json

from switchboard.parts import Parts, parts_of
from switchboard.records.record import RecordUnavailable

blueprint = Blueprint("health")


@blueprint.get("/health")
async def health(_: Request) -> HTTPResponse:
    """Liveness: the switchboard answers."""
    return json({"status": "ok"})


@blueprint.get("/ready")
async def ready(request: Request) -> HTTPResponse:
    """Readiness, part by part; 200 when a message gets its whole way.

    A guard that works by rules alone is shown (and logged as an error) but keeps nobody out.
    """
    parts = parts_of(request)
    record, assistant, actions = await asyncio.gather(
        _record(parts), parts.assistant.is_ready(), _actions(parts))
    way = {"record": record, "assistant": assistant, "actions": actions}
    guard = "whole" if parts.lane.guard.degraded is None else "rules alone"
    return json({**way, "guard": guard}, status=200 if all(way.values()) else 503)


async def _record(parts: Parts) -> bool:
    try:
        async with parts.record.read() as connection:
            await connection.execute(sa.text("SELECT 1"))
        return True
    except RecordUnavailable:
        return False


async def _actions(parts: Parts) -> bool:
    try:
        async with httpx.AsyncClient(timeout=1.0, trust_env=False) as http:
            return (await http.get(f"{parts.settings.actions_url}/health")).status_code == 200
    except httpx.HTTPError:
        return False
