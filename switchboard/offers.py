"""What the bot said last, so that "yes" and "how long does that take?" can be read. Used by the brain."""

from __future__ import annotations

from collections.abc import Sequence

from haven.content import Content
from switchboard.conversations import FOLLOW_THROUGH, Message

# Sentences of data/texts.yml that end in "shall a person join?".
_OFFER_PERSON = frozenset(
    f"utter_{name}"
    for name in ("unknown", "bot_challenge", "feedback_bad", "options_none_chosen", "grief", "craving",
                 "feelings", "telling", "handoff_offer", "answer_in_english_only", "affirm_unclear", "out_of_scope",
                 "harmful_decline")
)
# What is said about people, by action_request_handoff or when the bot failed: it stays beside any guidance.
ABOUT_PEOPLE = frozenset({"bot_failed", "utter_waiting_open", "utter_waiting_nobody", "utter_closed_hours",
                          "utter_closed_unknown", "utter_callback_offer", "utter_staff_told"})
IN_WORDS = "in_words/"  # a question after guidance that is answered in words, not by a choice
_OFFER_CALLBACK = "utter_callback_offer"
_ASKS_FOR_NAME = "utter_ask_callback_name"


def offer_of(before: Sequence[Message], content: Content) -> str | None:
    """ "handoff", "callback", "name" or None, from the last thing the bot said before a message."""
    response = _last_response(before)
    if response == _ASKS_FOR_NAME:
        return "name"
    if response == _OFFER_CALLBACK:
        return "callback"
    unsupported = content.unsupported.get(response.removeprefix("utter_unsupported/"))
    if response in _OFFER_PERSON or response.startswith("utter_quote/") or (unsupported and unsupported.offer_handoff):
        return "handoff"
    return None


def topic_of(before: Sequence[Message]) -> str | None:
    """The label of the answer given last ("faq/FAQ-029"), if it was the last thing the bot said."""
    response = _last_response(before)
    return f"faq/{response.partition('/')[2]}" if response.startswith(("utter_faq/", "utter_source/")) else None


def goes_on(response: str | None) -> bool:
    """Whether a response is the next question of the call-back form: the form goes on, so it must be heard."""
    return (response or "").startswith("utter_ask_callback_")


def is_answer(response: str | None) -> bool:
    """Whether a response is an answer from the documents, or a sentence of theirs."""
    return (response or "").startswith(("utter_faq/", "utter_quote/"))


def is_follow_through(choice: str | None) -> bool:
    """Whether a visitor chose (or typed) an answer that is said after guidance; it has its answer at once."""
    return (choice or "").startswith(FOLLOW_THROUGH)


def was_asked_for_words(before: Sequence[Message]) -> bool:
    """Whether the last thing said was a question like "What did you stop, and when?"."""
    return _last_response(before).startswith(FOLLOW_THROUGH + IN_WORDS)


def last_of_bot(before: Sequence[Message]) -> Message | None:
    """The last thing the bot said, guidance included."""
    return next((m for m in reversed(before) if m.author == "bot"), None)


def _last_response(before: Sequence[Message]) -> str:
    last = last_of_bot(before)
    return (last.response if last else None) or ""
