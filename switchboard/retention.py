"""Removes what has been kept long enough: once a day over all switchboards, and by `bin/haven purge`.

What is open with a person, in danger that nobody has accepted, or promised to somebody is never removed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.centre import Centre
from switchboard import conversations
from switchboard.conversations import BOT
from switchboard.records import tables as t
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.sms.checkins import AGREED
from switchboard.sms.contacts import insert_new
from switchboard.sms.door import LOCATION

logger = logging.getLogger(__name__)

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
FIRST_SECONDS = 60.0  # after the start, which has better things to do
LOOK_SECONDS = 900.0  # between looks whether a day is over and whether a location is old
LOCATION_AT_MOST = 23 * HOUR_MS  # with the next look no location is older than a day
LOCATION_AT_LEAST = HOUR_MS  # a text of danger may follow a moment after the place
BATCH = 50  # conversations erased in one transaction: the next message waits no longer than that takes
PURGE = "purge"  # in record_state: when the last daily purge began


class Retention:
    """Purges as long as its switchboard runs."""

    def __init__(self, record: Record, centre: Centre, home: Path) -> None:
        self._record = record
        self._centre = centre
        self._home = home

    async def run(self) -> None:
        """Look again and again, for ever; whatever goes wrong, the next look comes."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.look()
            except RecordUnavailable:
                logger.warning("the record cannot be reached, the purge waits")
            except Exception:
                logger.exception("the purge failed; it is tried again")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Remove old locations, and once a day all that is due; of several switchboards one does it."""
        if await forget_locations(self._record):
            await self._record.scrub()
        async with self._record.write() as tx:
            ours = await _claim_day(tx)
        if ours:
            removed = await purge(self._record, self._centre, self._home)
            logger.info("daily purge: %s", ", ".join(f"{n} {kind}" for kind, n in removed.items() if n) or "nothing")


async def _claim_day(tx: AsyncConnection) -> bool:
    """Whether the last purge began a day ago, and this one is ours."""
    state, moment = t.record_state.c, now()
    await insert_new(tx, t.record_state, name=PURGE, at=0)
    result = await tx.execute(t.record_state.update().where(state.name == PURGE, state.at <= moment - DAY_MS)
                              .values(at=moment))
    return result.rowcount == 1


async def purge(record: Record, centre: Centre, home: Path, *, dry_run: bool = False) -> dict[str, int]:
    """Remove all that is due, and its traces in the files; {what: how many}, counted alone with `dry_run`.

    It may be killed anywhere and run again.
    """
    ids = await _due_conversations(record, centre)
    removed = {"conversations": len(ids)}
    if not dry_run:
        removed["conversations"] = await _erase(record, centre, ids)
    for kind, table, due in _rules(centre):
        removed[kind] = await _remove(record, table, due, dry_run=dry_run)
    removed["unreadable texts"] = _remove_files(home / "texts", centre.retention["quarantine"], dry_run=dry_run)
    if not dry_run:
        removed["locations"] = await forget_locations(record)
        await record.scrub()
    return removed


# -- conversations ------------------------------------------------------------------------------------------------


async def _due_conversations(record: Record, centre: Centre) -> list[str]:
    async with record.read() as connection:
        rows = await connection.execute(sa.select(t.conversations.c.id).where(*_is_due(centre)))
        return [row.id for row in rows]


def _is_due(centre: Centre) -> tuple[Any, ...]:
    """What holds for a conversation whose time is over and that nobody needs any more."""
    c = t.conversations.c
    old = sa.case((c.practice.is_not(None), _before(centre.retention["practice"])),
                  else_=_before(centre.retention_days))
    return (c.erased_at.is_(None), c.owner == BOT, c.updated_at < old,
            ~_has(t.alerts, t.alerts.c.accepted_at.is_(None)),
            ~_has(t.callbacks, t.callbacks.c.done_at.is_(None),
                  t.callbacks.c.asked_at >= _before(centre.retention["callbacks"])),
            ~_has(t.follow_ups, t.follow_ups.c.done_at.is_(None), t.follow_ups.c.due >= _day(centre.retention_days)),
            ~_has(t.sms_checkins, t.sms_checkins.c.state == AGREED))


def _has(table: sa.Table, *which: Any) -> Any:
    return sa.exists().where(table.c.conversation == t.conversations.c.id, *which)


async def _erase(record: Record, centre: Centre, ids: list[str]) -> int:
    done = 0
    for first in range(0, len(ids), BATCH):
        async with record.write() as tx:
            still = await tx.execute(sa.select(t.conversations.c.id).where(
                t.conversations.c.id.in_(ids[first : first + BATCH]), *_is_due(centre)).with_for_update())
            for row in still.all():  # somebody may have written meanwhile
                await conversations.erase(tx, await conversations.load(tx, row.id), keep_counts=True)
                done += 1
    return done


async def forget_locations(record: Record) -> int:
    """Remove the lines that tell where a visitor was: once nobody needs them, after a day at the latest."""
    m, c, moment = t.messages.c, t.conversations.c, now()
    needed = sa.exists().where(c.id == m.conversation, sa.or_(c.owner != BOT, _has(
        t.alerts, t.alerts.c.accepted_at.is_(None))))
    old = sa.or_(m.at < moment - LOCATION_AT_MOST, sa.and_(m.at < moment - LOCATION_AT_LEAST, ~needed))
    async with record.write() as tx:
        result = await tx.execute(t.messages.delete().where(m.response == LOCATION, m.kind == "private", old))
    return int(result.rowcount)


# -- everything else ----------------------------------------------------------------------------------------------


def _rules(centre: Centre) -> list[tuple[str, sa.Table, Any]]:
    """What goes when, in an order in which nothing that goes is still referred to."""
    cut = {kind: _before(days) for kind, days in centre.retention.items()}
    shell, contact, place = t.conversations.c, t.sms_contacts.c, t.conversations.alias("place").c
    lives = sa.exists().where(place.address == contact.address, place.erased_at.is_(None))
    gone = sa.and_(shell.erased_at.is_not(None), shell.erased_at < cut["counts"])
    unneeded = sa.and_(gone, *(~_has(table) for table in _REFERRING))
    return [
        ("callbacks", t.callbacks, sa.func.coalesce(t.callbacks.c.done_at, t.callbacks.c.asked_at) < cut["callbacks"]),
        ("alerts", t.alerts, sa.and_(t.alerts.c.accepted_at.is_not(None), t.alerts.c.raised_at < cut["alerts"])),
        ("outcomes", t.outcomes, t.outcomes.c.at < cut["outcomes"]),
        ("claims", t.claims, t.claims.c.ended_at < cut["outcomes"]),
        ("feedback", t.feedback, t.feedback.c.at < cut["feedback"]),
        ("refused texts", t.sms_quarantine, t.sms_quarantine.c.at < cut["quarantine"]),
        ("ids of texts", t.sms_inbound, t.sms_inbound.c.at < cut["sms_ids"]),
        ("numbers", t.sms_contacts, sa.and_(contact.last_at < cut["sms_contacts"], contact.opted_out_at.is_(None),
                                            ~lives)),
        ("seals", t.sms_seals, t.sms_seals.c.conversation.in_(sa.select(shell.id).where(gone))),
        ("counts of conversations", t.conversations, unneeded),
        ("ended logins", t.staff_sessions, t.staff_sessions.c.expires_at < now()),
        ("rows of the log", t.audit, t.audit.c.at < cut["audit"]),
    ]


_REFERRING = (t.messages, t.alerts, t.callbacks, t.claims, t.transfers, t.outcomes, t.follow_ups, t.follow_through,
              t.deadlines, t.feedback, t.sms_inbound, t.sms_deliveries, t.sms_seals, t.sms_checkins)


async def _remove(record: Record, table: sa.Table, due: Any, *, dry_run: bool) -> int:
    if dry_run:
        async with record.read() as connection:
            return int((await connection.execute(
                sa.select(sa.func.count()).select_from(table).where(due))).scalar_one())
    async with record.write() as tx:
        return int((await tx.execute(table.delete().where(due))).rowcount)


def _remove_files(folder: Path, days: int, *, dry_run: bool) -> int:
    """Texts that were put aside because they could not be read (switchboard/sms/spool.py)."""
    old = [path for path in folder.glob("*.bad") if path.stat().st_mtime * 1000 < _before(days)]
    for path in [] if dry_run else old:
        path.unlink(missing_ok=True)
    return len(old)


def _before(days: int) -> int:
    return now() - days * DAY_MS


def _day(days: int) -> str:
    return datetime.fromtimestamp(_before(days) / 1000, timezone.utc).date().isoformat()


def in_lines(removed: Mapping[str, int]) -> list[str]:
    """What was removed, a line each, nothing left out."""
    return [f"{count:6}  {kind}" for kind, count in removed.items()]
