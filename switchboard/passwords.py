"""Hashes passwords on a thread of their own, below everything else: a flood of sign-ins must delay no guidance.

Used by the switchboard's accounts.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from haven.errors import HavenError

P = ParamSpec("P")
T = TypeVar("T")

WAITING = 30  # sign-ins; some three seconds of work
NICE = 10  # less of the processor than the rest, where it is short


class TooManySignIns(HavenError):
    """More people sign in than can be checked right now."""

    def __init__(self) -> None:
        super().__init__("Too many sign-ins at this moment. Please try again in a few seconds.")


class Passwords:
    """One hash at a time (64 MiB and a core of the processor each), and a line that is not endless."""

    def __init__(self, waiting: int = WAITING) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords", initializer=_step_back)
        self._most = waiting
        self._line = 0

    async def do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work` when its turn has come. Raises TooManySignIns."""
        if self._line >= self._most:
            raise TooManySignIns
        self._line += 1
        try:
            return await asyncio.wrap_future(self._thread.submit(work, *args, **kwargs))
        finally:
            self._line -= 1


def _step_back() -> None:
    """Threads that argon2 starts from here are as modest."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
