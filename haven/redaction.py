"""Keeps visitors' words and numbers out of every log; used by every process."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection

# Seven or more digits with the usual separators, a plus in front or not; and everything that looks like mail.
_NUMBER = re.compile(r"(?<![\w-])\+?\d[\d\s().-]{5,}\d(?![\w-])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")

# What tells who somebody is, in a text that people who answer no chats will read.
_LINK = re.compile(r"\b(?:https?://|www\.)\S+|(?<!\w)@\w{2,}", re.IGNORECASE)
_STREET = re.compile(
    r"\b\d+[a-z]?\s+(?:\w+\.?\s+){1,3}(?:street|st|avenue|ave|road|rd|drive|dr|boulevard|blvd|lane|ln|court|ct|way|"
    r"apt|calle|avenida)\b\.?", re.IGNORECASE)
_DIGITS = re.compile(r"\+?\d(?:[\s().,/-]*\d){3,}")
_SPOKEN = ("(?:zero|oh|one|two|three|four|five|six|seven|eight|nine"
           "|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)")
_SPOKEN_DIGITS = re.compile(rf"\b{_SPOKEN}(?:[\s,-]+{_SPOKEN}){{3,}}\b", re.IGNORECASE)
_NAMED = re.compile(
    r"\b((?:my|his|her|their|the|mi|su)\s+(?:\w+\s+)?names?(?:\s+is|'s)?|names?\s+is|me\s+llamo|se\s+llama"
    r"|mi\s+nombre\s+es)\s+([\w'’-]+(?:\s+[A-Z][\w'’-]+)*)", re.IGNORECASE)
_KIN = re.compile(
    r"\b((?:my|our|mi)\s+(?:\w+\s+)?(?:son|daughter|husband|wife|boyfriend|girlfriend|partner|friend|brother|sister|mom"
    r"|mother|dad|father|cousin|nephew|niece|uncle|aunt|roommate|doctor|counselor|dr|hijo|hija|esposo|esposa|marido"
    r"|novio|novia|amigo|amiga|hermano|hermana|primo|prima|doctor|doctora)\.?|(?:dr|mr|mrs|ms|sr|sra)\.?|i'?m|i\s+am"
    r"|this\s+is|soy|call\s+me|named|called)\s+([\w'’-]+)", re.IGNORECASE)
_CAPITAL = re.compile(r"\b[^\W\d_][\w'’-]*\b")


def redact(text: str) -> str:
    """The text with telephone numbers (all but the last two digits) and mail addresses hidden."""
    hidden = _NUMBER.sub(lambda match: "*" * 5 + re.sub(r"\D", "", match.group())[-2:], text)
    return _MAIL.sub("*@*", hidden)


def anonymous(text: str, known: Collection[str]) -> str:
    """The text without what tells who wrote it: numbers of four digits and more, addresses, links and names.

    `known` are the words (in small letters) that are no names: those of the content. A capital inside a sentence,
    or the word after "my son" or "I'm", is taken for a name unless it is known. Rather too much is hidden.
    """
    for pattern, mark in ((_MAIL, "[mail]"), (_LINK, "[link]"), (_STREET, "[address]"), (_DIGITS, "[number]"),
                          (_SPOKEN_DIGITS, "[number]")):
        text = pattern.sub(mark, text)
    text = _NAMED.sub(lambda found: f"{found[1]} [name]", text)
    text = _KIN.sub(lambda found: found[0] if _is_known(found[2], known) else f"{found[1]} [name]", text)
    return _CAPITAL.sub(lambda found: found[0] if _may_stay(text, found, known) else "[name]", text)


def _may_stay(text: str, found: re.Match[str], known: Collection[str]) -> bool:
    word = found[0]
    in_mark = text[found.start() - 1 : found.start()] == "["
    return in_mark or not word[0].isupper() or _is_known(word, known)


def _is_known(word: str, known: Collection[str]) -> bool:
    plain = word.lower().replace("’", "'")
    return plain in known or plain.removesuffix("'s") in known or plain.removesuffix("s") in known


def masked(number: str) -> str:
    """A telephone number as staff see it until they reveal it: the last two digits."""
    return "*" * 5 + re.sub(r"\D", "", number)[-2:]


class IdsOnly(logging.Filter):
    """A filter for handlers: numbers are hidden, tracebacks keep places and drop values.

    An exception's own text may quote what a visitor typed (an SQL parameter, a JSON body), so only its
    class and the places it passed are written.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info:
            record.msg = f"{record.msg} [{_places(record.exc_info)}]"
            record.exc_info = None
        record.exc_text = None
        return True


def _places(exc_info: object) -> str:
    kind, _, trace = exc_info if isinstance(exc_info, tuple) else (None, None, None)
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{getattr(kind, '__name__', kind)} at {' < '.join(reversed(places[-4:]))}"
