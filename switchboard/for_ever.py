"""Runs what must not end as long as the switchboard runs: a fault ends one round of it, not all that would follow.

A task that ended by an error nobody foresaw would be missed only when somebody waits for what it does. Part of the
switchboard.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0


def begun(work: Callable[[], Awaitable[None]], what: str) -> asyncio.Task[None]:
    """Begin `work` as a task, and begin it anew after each error; `what` it is stands in the log."""
    return asyncio.create_task(_for_ever(work, what))


async def _for_ever(work: Callable[[], Awaitable[None]], what: str) -> None:
    while True:
        try:
            await work()
            return
        except Exception:
            logger.exception("%s ended by a fault and begins again", what)
        await asyncio.sleep(PAUSE_SECONDS)
