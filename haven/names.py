"""Is a message the name of somebody, or does it begin with one? Runs in both processes.

Names are words that no reader has seen: "Rosalind" alone looks like anything, and "Narcisa" like a medicine.
"""

from __future__ import annotations

import re

LONGEST = 3  # words of a name that is the whole message

_CALLED = r"(?:my name is|my name'?s|me llamo|mi nombre es)"
_GREETING = r"(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|hola|buen[oa]s (?:d[ií]as|tardes|noches))[\s,.!]+)?"
_NAME = r"[^\W\d_][\w'\u2019-]*"
_BEGINS = re.compile(rf"^\s*{_GREETING}{_CALLED} {_NAME}(?: {_NAME})?\s*[.,;!]\s+(?=\S)", re.IGNORECASE)
_INTRODUCED = re.compile(rf"\s*{_GREETING}{_CALLED} {_NAME}[\s.!]*", re.IGNORECASE)
_GIVEN = re.compile(
    r"^(?:(?:my name is|my name'?s|i am|i'?m|it'?s|its|this is|call me|just|ask for|me llamo|soy|mi nombre es)\s+)?"
    r"(?P<name>.*?)(?:[\s,]+(?:please|pls|thanks|thank you|is fine|por favor|gracias))?[\s.!]*$", re.IGNORECASE)
_WORDS = re.compile(rf"{_NAME}(?: {_NAME}){{0,{LONGEST - 1}}}")


def without_introduction(text: str) -> str:
    """What is left of a message that begins with the visitor's name; the message when it does not.

    >>> without_introduction("My name is Narcisa. What is methadone?")
    'What is methadone?'
    """
    return _BEGINS.sub("", text)


def only_introduces(text: str) -> bool:
    """Whether a message says the visitor's name, in one word, and nothing else: a second word may be "help".

    >>> only_introduces("hi, my name is Mercy"), only_introduces("my name is Mercy help")
    (True, False)
    """
    return _INTRODUCED.fullmatch(text) is not None


def name_in(answer: str) -> str | None:
    """The name in an answer to "What first name should we ask for?", or None when it is no name by its form.

    >>> name_in("it's Rosalind, thanks"), name_in("how long does that take?")
    ('Rosalind', None)
    """
    found = _GIVEN.match(answer.strip())
    name = found["name"].strip(" ,") if found else ""
    return name if _WORDS.fullmatch(name) else None
