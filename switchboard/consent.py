"""What a visitor on the website was told before writing: kept word for word, once for all who were told the same.

By text the contact keeps it (switchboard/sms/door.py). Used by the switchboard.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.conversations import Conversation
from switchboard.records.record import now
from switchboard.records.tables import consent_texts, conversations
from switchboard.sms.contacts import insert_new


def version_of(text: str) -> str:
    """Sixteen hexadecimal digits that change with every letter of a notice."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def note(tx: AsyncConnection, conversation: Conversation, text: str) -> None:
    """Note that a conversation began with this notice, and when."""
    version, moment = version_of(text), now()
    await insert_new(tx, consent_texts, version=version, text=text, first_at=moment)
    await tx.execute(conversations.update().where(conversations.c.id == conversation.id)
                     .values(consent=version, consent_at=moment))


async def text_of(connection: AsyncConnection, version: str | None) -> str | None:
    """The notice of a version, or None."""
    query = sa.select(consent_texts.c.text).where(consent_texts.c.version == version)
    text: str | None = (await connection.execute(query)).scalar()
    return text
