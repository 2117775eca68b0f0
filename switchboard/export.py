"""All that is kept of a conversation, in plain words, to be handed to somebody. Used by `bin/haven export`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard import consent, conversations, sealed, whose
from switchboard.conversations import Conversation, Message, as_text
from switchboard.numbers import Vault
from switchboard.records.keyring import Unreadable
from switchboard.records.record import now
from switchboard.records.tables import alerts, callbacks, claims, feedback, follow_ups, outcomes, sms_contacts, staff

# 42 CFR 2.32(a)(1) as amended on 16 February 2024 (89 FR 12472).
NOTICE = (
    "This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR part 2). These "
    "rules prohibit you from using or disclosing this record, or testimony that describes the information contained in "
    "this record, in any civil, criminal, administrative, or legislative proceedings by any Federal, State, or local "
    "authority, against the patient, unless authorized by the consent of the patient, except as provided at 42 CFR "
    "2.12(c)(5) or as authorized by a court in accordance with 42 CFR 2.64 or 2.65. In addition, the Federal rules "
    "prohibit you from making any other use or disclosure of this record unless at least one of the following applies: "
    "(i) Further use or disclosure is expressly permitted by the written consent of the individual whose information "
    "is being disclosed in this record or as otherwise permitted by 42 CFR part 2. "
    "(ii) You are a covered entity or business associate and have received the record for treatment, payment, or "
    "health care operations, or "
    "(iii) You have received the record from a covered entity or business associate as permitted by 45 CFR part 164, "
    "subparts A and E. "
    "A general authorization for the release of medical or other information is NOT sufficient to meet the required "
    "elements of written consent to further use or redisclose the record (see 42 CFR 2.31)."
)
_WHO = {"visitor": "Visitor", "bot": "Haven (automated)", "staff": "Staff", "system": "Haven (automated)"}


@dataclass(frozen=True)
class Reader:
    """What reading the record for an export needs beside the record itself."""

    connection: AsyncConnection
    vault: Vault
    notes: bool  # whether lines that only staff see are part of it


async def read(reader: Reader, what: str, *, by: str) -> dict[str, Any]:
    """Everything of a conversation, or of all of a number's. Raises whose.Nobody."""
    ids = await whose.conversations_of(reader.connection, reader.vault, what)
    names = {row.id: row.name for row in await reader.connection.execute(sa.select(staff.c.id, staff.c.name))}
    return {
        "notice": NOTICE, "exported_at": as_text(now()), "exported_by": by, "about": what,
        "number": await _number(reader, what) if whose.is_number(what) else None,
        "conversations": [await _conversation(reader, id, names) for id in ids],
    }


async def _number(reader: Reader, what: str) -> dict[str, Any] | None:
    """What is kept of the number itself: what it was told and whether it wants texts."""
    row = (await reader.connection.execute(sa.select(sms_contacts).where(
        sms_contacts.c.address == whose.address_of(reader.vault, what)))).first()
    if row is None:
        return None
    return {"first_text_at": _time(row.first_at), "last_text_at": _time(row.last_at),
            "told_at": _time(row.consent_at), "told": row.consent_text,
            "opted_out_at": _time(row.opted_out_at), "opted_out_how": row.opted_out_how}


async def _conversation(reader: Reader, conversation_id: str, names: dict[int, str]) -> dict[str, Any]:
    connection = reader.connection
    conversation = await conversations.load(connection, conversation_id)
    written = await conversations.after(connection, conversation_id, 0, limit=100_000)
    return {
        "id": conversation.id, "channel": conversation.channel, "language": conversation.language,
        "begun_at": as_text(conversation.opened_at), "last_changed_at": as_text(conversation.updated_at),
        "told": await _told(connection, conversation),
        "messages": [_message(m) for m in written if reader.notes or not m.is_for_staff],
        "asked_for_a_person": conversation.handoff,
        "dangers": [_danger(connection, row, names) for row in await _of(connection, alerts, conversation_id)],
        "callbacks": [_callback(reader, row, names) for row in await _of(connection, callbacks, conversation_id)],
        "taken_by": [{"staff": names.get(row.staff), "from": _time(row.claimed_at), "to": _time(row.ended_at),
                      "how_it_ended": row.how} for row in await _of(connection, claims, conversation_id)],
        "outcomes": [_outcome(connection, row, names) for row in await _of(connection, outcomes, conversation_id)],
        "follow_ups": [_follow_up(connection, row, names)
                       for row in await _of(connection, follow_ups, conversation_id)],
        "feedback": [{"answer": row.response, "helped": row.helped, "at": _time(row.at)}
                     for row in await connection.execute(
                         sa.select(feedback).where(feedback.c.conversation == conversation_id))],
    }


