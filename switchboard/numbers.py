"""Telephone numbers in the record: encrypted, found by a keyed hash, shown masked. Used by the switchboard."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from haven.redaction import masked
from switchboard.records.keyring import Unreadable
from switchboard.records.record import Record
from switchboard.records.tables import callbacks

_MARK = "v1:"  # in front of every encrypted value; a later key or method gets another
_NONCE_BYTES = 12


class Vault:
    """Locks and opens numbers (AES-256-GCM) and names them for looking up (HMAC-SHA256)."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(_derived(secret, b"haven numbers: encryption"))
        self._hash_key = _derived(secret, b"haven numbers: look-up")

    def lock(self, plain: str) -> str:
        """The value encrypted, as text; the same value gives another text each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plain.encode(), None)
        return _MARK + base64.b64encode(nonce + sealed).decode()

    def open(self, locked: str) -> str:
        """The value again; what was never encrypted (rows of an older Haven) comes back as it is.

        Raises Unreadable.
        """
        if not locked.startswith(_MARK):
            return locked
        try:
            raw = base64.b64decode(locked[len(_MARK):], validate=True)
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
        except (ValueError, InvalidTag) as error:
            raise Unreadable("A stored number cannot be read: HAVEN_NUMBER_SECRET is not the one it was "
                             "stored with.") from error

    def mask(self, locked: str) -> str:
        """The number as staff see it until they say why they need it."""
        try:
            return masked(self.open(locked))
        except Unreadable:
            return "*****"

    @staticmethod
    def is_locked(value: str) -> bool:
        return value.startswith(_MARK)

    def address(self, number: str) -> str:
        """What a number is found by: 64 hexadecimal digits that say nothing without the key."""
        return hmac.new(self._hash_key, number.encode(), hashlib.sha256).hexdigest()


async def encrypt_old_numbers(record: Record, vault: Vault) -> None:
    """Encrypt call-back numbers that an older Haven stored as they were typed; run at every start, before service."""
    async with record.write() as tx:
        rows = await tx.execute(sa.select(callbacks.c.id, callbacks.c.number))
        for row in [row for row in rows if not vault.is_locked(row.number)]:
            await tx.execute(callbacks.update().where(callbacks.c.id == row.id).values(number=vault.lock(row.number)))


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())
