"""Check-ins by text, for those who want one: a dated message at an hour they choose, in their own time zone.

Nobody gets one without having said so, and one word ends it. Part of the switchboard.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import sqlalchemy as sa
from phonenumbers import timezone as zones
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.centre import Centre
from switchboard import conversations
from switchboard.conversations import Conversation, Message
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.records.tables import sms_checkins as c
from switchboard.sms import contacts
from switchboard.streams import CONSOLE, Streams
from switchboard.texts import Texts

logger = logging.getLogger(__name__)

OFFERED, AGREED, SENT, ENDED = "offered", "agreed", "sent", "ended"
FIRST_HOUR, LAST_HOUR = 9, 20  # in the person's time zone; nobody is texted at night
USUAL_HOUR = 10
LATE_MS = 3_600_000  # a check-in that could not be made within this is made the next day
LOOK_SECONDS = 20.0

_YES = re.compile(r"(?:1|yes|yeah|yep|yea|ok|okay|sure|please|si|claro)(?:\W+(?P<rest>.*))?", re.S)
_NO = re.compile(r"(?:2|no|nope|nah)(?:\W+(?:thanks|thank you|gracias))?\W*")
_HOUR = re.compile(r"(?:at|a las|@|around|about)?\s*(\d{1,2})(?:[:.](\d{2}))?\s*([ap])?\.?\s?(?:m\b\.?)?")
_END = re.compile(r"(?:done|listo|no more check ?-?ins?)\W*")
_AGAIN = re.compile(r"(?:again|otro)\W*")
_ASKS = re.compile(
    r"(?:(?:can|could|would|will) (?:you|someone|somebody) |please |pls )*"
    r"(?:check ?-?in|check (?:in )?on me|check in with me)(?: (?:with|on) me)?"
    r"(?: tomorrow(?:\W+(?P<rest>(?:at|around|about) [\d:apm. ]+))?)?\W*(?:please)?\W*")


def might_be_meant(text: str) -> bool:
    """Whether a text could be about a check-in at all, before anything is looked up."""
    said = text.strip().lower()
    return any(p.fullmatch(said) for p in (_YES, _NO, _END, _AGAIN, _ASKS))


@dataclass(frozen=True)
class Heard:
    """What a text says about check-ins: "offer" (ask me), "agree" (with the hour), or "end"."""

    what: str
    hour: tuple[int, int] | None = None


class Checkins:
    """Offers, agrees on and makes check-ins."""

    def __init__(self, texts: Texts, centre: Centre) -> None:
        self._texts = texts
        self._centre = centre

    async def offer(self, tx: AsyncConnection, conversation: Conversation, staff_id: int | None) -> None:
        """Ask whether a check-in is wanted. `staff_id` is None where the visitor brought it up."""
        await end_all(tx, conversation.id)
        await tx.execute(c.insert().values(
            conversation=conversation.id, state=OFFERED, offered_by=staff_id, made_at=now()))
        await conversations.add(tx, conversation, self._texts.notice("checkin_offer", conversation, author="bot"))

    async def read(self, tx: AsyncConnection, conversation: Conversation, text: str) -> Heard | None:
        """What a text says about check-ins, or None where it says nothing of the kind."""
        said = text.strip().lower()
        row = await open_one(tx, conversation.id)
        if row is not None and row.state != OFFERED:
            if _END.fullmatch(said):
                return Heard("end")
            if row.state == SENT and _AGAIN.fullmatch(said):
                before = datetime.fromtimestamp(row.due_at / 1000, ZoneInfo(row.zone))
                return Heard("agree", (before.hour, before.minute))
        elif row is not None and await _was_asked_last(tx, conversation.id):
            if _NO.fullmatch(said):
                return Heard("end")
            agreed = _YES.fullmatch(said)
            rest = (agreed.group("rest") or "").strip() if agreed else ""
            if agreed and (not rest or _hour(rest)):
                return Heard("agree", _hour(rest) or (USUAL_HOUR, 0))
        asked = _ASKS.fullmatch(said)
        if asked is None:
            return None
        hour = _hour(asked.group("rest") or "")
        return Heard("agree", hour) if hour else Heard("offer")

    async def answer(self, tx: AsyncConnection, conversation: Conversation, heard: Heard, *, number: str) -> None:
        """Do what a text said and tell the visitor."""
        if heard.what == "offer":
            await self.offer(tx, conversation, None)
        elif heard.what == "end":
            await end_all(tx, conversation.id)
            await self._say(tx, conversation, "checkin_ended")
            await _log(tx, conversation, "The visitor wants no check-in.")
        else:
            await self._at_hour(tx, conversation, heard.hour or (USUAL_HOUR, 0), number)

    async def _at_hour(
        self, tx: AsyncConnection, conversation: Conversation, hour: tuple[int, int], number: str
    ) -> None:
        if FIRST_HOUR * 60 <= hour[0] * 60 + hour[1] <= LAST_HOUR * 60:
            await self._agree(tx, conversation, hour, zone_of(number, self._centre))
        else:
            await self._say(tx, conversation, "checkin_hour")

    async def _agree(
        self, tx: AsyncConnection, conversation: Conversation, hour: tuple[int, int], zone: ZoneInfo
    ) -> None:
        due = _tomorrow(hour, zone)
        await end_all(tx, conversation.id)
        await tx.execute(c.insert().values(
            conversation=conversation.id, state=AGREED, zone=zone.key, due_at=int(due.timestamp() * 1000),
            made_at=now()))
        when = _in_words(due, zone, conversation.language)
        await self._say(tx, conversation, "checkin_set", when=when)
        await _log(tx, conversation, f"The visitor asked for a check-in by text: {_in_words(due, zone, 'en')}, "
                                     f"that is {due.astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC.")

    async def make_due(self, tx: AsyncConnection) -> list[str]:
        """Make every check-in that is due, each once; the conversations that got one."""
        rows = list(await tx.execute(sa.select(c).where(c.c.state == AGREED, c.c.due_at <= now())))
        return [row.conversation for row in rows if await self._make(tx, row)]

    async def _make(self, tx: AsyncConnection, row: Any) -> bool:
        conversation = await conversations.load(tx, row.conversation, hold=True)
        contact = await contacts.find(tx, conversation.address or "")
        if contact is None or contact.opted_out or await contacts.is_sealed(tx, conversation.id):
            await end_all(tx, conversation.id)
            return False
        if row.due_at < now() - LATE_MS:  # it is another hour by now, perhaps the night
            due = datetime.fromtimestamp(row.due_at / 1000, ZoneInfo(row.zone))
            later = _tomorrow((due.hour, due.minute), ZoneInfo(row.zone), since=due)
            await _change(tx, row, AGREED, due_at=int(later.timestamp() * 1000))
            await _log(tx, conversation, "The check-in could not be made on time. It is made a day later.")
            return False
        if not await _change(tx, row, SENT):
            return False  # another switchboard made it
        await self._say(tx, conversation, "checkin")
        return True

    async def _say(self, tx: AsyncConnection, conversation: Conversation, name: str, *, when: str = "") -> None:
        await conversations.add(tx, conversation, self._texts.notice(name, conversation, author="bot", when=when))


async def run(checkins: Checkins, record: Record, streams: Streams) -> None:
    """Make check-ins as they fall due, for ever."""
    while True:
        try:
            async with record.read() as connection:
                due = (await connection.execute(
                    sa.select(sa.func.min(c.c.due_at)).where(c.c.state == AGREED))).scalar()
            if due is not None and due <= now():
                async with record.write() as tx:
                    made = await checkins.make_due(tx)
                streams.wake(*made, CONSOLE)
        except RecordUnavailable:
            logger.warning("the record cannot be reached, check-ins wait")
        await asyncio.sleep(LOOK_SECONDS)


async def open_one(connection: AsyncConnection, conversation_id: str) -> Any:
    """The check-in that is offered, agreed on or was just made, or None."""
    return (await connection.execute(
        sa.select(c).where(c.c.conversation == conversation_id, c.c.state != ENDED)
        .order_by(c.c.id.desc()).limit(1))).first()


async def wrote_back(tx: AsyncConnection, conversation_id: str) -> None:
    """Whoever answers a check-in has had it: the next comes only if they ask."""
    await tx.execute(c.update().where(c.c.conversation == conversation_id, c.c.state == SENT)
                     .values(state=ENDED, ended_at=now()))


async def end_all(tx: AsyncConnection, conversation_id: str) -> None:
    """No check-in of this conversation is made any more."""
    await tx.execute(c.update().where(c.c.conversation == conversation_id, c.c.state != ENDED)
                     .values(state=ENDED, ended_at=now()))


def zone_of(number: str, centre: Centre) -> ZoneInfo:
    """The time zone of a number's area, or the centre's where the area does not say."""
    try:
        names = zones.time_zones_for_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        names = ()
    known = names[0] if len(names) == 1 and names[0] != "Etc/Unknown" else ""
    return ZoneInfo(known) if known else centre.hours.zone or ZoneInfo("America/New_York")


def _tomorrow(hour: tuple[int, int], zone: ZoneInfo, since: datetime | None = None) -> datetime:
    """The next day's moment after today (or after `since` and before it is too late today)."""
    today = datetime.now(zone)
    due = datetime.combine(today.date() + timedelta(days=1), time(*hour), zone)
    if since and datetime.combine(today.date(), time(*hour), zone) > today:
        return datetime.combine(today.date(), time(*hour), zone)
    return due


