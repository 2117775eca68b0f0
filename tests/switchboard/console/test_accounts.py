"""Sign in, first password, lockout, sessions, roles and proof of form, over HTTP."""

from __future__ import annotations

import re
import stat
import time
from pathlib import Path

import sqlalchemy as sa

from switchboard import accounts, totp
from switchboard.records.record import Record, now
from switchboard.records.tables import audit, staff, staff_sessions
from tests.switchboard.console.conftest import PASSWORD, Console


async def test_every_page_wants_a_login(console: Console) -> None:
    """Without a session a page leads to the login and back, and a form changes nothing."""
    http = console.client()
    visitor = await console.waiting()
    for path in ("/staff/", f"/staff/conversations/{visitor.id}", "/staff/callbacks", "/staff/audit", "/staff/events"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/staff/login?next={path}")
    assert (await http.post(f"/staff/conversations/{visitor.id}/claim")).status_code == 401
    assert await console.owner(visitor.id) == "waiting"


async def test_a_wrong_password_and_an_unknown_login_read_the_same(console: Console) -> None:
    """Nobody learns from the answer whether an account exists."""
    anna = await console.account("Anna")
    http = console.client()
    wrong = await http.post("/staff/login", data={"login": anna.login, "password": "not this one"})
    unknown = await http.post("/staff/login", data={"login": "x" * len(anna.login), "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(anna.login, "") == unknown.text.replace("x" * len(anna.login), "")


async def test_five_wrong_passwords_lock_the_account_for_a_while(console: Console) -> None:
    """The right password is refused in the same words until the time is over."""
    anna = await console.account("Anna")
    for _ in range(5):
        assert (await anna.sign_in("not this one")).status_code == 401
    assert (await anna.sign_in()).status_code == 401
    async with console.parts.record.write() as tx:
        await tx.execute(staff.update().where(staff.c.id == anna.id).values(locked_until=now() - 1))
    assert (await anna.sign_in()).status_code == 303


async def test_a_one_time_password_leads_to_a_real_one_before_anything_else(console: Console) -> None:
    """Until it is set, every page leads there; too short, unequal or old ones are refused."""
    once = accounts.one_time_password()
    async with console.parts.record.write() as tx:
        await accounts.add(tx, login="newcomer", name="New Comer", role="staff", password=await accounts.hashed(once))
    anna = await console.account("Anna")
    anna.login = "newcomer"
    await anna.sign_in(once)
    assert (await anna.http.get("/staff/callbacks")).headers["location"] == "/staff/password"
    for new, again in (("short", "short"), (once, once), ("quiet river at dawn", "quiet river at dusk")):
        assert (await anna.do("password", old=once, new=new, again=again)).status_code == 400
    assert (await anna.do("password", old=once, new=PASSWORD, again=PASSWORD)).status_code == 303
    assert "Need somebody" in await anna.page()
    other = console.client()
    assert (await other.post("/staff/login", data={"login": "newcomer", "password": once})).status_code == 401


async def test_the_first_account_is_made_once_and_its_password_kept_until_changed(tmp_path: Path) -> None:
    """The note is readable by its owner alone and is gone after the password has been changed."""
    record = Record(f"sqlite+aiosqlite:///{tmp_path / 'haven.db'}")
    try:
        await record.migrate()
        first = await accounts.first_account(record, tmp_path)
        assert first is not None and first[0] == "admin"
        assert first == await accounts.first_account(record, tmp_path)
        assert stat.S_IMODE((tmp_path / "first_login.txt").stat().st_mode) == 0o600
        async with record.write() as tx:
            await accounts.set_password(tx, 1, await accounts.hashed(PASSWORD), must_change=False)
        assert await accounts.first_account(record, tmp_path) is None
        assert not (tmp_path / "first_login.txt").exists()
    finally:
        await record.close()


async def test_a_form_without_the_session_s_token_or_from_elsewhere_is_refused(console: Console) -> None:
    """Another site cannot act in the name of somebody who is signed in."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    path = f"/staff/conversations/{visitor.id}/claim"
    assert (await anna.http.post(path)).status_code == 403
    assert (await anna.http.post(path, data={"csrf": "x" * 32})).status_code == 403
    for header in ({"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}):
        assert (await anna.http.post(path, data={"csrf": anna.csrf}, headers=header)).status_code == 403
    assert await console.owner(visitor.id) == "waiting"


async def test_the_cookie_is_kept_from_scripts_and_other_sites_and_only_its_hash_is_stored(console: Console) -> None:
    """A copy of the record opens no session."""
    anna = await console.account("Anna")
    answer = await anna.http.post("/staff/login", data={"login": anna.login, "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/staff" in cookie
    token = anna.http.cookies["haven_staff"]
    async with console.parts.record.read() as connection:
        rows = (await connection.execute(sa.select(staff_sessions).where(staff_sessions.c.staff == anna.id))).all()
    assert all(token not in str(row) for row in rows)


async def test_sessions_end_by_time_by_idleness_and_by_signing_out(console: Console) -> None:
    """After each of them the console asks for the login again."""
    for values in ({"expires_at": now() - 1}, {"seen_at": now() - accounts.IDLE_MS - 1}):
        anna = await console.person("Anna")
        async with console.parts.record.write() as tx:
            await tx.execute(staff_sessions.update().where(staff_sessions.c.staff == anna.id).values(**values))
        assert (await anna.http.get("/staff/")).status_code == 303
    anna = await console.person("Anna")
    token = anna.http.cookies["haven_staff"]
    await anna.do("logout")
    again = await console.client().get("/staff/", headers={"cookie": f"haven_staff={token}"})
    assert again.status_code == 303


async def test_a_new_password_ends_every_other_session(console: Console) -> None:
    """Whoever had the old one is out at once."""
    anna = await console.person("Anna")
    thief = console.client()
    await thief.post("/staff/login", data={"login": anna.login, "password": PASSWORD})
    assert (await thief.get("/staff/")).status_code == 200
    await anna.do("password", old=PASSWORD, new="another quiet river", again="another quiet river")
    assert (await thief.get("/staff/")).status_code == 303
    assert (await anna.http.get("/staff/")).status_code == 200


async def test_roles_open_what_they_need_and_nothing_else(console: Console) -> None:
    """Auditors read the log and no conversation; staff the reverse; supervisors both; content neither."""
    visitor = await console.waiting()
    seen = {}
    for role in accounts.ROLES:
        person = await console.person(role.capitalize(), role=role)
        paths = (f"/staff/conversations/{visitor.id}", "/staff/callbacks", "/staff/events", "/staff/audit")
        seen[role] = [(await person.http.get(path)).status_code for path in paths if path != "/staff/events"]
        claimed = (await person.act(visitor, "claim")).status_code
        assert claimed == (303 if role == "staff" else 409 if role == "supervisor" else 403)
    assert seen == {"staff": [200, 200, 403], "supervisor": [200, 200, 200], "content": [403, 403, 403],
                    "auditor": [403, 403, 200]}


async def test_looks_and_deeds_stand_in_the_log(console: Console) -> None:
    """Sign-in, view, claim and close leave a row each; no visitor's words are in it."""
    anna, visitor = await console.person("Anna"), await console.waiting("the words are mine")
    await anna.page(f"/staff/conversations/{visitor.id}")
    await anna.act(visitor, "claim")
    async with console.parts.record.read() as connection:
        rows = (await connection.execute(sa.select(audit).where(audit.c.staff == anna.id))).all()
    assert [row.action for row in rows] == ["sign_in", "view", "claim"]
    assert "the words" not in str(rows)


async def test_an_authenticator_is_asked_for_and_a_code_fits_once(console: Console) -> None:
    """With it on, the password alone opens nothing, and an overheard code opens nothing a second time."""
    anna = await console.person("Anna")
    secret = totp.new_secret()
    code = totp.code_at(secret, int(time.time() // 30))
    assert (await anna.do("authenticator", secret=secret, code="000000", password=PASSWORD)).status_code == 400
    assert (await anna.do("authenticator", secret=secret, code=code, password=PASSWORD)).status_code == 303

    fresh = console.client()
    form = {"login": anna.login, "password": PASSWORD}
    asked = await fresh.post("/staff/login", data=form)
    assert asked.status_code == 401 and "one-time-code" in asked.text
    code = totp.code_at(secret, int(time.time() // 30))
    assert (await fresh.post("/staff/login", data={**form, "code": code})).status_code == 303
    assert (await console.client().post("/staff/login", data={**form, "code": code})).status_code == 401


def test_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, the SHA-1 rows."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    rows = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 20000000000: "65353130"}
    assert {at: totp.code_at(secret, at // 30, digits=8) for at in rows} == rows


async def test_a_supervisor_makes_resets_and_closes_accounts(console: Console) -> None:
    """The one-time password is shown once; a closed account is out at once; nobody closes their own."""
    carla, anna = await console.person("Carla", role="supervisor"), await console.person("Anna")
    made = await carla.do("people", login="newnurse", name="New Nurse", role="staff")
    once = re.search(r'class="key">([a-z0-9-]{19})<', made.text)
    assert once is not None
    newcomer = console.client()
    entered = await newcomer.post("/staff/login", data={"login": "newnurse", "password": once.group(1)})
    assert entered.status_code == 303
    assert once.group(1) not in await carla.page("/staff/people")

    assert (await carla.do(f"people/{anna.id}/close")).status_code == 200
    assert (await anna.http.get("/staff/")).status_code == 303
    assert (await anna.sign_in()).status_code == 401
    await carla.do(f"people/{anna.id}/open")
    assert (await anna.sign_in()).status_code == 303
    assert (await carla.do(f"people/{carla.id}/close")).status_code == 400
    assert (await anna.do("people", login="mine", name="Mine", role="supervisor")).status_code == 403
