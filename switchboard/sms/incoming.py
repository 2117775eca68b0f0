"""One text as Twilio hands it over, and its way through a record that cannot be reached. Part of the switchboard."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from haven.text import MAX_CHARACTERS, NotText, TooLong, clean
from switchboard.numbers import Unreadable, Vault
from switchboard.sms.signature import Fields

logger = logging.getLogger(__name__)

MAX_SENDER = 64


@dataclass(frozen=True)
class Incoming:
    """What matters of one text. `text` is clean, and empty when no words came."""

    sid: str
    sender: str
    ours: str
    text: str
    shortened: bool = False
    media: int = 0
    location: str = ""
    opt_out_type: str = ""

    @classmethod
    def of(cls, fields: Fields) -> Incoming | None:
        """The text in a form, or None where sender or id are missing. Unknown fields are let be."""
        sid = fields.get("MessageSid") or fields.get("SmsSid") or fields.get("SmsMessageSid")
        sender, ours = fields.get("From").strip(), fields.get("To").strip()
        if not (0 < len(sid) <= MAX_SENDER and 0 < len(sender) <= MAX_SENDER and len(ours) <= MAX_SENDER):
            return None
        text, shortened = _words(fields.get("Body"))
        media, place = fields.get("NumMedia"), (fields.get("Latitude"), fields.get("Longitude"))
        return cls(sid, sender, ours, text, shortened, int(media) if media.isdigit() and len(media) < 3 else 0,
                   ", ".join(place)[:60] if all(place) else "", fields.get("OptOutType")[:16])

    @property
    def is_from_a_phone(self) -> bool:
        """Whether a person may sit behind the sender: short codes and names are machines, which answer answers."""
        digits = self.sender.removeprefix("+")
        return self.sender.startswith("+") and digits.isdigit() and len(digits) > 6


def _words(body: str) -> tuple[str, bool]:
    """A body made clean, and whether its end had to be left off (some characters grow when they are normalised)."""
    for length in (len(body), MAX_CHARACTERS, MAX_CHARACTERS // 4, MAX_CHARACTERS // 18):
        try:
            return clean(body[:length]), length < len(body)
        except NotText:
            return "", False
        except TooLong:
            continue
    return "", False


class Spool:
    """A folder that keeps texts while the record cannot: encrypted, on the disk before they are acknowledged."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault

    def keep(self, incoming: Incoming, said: list[str]) -> None:
        """Write one text and what was already said to it. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256(incoming.sid.encode()).hexdigest()
        whole = self._vault.lock(json.dumps({"incoming": asdict(incoming), "said": said}))
        new = self._folder / f"{name}.new"
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(whole)
            handle.flush()
            os.fsync(handle.fileno())
        new.rename(self._folder / f"{name}.text")

    def kept(self) -> Iterator[tuple[Path, Incoming, tuple[str, ...]]]:
        """What waits, oldest first; a file that cannot be read is put aside and named in the log."""
        for path in sorted(self._folder.glob("*.text"), key=lambda path: path.stat().st_mtime_ns):
            try:
                raw: dict[str, Any] = json.loads(self._vault.open(path.read_text()))
                yield path, Incoming(**raw["incoming"]), tuple(raw["said"])
            except (Unreadable, ValueError, KeyError, TypeError):
                logger.error("a kept text cannot be read; it is put aside as %s", path.with_suffix(".bad").name)
                path.rename(path.with_suffix(".bad"))
