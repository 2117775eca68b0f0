"""The way in for text messages: Twilio's requests, checked, stored, and answered at once. Part of the switchboard."""

from __future__ import annotations

import logging

from sanic import Blueprint, Request
from sanic.exceptions import NotFound
from sanic.response import HTTPResponse, empty, raw
from sqlalchemy.ext.asyncio import AsyncConnection
from twilio.twiml.messaging_response import MessagingResponse

from switchboard.inbox import NotStored
from switchboard.outbox import find_delivery, reported
from switchboard.parts import parts_of
from switchboard.records.record import RecordUnavailable
from switchboard.sms.door import Said
from switchboard.sms.incoming import Incoming
from switchboard.sms.line import Line
from switchboard.sms.signature import Fields

logger = logging.getLogger(__name__)

blueprint = Blueprint("sms", url_prefix="/sms")


@blueprint.post("/inbound")
async def inbound(request: Request) -> HTTPResponse:
    """One text: 200 with what is said to it at once; its answer proper follows through the outbox."""
    line = _line(request)
    fields = await _checked(request, line)
    if fields is None:
        return empty(403)
    incoming = Incoming.of(fields)
    if incoming is None:
        logger.warning("a signed request without a sender or an id was let be")
        return _twiml(line, [])
    try:
        return _twiml(line, await line.door.receive(incoming))
    except NotStored:
        return empty(503)  # nothing was kept: the carrier tries again, or its fallback address answers


@blueprint.post("/status")
async def status(request: Request) -> HTTPResponse:
    """What became of a text that went out."""
    line, parts = _line(request), parts_of(request)
    fields = await _checked(request, line)
    if fields is None:
        return empty(403)
    try:
        delivery = request.args.get("delivery", "")
        conversation_id = await line.reports.do(lambda tx: _note(tx, fields, delivery))
    except RecordUnavailable:
        return empty(503)
    if conversation_id:  # the board shows none of it; alarms wake it themselves
        parts.streams.wake(conversation_id)
        line.outbox.wake()
    return empty(204)


async def _note(tx: AsyncConnection, fields: Fields, delivery: str) -> str | None:
    """Note a report; the conversation it is about if it was news."""
    sid = (fields.get("MessageSid") or fields.get("SmsSid"))[:64]
    said = (fields.get("MessageStatus") or fields.get("SmsStatus"))[:16]
    row = await find_delivery(tx, sid, _number(delivery))
    if row is None:
        return None
    code = fields.get("ErrorCode")
    news = await reported(tx, row, said, sid, _number(code))
    return str(row.conversation) if news else None


def _number(raw: str) -> int | None:
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else None


async def _checked(request: Request, line: Line) -> Fields | None:
    """The fields of a request that Twilio signed; anything else goes to quarantine."""
    path = request.path + (f"?{request.query_string}" if request.query_string else "")
    fields = Fields.read(request.body)
    signature = request.headers.get("x-twilio-signature", "")
    settings = request.headers.get("x-twilio-webhooks-signature-settings", "")
    if fields is not None and line.signatures.are_good(path, fields, signature, settings):
        return fields
    await line.quarantine.keep(request.path, request.body, "bad signature" if signature else "no signature")
    return None


def _twiml(line: Line, said: list[Said]) -> HTTPResponse:
    """The response Twilio acts on; with reports for what has a row in the outbox."""
    answer = MessagingResponse()
    for text in said:
        if text.delivery is None:
            answer.message(text.text)
        else:
            answer.message(text.text, status_callback=f"{line.callback}?delivery={text.delivery}")
    return raw(str(answer).encode(), content_type="text/xml; charset=utf-8")


def _line(request: Request) -> Line:
    line = parts_of(request).line
    if line is None:
        raise NotFound("Text messages are not set up here.")
    return line
