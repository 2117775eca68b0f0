"""Words every error at the switchboard's edge: one JSON shape, no visitor's text, never a traceback."""

from __future__ import annotations

import logging
from typing import Any

from sanic import Request, Sanic
from sanic.exceptions import SanicException
from sanic.response import HTTPResponse, json

from haven.errors import HavenError
from haven.text import NotText, TooLong
from switchboard.conversations import NoConversation, OwnerChanged
from switchboard.crowd import NoPlace
from switchboard.limits import Busy
from switchboard.records.record import RecordUnavailable
from switchboard.sessions import BadToken, ExpiredToken

logger = logging.getLogger(__name__)


class TooFast(HavenError):
    """A sender writes faster than the limit."""


class BadRequest(HavenError):
    """What came in is not what the interface describes."""


# error class -> status, code
WORDS: dict[type[Exception], tuple[int, str]] = {
    BadRequest: (400, "bad_request"),
    NotText: (400, "not_text"),
    TooLong: (413, "too_long"),
    BadToken: (401, "bad_token"),
    ExpiredToken: (401, "expired"),
    NoConversation: (410, "erased"),
    OwnerChanged: (409, "owner_changed"),
    TooFast: (429, "too_fast"),
    NoPlace: (503, "no_place"),
    Busy: (503, "busy"),
    RecordUnavailable: (503, "record_unavailable"),
}
# code -> seconds after which to try again
RETRY_SECONDS = {"too_fast": 5, "busy": 5, "no_place": 30, "record_unavailable": 5}


def answer(code: str, message: str, status: int) -> HTTPResponse:
    """The one shape of every error; where waiting helps, it says how long."""
    wait = RETRY_SECONDS.get(code)
    return json({"error": {"code": code, "message": message}}, status=status,
                headers={"Retry-After": str(wait)} if wait else None)


def install(app: Sanic[Any, Any]) -> None:
    """Let `app` answer every exception in that shape."""

    async def worded(request: Request, error: Exception) -> HTTPResponse:
        status, code = WORDS[type(error)]
        if isinstance(error, NoPlace):
            request.app.ctx.parts.metrics.limited(error.kind)
        return answer(code, str(error), status)

    async def of_sanic(_: Request, error: SanicException) -> HTTPResponse:
        return answer("http", _reason(error.status_code), error.status_code)

    async def unforeseen(request: Request, error: Exception) -> HTTPResponse:
        logger.error("unforeseen error at %s %s", request.method, request.route and request.route.path,
                     exc_info=error)
        return answer("internal", "Something went wrong here. In danger, call 911 or 988.", 500)

    for kind in WORDS:
        app.error_handler.add(kind, worded)
    app.error_handler.add(SanicException, of_sanic)
    app.error_handler.add(Exception, unforeseen)


def _reason(status: int) -> str:
    return {404: "There is nothing here.", 405: "This is not done here.",
            413: "The message is too long."}.get(status, "This cannot be read.")
