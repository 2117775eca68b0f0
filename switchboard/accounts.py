"""Staff accounts: passwords, one-time passwords, lockout and sessions in the record. Used by the switchboard."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.errors import HavenError
from haven.text import NotText, TooLong, clean
from switchboard import totp
from switchboard.passwords import Passwords
from switchboard.records.record import Record, now
from switchboard.records.tables import staff, staff_sessions

ROLES = ("staff", "supervisor", "content", "auditor")
MIN_PASSWORD = 12  # characters
NOBODY = 0  # no account has this number
FAILURES = 5  # wrong passwords in a row before the account is locked
LOCK_MS = 15 * 60_000
SESSION_MS = 12 * 3_600_000  # a session ends for good, however busy it is
IDLE_MS = 60 * 60_000  # without any request or open console; an open console must keep ringing at night
SEEN_EVERY_MS = 60_000  # how often "seen" is written

_PASSWORDS = Passwords()
_EMAIL = re.compile(r"[^@\s]{1,100}@[^@\s]+\.[^@\s]{1,60}")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is misread on paper


class AccountError(HavenError):
    """An account cannot be made or changed like this; the text says why."""


class SignInFailed(HavenError):
    """Login, password or code are wrong, or the account is locked: which of them is never said."""

    def __init__(self) -> None:
        super().__init__("This login and password do not fit, or the account is locked for a while.")


class CodeNeeded(HavenError):
    """The password is right and the account wants a code from the person's authenticator as well."""


@dataclass(frozen=True)
class Staff:
    """One member of staff."""

    id: int
    login: str
    name: str
    role: str
    must_change: bool
    capacity: int
    paused_at: int | None
    has_totp: bool
    disabled: bool
    email: str = ""

    @property
    def first_name(self) -> str:
        """What visitors read; a person may choose another name than their own."""
        return self.name.split()[0]

    @property
    def owner(self) -> str:
        """How a conversation names this person as its owner."""
        return f"staff:{self.id}"

    @property
    def may_claim(self) -> bool:
        """Whether visitors' conversations are open to this role at all."""
        return self.role in ("staff", "supervisor")

    @property
    def may_write_content(self) -> bool:
        """Whether this role works on the answers: it reads questions without names, and no conversation."""
        return self.role in ("content", "supervisor")

    @property
    def may_audit(self) -> bool:
        return self.role in ("supervisor", "auditor")


@dataclass(frozen=True)
class Session:
    """A login of one member of staff."""

    token_hash: str
    csrf: str
    made_at: int
    staff: Staff


# -- accounts ---------------------------------------------------------------------------------------------


async def add(
    tx: AsyncConnection, *, login: str, name: str, role: str, password: str, must_change: bool = True
) -> Staff:
    """Make an account. `password` is a hash from `hashed`. Raises AccountError."""
    login, name = login.strip().lower(), _name(name)
    _check_new(login, name, role)
    if (await tx.execute(sa.select(staff.c.id).where(staff.c.login == login))).first():
        raise AccountError(f"There is already an account {login!r}.")
    result = await tx.execute(staff.insert().values(
        login=login, name=name, role=role, password=password, must_change=must_change, made_at=now())
        .returning(staff.c.id))
    return await by_id(tx, result.scalar_one())


def _name(raw: str) -> str:
    """A name as visitors may read it: nothing unseen, nothing that turns the reading direction."""
    try:
        return " ".join(clean(raw).split())
    except (NotText, TooLong):
        return ""


def _check_new(login: str, name: str, role: str) -> None:
    if not _LOGIN.fullmatch(login):
        raise AccountError(f"{login!r} cannot be a login: 2 to 40 small letters, digits, dots or dashes.")
    if not 1 <= len(name) <= 80:
        raise AccountError("A name of 1 to 80 characters is needed; visitors read its first word.")
    if role not in ROLES:
        raise AccountError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")


async def by_id(connection: AsyncConnection, staff_id: int) -> Staff:
    """Read one account. Raises AccountError."""
    row = (await connection.execute(sa.select(staff).where(staff.c.id == staff_id))).first()
    if row is None:
        raise AccountError("There is no such account.")
    return _staff(row)


