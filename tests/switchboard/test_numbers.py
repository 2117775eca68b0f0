"""switchboard.numbers: a number in the record tells nobody anything without the key, and is never changed unseen."""

from __future__ import annotations

import pytest

from switchboard import conversations
from switchboard.numbers import Vault, encrypt_old_numbers
from switchboard.records.keyring import Unreadable
from switchboard.records.tables import callbacks

NUMBER = "+16155550142"


def test_locked_and_opened():
    """What is locked reads the same again, looks different each time, and shows nothing of the number."""
    vault = Vault("secret")
    first, second = vault.lock(NUMBER), vault.lock(NUMBER)

    assert vault.open(first) == vault.open(second) == NUMBER
    assert first != second
    assert "5550142" not in first


def test_found_by_a_keyed_hash():
    """The same number has the same address under one key, and another under another."""
    assert Vault("a").address(NUMBER) == Vault("a").address(NUMBER)
    assert len({Vault("a").address(NUMBER), Vault("b").address(NUMBER), Vault("a").address(NUMBER + "1")}) == 3


@pytest.mark.parametrize("change", [
    lambda locked: locked[:-4] + "AAAA", lambda locked: locked[:20], lambda locked: "v1:", lambda locked: "v1:é!",
])
def test_changed(change):
    """A value that was changed is refused, not read wrongly, and shown as nothing."""
    vault = Vault("secret")
    changed = change(vault.lock(NUMBER))

    with pytest.raises(Unreadable):
        vault.open(changed)
    assert vault.mask(changed) == "*****"


def test_another_key():
    """Under another key a number cannot be read."""
    with pytest.raises(Unreadable):
        Vault("b").open(Vault("a").lock(NUMBER))


async def test_old_numbers_are_encrypted(record):
    """Call-back numbers of an older Haven are encrypted at the next start, once, and read the same."""
    import sqlalchemy as sa

    vault = Vault("secret")
    async with record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        await conversations.promise_callback(tx, conversation, {"name": None, "number": NUMBER, "when": "now"})
    kept = []
    for _ in range(2):
        await encrypt_old_numbers(record, vault)
        async with record.read() as connection:
            kept.append((await connection.execute(sa.select(callbacks.c.number))).scalar_one())

    assert kept[0] == kept[1] != NUMBER
    assert vault.open(kept[0]) == NUMBER
    assert vault.mask(kept[0]) == "*****42"
