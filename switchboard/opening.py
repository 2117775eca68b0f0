"""Opens the record for a switchboard that starts; where it is away, later, while danger gets its guidance already.

Until then every other request is refused with the words of a record that cannot be reached, and texts are kept on the
disk. Part of the switchboard.
"""

from __future__ import annotations

import asyncio
import logging
import signal

from switchboard.parts import Parts
from switchboard.records.record import RecordUnavailable

logger = logging.getLogger(__name__)

FIRST_SECONDS = 5.0  # of the first try, before anybody is served
LONGEST_SECONDS = 3600.0  # of any other: each gets twice as long, since a change of tables is begun anew by each
PAUSE_SECONDS = 1.0  # between two tries


async def open_now_or_later(parts: Parts) -> asyncio.Task[None] | None:
    """Open the record, or return the task that goes on trying. Raises WrongKeys."""
    parts.record.is_shut = True
    try:
        async with asyncio.timeout(FIRST_SECONDS):
            await parts.open()
        return None
    except (RecordUnavailable, TimeoutError):
        logger.warning("the record cannot be reached: danger gets its guidance, everything else waits")
        return asyncio.create_task(_open_later(parts))


async def _open_later(parts: Parts) -> None:
    seconds = 2 * FIRST_SECONDS
    while True:
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await parts.open()
        except RecordUnavailable:
            continue
        except TimeoutError:
            seconds = min(2 * seconds, LONGEST_SECONDS)
            continue
        except Exception as error:  # the next start says it in full, before it serves anybody
            logger.critical("the record is back and cannot be used: %s", type(error).__name__)
            signal.raise_signal(signal.SIGTERM)
            return
        logger.warning("the record is there: everything is served")
        parts.streams.rouse_all()
        return