async def everybody(connection: AsyncConnection) -> list[Staff]:
    """All accounts, by login."""
    rows = await connection.execute(sa.select(staff).order_by(staff.c.login))
    return [_staff(row) for row in rows]


async def names(connection: AsyncConnection) -> dict[int, str]:
    """First names by id, as visitors and colleagues read them."""
    return {person.id: person.first_name for person in await everybody(connection)}


async def set_password(
    tx: AsyncConnection, staff_id: int, password: str, *, must_change: bool, keep: str | None = None
) -> None:
    """Store a hash from `hashed`, unlock, and end every session but the one with the hash `keep`."""
    await tx.execute(staff.update().where(staff.c.id == staff_id).values(
        password=password, must_change=must_change, failed=0, locked_until=None))
    await tx.execute(staff_sessions.delete().where(
        staff_sessions.c.staff == staff_id, staff_sessions.c.token_hash != (keep or "")))


async def change_password(record: Record, session: Session, old: str, new: str) -> None:
    """Set one's own password; every other session of this person ends. Raises SignInFailed for a wrong old one."""
    await confirm_password(record, session.staff, old)
    digest = await hashed(new)
    async with record.write() as tx:
        await set_password(tx, session.staff.id, digest, must_change=False, keep=session.token_hash)


async def confirm_password(record: Record, person: Staff, password: str) -> None:
    """Check a password once more before something grave. Raises SignInFailed; failures count."""
    async with record.read() as connection:
        row = (await connection.execute(sa.select(staff).where(staff.c.id == person.id))).one()
    if (row.locked_until or 0) > now() or not await _PASSWORDS.do(_fits, row.password, password):
        await _failed(record, row.id)
        raise SignInFailed()


async def set_paused(tx: AsyncConnection, staff_id: int, paused: bool) -> None:
    """Note whether a person takes a break: nothing is offered to them then."""
    await tx.execute(staff.update().where(staff.c.id == staff_id).values(paused_at=now() if paused else None))


async def set_totp(tx: AsyncConnection, staff_id: int, secret: str | None) -> None:
    """Ask this person for a code from now on, or (None) no longer."""
    await tx.execute(staff.update().where(staff.c.id == staff_id).values(totp=secret, totp_step=None))


async def set_capacity(tx: AsyncConnection, staff_id: int, raw: str) -> None:
    """Set how many conversations this person may have at once. Raises AccountError."""
    if not (raw.isascii() and raw.isdigit() and len(raw) < 5 and 1 <= int(raw) <= 50):
        raise AccountError("Choose a number from 1 to 50.")
    await tx.execute(staff.update().where(staff.c.id == staff_id).values(capacity=int(raw)))


async def set_email(tx: AsyncConnection, staff_id: int, raw: str) -> None:
    """Set the address by which the centre's provider knows this person; empty: none. Raises AccountError."""
    email = raw.strip().lower()
    if email and not _EMAIL.fullmatch(email):
        raise AccountError(f"{email!r} is no e-mail address.")
    taken = sa.select(staff.c.id).where(staff.c.email == email, staff.c.id != staff_id)
    if email and (await tx.execute(taken)).first():
        raise AccountError("Another account has this e-mail address.")
    await tx.execute(staff.update().where(staff.c.id == staff_id).values(email=email or None))


async def set_disabled(tx: AsyncConnection, staff_id: int, disabled: bool) -> None:
    """Close an account (its sessions end at once) or open it again; its name stays on what it wrote."""
    await tx.execute(staff.update().where(staff.c.id == staff_id).values(
        disabled_at=now() if disabled else None))
    if disabled:
        await tx.execute(staff_sessions.delete().where(staff_sessions.c.staff == staff_id))


def check_password(password: str, login: str) -> None:
    """Refuse what cannot be a real password. Raises AccountError with what is wanted."""
    if len(password) < MIN_PASSWORD:
        raise AccountError(f"A password needs at least {MIN_PASSWORD} characters. A few words in a row are fine.")
    if len(password) > 200:
        raise AccountError("A password may have at most 200 characters.")
    if len(set(password)) < 5 or (login in password.lower() and len(password) < len(login) + 8):
        raise AccountError("This password is too easy to guess. A few words in a row are fine.")


