"""Ends a switchboard within seconds, whoever is connected and whatever is gone. Part of the switchboard.

Nothing that is waited for here may take longer than the runner's patience (stopwaitsecs of deploy/supervisord.conf).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection
from typing import Any

from sanic import Sanic
from sanic.server import HttpProtocol

logger = logging.getLogger(__name__)

TASK_SECONDS = 0.5  # for a task that was cancelled; one may hang in a database that is frozen
LEAVE_SECONDS = 1.0  # for telling the other switchboards
REQUEST_SECONDS = 2.0  # for the requests under way
CLOSE_SECONDS = 3.0  # for closing the record and the lines to others


class Connection(HttpProtocol):
    """A connection that its switchboard knows of.

    At a stop Sanic closes those that are idle at that very moment, and waits 15 seconds for the others: also for one
    whose client sends its next request a moment later, or never reads.
    """

    def connection_made(self, transport: Any) -> None:
        self.app.ctx.connections = self.connections
        super().connection_made(transport)  # type: ignore[no-untyped-call]


async def hang_up(app: Sanic[Any, Any]) -> None:
    """Close each connection once it is idle, and those that are busy for too long."""
    connections: set[Connection] = getattr(app.ctx, "connections", set())
    limit = asyncio.get_running_loop().time() + REQUEST_SECONDS
    while connections and asyncio.get_running_loop().time() < limit:
        for connection in list(connections):
            connection.close_if_idle()  # type: ignore[no-untyped-call]
        await asyncio.sleep(0.05)
    for connection in list(connections):
        connection.abort()  # type: ignore[no-untyped-call]


async def cancelled(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait a moment for them to end."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=TASK_SECONDS)


async def within(seconds: float, work: Awaitable[Any], what: str) -> None:
    """Do something that may fail or hang without holding up the end."""
    task = asyncio.ensure_future(work)
    await asyncio.wait((task,), timeout=seconds)
    if not task.done():
        task.cancel()
        logger.warning("%s took too long and was given up", what)
    elif not task.cancelled() and task.exception():
        logger.warning("%s failed: %s", what, type(task.exception()).__name__)
