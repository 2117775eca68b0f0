"""The website's way in: start, send, follow by server-sent events, erase. Part of the switchboard."""

from __future__ import annotations

import asyncio
import json as jsonlib
import re
from collections.abc import AsyncIterator
from typing import Any

from sanic import Blueprint, Request
from sanic.response import HTTPResponse, empty, json

from haven.text import TooLong, clean
from switchboard import consent, conversations, feedback
from switchboard.clients import client_of
from switchboard.conversations import Conversation, Message, as_text
from switchboard.crowd import Place
from switchboard.errors import BadRequest, TooFast
from switchboard.inbox import NotStored
from switchboard.limits import Busy
from switchboard.parts import Parts, parts_of
from switchboard.records.record import now

MAX_BODY = 16_384
MAX_SEQ = 10**9  # of a message in one conversation
HEARTBEAT_SECONDS = 15.0
LOOK_EVERY = 20  # heartbeats; the record may have been changed from outside, by `bin/haven erase` say
LANGUAGES = ("en", "es")

_CLIENT_ID = re.compile("[ -~]{1,64}")  # stored and compared: nothing a database refuses or normalises

blueprint = Blueprint("widget", url_prefix="/chat")


@blueprint.get("/centre")
async def centre(request: Request) -> HTTPResponse:
    """What a visitor may know before typing."""
    parts = parts_of(request)
    language = request.args.get("language", "en")
    about = parts.centre
    return json({
        "name": about.name,
        "open": about.open_now(),
        "hours_text": about.hours_in_words(language),
        "next_open_text": about.next_open_text(language),
        "emergency_text": parts.texts.plain("emergency", language),
        "languages": list(LANGUAGES),
        "retention_days": about.retention_days,
        "reviewed": about.reviewed,
    })


@blueprint.post("/conversations")
async def start(request: Request) -> HTTPResponse:
    """Begin a conversation: its token and the welcome."""
    parts = parts_of(request)
    if not parts.start_pace.allows(client_of(request)):
        parts.metrics.limited("start")
        raise TooFast("Too many chats were started from here. Please wait a minute. In danger, call 911.")
    language = _body(request).get("language", "en")
    if language not in LANGUAGES:
        raise BadRequest(f"There is no such language; use one of {', '.join(LANGUAGES)}.")
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language=language)
        welcome = await conversations.add(tx, conversation, parts.texts.notice(
            "welcome", conversation, author="bot", kind="notice", centre=parts.centre.name,
            retention_days=str(parts.centre.retention_days)))
        await consent.note(tx, conversation, welcome.text)
    return json({
        "token": parts.sessions.token_for(conversation.id),
        "expires_at": as_text(now() + parts.sessions.seconds * 1000),
        "messages": [welcome.for_visitor()],
    }, status=201)


@blueprint.post("/messages")
async def send(request: Request) -> HTTPResponse:
    """Store one message; answers with it and with what danger demands at once."""
    parts = parts_of(request)
    conversation_id = parts.sessions.conversation_of(request.headers.get("authorization"))
    body = _body(request)
    client_id, choice = body.get("client_id"), body.get("choice")
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise BadRequest("client_id must be a text of 1 to 64 printable ASCII characters.")
    if choice is not None and not isinstance(choice, str):
        raise BadRequest("choice must be a text.")
    text = clean(body.get("text"))
    fast = not parts.pace.allows(conversation_id)
    await _admit(parts, text, fast=fast)
    try:
        received = await parts.inbox.receive(conversation_id, text, client_id=client_id, choice=choice, late=fast)
    except NotStored as error:
        return _not_stored(error)
    return json({
        "message": received.message.for_visitor(),
        "replies": [reply.for_visitor() for reply in received.replies],
    }, status=201 if received.fresh else 200)


async def _admit(parts: Parts, text: str, *, fast: bool) -> None:
    """Whether a message is taken: danger is, whoever sends it and whatever goes on. Raises TooFast or Busy.

    Where many messages wait already, a sender above the limit is not read in full to find out.
    """
    if not fast and not parts.lane.is_full:
        return
    if parts.lane.is_busy:
        danger = parts.lane.guard.hints_at_danger(text)
    else:
        danger = (await parts.lane.assess(text, late=True)).level != "none"
    if danger:
        return
    parts.metrics.limited("message" if fast else "busy")
    raise TooFast(parts.texts.plain("too_fast")) if fast else Busy(parts.texts.plain("busy"))


