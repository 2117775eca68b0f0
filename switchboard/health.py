"""Says whether the switchboard lives, whether the whole way works, part by part, and what monitoring counts."""

from __future__ import annotations

import hmac
import ipaddress
import re

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sanic import Blueprint, Request
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse, json, raw

from switchboard.parts import parts_of
from switchboard.vitals import Vitals

blueprint = Blueprint("health")

# A proxy writes at least one of these; whoever comes through one is no process on this machine.
FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via")
HERE = frozenset({"127.0.0.1", "localhost", "[::1]"})


@blueprint.get("/health")
async def health(_: Request) -> HTTPResponse:
    """Liveness: the switchboard answers."""
    return json({"status": "ok"})


@blueprint.get("/ready")
async def ready(request: Request) -> HTTPResponse:
    """Readiness, part by part; 200 when a message gets its whole way.

    A guard that works by rules alone, or a way of danger that is not proven, is shown (and called out) but keeps
    nobody out. Times are for those who run this Haven.
    """
    vitals: Vitals = request.app.ctx.vitals
    await vitals.look()
    return json({"ready": vitals.is_ready(), "parts": vitals.shown(inside=is_inside(request))},
                status=200 if vitals.is_ready() else 503)


@blueprint.get("/metrics")
async def metrics(request: Request) -> HTTPResponse:
    """The figures for Prometheus, for this machine or whoever has the token; to everybody else there is nothing."""
    if not is_inside(request):
        raise NotFound("There is nothing here.")
    vitals: Vitals = request.app.ctx.vitals
    await vitals.measure()
    return raw(generate_latest(parts_of(request).metrics.registry), content_type=CONTENT_TYPE_LATEST)


def is_inside(request: Request) -> bool:
    """Whether whoever asks runs this Haven: by HAVEN_METRICS_TOKEN where it is set, else from this very machine.

    A proxy on this machine comes from loopback too: what it passes on bears its marks, or another host's name.
    """
    token = parts_of(request).settings.metrics_token
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    host = re.sub(r":\d+$", "", request.headers.get("host", ""))
    return (ipaddress.ip_address(request.ip).is_loopback and host in HERE
            and not any(header in request.headers for header in FORWARDED))
