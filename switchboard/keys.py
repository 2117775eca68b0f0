"""Whether the master keys are the right ones, and a change of them while everything runs.

Used by the switchboard at its start and by `bin/haven keys`.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from switchboard.records.keyring import Keyring, Unreadable, name_of
from switchboard.records.record import Record, now
from switchboard.records.tables import conversations, record_state
from switchboard.sealed import keyring_of
from switchboard.sms.contacts import insert_new

KEY = "key"  # the record's own data key in record_state
RUNNING = "running"  # there too: the first master key of the switchboard that started last
BATCH = 200  # data keys wrapped anew in one transaction: the switchboard waits no longer than that takes


class WrongKeys(HavenError):
    """HAVEN_RECORD_KEYS does not fit this record; the text says what to do."""


@dataclass(frozen=True)
class KeyUse:
    """How many data keys a master key wraps; `known`: it is in HAVEN_RECORD_KEYS."""

    name: str
    count: int
    known: bool
    current: bool


async def check_keys(record: Record) -> None:
    """Refuse keys that cannot read all of this record; on an empty one, note which keys began it.

    Raises WrongKeys. Reads one row and one index of the record.
    """
    async with record.write() as tx:
        keyring = keyring_of(tx)
        await insert_new(tx, record_state, name=KEY, value=keyring.new(KEY), at=now())
        try:
            keyring.data_key(KEY, await _own_key(tx))
        except Unreadable as error:
            raise WrongKeys(
                "HAVEN_RECORD_KEYS (or secrets.json in the home folder) is not the key this record was begun with: "
                "nothing in it could be read. Put the right key back; nothing was changed.") from error
        strange = [use for use in await uses(tx, keyring) if not use.known]
    if strange:
        raise WrongKeys("; ".join(
            f"{use.count} conversation(s) are encrypted with the key {use.name}, which HAVEN_RECORD_KEYS does not hold"
            for use in strange) + ". Put that key back after the first, then run: bin/haven keys rotate")


async def note_running(record: Record) -> None:
    """Note that a switchboard runs with these keys: only what it knows may wrap what it must read."""
    async with record.write() as tx:
        current = keyring_of(tx).current
        await insert_new(tx, record_state, name=RUNNING, value=current, at=now())
        await tx.execute(record_state.update().where(record_state.c.name == RUNNING).values(value=current, at=now()))


async def is_running_with(connection: AsyncConnection, name: str) -> bool:
    """Whether the switchboard that started last had this master key first."""
    query = sa.select(record_state.c.value).where(record_state.c.name == RUNNING)
    return bool((await connection.execute(query)).scalar() == name)


async def uses(tx: AsyncConnection, keyring: Keyring) -> list[KeyUse]:
    """Every master key that wraps something here, the current one even where it wraps nothing."""
    name = sa.func.substr(conversations.c.data_key, 1, 8).label("name")
    rows = await tx.execute(sa.select(name, sa.func.count().label("times"))
                            .where(conversations.c.data_key.is_not(None)).group_by(name))
    counts = {keyring.current: 0, **{row.name: row.times for row in rows}}
    own = name_of(await _own_key(tx) or "")
    counts[own] = counts.get(own, 0)
    return [KeyUse(name, count, keyring.knows(name), name == keyring.current)
            for name, count in sorted(counts.items()) if name]


async def rotate(record: Record) -> int:
    """Wrap every data key with the first master key; how many were wrapped anew.

    It may be killed and run again, and conversations go on meanwhile: the data keys stay what they are.
    """
    done = 0
    while True:
        async with record.write() as tx:
            rewrapped = await _rotate_some(tx, keyring_of(tx))
        done += rewrapped
        if rewrapped == 0:
            return done


async def _rotate_some(tx: AsyncConnection, keyring: Keyring) -> int:
    own = await _own_key(tx)
    if own and name_of(own) != keyring.current:
        await tx.execute(record_state.update().where(record_state.c.name == KEY)
                         .values(value=keyring.rewrapped(KEY, own)))
    table = conversations.c
    rows = (await tx.execute(
        sa.select(table.id, table.data_key)
        .where(table.data_key.is_not(None), sa.func.substr(table.data_key, 1, 8) != keyring.current)
        .limit(BATCH))).all()
    for row in rows:  # a key that was destroyed meanwhile stays destroyed
        await tx.execute(conversations.update().where(table.id == row.id, table.data_key == row.data_key)
                         .values(data_key=keyring.rewrapped(row.id, row.data_key)))
    return len(rows)


async def _own_key(tx: AsyncConnection) -> str | None:
    return (await tx.execute(sa.select(record_state.c.value).where(record_state.c.name == KEY))).scalar()
