"""Words in the record: how the sealed columns of each table are written and read. Used by the switchboard.

A value that cannot be read is logged and shown as missing: one broken row must not hide the others, and danger is
answered without it. `switchboard/records/keyring.py` has the method.
"""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from switchboard.records.keyring import Keyring, Unreadable
from switchboard.records.tables import conversations

logger = logging.getLogger(__name__)

NO_KEYS = "This record was opened without HAVEN_RECORD_KEYS: it can neither store words nor read them."


class Keyless(HavenError):
    """The record was opened without keys."""


def keyring_of(tx: AsyncConnection) -> Keyring:
    """The keys that the record of a transaction was opened with. Raises Keyless."""
    keyring: Keyring | None = tx.sync_connection.get_execution_options().get("keyring")  # type: ignore[union-attr]
    if keyring is None:
        raise Keyless(NO_KEYS)
    return keyring


async def key_of(tx: AsyncConnection, conversation_id: str) -> str | None:
    """The wrapped data key of a conversation, where only its id is at hand."""
    return (await tx.execute(
        sa.select(conversations.c.data_key).where(conversations.c.id == conversation_id))).scalar()


def seal(tx: AsyncConnection, conversation_id: str, wrapped: str | None, place: str, value: Any) -> str | None:
    """A value for a sealed column; None stays None. Raises Unreadable when the conversation's key cannot be read."""
    return None if value is None else keyring_of(tx).data_key(conversation_id, wrapped).seal(place, value)


def opened(tx: AsyncConnection, conversation_id: str, wrapped: str | None, place: str, sealed: Any) -> Any:
    """The value of a sealed column; None where there is none, or where it cannot be read (which is logged)."""
    if sealed is None:
        return None
    try:
        return keyring_of(tx).data_key(conversation_id, wrapped).open(place, sealed)
    except (Unreadable, Keyless) as error:
        logger.error("conversation %s: %s cannot be read: %s", conversation_id, place, error)
        return None


def is_whole(tx: AsyncConnection, conversation_id: str, wrapped: str | None) -> bool:
    """Whether the key of a conversation can be read, so that something may be written to it."""
    try:
        keyring_of(tx).data_key(conversation_id, wrapped)
    except Unreadable:
        return False
    return True


# -- places: what binds a value to its row and column -----------------------------------------------------------

HANDOFF = "handoff"


def message_place(seq: int) -> str:
    return f"messages {seq}"


def alert_place(seq: int, kind: str) -> str:
    return f"alerts {seq} {kind}"


def callback_place(column: str, asked_at: int) -> str:
    return f"callbacks {column} {asked_at}"


def outcome_place(at: int) -> str:
    return f"outcomes {at}"


def follow_up_place(made_at: int) -> str:
    return f"follow_ups {made_at}"


# -- rows ---------------------------------------------------------------------------------------------------------


def why_of(tx: AsyncConnection, row: Any) -> list[str]:
    """The reasons of an alert (a row with data_key beside it); none where nothing can be read, the danger stays."""
    if not isinstance(row.why, str):  # the words are gone, the danger is still counted
        return []
    return opened(tx, row.conversation, row.data_key, alert_place(row.seq, row.kind), row.why) or []


def callback_of(tx: AsyncConnection, row: Any) -> dict[str, Any]:
    """A row of callbacks (with data_key beside it) as a mapping in plain words."""
    said = {column: opened(tx, row.conversation, row.data_key, callback_place(column, row.asked_at),
                           getattr(row, column)) for column in ("name", "call_when")}
    return {**row._mapping, **said, "call_when": said["call_when"] or ""}


def outcome_of(tx: AsyncConnection, row: Any) -> dict[str, Any]:
    """A row of outcomes (with data_key beside it) as a mapping in plain words."""
    return {**row._mapping, "note": opened(tx, row.conversation, row.data_key, outcome_place(row.at), row.note)}


def follow_up_of(tx: AsyncConnection, row: Any) -> dict[str, Any]:
    """A row of follow_ups (with data_key beside it) as a mapping in plain words."""
    what = opened(tx, row.conversation, row.data_key, follow_up_place(row.made_at), row.what)
    return {**row._mapping, "what": what or ""}


def with_key(table: sa.Table) -> sa.Select[Any]:
    """All columns of a conversation's table with the data key beside them."""
    return sa.select(table, conversations.c.data_key).join(conversations, conversations.c.id == table.c.conversation)
