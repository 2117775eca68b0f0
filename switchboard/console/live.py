"""Keeps open consoles up to date by server-sent events. Part of the switchboard's console."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sanic import Blueprint, Request, Sanic

from switchboard import accounts, audit, leaving
from switchboard.accounts import Session, session_of
from switchboard.console import cookies, pages
from switchboard.console.access import shift_of, staff_only
from switchboard.console.board import BOARD, Board
from switchboard.console.call_book import CallBook
from switchboard.console.cookies import SESSION
from switchboard.console.desk import board_of, conversation_values
from switchboard.console.dossier import Dossier, read_dossier
from switchboard.console.forms import whole_number
from switchboard.console.on_call import Haste, OnCall
from switchboard.console.replies import load_replies
from switchboard.console.shift import Patience, Shift
from switchboard.console.watch import Watch
from switchboard.conversations import NoConversation
from switchboard.for_ever import begun
from switchboard.parts import Parts, parts_of
from switchboard.records.record import RecordUnavailable, now
from switchboard.streams import FLEET

HEARTBEAT_SECONDS = 15.0

blueprint = Blueprint("console_live")


@blueprint.before_server_start
async def prepare(app: Sanic[Any, Any]) -> None:
    """What all windows of this switchboard share."""
    app.ctx.shift, app.ctx.board = Shift(), Board()
    app.ctx.patience = getattr(app.ctx, "patience", Patience())


@blueprint.listener("before_server_start", priority=-1)  # type: ignore[untyped-decorator]  # after the parts
async def prepare_staff(app: Sanic[Any, Any]) -> None:
    """What staff can start from, whom to call, and who they are."""
    parts: Parts = app.ctx.parts
    app.ctx.replies = load_replies(parts.settings.data)
    settings = parts.settings
    app.ctx.on_call = OnCall(settings.on_call.split(), centre=parts.centre.name, haste=Haste(
        settings.on_call_danger, settings.on_call_waiting, settings.on_call_again))
    if not parts.record.is_sqlite:
        app.ctx.on_call.book = CallBook(parts.record)
        app.ctx.on_call.tell_others = lambda told: parts.streams.tell(f"on_call {told}")
        parts.streams.listen("on_call", app.ctx.on_call.heard)
    parts.when_open.append(lambda: read_staff(parts))


async def read_staff(parts: Parts) -> None:
    """Who may answer, and who is on a break."""
    async with parts.record.read() as connection:
        people = await accounts.everybody(connection)
    for person in people:
        parts.staff_names[person.id] = person.first_name
        if person.paused_at is not None:
            parts.presence.away(person.id)


@blueprint.after_server_start
async def begin(app: Sanic[Any, Any]) -> None:
    """Read the queue and watch over it as long as the switchboard runs."""
    parts, board = app.ctx.parts, app.ctx.board
    watch = Watch(parts, app.ctx.shift, app.ctx.patience)
    app.ctx.console_tasks = [
        begun(lambda: board.run(parts), "the queue"), begun(watch.run, "the watch over those who wait"),
        begun(lambda: app.ctx.on_call.run(parts, board), "the call to the person on call")]


@blueprint.before_server_stop
async def end(app: Sanic[Any, Any]) -> None:
    await leaving.cancelled(getattr(app.ctx, "console_tasks", []))
    app.ctx.on_call.close()


@blueprint.get("/events")
@staff_only()
async def events(request: Request, session: Session) -> None:
    """Follow the queue and, with ?conversation, one conversation from a sequence number on."""
    parts, shift, person = parts_of(request), shift_of(request), session.staff
    window = Window(request, session, request.args.get("conversation"), _after(request))
    if window.conversation_id:
        async with parts.record.write() as tx:
            await audit.note_once(tx, "follow", person.id, conversation=window.conversation_id[:32])
    response = await request.respond(content_type="text/event-stream", headers={
        "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    if response is None:
        return
    shift.opened(person.id)
    parts.presence.came(person.id)
    parts.streams.rouse(FLEET)
    try:
        with suppress(RecordUnavailable):  # the browser asks again from where it was
            async for chunk in window.chunks():
                await response.send(chunk)
    finally:
        parts.presence.went(person.id)
        shift.closed(person.id)
        parts.streams.rouse(FLEET)


def _after(request: Request) -> int:
    raw = request.headers.get("last-event-id") or request.args.get("after") or "0"
    return whole_number(raw) or 0


@dataclass
class Window:
    """One open console: what it was sent last, so that only news is sent."""

    request: Request
    session: Session
    conversation_id: str | None
    after: int
    version: int = -2  # older than any: everything is news
    order: str = ""
    sent: dict[str, Any] = field(default_factory=dict)

    async def chunks(self) -> AsyncIterator[str]:
        """The events of this window until it is closed, signed out or its session ends."""
        streams, topics = parts_of(self.request).streams, [self.conversation_id] if self.conversation_id else []
        yield _hello()
        with streams.follow(BOARD) as queue, streams.follow(*topics) as talk, streams.follow(BOARD, *topics) as any_:
            queue.set()
            talk.set()
            checked = time.monotonic()
            while True:
                any_.clear()
                for chunk in await self._news(queue, talk):
                    yield chunk
                if streams.is_closing:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(any_.wait(), HEARTBEAT_SECONDS)
                if time.monotonic() - checked >= HEARTBEAT_SECONDS:
                    checked = time.monotonic()
                    if await self._has_ended():
                        yield _event("signed_out", {})
                        return
                    yield _hello()
                    talk.set()  # who else is here may have changed

    async def _news(self, queue: asyncio.Event, talk: asyncio.Event) -> list[str]:
        """What this window does not show yet; only what woke it is read."""
        chunks = []
        if talk.is_set():
            talk.clear()
            chunks += await self._conversation(parts_of(self.request))
        if queue.is_set():
            queue.clear()
            chunks += self._queue(board_of(self.request))
        return chunks

    async def _has_ended(self) -> bool:
        record, token = parts_of(self.request).record, cookies.read(self.request, SESSION)
        return await session_of(record, token) is None

    def _queue(self, board: Board) -> list[str]:
        if self.version == board.version:
            return []
        cards, order = board.news(self.session.staff, since=self.version, order=self.order)
        self.version = board.version
        self.order = self.order if order == "null" else order
        ctx = self.request.app.ctx
        on_call = json.dumps(ctx.on_call.shown(parts_of(self.request).centre.hours.zone))
        proof = json.dumps(pages.fill("_proof.html", proof=ctx.proof))
        return [f'event: queue\ndata: {{"order": {order}, "cards": {cards}, "calls": {board.queue.calls}, '
                f'"on_call": {on_call}, "proof": {proof}, "now": {now()}}}\n\n']

    async def _conversation(self, parts: Parts) -> list[str]:
        """New messages, and head and summary where they changed."""
        if self.conversation_id is None:
            return []
        try:
            async with parts.record.read() as connection:
                dossier = await read_dossier(connection, parts.content, self.conversation_id, parts.vault)
        except NoConversation:
            self.conversation_id = None
            return [_event("erased", {})]
        fresh = [message for message in dossier.messages if message.seq > self.after]
        return [*self._messages(parts, fresh), *self._head(dossier), *self._typing(parts)]

    def _messages(self, parts: Parts, fresh: list[Any]) -> list[str]:
        chunks = []
        for message in fresh:
            self.after = message.seq
            words = pages.fill("_entry.html", entry=message, zone=parts.centre.hours.zone,
                               names=parts.staff_names, me=self.session.staff)
            chunks.append(_event("message", {"seq": message.seq, "author": message.author, "kind": message.kind,
                                             "html": words}, id=message.seq))
        return chunks

    def _head(self, dossier: Dossier) -> list[str]:
        values = conversation_values(self.request, self.session, dossier)
        words = {name: pages.fill(f"_{name}.html", **values) for name in ("head", "summary")}
        news = {name: html for name, html in words.items() if self.sent.get(name) != html}
        self.sent.update(news)
        return [_event("conversation", {**news, "mode": values["mode"]})] if news else []

    def _typing(self, parts: Parts) -> list[str]:
        typing = parts.typing.visitor_is(self.conversation_id or "")
        if not typing and not self.sent.get("typing"):
            return []
        self.sent["typing"] = typing
        return [_event("typing", {"visitor": typing})]


def _hello() -> str:
    return _event("hello", {"now": now()})


def _event(name: str, data: dict[str, Any], *, id: int | None = None) -> str:
    number = f"id: {id}\n" if id is not None else ""
    return f"event: {name}\n{number}data: {json.dumps(data)}\n\n"
