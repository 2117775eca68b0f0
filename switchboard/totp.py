"""Time-based one-time codes (RFC 6238: SHA-1, 30 seconds, six digits). Used by the switchboard's accounts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
import time
from urllib.parse import quote

STEP_SECONDS = 30
DRIFT_STEPS = 1  # a clock may be half a minute off (RFC 6238, 5.2)


def new_secret() -> str:
    """A fresh secret of 160 bits in base32, as authenticators read it (RFC 4226, 4)."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, step: int, *, digits: int = 6) -> str:
    """The code of one 30-second step (RFC 4226, 5.3)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset:offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(secret: str, code: str, *, after: int | None = None, moment: float | None = None) -> int | None:
    """The step a code belongs to, or None. A step up to `after` was used before and fits no more."""
    code = "".join(code.split())
    present = int((time.time() if moment is None else moment) // STEP_SECONDS)
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        fits = hmac.compare_digest(code_at(secret, step).encode(), code.encode())
        if fits and (after is None or step > after):
            return step
    return None


def address(secret: str, login: str, centre: str) -> str:
    """The otpauth address that an authenticator takes over."""
    label = quote(f"{centre}:{login}")
    return f"otpauth://totp/{label}?secret={secret}&issuer={quote(centre)}"
