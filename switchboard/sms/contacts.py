"""Numbers that text: what they were told, whether they opted out, whose they are. Part of the switchboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.records.record import now
from switchboard.records.tables import sms_contacts, sms_inbound, sms_seals

QUIET_MS = 30 * 86_400_000  # after that the number may be somebody else's

# Asked for by every text, and so built once.
_FIND = sa.select(sms_contacts).where(sms_contacts.c.address == sa.bindparam("of"))
_HOLD = _FIND.with_for_update()
_MET = (
    sms_contacts.update().where(sms_contacts.c.address == sa.bindparam("of"))
    .values(last_at=sa.bindparam("moment"), ours=sa.bindparam("to"), number=sa.bindparam("known")))
_BIND = sms_inbound.insert()
_BOUND = sa.select(sms_inbound.c.conversation).where(sms_inbound.c.sid == sa.bindparam("known"))


@dataclass(frozen=True)
class Contact:
    """One row of sms_contacts."""

    address: str
    number: str
    ours: str
    first_at: int
    last_at: int
    consent_at: int | None
    consent_text: str | None
    opted_out_at: int | None
    opted_out_how: str | None

    @property
    def opted_out(self) -> bool:
        return self.opted_out_at is not None

    @property
    def was_told(self) -> bool:
        """Whether the first-contact text has been given."""
        return self.consent_at is not None


async def find(connection: AsyncConnection, address: str, *, hold: bool = False) -> Contact | None:
    """The contact of an address; with `hold`, nobody else changes it until the transaction ends."""
    row = (await connection.execute(_HOLD if hold else _FIND, {"of": address})).first()
    return None if row is None else Contact(**row._mapping)


async def meet(tx: AsyncConnection, address: str, *, number: str, ours: str) -> Contact:
    """The contact as it was before this text, made if it is the first; later texts wait for this transaction.

    `number` is encrypted; a row that stands keeps its own, unless it was erased.
    """
    moment = now()
    contact = await find(tx, address, hold=True)
    if contact is None:  # another switchboard may meet it at the same moment
        await insert_new(tx, sms_contacts, address=address, number=number, ours=ours, first_at=moment, last_at=moment)
        contact = await find(tx, address, hold=True)
        assert contact is not None  # noqa: S101 (inserted above, and contacts are never deleted in between)
    await tx.execute(_MET, {"of": address, "moment": moment, "to": ours, "known": contact.number or number})
    return contact


async def change(tx: AsyncConnection, address: str, **values: Any) -> None:
    await tx.execute(sms_contacts.update().where(sms_contacts.c.address == address).values(**values))


async def opt_out(tx: AsyncConnection, address: str, how: str) -> None:
    """Nothing goes out to this number from now on."""
    await change(tx, address, opted_out_at=now(), opted_out_how=how[:40])


async def opt_in(tx: AsyncConnection, address: str) -> None:
    await change(tx, address, opted_out_at=None, opted_out_how=None)


async def bind(tx: AsyncConnection, sid: str, conversation_id: str) -> None:
    """Note for good that a text with this MessageSid belongs to a conversation."""
    await tx.execute(_BIND, {"sid": sid, "conversation": conversation_id, "at": now()})


async def bound(tx: AsyncConnection, sid: str) -> str | None:
    """The conversation a MessageSid came to before."""
    row = (await tx.execute(_BOUND, {"known": sid})).first()
    return None if row is None else str(row.conversation)


async def seal(tx: AsyncConnection, conversation_id: str, why: str) -> None:
    """Keep a conversation from whoever has the number now; `why` is "quiet", "who" or "wrong_number"."""
    await insert_new(tx, sms_seals, conversation=conversation_id, why=why, at=now())


async def is_sealed(connection: AsyncConnection, conversation_id: str) -> bool:
    row = (await connection.execute(sa.select(sms_seals).where(
        sms_seals.c.conversation == conversation_id, sms_seals.c.confirmed_at.is_(None)))).first()
    return row is not None


async def unseal(tx: AsyncConnection, conversation_id: str, staff_id: int) -> None:
    """A person confirms that the number is still the same visitor's."""
    await tx.execute(
        sms_seals.update().where(sms_seals.c.conversation == conversation_id, sms_seals.c.confirmed_at.is_(None))
        .values(confirmed_at=now(), confirmed_by=staff_id))


async def insert_new(tx: AsyncConnection, table: sa.Table, **values: Any) -> bool:
    """Insert a row unless one with its key stands; whether it was inserted."""
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    result = await tx.execute(insert(table).values(**values).on_conflict_do_nothing())
    return bool(result.rowcount)
