"""switchboard.for_ever: work that must not end goes on after a fault, and ends when it is told to."""

from __future__ import annotations

import asyncio
import logging

import pytest

from switchboard import for_ever
from tests.switchboard.sms.conftest import until


async def test_a_fault_ends_one_round(monkeypatch, caplog):
    """What failed is begun again, and the log names it with the trace of its fault."""
    monkeypatch.setattr(for_ever, "PAUSE_SECONDS", 0.01)
    rounds = []

    async def work() -> None:
        rounds.append(1)
        if len(rounds) < 3:
            raise ValueError(len(rounds))
        await asyncio.Event().wait()

    with caplog.at_level(logging.ERROR):
        task = for_ever.begun(work, "the clock")
        await until(lambda: len(rounds) == 3)

    assert not task.done()
    assert [(r.message.split(" ended")[0], r.exc_info[0]) for r in caplog.records
            if r.name == for_ever.__name__] == [("the clock", ValueError)] * 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_ends_by_itself_is_not_begun_again():
    """Work that has nothing more to do returns, and so does its task."""
    rounds = []

    async def work() -> None:
        rounds.append(1)

    await for_ever.begun(work, "nothing")
    assert rounds == [1]