def _in_words(due: datetime, zone: ZoneInfo, language: str) -> str:
    place = zone.key.rpartition("/")[2].replace("_", " ")
    if language == "es":
        return f"mañana a las {due:%H:%M} (hora de {place})"
    return f"tomorrow at {due.hour % 12 or 12}:{due:%M %p} ({place} time)"


def _hour(said: str) -> tuple[int, int] | None:
    """The hour and minute in "at 6 pm", "6:30", "a las 18"; without am or pm the one by day."""
    match = _HOUR.search(said)
    if match is None:
        return None
    hour, minute, half = int(match.group(1)), int(match.group(2) or 0), match.group(3)
    if (half == "p" and hour < 12) or (half is None and hour < FIRST_HOUR):
        hour += 12
    if half == "a" and hour == 12:
        hour = 0
    return (hour, minute) if hour < 24 and minute < 60 else None


async def _was_asked_last(tx: AsyncConnection, conversation_id: str) -> bool:
    """Whether the last thing said to the visitor was the question about a check-in."""
    said = await conversations.last(tx, conversation_id, 1 << 30, 8)
    last = next((m for m in reversed(said) if m.author != "visitor" and m.kind != "private"), None)
    return last is not None and last.response in ("checkin_offer", "checkin_hour")


async def _change(tx: AsyncConnection, row: Any, state: str, **values: Any) -> bool:
    result = await tx.execute(c.update().where(c.c.id == row.id, c.c.state == row.state, c.c.due_at == row.due_at)
                              .values(state=state, **values))
    return bool(result.rowcount)


async def _log(tx: AsyncConnection, conversation: Conversation, text: str) -> None:
    await conversations.add(tx, conversation, Message(
        author="system", kind="private", text=text, response="log"))
