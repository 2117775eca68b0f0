"""The switchboard's web application: routes, headers, start and stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from typing import Any

from sanic import Sanic

from haven import logs
from haven.settings import Settings, load_settings
from switchboard import console, errors, health, leaving, opening, origins, pages, requests, security
from switchboard.channels import sms, widget
from switchboard.fleet import Fleet
from switchboard.for_ever import begun
from switchboard.keys import WrongKeys, check_keys
from switchboard.parts import Knowledge, make_parts
from switchboard.proof import Proof
from switchboard.records.record import Record, RecordUnavailable
from switchboard.relay import Relay
from switchboard.vitals import Vitals

logger = logging.getLogger(__name__)

# How long the guard's thread may keep the event loop waiting each time: a fifth of what Python gives it.
SWITCH_SECONDS = 0.001


def create_app(
    settings: Settings, *, name: str = "switchboard", knowledge: Knowledge | None = None
) -> Sanic[Any, Any]:
    """A switchboard that is ready to run; nothing is opened before it starts."""
    app = Sanic(name, configure_logging=False, request_class=requests.BoundedRequest)
    app.config.update(REQUEST_TIMEOUT=requests.HEAD_SECONDS, RESPONSE_TIMEOUT=60, KEEP_ALIVE_TIMEOUT=75,
                      ACCESS_LOG=False)
    security.install(app, https=settings.secure_cookies)
    errors.install(app)
    origins.install(app, settings.allowed_origins)
    for blueprint in (widget.blueprint, sms.blueprint, console.blueprint, health.blueprint, pages.blueprint):
        app.blueprint(blueprint)

    @app.before_server_start
    async def start(app: Sanic[Any, Any]) -> None:
        app.ctx.parts = make_parts(settings, knowledge)

    @app.listener("before_server_start", priority=-1)  # type: ignore[untyped-decorator]  # after the console's board
    async def watch(app: Sanic[Any, Any]) -> None:
        app.ctx.proof = Proof(app.ctx.parts, own_address(settings), seconds=settings.proof_seconds)
        app.ctx.proof.tried = lambda: app.ctx.board.touch(app.ctx.parts)
        app.ctx.vitals = Vitals(app.ctx.parts, app.ctx.board, app.ctx.proof)

    @app.listener("before_server_start", priority=-2)  # type: ignore[untyped-decorator]  # after all that it reads for
    async def open_record(app: Sanic[Any, Any]) -> None:
        app.ctx.opening = await opening.open_now_or_later(app.ctx.parts)
        if app.ctx.parts.line:
            app.ctx.parts.line.start()

    @app.after_server_start
    async def begin(app: Sanic[Any, Any]) -> None:
        app.ctx.tasks = _begin(app)

    @app.before_server_stop
    async def end(app: Sanic[Any, Any]) -> None:
        await _end(app)

    @app.after_server_stop
    async def stop(app: Sanic[Any, Any]) -> None:
        await leaving.within(leaving.CLOSE_SECONDS, app.ctx.parts.close(), "closing the record and the lines")

    return app


def own_address(settings: Settings) -> str:
    """Where this switchboard reaches itself."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 (read, not bound)
    return f"http://{host}:{settings.port}"


def _begin(app: Sanic[Any, Any]) -> list[asyncio.Task[None]]:
    """What runs beside the requests: clock, daily purge, watch over the parts, proofs that danger gets guidance; and,
    on PostgreSQL, what ties switchboards together."""
    parts, on_call = app.ctx.parts, app.ctx.on_call
    tasks = [app.ctx.opening] if app.ctx.opening else []
    tasks += [begun(parts.clock.run, "the clock"), begun(parts.retention.run, "the purge"),
              begun(app.ctx.vitals.run, "the watch over the parts"),
              begun(lambda: app.ctx.proof.run(on_call.tell, parts.settings.on_call_again), "the proof of danger's way")]
    if not parts.record.is_sqlite:
        app.ctx.fleet = Fleet(parts, app.ctx.shift)
        tasks += [begun(Relay(parts.record, parts.streams).run, "the line to other switchboards"),
                  begun(app.ctx.fleet.run, "the place among other switchboards")]
    return tasks


async def _end(app: Sanic[Any, Any]) -> None:
    """Streams end, so that their followers go elsewhere; turns under way are answered; then the rest stops."""
    app.ctx.parts.streams.close()
    await app.ctx.parts.brain.finish()
    app.ctx.hanging_up = asyncio.create_task(leaving.hang_up(app))  # goes on while the server waits for connections
    await leaving.cancelled(app.ctx.tasks)
    await leaving.within(leaving.CLOSE_SECONDS, app.ctx.vitals.close(), "closing the line to the action server")
    if hasattr(app.ctx, "fleet"):
        await leaving.within(leaving.LEAVE_SECONDS, app.ctx.fleet.leave(), "telling the other switchboards")


def main() -> None:
    """Run one switchboard, as the Procfile does."""
    settings = load_settings()
    logs.begin(settings.log)
    requests.open_files()
    try:
        asyncio.run(_keys_fit(settings))
    except WrongKeys as error:
        logger.critical("%s", error)
        sys.exit(1)
    sys.setswitchinterval(SWITCH_SECONDS)
    app = create_app(settings)
    app.after_server_start(_keep_what_was_loaded)
    serve(app, settings)


def serve(app: Sanic[Any, Any], settings: Settings) -> None:
    """Serve until this process is told to stop."""
    app.run(settings.host, settings.port, protocol=leaving.Connection, single_process=True, access_log=False,
            motd=False)


async def _keep_what_was_loaded(_: Sanic[Any, Any]) -> None:
    """Spare the garbage collector what stays for good: to walk through it takes a tenth of a second, amid a message."""
    gc.collect()
    gc.freeze()


async def _keys_fit(settings: Settings) -> None:
    """Stop with a sentence, before anything is loaded, where the record cannot be read with these keys.

    A record that is away is opened when it is back (switchboard.opening).
    """
    record = Record.of(settings)
    try:
        async with asyncio.timeout(opening.FIRST_SECONDS):
            await record.migrate()
            await check_keys(record)
    except (RecordUnavailable, TimeoutError):
        return
    finally:
        await record.close()


if __name__ == "__main__":
    main()
