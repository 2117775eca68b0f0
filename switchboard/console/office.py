"""Breaks, people and the audit log. Part of the switchboard's console."""

from __future__ import annotations

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from switchboard import accounts, audit
from switchboard.accounts import AccountError, Session
from switchboard.console import pages
from switchboard.console.access import for_auditors, for_supervisors, shift_of, staff_only
from switchboard.console.forms import field, whole_number
from switchboard.parts import parts_of
from switchboard.streams import CONSOLE, FLEET

blueprint = Blueprint("console_office")


@blueprint.post("/pause")
@staff_only()
async def pause(request: Request, session: Session) -> HTTPResponse:
    """Begin or end a break: what one has stays, nothing new is offered."""
    parts, begin = parts_of(request), field(request, "what") == "begin"
    async with parts.record.write() as tx:
        await accounts.set_paused(tx, session.staff.id, begin)
        await audit.note(tx, "break_begins" if begin else "break_ends", session.staff.id)
    (parts.presence.away if begin else parts.presence.back)(session.staff.id)
    parts.streams.wake(CONSOLE, FLEET, f"staff {session.staff.id}")
    return redirect("/staff/", status=303)


@blueprint.get("/people")
@staff_only(for_supervisors)
async def people(request: Request, session: Session) -> HTTPResponse:
    """Every account."""
    return await _people(request, session)


async def _people(request: Request, session: Session, *, told: str = "", password: str = "") -> HTTPResponse:
    async with parts_of(request).record.read() as connection:
        everybody = await accounts.everybody(connection)
    shift = shift_of(request)
    return pages.page(request, "people.html", session, people=everybody, roles=accounts.ROLES, told=told,
                      elsewhere=request.app.ctx.oidc is not None, password=password,
                      here={person.id for person in everybody if shift.is_here(person.id)})


@blueprint.post("/people")
@staff_only(for_supervisors)
async def add_person(request: Request, session: Session) -> HTTPResponse:
    """Make an account; its one-time password is shown this once."""
    parts, password = parts_of(request), accounts.one_time_password()
    digest = await accounts.hashed(password)
    async with parts.record.write() as tx:
        person = await accounts.add(tx, login=field(request, "login"), name=field(request, "name"),
                                    role=field(request, "role"), password=digest)
        await audit.note(tx, "account_added", session.staff.id, detail=f"{person.login} as {person.role}")
    parts.staff_names[person.id] = person.first_name
    return await _people(request, session, told=f"{person.login} can sign in once with this password:",
                         password=password)


@blueprint.post("/on-call/test")
@staff_only(for_supervisors)
async def test_call(request: Request, session: Session) -> HTTPResponse:
    """Tell the person on call that this is a test, and show how it went."""
    parts, on_call = parts_of(request), request.app.ctx.on_call
    if not on_call.has_targets:
        return await _people(request, session, told="Nobody is on call: HAVEN_ON_CALL is empty.")
    went = await on_call.tell("This is a test of the call. Nobody waits.")
    async with parts.record.write() as tx:
        await audit.note(tx, "on_call_test", session.staff.id,
                         detail=f"{went.targets - len(went.failures)} of {went.targets} ways")
    return await _people(request, session, told="; ".join(went.failures).capitalize() or "The test went out.")


@blueprint.post("/people/<staff_id:int>/<what:reset|close|open|capacity|email>")
@staff_only(for_supervisors)
async def change_person(request: Request, session: Session, staff_id: int, what: str) -> HTTPResponse:
    """Give a new one-time password, close an account or open it again, or set how many one may have at once."""
    parts, password = parts_of(request), accounts.one_time_password() if what == "reset" else ""
    digest = await accounts.hashed(password) if password else ""
    async with parts.record.write() as tx:
        person = await accounts.by_id(tx, staff_id)
        if person.id == session.staff.id and what in ("close", "reset"):
            raise AccountError("Somebody else must do this to your own account.")
        if what == "reset":
            await accounts.set_password(tx, person.id, digest, must_change=True)
            await accounts.set_totp(tx, person.id, None)
        elif what == "capacity":
            await accounts.set_capacity(tx, person.id, field(request, "capacity"))
        elif what == "email":
            await accounts.set_email(tx, person.id, field(request, "email"))
        else:
            await accounts.set_disabled(tx, person.id, what == "close")
        await audit.note(tx, f"account_{what}", session.staff.id, detail=person.login)
    parts.streams.wake(CONSOLE)
    told = f"{person.login} can sign in once with this password:" if password else f"Done for {person.login}."
    return await _people(request, session, told=told, password=password)


@blueprint.get("/audit")
@staff_only(for_auditors)
async def audit_log(request: Request, session: Session) -> HTTPResponse:
    """Who did or saw what, newest first."""
    parts, before = parts_of(request), whole_number(request.args.get("before", ""))
    async with parts.record.read() as connection:
        rows = await audit.newest(connection, before=before)
    return pages.page(request, "audit.html", session, rows=rows, names=parts.staff_names)
