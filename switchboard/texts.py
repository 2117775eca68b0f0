"""The fixed sentences of the system, worded for a conversation's channel and language. Used by the switchboard."""

from __future__ import annotations

from typing import Any

from haven.content import Content
from switchboard.conversations import Conversation, Message


class Texts:
    """Looks sentences up in data/texts.yml; nothing here is composed."""

    def __init__(self, content: Content) -> None:
        self._texts = content.texts

    def plain(self, name: str, language: str = "en", /, *, channel: str = "widget", **fields: str) -> str:
        """One sentence by its name; Spanish where it exists."""
        return self._texts[name].say(language=language, channel=channel, **fields)

    def notice(
        self,
        name: str,
        conversation: Conversation,
        /,
        *,
        author: str = "system",
        kind: str = "notice",
        options: list[dict[str, Any]] | None = None,
        **fields: str,
    ) -> Message:
        """A sentence as a message of the system (or the bot) to a conversation."""
        return Message(
            author=author,
            kind=kind,
            text=self.plain(name, conversation.language, channel=conversation.channel, **fields),
            language=conversation.language,
            response=name,
            options=options or [],
        )
