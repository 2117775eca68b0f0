"""Keeps visitors' words and numbers out of every log; used by every process."""

from __future__ import annotations

import logging
import re

# Seven or more digits with the usual separators, a plus in front or not; and everything that looks like mail.
_NUMBER = re.compile(r"(?<![\w-])\+?\d[\d\s().-]{5,}\d(?![\w-])")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


def redact(text: str) -> str:
    """The text with telephone numbers (all but the last two digits) and mail addresses hidden."""
    hidden = _NUMBER.sub(lambda match: "*" * 5 + re.sub(r"\D", "", match.group())[-2:], text)
    return _MAIL.sub("*@*", hidden)


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
