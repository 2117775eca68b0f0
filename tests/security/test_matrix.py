"""Who may do what: every route of the switchboard for every kind of caller. A route without a row fails.

A cell is the status of the answer; "login" and "first" lead to the login and to setting a real password. 401: not
signed in; 403: not for this role; 409: somebody else has the conversation; 400: understood and refused; 303: done.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa

from switchboard import conversations, sealed
from switchboard.records.record import now
from switchboard.records.tables import callbacks, follow_ups, staff, staff_sessions
from tests.switchboard.console.conftest import Console, Staffer
from tests.switchboard.sms.conftest import ANA

ROLES = ("nobody", "visitor", "other", "staff", "owner", "super", "writer", "audit", "first", "gone", "over")
# nobody   no token, no cookie             super    a supervisor
# visitor  the token of this conversation  writer   may write answers, reads no chats
# other    another visitor's token: it opens that visitor's own conversation, and never this one (test_sessions)
# staff    signed in, has not claimed it   audit    reads the log
# owner    signed in, has claimed it       first    still has a one-time password
#                                          gone     the account was closed; over: the session has ended
MATRIX = """
                                                   nobody visitor other staff owner super writer audit first gone  over
GET    /                                           200    200     200   200   200   200   200    200   200   200   200
GET    /chat/centre                                200    200     200   200   200   200   200    200   200   200   200
DELETE /chat/conversation                          401    204     204   401   401   401   401    401   401   401   401
POST   /chat/conversations                         201    201     201   201   201   201   201    201   201   201   201
GET    /chat/events                                401    200     200   401   401   401   401    401   401   401   401
POST   /chat/exit                                  401    204     204   401   401   401   401    401   401   401   401
POST   /chat/feedback                              401    204     204   401   401   401   401    401   401   401   401
POST   /chat/messages                              401    201     201   401   401   401   401    401   401   401   401
POST   /chat/typing                                401    204     204   401   401   401   401    401   401   401   401
GET    /health                                     200    200     200   200   200   200   200    200   200   200   200
GET    /metrics                                    200    200     200   200   200   200   200    200   200   200   200
GET    /ready                                      503    503     503   503   503   503   503    503   503   503   503
GET    /staff                                      login  login   login 200   200   200   303    303   first login login
GET    /staff/audit                                login  login   login 403   403   200   403    200   first login login
GET    /staff/authenticator                        login  login   login 200   200   200   200    200   first login login
POST   /staff/authenticator                        401    401     401   400   400   400   400    400   first 401   401
GET    /staff/callbacks                            login  login   login 200   200   200   403    403   first login login
POST   /staff/callbacks/<id>/done                  401    401     401   303   303   303   403    403   first 401   401
POST   /staff/callbacks/<id>/number                401    401     401   200   200   200   403    403   first 401   401
GET    /staff/conversations/<chat>                 login  login   login 200   200   200   403    403   first login login
POST   /staff/conversations/<chat>/aside           401    401     401   303   303   303   403    403   first 401   401
POST   /staff/conversations/<chat>/check-in        401    401     401   400   400   400   403    403   first 401   401
POST   /staff/conversations/<chat>/claim           401    401     401   409   303   409   403    403   first 401   401
POST   /staff/conversations/<chat>/close           401    401     401   409   303   409   403    403   first 401   401
POST   /staff/conversations/<chat>/follow-ups      401    401     401   303   303   303   403    403   first 401   401
POST   /staff/conversations/<chat>/notes           401    401     401   303   303   303   403    403   first 401   401
POST   /staff/conversations/<chat>/number          401    401     401   400   400   400   403    403   first 401   401
POST   /staff/conversations/<chat>/reply           401    401     401   409   303   409   403    403   first 401   401
POST   /staff/conversations/<chat>/return          401    401     401   409   303   409   403    403   first 401   401
POST   /staff/conversations/<chat>/same-person     401    401     401   303   303   303   403    403   first 401   401
POST   /staff/conversations/<chat>/seen            401    401     401   204   204   204   403    403   first 401   401
POST   /staff/conversations/<chat>/transfer        401    401     401   409   303   409   403    403   first 401   401
POST   /staff/conversations/<chat>/transfer/<what> 401    401     401   409   409   409   403    403   first 401   401
POST   /staff/conversations/<chat>/typing          401    401     401   204   204   204   403    403   first 401   401
GET    /staff/events                               login  login   login 200   200   200   403    403   first login login
POST   /staff/follow-ups/<id>/done                 401    401     401   303   303   303   403    403   first 401   401
GET    /staff/hours                                login  login   login 403   403   200   403    403   first login login
POST   /staff/hours                                401    401     401   403   403   303   403    403   first 401   401
GET    /staff/login                                200    200     200   200   200   200   200    200   200   200   200
POST   /staff/login                                401    401     401   401   401   401   401    401   401   401   401
POST   /staff/next                                 401    401     401   303   303   303   403    403   first 401   401
GET    /staff/oidc                                 404    404     404   404   404   404   404    404   404   404   404
GET    /staff/oidc/back                            502    502     502   502   502   502   502    502   502   502   502
POST   /staff/on-call/test                         401    401     401   403   403   200   403    403   first 401   401
GET    /staff/password                             login  login   login 200   200   200   200    200   200   login login
POST   /staff/password                             401    401     401   400   400   400   400    400   400   401   401
POST   /staff/pause                                401    401     401   303   303   303   403    403   first 401   401
GET    /staff/people                               login  login   login 403   403   200   403    403   first login login
POST   /staff/people                               401    401     401   403   403   200   403    403   first 401   401
POST   /staff/people/<id>/<what>                   401    401     401   403   403   200   403    403   first 401   401
GET    /staff/pictures                             login  login   login 403   403   200   403    200   first login login
GET    /staff/pictures.csv                         login  login   login 403   403   200   403    200   first login login
GET    /staff/practice                             login  login   login 200   200   200   403    403   first login login
POST   /staff/practice                             401    401     401   303   303   303   403    403   first 401   401
POST   /staff/practice/end                         401    401     401   303   303   303   403    403   first 401   401
GET    /staff/questions                            login  login   login 403   403   200   200    403   first login login
GET    /staff/questions/draft                      login  login   login 403   403   200   200    403   first login login
POST   /staff/questions/draft                      401    401     401   403   403   400   400    403   first 401   401
POST   /staff/questions/drafts/<id>/withdraw       401    401     401   403   403   303   303    403   first 401   401
POST   /staff/questions/none                       401    401     401   403   403   303   303    403   first 401   401
POST   /staff/questions/variant                    401    401     401   403   403   303   303    403   first 401   401
GET    /staff/static/<name>                        200    200     200   200   200   200   200    200   200   200   200
GET    /staff/texts                                login  login   login 200   200   200   403    403   first login login
GET    /widget/<name>                              200    200     200   200   200   200   200    200   200   200   200
POST   /staff/logout                               401    401     401   login login login login  login login 401   401
"""
# The text line takes no token and no cookie: Twilio's signature alone.
TEXT_LINE = """
                      nobody  staff  forged  signed