@blueprint.get("/events")
async def events(request: Request) -> None:
    """Follow the conversation: what is missing after `after` or Last-Event-ID, then all that comes."""
    parts = parts_of(request)
    conversation_id = parts.sessions.conversation_of(request.headers.get("authorization"))
    after = _sequence(request.headers.get("last-event-id") or request.args.get("after") or "0")
    async with parts.record.look_up() as connection:
        await conversations.load(connection, conversation_id)
    with parts.crowd.place(conversation_id, client_of(request)) as place:
        response = await request.respond(content_type="text/event-stream", headers={
            "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        async for chunk in _stream(parts, place, after):
            await response.send(chunk)


@blueprint.delete("/conversation")
async def erase(request: Request) -> HTTPResponse:
    """Erase this chat: its words are gone from the record and from the assistant's memory."""
    parts = parts_of(request)
    conversation_id = parts.sessions.conversation_of(request.headers.get("authorization"))
    async with parts.record.write() as tx:
        await conversations.erase(tx, await conversations.load(tx, conversation_id))
    parts.streams.wake(conversation_id, "console")
    await parts.record.scrub()
    await parts.assistant.forget(conversation_id)
    return empty()


@blueprint.post("/exit")
async def leave(request: Request) -> HTTPResponse:
    """The visitor left by the exit button: staff are told, nothing is erased."""
    parts = parts_of(request)
    conversation_id = parts.sessions.conversation_of(request.headers.get("authorization"))
    async with parts.record.write() as tx:
        conversation = await conversations.load(tx, conversation_id)
        await conversations.add(tx, conversation, Message(
            author="system", kind="private", text="The visitor left by the exit button.", response="exit"))
        await parts.follow.end(tx, conversation_id, "left")
    parts.streams.wake(conversation_id, "console")
    return empty()


@blueprint.post("/feedback")
async def rate(request: Request) -> HTTPResponse:
    """Whether an answer helped: {"seq", "helped"}. No message, and no answer to it."""
    parts = parts_of(request)
    conversation_id = parts.sessions.conversation_of(request.headers.get("authorization"))
    body = _body(request)
    seq, helped = body.get("seq"), body.get("helped")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 < seq < MAX_SEQ or not isinstance(helped, bool):
        raise BadRequest("seq must be a number and helped true or false.")
    try:
        async with parts.record.write() as tx:
            await feedback.rate(tx, await conversations.load(tx, conversation_id), seq, helped=helped)
    except feedback.NoAnswer as error:
        raise BadRequest(str(error)) from error
    return empty()


@blueprint.post("/typing")
async def typing(request: Request) -> HTTPResponse:
    """The visitor is typing: shown to staff for a moment, stored nowhere."""
    parts = parts_of(request)
    conversation_id = parts.sessions.conversation_of(request.headers.get("authorization"))
    parts.typing.visitor(conversation_id)
    parts.streams.wake(conversation_id)
    return empty()


async def _stream(parts: Parts, place: Place, after: int) -> AsyncIterator[str]:
    conversation_id, state = place.conversation, dict[str, Any]()
    with parts.streams.follow(conversation_id) as wake:
        place.wake = wake
        while True:
            wake.clear()
            if wake.is_stale:
                wake.is_stale = False  # before reading: what comes meanwhile makes it stale again
                read = await _read(parts, conversation_id, after)
                if read is None:
                    yield "event: erased\ndata: {}\n\n"
                    return
                conversation, fresh = read
                for message in fresh:
                    after = message.seq
                    if not message.is_for_staff:
                        yield f"event: message\nid: {after}\ndata: {jsonlib.dumps(message.for_visitor())}\n\n"
            current = _state(parts, conversation)
            if current != state:
                state = current
                yield f"event: state\ndata: {jsonlib.dumps(state)}\n\n"
            for _ in range(LOOK_EVERY):
                if parts.streams.is_closing or place.over:
                    return
                try:
                    await asyncio.wait_for(wake.wait(), HEARTBEAT_SECONDS)
                    break
                except TimeoutError:
                    yield ": still here\n\n"
            else:
                wake.is_stale = True  # it may have been changed from outside, by bin/haven erase


async def _read(parts: Parts, conversation_id: str, after: int) -> tuple[Conversation, list[Message]] | None:
    """The conversation and what was said in it after a message; None once it is erased."""
    async with parts.record.look_up() as connection:
        try:
            conversation = await conversations.load(connection, conversation_id)
        except conversations.NoConversation:
            return None
        return conversation, await conversations.after(connection, conversation_id, after)


def _state(parts: Parts, conversation: Conversation) -> dict[str, Any]:
    staff_id = conversation.staff_id
    return {
        "speaker": conversation.speaker,
        "staff_name": parts.staff_names.get(staff_id) if staff_id is not None else None,
        "staff_typing": parts.typing.staff_is(conversation.id),
        "bot_typing": parts.brain.is_busy(conversation.id),
        "read_seq": conversation.read_seq,
    }


def _not_stored(error: NotStored) -> HTTPResponse:
    guidance = {"text": error.guidance.text} if error.guidance else None
    return json({"error": {"code": "not_stored", "message": str(error)}, "guidance": guidance}, status=503)


def _body(request: Request) -> dict[str, Any]:
    if len(request.body) > MAX_BODY:
        raise TooLong("The message is too long.")
    try:
        body = jsonlib.loads(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise BadRequest("The body must be JSON.") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _sequence(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit() or len(raw) > 9:
        raise BadRequest("A sequence number is a whole number.")
    return int(raw)
