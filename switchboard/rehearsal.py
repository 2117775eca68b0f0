"""Lets a danger go its way before anybody is served, and takes it back. Part of the switchboard.

What is done for the first time is slow: statements are worded and prepared, connections made, the guard's model run.
Together that is a large part of a second, and right after a start many people come at once.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from switchboard.records.record import RecordUnavailable

if TYPE_CHECKING:
    from switchboard.parts import Parts

logger = logging.getLogger(__name__)

TIMES = 3  # PostgreSQL's driver and Python itself are quicker still the second and third time


async def rehearse(parts: Parts) -> None:
    """Make the record's connections, and store a danger by every channel without keeping it.

    Raises RecordUnavailable. Whatever else is wrong is for the log: nobody is helped by a start that ends.
    """
    try:
        await parts.record.connect()
        for _ in range(TIMES):
            await parts.inbox.rehearse("widget")
            if parts.line:
                await parts.line.door.rehearse()
                await parts.inbox.rehearse("sms")
    except RecordUnavailable:
        raise
    except Exception:
        logger.exception("the rehearsal of a danger failed")
