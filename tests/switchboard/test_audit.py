"""The log of the console: rows are added and never changed, on both databases, and erasing a chat still works."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from switchboard import audit, conversations
from switchboard.records.record import Record
from switchboard.records.tables import audit as table


@pytest.mark.parametrize("statement", [
    "UPDATE audit SET detail = 'something else'", "UPDATE audit SET staff = NULL", "DELETE FROM audit",
])
async def test_the_database_itself_refuses_to_change_or_remove_a_row(record: Record, statement: str) -> None:
    """Even somebody with the record's own connection cannot rewrite who did what."""
    async with record.write() as tx:
        await audit.note(tx, "claim", None, detail="as it was")
    with pytest.raises(sa.exc.DBAPIError, match="never changed or removed"):
        async with record.write() as tx:
            await tx.execute(sa.text(statement))
    async with record.read() as connection:
        assert [row.detail for row in await audit.newest(connection)] == ["as it was"]


async def test_erasing_a_chat_leaves_its_rows_in_the_log(record: Record) -> None:
    """What was done stays known; no word of the visitor stands there."""
    async with record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        await audit.note(tx, "view", None, conversation=conversation.id)
        await conversations.erase(tx, conversation)
    async with record.read() as connection:
        rows = (await connection.execute(sa.select(table.c.action))).all()
    assert [row.action for row in rows] == ["view"]
