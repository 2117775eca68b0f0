"""Sign in, sign out, set a password, add an authenticator. Part of the switchboard's console."""

from __future__ import annotations

from typing import Any

from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, redirect

from switchboard import accounts, audit, totp
from switchboard.accounts import CodeNeeded, Session, SignInFailed, Staff
from switchboard.clients import client_of
from switchboard.console import cookies, pages
from switchboard.console.access import for_everybody, home_of, is_same_origin, shift_of, staff_only
from switchboard.console.cookies import SESSION
from switchboard.console.forms import field
from switchboard.limits import Pace
from switchboard.parts import parts_of
from switchboard.passwords import TooManySignIns
from switchboard.records.record import RecordUnavailable
from switchboard.streams import CONSOLE, FLEET

blueprint = Blueprint("console_entrance")


@blueprint.before_server_start
async def prepare(app: Sanic[Any, Any]) -> None:
    """Bounds the work and the guesses of one address; a browser that was signed in from has a bound of its own."""
    app.ctx.sign_in_pace = Pace(burst=60, seconds=10.0)
    app.ctx.browser_pace = Pace(burst=accounts.FAILURES, seconds=180.0)


@blueprint.get("/login")
async def login_page(request: Request) -> HTTPResponse:
    """The form to sign in."""
    return login_form(request)


@blueprint.post("/login")
async def login(request: Request) -> HTTPResponse:
    """Sign in: a cookie for 12 hours, of which the record keeps the hash."""
    parts, called = parts_of(request), field(request, "login")
    browser = cookies.known_browser(request, called)
    if not is_same_origin(request) or not _may_try(request, browser):
        parts.metrics.limited("sign_in")
        return login_form(request, said="Too many tries from here. Please wait a minute.", status=429)
    try:
        token, person = await accounts.sign_in(
            parts.record, called, field(request, "password"), code=field(request, "code"), known=bool(browser))
    except SignInFailed as error:
        return login_form(request, said=str(error), status=401)
    except CodeNeeded as error:
        return login_form(request, said=str(error), status=401, wants_code=True)
    except TooManySignIns as error:
        parts.metrics.limited("sign_in_busy")
        return login_form(request, said=str(error), status=503)
    except RecordUnavailable as error:
        return login_form(request, said=str(error), status=503)
    async with parts.record.write() as tx:
        await audit.note(tx, "sign_in", person.id)
        parts.staff_names.update(await accounts.names(tx))
    await end_old_session(request)
    answer = redirect(next_page(field(request, "next"), person), status=303)
    cookies.remember_browser(request, answer, person.login)
    return signed_in(request, answer, token)


def _may_try(request: Request, browser: str) -> bool:
    if browser:
        return bool(request.app.ctx.browser_pace.allows(browser))
    return bool(request.app.ctx.sign_in_pace.allows(client_of(request)))


async def end_old_session(request: Request) -> None:
    """Whoever signs in anew leaves nothing open behind: the session this browser came with ends."""
    async with parts_of(request).record.write() as tx:
        await accounts.end_session(tx, accounts.digest_of(cookies.read(request, SESSION)))


def signed_in(request: Request, answer: HTTPResponse, token: str) -> HTTPResponse:
    """The answer with the cookie of a new session."""
    cookies.give(request, answer, SESSION, token, seconds=accounts.SESSION_MS // 1000, path="/staff")
    return answer


def login_form(
    request: Request, *, said: str = "", status: int = 200, wants_code: bool = False
) -> HTTPResponse:
    """The form to sign in, with a sentence about what went wrong."""
    return pages.page(request, "login.html", None, status=status, said=said, wants_code=wants_code,
                      elsewhere=request.app.ctx.oidc is not None, login=field(request, "login"),
                      next=field(request, "next") or request.args.get("next", ""))


def next_page(path: str, person: Staff) -> str:
    """Where to go after signing in: only to a page of the console."""
    known = path.startswith("/staff/") and not any(way in path for way in ("//", "..", "\\", ":"))
    if known and path != "/staff/":
        return path
    return home_of(person)


@blueprint.post("/logout")
@staff_only(for_everybody, first_password=True)
async def logout(request: Request, session: Session) -> HTTPResponse:
    """Sign out; the open console of this session ends with it."""
    parts = parts_of(request)
    await accounts.sign_out(parts.record, session)
    async with parts.record.write() as tx:
        await audit.note(tx, "sign_out", session.staff.id)
    shift_of(request).signed_out(session.staff.id)
    parts.presence.left(session.staff.id)
    parts.streams.tell(f"left {session.staff.id}")
    parts.streams.wake(CONSOLE, FLEET)
    answer = redirect("/staff/login", status=303)
    cookies.drop(request, answer, SESSION, path="/staff")
    return answer


@blueprint.get("/password")
@staff_only(for_everybody, first_password=True)
async def password_page(request: Request, session: Session) -> HTTPResponse:
    """The form for a new password."""
    return pages.page(request, "password.html", session, said="")


@blueprint.post("/password")
@staff_only(for_everybody, first_password=True)
async def set_password(request: Request, session: Session) -> HTTPResponse:
    """Set a real password; every other session of this person ends."""
    parts = parts_of(request)
    old, new, again = field(request, "old"), field(request, "new"), field(request, "again")
    try:
        if new != again:
            raise accounts.AccountError("The two new passwords are not the same.")
        if new == old:
            raise accounts.AccountError("The new password must be another one.")
        accounts.check_password(new, session.staff.login)
        await accounts.change_password(parts.record, session, old, new)
    except (accounts.AccountError, SignInFailed) as error:
        return pages.page(request, "password.html", session, status=400, said=str(error))
    accounts.forget_first(parts.settings.home, session.staff.login)
    return redirect("/staff/", status=303)


@blueprint.get("/authenticator")
@staff_only(for_everybody)
async def authenticator_page(request: Request, session: Session) -> HTTPResponse:
    """A fresh secret to take over into an authenticator, or the way to remove the present one."""
    return _authenticator(request, session, totp.new_secret())


@blueprint.post("/authenticator")
@staff_only(for_everybody)
async def set_authenticator(request: Request, session: Session) -> HTTPResponse:
    """Ask for a code from now on, once a first code shows that the authenticator works; or stop asking."""
    parts = parts_of(request)
    secret = field(request, "secret")
    removed = field(request, "what") == "remove"
    try:
        await accounts.confirm_password(parts.record, session.staff, field(request, "password"))
        if not removed and (len(secret) != 32 or totp.step_of(secret, field(request, "code")) is None):
            raise accounts.AccountError("This code does not fit. Check the clock of your phone and try again.")
    except (accounts.AccountError, SignInFailed, ValueError) as error:
        return _authenticator(request, session, secret or totp.new_secret(), said=str(error), status=400)
    async with parts.record.write() as tx:
        await accounts.set_totp(tx, session.staff.id, None if removed else secret)
        await audit.note(tx, "authenticator_off" if removed else "authenticator_on", session.staff.id)
    return redirect("/staff/authenticator", status=303)


def _authenticator(
    request: Request, session: Session, secret: str, *, said: str = "", status: int = 200
) -> HTTPResponse:
    address = totp.address(secret, session.staff.login, parts_of(request).centre.name)
    return pages.page(request, "authenticator.html", session, status=status, said=said, secret=secret,
                      address=address)
