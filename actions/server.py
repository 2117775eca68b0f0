"""Starts the action server: loopback only, for callers with the shared secret, silent about what visitors wrote."""

from __future__ import annotations

import hmac
import logging
import uuid

import rasa_sdk.endpoint
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from haven import logs
from haven.settings import load_settings

logger = logging.getLogger(__name__)


def create_app(secret: str) -> Sanic:
    """rasa-sdk's application with our door in front and our words for errors."""
    app = rasa_sdk.endpoint.create_app("actions", cors_origins=None)

    @app.middleware("request")
    async def only_the_assistant(request: Request) -> HTTPResponse | None:
        sent = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if request.path == "/health" or hmac.compare_digest(sent, f"Bearer {secret}".encode()):
            return None
        return response.json({"error": "forbidden"}, status=403)

    async def without_the_transcript(request: Request, error: Exception) -> HTTPResponse:
        # rasa-sdk's own handler echoes the request, and Rasa then logs it: the whole conversation.
        number = uuid.uuid4().hex[:8]
        logger.error("action failed, error %s", number, exc_info=error)
        return response.json({"error": f"error {number}"}, status=500)

    app.error_handler.add(Exception, without_the_transcript)
    return app


def main() -> None:
    settings = load_settings()
    logs.begin(settings.log)
    app = create_app(settings.loopback_secret)
    app.run("127.0.0.1", settings.actions_port, access_log=False)


if __name__ == "__main__":
    main()