async def _of(connection: AsyncConnection, table: sa.Table, conversation_id: str) -> list[Any]:
    return list(await connection.execute(
        sealed.with_key(table).where(table.c.conversation == conversation_id).order_by(table.c.id)))


async def _told(connection: AsyncConnection, conversation: Conversation) -> dict[str, Any] | None:
    """The notice a chat on the website began with; by text it stands with the number."""
    if conversation.consent is None:
        return None
    return {"version": conversation.consent, "at": _time(conversation.consent_at),
            "text": await consent.text_of(connection, conversation.consent)}


def _message(message: Message) -> dict[str, Any]:
    return {
        "number": message.seq, "at": as_text(message.at), "author": message.author, "name": message.name,
        "kind": message.kind, "only_staff_see_it": message.is_for_staff, "language": message.language,
        "text": message.text if message.readable else None, "danger": message.crisis,
        "sources": [source.get("title") for source in message.sources],
        "offered": [option.get("title") for option in message.options], "answer": message.response,
    }


def _danger(connection: AsyncConnection, row: Any, names: dict[int, str]) -> dict[str, Any]:
    return {"level": row.level, "kind": row.kind, "why": sealed.why_of(connection, row), "at": _time(row.raised_at),
            "accepted_at": _time(row.accepted_at), "accepted_by": names.get(row.accepted_by)}


def _callback(reader: Reader, row: Any, names: dict[int, str]) -> dict[str, Any]:
    said = sealed.callback_of(reader.connection, row)
    try:
        number = reader.vault.open(row.number)
    except Unreadable:
        number = None
    return {"name": said["name"], "number": number, "when": said["call_when"], "asked_at": _time(row.asked_at),
            "called_at": _time(row.done_at), "called_by": names.get(row.done_by)}


def _outcome(connection: AsyncConnection, row: Any, names: dict[int, str]) -> dict[str, Any]:
    said = sealed.outcome_of(connection, row)
    return {"at": _time(row.at), "by": names.get(row.staff), "result": row.result, "danger": row.danger,
            "referred": row.referred, "note": said["note"]}


def _follow_up(connection: AsyncConnection, row: Any, names: dict[int, str]) -> dict[str, Any]:
    said = sealed.follow_up_of(connection, row)
    return {"due": row.due, "what": said["what"], "by": names.get(row.made_by), "done_at": _time(row.done_at)}


def _time(at: int | None) -> str | None:
    return None if at is None else as_text(at)


# -- as text ------------------------------------------------------------------------------------------------------


def in_words(exported: dict[str, Any], zone: tzinfo | None) -> str:
    """The same to be read by people, times in the centre's zone."""
    lines = [exported["notice"], "", f"Exported {_clock(exported['exported_at'], zone)} by {exported['exported_by']}.",
             f"About: {exported['about']}"]
    for conversation in exported["conversations"]:
        lines += ["", "=" * 78, *_conversation_in_words(conversation, zone)]
    rest = {"number": exported["number"]} if exported["number"] else {}
    return "\n".join([*lines, *_tables(rest), ""])


def _conversation_in_words(conversation: dict[str, Any], zone: tzinfo | None) -> Iterator[str]:
    yield f"Conversation {conversation['id']} ({conversation['channel']}), begun " \
          f"{_clock(conversation['begun_at'], zone)}"
    if conversation["told"]:
        yield f"Told at the beginning (version {conversation['told']['version']}):"
        yield from (f"    {line}" for line in (conversation["told"]["text"] or "").splitlines())
    for message in conversation["messages"]:
        who = message["name"] or _WHO[message["author"]]
        mark = " [only staff see this]" if message["only_staff_see_it"] else ""
        yield f"{_clock(message['at'], zone)}  {who}{mark}:"
        text = "(these words cannot be read)" if message["text"] is None else message["text"]
        yield from (f"    {line}" for line in text.splitlines())
    kept = ("asked_for_a_person", "dangers", "callbacks", "taken_by", "outcomes", "follow_ups", "feedback")
    yield from _tables({name: conversation[name] for name in kept if conversation[name]})


def _tables(parts: dict[str, Any]) -> Iterator[str]:
    """What is beside the messages, each row as its names and values."""
    for name, rows in parts.items():
        yield f"{name.replace('_', ' ').capitalize()}:"
        for row in rows if isinstance(rows, list) else [rows]:
            yield "    " + "; ".join(f"{key.replace('_', ' ')}: {_value(value)}" for key, value in row.items()
                                     if value not in (None, [], ""))


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _clock(text: str | None, zone: tzinfo | None) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if text else ""