POST /sms/inbound     403     403    403     200
POST /sms/status      403     403    403     204
"""
SENT: dict[str, dict[str, Any]] = {
    "/staff/people": {"login": "LOGIN", "name": "New Person", "role": "staff"},
    "/staff/people/<id>/<what>": {"capacity": "3"},
    "/staff/conversations/<chat>/reply": {"text": "hello", "client_id": "CLIENT"},
    "/staff/conversations/<chat>/notes": {"text": "a note"},
    "/staff/conversations/<chat>/seen": {"seq": "1"},
    "/staff/conversations/<chat>/close": {"result": "answered", "danger": "none", "referred": "none"},
    "/staff/conversations/<chat>/aside": {"reason": "a mistake"},
    "/staff/conversations/<chat>/follow-ups": {"due": "2030-01-01", "what": "call"},
    "/staff/conversations/<chat>/number": {"reason": "to call"},
    "/staff/conversations/<chat>/same-person": {"reason": "they said so"},
    "/staff/conversations/<chat>/transfer": {"to": "COLLEAGUE"},
    "/staff/callbacks/<id>/number": {"reason": "to call"},
    "/staff/hours": {"time_zone": "America/New_York", "monday": "00:00-24:00"},
    "/staff/practice": {"scene": "0"},
    "/staff/questions/variant": {"answer": "FAQ-001", "asked_as": "what is this"},
    "/staff/questions/none": {"asked_as": "what is this"},
    "/staff/questions/draft": {"asked_as": "what is this"},
    "/staff/pause": {"what": "end"},
    "/chat/messages": {"client_id": "CLIENT", "text": "hello"},
    "/chat/feedback": {"seq": 1, "helped": True},
}


@dataclass
class Cast:
    """Everybody who tries, and the conversation they try it on."""

    console: Console
    people: dict[str, Staffer]

    async def conversation(self) -> str:
        """A conversation that `owner` has, with one answer of the bot in it."""
        async with self.console.parts.record.write() as tx:
            begun = await conversations.begin(tx, channel="widget", language="en")
            begun = await conversations.give(tx, begun, f"staff:{self.people['owner'].id}")
            await conversations.add(tx, begun, conversations.Message("bot", "hello"))
        return begun.id

    async def row(self, path: str) -> int:
        """The id that an address names."""
        async with self.console.parts.record.write() as tx:
            if "/people/" in path:
                return self.people["victim"].id
            if "/callbacks/" in path:
                begun = await conversations.begin(tx, channel="widget", language="en")
                await conversations.promise_callback(tx, begun, {
                    "when": "tonight", "number": self.console.parts.vault.lock("+16155550142")})
                return (await tx.execute(sa.select(sa.func.max(callbacks.c.id)))).scalar_one()
            if "/staff/follow-ups/" in path:
                begun = await conversations.begin(tx, channel="widget", language="en")
                words = sealed.seal(tx, begun.id, begun.data_key, sealed.follow_up_place(1), "call")
                query = follow_ups.insert().values(conversation=begun.id, due="2030-01-01", what=words,
                                                   made_by=self.people["owner"].id, made_at=1)
                return (await tx.execute(query.returning(follow_ups.c.id))).scalar_one()
        return 1

    async def ask(self, role: str, method: str, path: str) -> str:
        """The cell of one request by one caller, with everything right but the caller."""
        status, headers = await self._send(role, method, path)
        return _cell(status, headers.get("location", ""))

    async def headers(self, role: str, method: str, path: str) -> httpx.Headers:
        """The headers of that answer."""
        return (await self._send(role, method, path))[1]

    async def _send(self, role: str, method: str, path: str) -> tuple[int, httpx.Headers]:
        conversation_id, number = await self.conversation(), await self.row(path)
        http, headers, values = self.console.client(), {}, self._values(path)
        if role in ("visitor", "other"):
            whose = conversation_id if role == "visitor" else await self.conversation()
            headers["Authorization"] = f"Bearer {self.console.parts.sessions.token_for(whose)}"
        if role in self.people:
            http.cookies = self.people[role].http.cookies
            values = {"csrf": self.people[role].csrf, **values}
        body: dict[str, Any] = {"json" if path.startswith("/chat") else "data": values} if method == "POST" else {}
        async with http.stream(method, _filled(path, conversation_id, number), headers=headers, **body) as answer:
            return answer.status_code, answer.headers

    def _values(self, path: str) -> dict[str, Any]:
        made = {"LOGIN": f"new-{uuid.uuid4().hex[:8]}", "CLIENT": uuid.uuid4().hex,
                "COLLEAGUE": str(self.people["staff"].id)}
        self.console.parts.presence.seen(self.people["staff"].id)  # to take over, a colleague must be here
        return {name: made.get(value, value) if isinstance(value, str) else value
                for name, value in SENT.get(path, {}).items()}


def _cell(status: int, leads_to: str) -> str:
    if status != 303:
        return str(status)
    return {"/staff/login": "login", "/staff/password": "first"}.get(leads_to.partition("?")[0], "303")


def _filled(path: str, conversation_id: str, number: int) -> str:
    what, name = "capacity" if "people" in path else "accept", "haven.js" if "widget" in path else "console.js"
    for part, value in (("<chat>", conversation_id), ("<id>", str(number)), ("<what>", what), ("<name>", name)):
        path = path.replace(part, value)
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cast(switchboard: Console) -> Any:
    """One person for each role, signed in as far as they can be."""
    console = Console(switchboard.app, switchboard.url, switchboard.home)
    people = {role: await console.person(role.capitalize(), role=kind) for role, kind in (
        ("staff", "staff"), ("owner", "staff"), ("super", "supervisor"), ("writer", "content"),
        ("audit", "auditor"), ("first", "supervisor"), ("gone", "supervisor"), ("over", "supervisor"))}
    people["victim"] = await console.account("Victim")
    async with console.parts.record.write() as tx:
        await tx.execute(staff.update().where(staff.c.id == people["first"].id).values(must_change=True))
        await tx.execute(staff.update().where(staff.c.id == people["gone"].id).values(disabled_at=now()))
        await tx.execute(staff_sessions.update().where(staff_sessions.c.staff == people["over"].id)
                         .values(expires_at=now() - 1))
    yield Cast(console, people)
    await console.close()


def table(text: str) -> dict[tuple[str, str], dict[str, str]]:
    """(method, path) -> caller -> status."""
    head, *rows = [line.split() for line in text.splitlines() if line]
    return {(row[0], row[1]): dict(zip(head, row[2:], strict=True)) for row in rows}


def routes(app: Any) -> set[tuple[str, str]]:
    """Every route of the application, as its router knows it, with short names for the parts that vary."""
    return {(method, _short(f"/{route.path}")) for route in app.router.routes for method in route.methods}


def _short(path: str) -> str:
    path = path.replace("<conversation_id:str>", "<chat>").replace("<name:str>", "<name>")
    return re.sub("<what:.*?>", "<what>", re.sub("<[a-z_]+_id:int>", "<id>", path))


def test_every_route_has_a_row(switchboard: Console) -> None:
    """A route that is added without deciding who may use it fails here, and so does a row without a route."""
    assert routes(switchboard.app) == {*table(MATRIX), *table(TEXT_LINE)}


# One caller may not sign out, or change their password, before they have tried everything else.
ROWS = sorted(table(MATRIX), key=lambda row: row[1] == "/staff/logout")


@pytest.mark.parametrize(("method", "path"), ROWS, ids=lambda value: value)
async def test_who_may(cast: Cast, method: str, path: str) -> None:
    """Each kind of caller gets exactly what the table says, whatever else is right about the request."""
    found = {role: await cast.ask(role, method, path) for role in ROLES}

    assert found == table(MATRIX)[method, path]


async def test_the_text_line_is_opened_by_a_signature_alone(line: Any, twilio: Any) -> None:
    """No token, no cookie and no forged signature opens what Twilio alone may use."""
    fields = twilio.fields(ANA, "hello", sid="SM" + "1" * 32)
    for (_, path), row in table(TEXT_LINE).items():
        found = {
            "nobody": await twilio.post(path, fields, signature=""),
            "staff": await twilio.http.post(line.url + path, data=fields, headers={"Cookie": "haven_staff=x"}),
            "forged": await twilio.post(path, fields, token="not the token"),
            "signed": await twilio.post(path, fields),
        }
        assert {role: str(answer.status_code) for role, answer in found.items()} == row
