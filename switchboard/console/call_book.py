"""One call to the person on call, whichever switchboard makes it: kept in the record. Part of the console."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from switchboard.records.record import Record, now
from switchboard.records.tables import on_call

CLAIM_MS = 20_000  # longer than a call takes: whoever took it up and has not told by then is gone


@dataclass(frozen=True)
class Entry:
    """How the record knows the last call: when it was taken up and made, about whom (nobody: all clear)."""

    claimed_at: int
    told_at: int
    about: frozenset[str]

    @property
    def is_under_way(self) -> bool:
        return self.claimed_at > self.told_at and self.claimed_at > now() - CLAIM_MS


class CallBook:
    """The row of the table on_call. Every method raises RecordUnavailable."""

    def __init__(self, record: Record) -> None:
        self._record = record

    async def read(self) -> Entry:
        async with self._record.read() as connection:
            row = (await connection.execute(sa.select(on_call))).one()
        return Entry(row.claimed_at, row.told_at, frozenset(row.about))

    async def claim(self, seen: Entry) -> bool:
        """Take the next call up; False where another switchboard did since `seen` was read."""
        async with self._record.write() as tx:
            result = await tx.execute(
                on_call.update().where(on_call.c.claimed_at == seen.claimed_at).values(
                    claimed_at=max(now(), seen.claimed_at + 1)))
        return result.rowcount == 1

    async def told(self, about: set[str]) -> None:
        """Note that the call was made."""
        async with self._record.write() as tx:
            await tx.execute(on_call.update().values(told_at=max(now(), 1), claimed_at=now(), about=sorted(about)))
