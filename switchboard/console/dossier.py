"""All that staff see of one conversation: transcript, summary, dangers, offers. Part of the console."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.content import Content
from switchboard import conversations, handoff, sealed
from switchboard.console.board import REASONS, Alert, alert_of
from switchboard.console.text_line import TextLine, read_text_line
from switchboard.conversations import Conversation, Message
from switchboard.numbers import Vault
from switchboard.records.tables import alerts, callbacks, follow_ups, outcomes


@dataclass(frozen=True)
class Asked:
    """One question of the visitor and what the bot said to it."""

    question: str
    answer: str
    answered: bool


@dataclass(frozen=True)
class Dossier:
    """One conversation as it stands."""

    conversation: Conversation
    messages: list[Message]
    dangers: list[Alert]
    open_danger: Alert | None
    asked: list[Asked]
    reason: str
    summary: str
    callbacks: list[Any] = field(default_factory=list)
    follow_ups: list[Any] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    transfer: Any = None
    text_line: TextLine | None = None

    @property
    def last_seq(self) -> int:
        return self.messages[-1].seq if self.messages else 0

    @property
    def last_visitor_seq(self) -> int:
        return max((m.seq for m in self.messages if m.author == "visitor"), default=0)


async def read_dossier(
    connection: AsyncConnection, content: Content, conversation_id: str, vault: Vault
) -> Dossier:
    """Read one conversation. Raises NoConversation."""
    conversation = await conversations.load(connection, conversation_id)
    written = await conversations.after(connection, conversation_id, 0)
    rows = list(await connection.execute(
        sealed.with_key(alerts).where(alerts.c.conversation == conversation_id).order_by(alerts.c.id)))
    unaccepted = [alert_of(connection, row, content) for row in rows if row.accepted_at is None]
    wish = conversation.handoff or {}
    return Dossier(
        conversation=conversation,
        messages=written,
        dangers=[alert_of(connection, row, content) for row in rows],
        open_danger=next((a for a in unaccepted if a.level == "acute"), unaccepted[0] if unaccepted else None),
        asked=_asked(written, content),
        reason=REASONS.get(wish.get("reason", ""), str(wish.get("reason", ""))),
        summary=str(wish.get("summary", "")),
        callbacks=[{**sealed.callback_of(connection, row), "number": vault.mask(row.number)}
                   for row in await _of(connection, callbacks, conversation_id)],
        follow_ups=[sealed.follow_up_of(connection, row) for row in await _of(connection, follow_ups, conversation_id)],
        outcomes=[sealed.outcome_of(connection, row) for row in await _of(connection, outcomes, conversation_id)],
        transfer=await handoff.transfer_of(connection, conversation_id),
        text_line=await read_text_line(connection, conversation, vault),
    )


async def _of(connection: AsyncConnection, table: sa.Table, conversation_id: str) -> list[Any]:
    return list(await connection.execute(
        sealed.with_key(table).where(table.c.conversation == conversation_id).order_by(table.c.id)))


def _asked(written: list[Message], content: Content) -> list[Asked]:
    """What the visitor asked the bot, each with what became of it; greetings and yes/no left out."""
    questions = {m.seq: m.text for m in written if m.author == "visitor"}
    found: dict[int, Asked] = {}
    for message in written:
        if message.author == "bot" and message.answers_seq in questions and message.answers_seq not in found:
            said = _said(message.response or "", content)
            if said:
                answered = (message.response or "").startswith("utter_faq/")
                found[message.answers_seq] = Asked(questions[message.answers_seq], said, answered)
    return list(found.values())


def _said(response: str, content: Content) -> str:
    """What the bot's message was, in a few words; empty for small talk."""
    kind, _, label = response.partition("/")
    if kind == "utter_faq" and label in content.answers:
        return content.answers[label].question
    if kind == "utter_unsupported":
        return "no reviewed answer"
    if kind == "crisis" and label in content.guidance:
        return f"guidance: {content.guidance[label].name}"
    if response.removeprefix("utter_") in ("unknown", "bot_failed", "out_of_scope", "options_none_chosen"):
        return "the bot had no answer"
    return ""
