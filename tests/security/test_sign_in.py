"""Guessing passwords and codes: bounded for each account and each address, and no stranger keeps staff out for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa

from switchboard import accounts, totp
from switchboard.limits import Pace
from switchboard.records.tables import staff, staff_sessions
from tests.switchboard.console.conftest import PASSWORD, Console, Staffer

WRONG = "not this one"


async def _guess(console: Console, login: str, password: str = WRONG, **more: str) -> int:
    """A stranger's try, from a browser of their own."""
    sent = {"login": login, "password": password, **more}
    return (await console.client().post("/staff/login", data=sent)).status_code


async def _with_code(console: Console) -> tuple[Staffer, str]:
    anna, secret = await console.account("Anna"), totp.new_secret()
    async with console.parts.record.write() as tx:
        await accounts.set_totp(tx, anna.id, secret)
    return anna, secret


async def test_a_stranger_who_guesses_keeps_nobody_out(console: Console) -> None:
    """While guesses lock an account against strangers, its person signs in from a browser they used before."""
    anna = await console.person("Anna")
    for _ in range(12):
        assert await _guess(console, anna.login) == 401
    assert await _guess(console, anna.login, PASSWORD) == 401
    assert (await anna.sign_in()).status_code == 303
    assert await _guess(console, anna.login, PASSWORD) == 401  # her sign-in does not open the door for the stranger


async def test_a_known_browser_guesses_no_better(console: Console) -> None:
    """Who finds the browser of a colleague has five tries as well, and they count for that account alone."""
    anna, ben = await console.person("Anna"), await console.account("Ben")
    statuses = [(await anna.sign_in("not this one")).status_code for _ in range(8)]
    assert statuses.count(429) >= 3
    mark = anna.http.cookies["haven_browser"]
    for _ in range(6):
        await console.client().post("/staff/login", data={"login": ben.login, "password": "not this one"},
                                    headers={"Cookie": f"haven_browser={mark}"})
    assert await _guess(console, ben.login, PASSWORD) == 401


@pytest.mark.parametrize("mark", ["", "x", "W10.x.x", "null", "é"])
async def test_a_forged_mark_of_a_browser_is_none(console: Console, mark: str) -> None:
    """Only a mark that we signed lifts the lock."""
    anna = await console.account("Anna")
    for _ in range(5):
        await _guess(console, anna.login)
    answer = await console.client().post("/staff/login", data={"login": anna.login, "password": PASSWORD},
                                         headers={"Cookie": f"haven_browser={mark}".encode()})
    assert answer.status_code == 401


async def test_one_address_may_not_try_one_password_on_everybody(console: Console) -> None:
    """The tries of one address are bounded whatever the logins, and a header cannot make it another address."""
    before, console.app.ctx.sign_in_pace = console.app.ctx.sign_in_pace, Pace(burst=3, seconds=600.0)
    try:
        statuses = [await _elsewhere(console, i) for i in range(6)]
    finally:
        console.app.ctx.sign_in_pace = before
    assert statuses == [401, 401, 401, 429, 429, 429]


async def _elsewhere(console: Console, i: int) -> int:
    claimed = dict.fromkeys(("X-Forwarded-For", "X-Real-IP"), f"203.0.113.{i}")
    sent = {"login": f"nobody-{i}", "password": "spring 2026!"}
    return (await console.client().post("/staff/login", data=sent, headers=claimed)).status_code


async def test_guesses_sent_at_once_count_like_guesses_sent_in_turn(console: Console) -> None:
    """Of thirty guesses at the same moment, the right one among the last, none gets in once five have failed."""
    anna = await console.account("Anna")
    guesses = [_guess(console, anna.login, f"not this one {i}") for i in range(24)]
    statuses = await asyncio.gather(*guesses, _late(console, anna))
    assert set(statuses) == {401}


async def _late(console: Console, anna: Staffer) -> int:
    await asyncio.sleep(0.3)
    return await _guess(console, anna.login, PASSWORD)


async def test_an_unknown_login_costs_the_same_work(console: Console, monkeypatch: Any) -> None:
    """Known, unknown, locked and closed: one hash and one write each, so that a clock tells nothing."""
    work: list[str] = []
    fits, failed = accounts._fits, accounts._failed

    async def counted(record: Any, staff_id: int) -> None:
        work.append("write")
        await failed(record, staff_id)

    monkeypatch.setattr(accounts, "_fits", lambda digest, password: work.append("hash") or fits(digest, password))
    monkeypatch.setattr(accounts, "_failed", counted)
    known, closed, locked = [await console.account(name) for name in ("Known", "Closed", "Locked")]
    async with console.parts.record.write() as tx:
        await accounts.set_disabled(tx, closed.id, True)
        await tx.execute(staff.update().where(staff.c.id == locked.id).values(locked_until=2**42))
    for login in (known.login, "nobody-at-all", closed.login, locked.login):
        work.clear()
        assert await _guess(console, login) == 401
        assert work == ["hash", "write"], login


async def test_codes_are_guessed_no_better_than_passwords(console: Console) -> None:
    """With the right password, five wrong codes lock the account, and the right code comes too late."""
    anna, secret = await _with_code(console)
    for i in range(5):
        assert await _guess(console, anna.login, PASSWORD, code=f"00000{i}") == 401
    assert await _guess(console, anna.login, PASSWORD, code=totp.code_at(secret, int(time.time() // 30))) == 401


async def test_a_code_sent_twice_at_once_opens_one_session(console: Console) -> None:
    """An overheard code that races its owner's does not open a second session."""
    anna, secret = await _with_code(console)
    code = totp.code_at(secret, int(time.time() // 30))
    statuses = await asyncio.gather(*(_guess(console, anna.login, PASSWORD, code=code) for _ in range(4)))
    assert sorted(statuses) == [303, 401, 401, 401]
    async with console.parts.record.read() as connection:
        count = await connection.execute(sa.select(sa.func.count()).where(staff_sessions.c.staff == anna.id))
    assert count.scalar_one() == 1


@pytest.mark.parametrize("code", ["²²²²²²", "١٢٣٤٥٦", "\0", "000000000000", "é", "-12345"])
async def test_a_code_that_is_no_number_is_just_wrong(console: Console, code: str) -> None:
    """Strange digits are a wrong code, not an error."""
    anna, _ = await _with_code(console)
    assert await _guess(console, anna.login, PASSWORD, code=code) == 401
