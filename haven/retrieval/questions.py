"""Is a message two questions, is it a question at all, and what does "it" mean in a follow-up?"""

from __future__ import annotations

import re

MOST_QUESTIONS = 3
FOLLOW_UP_WORDS = 12  # longer messages say themselves what they are about

_ASKS = (r"(?:how|what|whats|when|where|who|why|which|can|could|do|does|did|is|are|am|will|would|should|"
         r"wat|wen|y do|qu[eé]|c[oó]mo|cu[aá]ndo|cu[aá]nt[oa]s?|d[oó]nde|por qu[eé]|puedo|es|hay)\b")
_ENDS = re.compile(r"(?<=[.?!])\s+|\n+|;\s+")
_JOINTS = re.compile(rf",?\s+(?:and also|and|also|plus|y tambi[eé]n|y|&|n)\s+(?={_ASKS})", re.IGNORECASE)
_QUESTION = re.compile(rf"\?\s*$|^(?:and |so |ok |also |but |y |¿)*{_ASKS}", re.IGNORECASE)
_STANDS_FOR = re.compile(r"\b(it|its|that|this|those|these|they|them|there|ella|eso|esto|ah[ií])\b(?!')", re.IGNORECASE)
_OPENING = re.compile(r"^(?:(?:and|so|ok|okay|but|y|also)\b[\s,]*)+", re.IGNORECASE)


def split_questions(text: str) -> tuple[str, ...]:
    """The questions in a message, in order, at most three; the whole message when there are not two.

    >>> split_questions("What is methadone and how long do people stay on it?")
    ('What is methadone', 'how long do people stay on it?')
    """
    sentences = [part.strip() for part in _ENDS.split(text) if part and part.strip()]
    parts = [part.strip() for sentence in sentences for part in _JOINTS.split(sentence)]
    asked = [part for part in parts if len(part.split()) >= 2 and _QUESTION.search(part)]
    return tuple(asked[:MOST_QUESTIONS]) if len(asked) > 1 else (text.strip(),)


def asks(text: str) -> bool:
    """Whether a message asks something, by its mark or its first word."""
    return "?" in text or _QUESTION.search(text) is not None


def is_short(text: str) -> bool:
    """Whether a message is short enough to be a follow-up."""
    return len(text.split()) <= FOLLOW_UP_WORDS


def resolved(text: str, subject: str) -> str:
    """A follow-up with what it is about put in: for the first "it", else at its end.

    >>> resolved("and how long does that take?", "detox")
    'how long does detox take?'
    >>> resolved("what are the dangers", "methadone")
    'what are the dangers, methadone'
    """
    bare = _OPENING.sub("", text.strip()) or text.strip()
    said, count = _STANDS_FOR.subn(subject, bare, count=1)
    return said if count else f"{bare.rstrip('?.! ')}, {subject}"
