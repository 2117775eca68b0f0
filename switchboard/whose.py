"""Which conversations an id or a telephone number means, for erasing and for handing out. Used by `bin/haven`."""

from __future__ import annotations

import re

import phonenumbers
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from switchboard.numbers import Vault
from switchboard.records.tables import callbacks, conversations, sms_contacts

_ID = re.compile(r"[0-9a-f]{32}")


class Nobody(HavenError):
    """Nothing is known under this id or number; the text says so."""


def is_number(what: str) -> bool:
    """Whether a telephone number is meant and no id."""
    return not _ID.fullmatch(what)


async def conversations_of(connection: AsyncConnection, vault: Vault, what: str) -> list[str]:
    """Ids of the conversations that are meant and still there, oldest first. Raises Nobody with a sentence."""
    if is_number(what):
        return await _of_number(connection, vault, _e164(what))
    row = (await connection.execute(sa.select(conversations.c.erased_at).where(conversations.c.id == what))).first()
    if row is None:
        raise Nobody(f"There is no conversation {what}.")
    if row.erased_at is not None:
        raise Nobody(f"The conversation {what} was erased already.")
    return [what]


def address_of(vault: Vault, what: str) -> str:
    """The keyed hash of a number as a person writes it. Raises Nobody."""
    return vault.address(_e164(what))


async def _of_number(connection: AsyncConnection, vault: Vault, number: str) -> list[str]:
    """What the number has texted, on any channel, and the chats in which a call to it was asked for."""
    called = [row.conversation for row in await connection.execute(sa.select(callbacks.c.conversation,
                                                                             callbacks.c.number))
              if _same(vault, row.number, number)]
    rows = await connection.execute(
        sa.select(conversations.c.id)
        .where(conversations.c.erased_at.is_(None),
               sa.or_(conversations.c.address == vault.address(number), conversations.c.id.in_(called)))
        .order_by(conversations.c.opened_at))
    ids = [row.id for row in rows]
    known = (await connection.execute(
        sa.select(sms_contacts.c.address).where(sms_contacts.c.address == vault.address(number)))).first()
    if not ids and known is None:
        raise Nobody("Nothing is stored under this number.")
    return ids


def _same(vault: Vault, locked: str, number: str) -> bool:
    try:
        return _e164(vault.open(locked)) == number
    except HavenError:
        return False


async def forget_number(tx: AsyncConnection, vault: Vault, what: str) -> None:
    """Remove a number; of one that opted out of texts the wish stays, under its keyed hash alone."""
    mine = sms_contacts.c.address == vault.address(_e164(what))
    await tx.execute(sms_contacts.update().where(mine, sms_contacts.c.opted_out_at.is_not(None))
                     .values(number="", consent_text=None))
    await tx.execute(sms_contacts.delete().where(mine, sms_contacts.c.opted_out_at.is_(None)))


def _e164(what: str) -> str:
    try:
        number = phonenumbers.parse(what, "US")
    except phonenumbers.NumberParseException as error:
        raise Nobody(f"{what!r} is neither a conversation's id (32 digits) nor a telephone number.") from error
    if not phonenumbers.is_possible_number(number):
        raise Nobody(f"{what!r} is neither a conversation's id (32 digits) nor a telephone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
