"""The switchboard's web application: routes, headers, start and stop."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sanic import Sanic
from sanic.response import BaseHTTPResponse

from haven.redaction import IdsOnly
from haven.settings import Settings, load_settings
from switchboard import console, errors, health, origins, pages
from switchboard.channels import sms, widget
from switchboard.parts import Knowledge, make_parts

# Everything a page of ours loads comes from here, and nothing may frame the console.
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}

SCRIPTS = {name: SECURITY[name] for name in ("Referrer-Policy", "X-Content-Type-Options")}


def create_app(
    settings: Settings, *, name: str = "switchboard", knowledge: Knowledge | None = None
) -> Sanic[Any, Any]:
    """A switchboard that is ready to run; nothing is opened before it starts."""
    app = Sanic(name, configure_logging=False)
    app.config.update(REQUEST_MAX_SIZE=65_536, RESPONSE_TIMEOUT=60, KEEP_ALIVE_TIMEOUT=75, ACCESS_LOG=False)
    errors.install(app)
    origins.install(app, settings.allowed_origins)
    for blueprint in (widget.blueprint, sms.blueprint, console.blueprint, health.blueprint, pages.blueprint):
        app.blueprint(blueprint)

    @app.before_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        app.ctx.parts = make_parts(settings, knowledge)
        await app.ctx.parts.open()

    @app.after_server_start
    async def begin(app: Sanic[Any, Any]) -> None:
        app.ctx.clock = asyncio.create_task(app.ctx.parts.clock.run())

    @app.before_server_stop
    async def end(app: Sanic[Any, Any]) -> None:
        app.ctx.clock.cancel()
        await asyncio.gather(app.ctx.clock, return_exceptions=True)

    @app.after_server_stop
    async def stop(app: Sanic[Any, Any]) -> None:
        await app.ctx.parts.close()

    async def headers(_: Any, response: BaseHTTPResponse) -> None:
        # A script is no document: the policies on pages mean nothing on it, and every byte of it is counted.
        script = (response.content_type or "").startswith("text/javascript")
        for header, value in (SCRIPTS if script else SECURITY).items():
            response.headers.setdefault(header, value)

    app.register_middleware(headers, "response")
    return app


def main() -> None:
    """Run one switchboard, as the Procfile does."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(IdsOnly())
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load_settings()
    create_app(settings).run(
        settings.host, settings.port, single_process=True, access_log=False, motd=False)


if __name__ == "__main__":
    main()