def one_time_password() -> str:
    """A password to be read from a screen or paper once: 16 characters in fours, 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


async def hashed(password: str) -> str:
    """The argon2id hash of a password, made off the event loop."""
    return await _PASSWORDS.do(_hash, password)


# -- the first account --------------------------------------------------------------------------------------


async def first_account(record: Record, home: Path) -> tuple[str, str] | None:
    """(login, one-time password) of the first account, made if there is nobody yet.

    The password is kept in home/first_login.txt (owner only) until it has been changed; afterwards None.
    """
    note = home / "first_login.txt"
    async with record.read() as connection:
        there = await everybody(connection)
    if there:
        return _noted(note, there)
    password = one_time_password()
    digest = await hashed(password)
    async with record.write() as tx:
        if not await everybody(tx):
            await add(tx, login="admin", name="Admin", role="supervisor", password=digest)
            _write_privately(note, f"admin {password}\n")
    return "admin", password


def _noted(note: Path, there: list[Staff]) -> tuple[str, str] | None:
    if not note.exists():
        return None
    login, _, password = note.read_text(encoding="utf-8").strip().partition(" ")
    if any(person.login == login and person.must_change for person in there):
        return login, password
    note.unlink()
    return None


def forget_first(home: Path, login: str) -> None:
    """Remove the note with the first password once it no longer opens anything."""
    note = home / "first_login.txt"
    if note.exists() and note.read_text(encoding="utf-8").startswith(f"{login} "):
        note.unlink()


def _write_privately(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)


# -- sessions -----------------------------------------------------------------------------------------------


async def sign_in(
    record: Record, login: str, password: str, *, code: str = "", known: bool = False
) -> tuple[str, Staff]:
    """A new session: its token (only the hash is stored) and who it belongs to.

    `known`: from a browser this account was signed in from before (the caller counts its tries); a lock does not hold
    for it, so that a stranger who guesses keeps nobody out. Raises SignInFailed, after the same work whether or not
    there is such an account; CodeNeeded.
    """
    async with record.read() as connection:
        row = (await connection.execute(sa.select(staff).where(staff.c.login == login.strip().lower()))).first()
    fits = await _PASSWORDS.do(_fits, row.password if row else None, password)
    usable = row is not None and row.disabled_at is None and (known or (row.locked_until or 0) <= now())
    if row is None or not usable or not fits:
        await _failed(record, row.id if row and usable and not known else NOBODY)
        raise SignInFailed()
    return await _opened(record, row, password, code, known=known)


async def sign_in_by_email(record: Record, email: str) -> tuple[str, Staff]:
    """A new session for the account with this address, which the centre's provider has checked.

    A one-time password that was never used opens nothing from then on. Raises SignInFailed.
    """
    async with record.write() as tx:
        row = (await tx.execute(sa.select(staff).where(
            staff.c.email == email.strip().lower(), staff.c.disabled_at.is_(None)))).first()
        if row is None:
            raise SignInFailed()
        if row.must_change:
            await tx.execute(staff.update().where(staff.c.id == row.id).values(must_change=False, password="-"))  # noqa: S106
        return await _new_session(tx, row.id), await by_id(tx, row.id)


async def _opened(record: Record, row: Any, password: str, code: str, *, known: bool) -> tuple[str, Staff]:
    step = None
    if row.totp:
        if not code.strip():
            raise CodeNeeded("Enter the six digits of your authenticator.")
        step = totp.step_of(row.totp, code, after=row.totp_step)
        if step is None:
            await _failed(record, NOBODY if known else row.id)
            raise SignInFailed()
    fresh = await hashed(password) if _hasher().check_needs_rehash(row.password) else row.password
    async with record.write() as tx:
        await _enter(tx, row, fresh, step, known=known)
        return await _new_session(tx, row.id), await by_id(tx, row.id)


async def _enter(tx: AsyncConnection, row: Any, password: str, step: int | None, *, known: bool) -> None:
    """Note the sign-in, if nothing came between the check and now: of two who send the same code, or of sixty who guess
    at once, the lock and the used code stop all that come after. Raises SignInFailed."""
    s = staff.c
    still = [s.id == row.id, s.password == row.password, s.disabled_at.is_(None)]
    still += [] if known else [sa.func.coalesce(s.locked_until, 0) <= now()]
    still += [] if step is None else [sa.func.coalesce(s.totp_step, 0) < step]
    values: dict[str, Any] = {"password": password, "totp_step": row.totp_step if step is None else step}
    values |= {} if known else {"failed": 0, "locked_until": None}
    if (await tx.execute(staff.update().where(*still).values(**values))).rowcount != 1:
        raise SignInFailed()


async def _new_session(tx: AsyncConnection, staff_id: int) -> str:
    token, moment = secrets.token_urlsafe(32), now()
    await tx.execute(staff_sessions.delete().where(staff_sessions.c.expires_at < moment))
    await tx.execute(staff_sessions.insert().values(
        token_hash=digest_of(token), staff=staff_id, csrf=secrets.token_urlsafe(24), made_at=moment,
        seen_at=moment, expires_at=moment + SESSION_MS))
    return token


async def _failed(record: Record, staff_id: int) -> None:
    """Count a failure; for NOBODY the same work, so that a clock tells a stranger nothing."""
    async with record.write() as tx:
        result = await tx.execute(
            staff.update().where(staff.c.id == staff_id).values(failed=staff.c.failed + 1)
            .returning(staff.c.failed))
        if (result.scalar() or 0) >= FAILURES:
            await tx.execute(staff.update().where(staff.c.id == staff_id).values(
                failed=0, locked_until=now() + LOCK_MS))


async def session_of(record: Record, token: str) -> Session | None:
    """The session a cookie speaks for, or None when there is none, it ended or was idle too long."""
    if not token:
        return None
    query = (sa.select(staff_sessions.c.token_hash, staff_sessions.c.csrf, staff_sessions.c.seen_at,
                       staff_sessions.c.expires_at, staff_sessions.c.made_at.label("begun_at"), *staff.c)
             .join(staff, staff.c.id == staff_sessions.c.staff)
             .where(staff_sessions.c.token_hash == digest_of(token)))
    async with record.read() as connection:
        row = (await connection.execute(query)).first()
    moment = now()
    if row is None or row.expires_at <= moment or row.seen_at + IDLE_MS <= moment or row.disabled_at:
        return None
    if row.seen_at + SEEN_EVERY_MS <= moment:
        await _seen(record, row.token_hash, moment)
    return Session(row.token_hash, row.csrf, row.begun_at, _staff(row))


async def _seen(record: Record, token_hash: str, moment: int) -> None:
    async with record.write() as tx:
        await tx.execute(staff_sessions.update().where(staff_sessions.c.token_hash == token_hash)
                         .values(seen_at=moment))


async def sign_out(record: Record, session: Session) -> None:
    """End a session."""
    async with record.write() as tx:
        await end_session(tx, session.token_hash)


async def end_session(tx: AsyncConnection, token_hash: str) -> None:
    """End the session with this hash, if there is one."""
    await tx.execute(staff_sessions.delete().where(staff_sessions.c.token_hash == token_hash))


def digest_of(token: str) -> str:
    """What is stored of a session's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _staff(row: Any) -> Staff:
    return Staff(id=row.id, login=row.login, name=row.name, role=row.role, must_change=bool(row.must_change),
                 capacity=row.capacity, paused_at=row.paused_at, has_totp=bool(row.totp),
                 disabled=row.disabled_at is not None, email=row.email or "")


def _hash(password: str) -> str:
    return _hasher().hash(password)


def _fits(digest: str | None, password: str) -> bool:
    """Without `digest` (there is no such account) the same work for nothing."""
    try:
        return _hasher().verify(digest or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id with the library's current recommendation (RFC 9106, low memory)


@cache
def _nobody() -> str:
    """A hash nothing fits, so that an unknown login takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(16))
