"""The keys of the record: a data key for each conversation, wrapped by a master key. Used by the switchboard.

Words are sealed with AES-256-GCM. Each value is bound to its conversation and its place in it: one that was moved or
changed is refused. Who destroys the wrapped data key has destroyed the words, wherever copies of them lie.
"""

from __future__ import annotations

import binascii
import json
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from haven.errors import HavenError

_MARK = "v1:"  # in front of every sealed value; a later method gets another
_NONCE_BYTES = 12
_KEY_BYTES = 32
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # made once: a third of the time
_from_json = json.JSONDecoder().decode
_MOST_KEPT = 4096  # data keys in memory: some hundred bytes each


class Unreadable(HavenError):
    """A value cannot be read: it was changed, or the key is another than it was."""


class DataKey:
    """What seals and opens the words of one owner (a conversation's id)."""

    __slots__ = ("_cipher", "_owner")

    def __init__(self, raw: bytes, owner: str) -> None:
        self._cipher = AESGCM(raw)
        self._owner = owner

    def seal(self, place: str, value: Any) -> str:
        """A value of plain JSON, sealed for one place ("messages 12")."""
        return _MARK + _locked(self._cipher, _to_json(value).encode(), f"{self._owner} {place}")

    def open(self, place: str, sealed: Any) -> Any:
        """The value again. Raises Unreadable: changed, moved, never sealed, or another key."""
        if not isinstance(sealed, str) or not sealed.startswith(_MARK):
            raise Unreadable("This value was not sealed.")
        return _from_json(_unlocked(self._cipher, sealed[len(_MARK):], f"{self._owner} {place}").decode())


class Keyring:
    """The master keys: the first wraps, all of them unwrap. Its own text shows none of them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._masters = {_name(secret): AESGCM(_derived(secret, b"haven record: wrapping")) for secret in secrets}
        self.current = next(iter(self._masters))
        self._kept = lru_cache(maxsize=_MOST_KEPT)(self._unwrapped)

    def new(self, owner: str) -> str:
        """A fresh data key for an owner, wrapped."""
        return self._wrapped(owner, os.urandom(_KEY_BYTES))

    def data_key(self, owner: str, wrapped: str | None) -> DataKey:
        """The data key of an owner. Raises Unreadable when no master key opens it, or it was destroyed."""
        if not wrapped:
            raise Unreadable("The key to these words was destroyed.")
        return self._kept(owner, wrapped)

    def rewrapped(self, owner: str, wrapped: str) -> str:
        """The same data key under the first master key. Raises Unreadable."""
        return self._wrapped(owner, self._raw(owner, wrapped))

    def knows(self, name: str) -> bool:
        """Whether a master key of this name (see name_of) is here."""
        return name in self._masters

    def forget(self) -> None:
        """Keep no data key in memory: one of them was destroyed."""
        self._kept.cache_clear()

    def _wrapped(self, owner: str, raw: bytes) -> str:
        return f"{self.current}:{_locked(self._masters[self.current], raw, f'data key {owner}')}"

    def _unwrapped(self, owner: str, wrapped: str) -> DataKey:
        return DataKey(self._raw(owner, wrapped), owner)

    def _raw(self, owner: str, wrapped: str) -> bytes:
        name, _, locked = wrapped.partition(":")
        if name not in self._masters:
            raise Unreadable(f"HAVEN_RECORD_KEYS does not hold the key {name}.")
        return _unlocked(self._masters[name], locked, f"data key {owner}")


def name_of(wrapped: str) -> str:
    """Which master key wrapped a data key: eight hexadecimal digits that tell nothing of it."""
    return wrapped.partition(":")[0]


def _locked(cipher: AESGCM, plain: bytes, bound_to: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return binascii.b2a_base64(nonce + cipher.encrypt(nonce, plain, bound_to.encode()), newline=False).decode()


def _unlocked(cipher: AESGCM, locked: str, bound_to: str) -> bytes:
    try:
        raw = binascii.a2b_base64(locked)
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode())
    except (ValueError, InvalidTag) as error:
        raise Unreadable("This value was changed, moved, or sealed with another key.") from error


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret.encode())


def _name(secret: str) -> str:
    return _derived(secret, b"haven record: name")[:4].hex()
