"""Short texts in a row are one thing said: people who text send a sentence in three pieces. Used by the brain."""

from __future__ import annotations

from dataclasses import replace

from haven.text import MAX_CHARACTERS
from switchboard.conversations import Message
from switchboard.records.record import now

SHORT = 60  # characters; a longer text says what it has to say
AT_MOST = 5  # texts in one turn
_COMPLETE = (".", "!", "?")  # whoever ends a sentence has ended it


def pause_left(owed: list[Message], pause: float) -> float:
    """Seconds to wait for more before these messages are answered; none for danger, choices and whole sentences."""
    last = owed[-1]
    if any(m.crisis or m.choice for m in owed) or _is_complete(last.text):
        return 0.0
    if len(owed) >= AT_MOST:
        return 0.0
    return pause - (now() - last.at) / 1000


def as_one_turn(owed: list[Message]) -> Message:
    """The first message that is owed an answer, with those that belong to it; it bears the last one's number."""
    first, *more = owed
    if first.crisis or first.choice:
        return first
    for before, message in zip(owed, more[: AT_MOST - 1], strict=False):
        if _is_complete(before.text):
            break
        text = f"{first.text}\n{message.text}"
        if message.crisis or message.choice or len(text) > MAX_CHARACTERS:
            break
        first = replace(message, text=text)
    return first


def _is_complete(text: str) -> bool:
    return len(text) > SHORT or text.endswith(_COMPLETE)
