"""How every process writes its log: ids and times, no words; plain lines, or one JSON object a line (HAVEN_LOG)."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from datetime import datetime, timezone
from types import TracebackType

from haven.redaction import IdsOnly

PLAIN = "%(levelname)s %(name)s %(message)s"
_CONVERSATION = re.compile(r"\bconversation ([0-9a-f]{32})\b")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class AsJson(logging.Formatter):
    """time, level, logger and event; conversation where it is about one, ms where something was timed."""

    def format(self, record: logging.LogRecord) -> str:
        event = _COLOURS.sub("", record.getMessage())
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, str | float] = {"time": moment.isoformat(timespec="milliseconds"), "level": record.levelname,
                                        "logger": record.name, "event": event}
        about = _CONVERSATION.search(event)
        if about:
            line["conversation"] = about[1]
        took = getattr(record, "ms", None)
        if isinstance(took, (int, float)):
            line["ms"] = round(took, 1)
        return json.dumps(line)  # plain ASCII: one line for every reader, whatever the locale


def begin(style: str, *, level: int = logging.INFO) -> None:
    """Set up this process's log: `style` is "plain" or "json"."""
    logging.basicConfig(level=level, format=PLAIN)
    dress(style)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines name addresses
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # else a line that cannot be written is told beside the log
    sys.excepthook, threading.excepthook, sys.unraisablehook = _last_words, _thread_ended, _let_be


def dress(style: str) -> None:
    """Let every handler there is write in this style, without words or numbers of visitors."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(known, IdsOnly) for known in handler.filters):
            handler.addFilter(IdsOnly())
        if style == "json":
            handler.setFormatter(AsJson())


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends a process is logged like all else: an error's own text may quote what a visitor wrote."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("haven").critical("the process ends", exc_info=(kind, error, trace))


def _thread_ended(fault: threading.ExceptHookArgs) -> None:
    if fault.exc_value is not None:
        logging.getLogger("haven").error(
            "a thread ends", exc_info=(fault.exc_type, fault.exc_value, fault.exc_traceback))


def _let_be(fault: sys.UnraisableHookArgs) -> None:
    """What Python itself lets be (an error while something is collected), told like all else."""
    if fault.exc_value is not None:
        logging.getLogger("haven").error(
            "an error was let be", exc_info=(fault.exc_type, fault.exc_value, fault.exc_traceback))
