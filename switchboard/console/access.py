"""The one way into the console's pages: session, role, first password, and proof that a form is ours."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from sanic import Request
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse, redirect

from haven.text import NotText, TooLong
from switchboard.accounts import AccountError, Session, Staff, session_of
from switchboard.console import cookies, pages
from switchboard.console.cookies import SESSION
from switchboard.console.forms import field
from switchboard.console.shift import Shift
from switchboard.conversations import NoConversation, OwnerChanged
from switchboard.handoff import NotYours
from switchboard.parts import parts_of
from switchboard.passwords import TooManySignIns
from switchboard.records.record import RecordUnavailable

MAX_ID = 2**31 - 1  # of a row in PostgreSQL
View = Callable[..., Awaitable[HTTPResponse | None]]
Check = Callable[[Staff], bool]


def for_claimers(person: Staff) -> bool:
    return person.may_claim


def for_auditors(person: Staff) -> bool:
    return person.may_audit


def for_supervisors(person: Staff) -> bool:
    return person.role == "supervisor"


def for_writers(person: Staff) -> bool:
    return person.may_write_content


def for_everybody(_: Staff) -> bool:
    return True


def shift_of(request: Request) -> Shift:
    shift: Shift = request.app.ctx.shift
    return shift


def staff_only(may: Check = for_claimers, *, first_password: bool = False) -> Callable[[View], View]:
    """A view for staff who are signed in and may; it gets the session as its second argument.

    `first_password`: also for somebody who still has to set a real password.
    """

    def wrap(view: View) -> View:
        @wraps(view)
        async def guarded(request: Request, *args: Any, **kwargs: Any) -> HTTPResponse | None:
            parts = parts_of(request)
            if not all(_may_exist(value) for value in kwargs.values()):
                raise NotFound()
            try:
                session = await session_of(parts.record, cookies.read(request, SESSION))
                refusal = _refusal(request, session, may, first_password=first_password)
                if refusal or session is None:
                    return refusal
                _count_as_present(request, session.staff)
                return await view(request, session, *args, **kwargs)
            except tuple(REFUSED) as error:
                return refused(request, error)

        return guarded

    return wrap


def _may_exist(value: Any) -> bool:
    """Whether a part of an address can name anything in the record: no database takes more."""
    return value <= MAX_ID if isinstance(value, int) else "\0" not in str(value)


def _refusal(
    request: Request, session: Session | None, may: Check, *, first_password: bool
) -> HTTPResponse | None:
    if session is None:
        return _to_login(request)
    if request.method == "POST" and not _is_ours(request, session):
        return pages.page(request, "refused.html", session, status=403,
                          said="This form was too old to be used. Please go back and try again.")
    if session.staff.must_change and not first_password:
        return redirect("/staff/password", status=303)
    if not may(session.staff) and request.path.rstrip("/") == "/staff":
        return redirect(home_of(session.staff), status=303)
    if not may(session.staff):
        return pages.page(request, "refused.html", session, status=403,
                          said="Your role does not open this page.")
    return None


def home_of(person: Staff) -> str:
    """The page somebody begins with."""
    if person.may_claim:
        return "/staff/"
    return "/staff/audit" if person.may_audit else "/staff/questions"


def _to_login(request: Request) -> HTTPResponse:
    if request.method != "GET" or request.headers.get("x-console"):
        return pages.plain("Please sign in again.", status=401)
    return redirect(f"/staff/login?next={quote(request.path)}", status=303)


def _is_ours(request: Request, session: Session) -> bool:
    sent = request.headers.get("x-csrf") or field(request, "csrf")
    return is_same_origin(request) and hmac.compare_digest(str(sent).encode(), session.csrf.encode())


def is_same_origin(request: Request) -> bool:
    """Whether a form was sent from a page of this host, as far as the browser says."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")  # "null" from our own pages too: they send no referrer
    return origin in (None, "null") or origin.partition("://")[2] == request.headers.get("host")


def _count_as_present(request: Request, person: Staff) -> None:
    if person.may_claim:
        parts_of(request).presence.seen(person.id)
    shift_of(request).seen(person.id)


# error -> status; the text of the error is a sentence for the reader
REFUSED: dict[type[Exception], int] = {
    NoConversation: 410, OwnerChanged: 409, NotYours: 403, AccountError: 400, NotText: 400, TooLong: 413,
    RecordUnavailable: 503, TooManySignIns: 503,
}  # fmt: skip


def refused(request: Request, error: Exception) -> HTTPResponse:
    """A refusal in words, as a page or (for the script) as plain text."""
    said = str(error)
    if isinstance(error, OwnerChanged):
        said = has_it(request, error.owner)
    if request.headers.get("x-console"):
        return pages.plain(said, status=REFUSED[type(error)])
    return pages.page(request, "refused.html", None, status=REFUSED[type(error)], said=said)


def has_it(request: Request, owner: str) -> str:
    """Who has a conversation now, in a sentence."""
    kind, _, number = owner.partition(":")
    if kind == "staff":
        name = parts_of(request).staff_names.get(int(number), "A colleague")
        return f"{name} has this conversation now."
    return {"waiting": "This conversation waits for somebody; claim it first.",
            "bot": "The bot has this conversation now; claim it first."}[kind]
