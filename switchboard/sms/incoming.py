"""One text as Twilio hands it over. Part of the switchboard."""

from __future__ import annotations

from dataclasses import dataclass

from haven.text import MAX_CHARACTERS, NotText, TooLong, clean
from switchboard.sms.signature import Fields

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
        enclosed = int(media) if media.isascii() and media.isdigit() and len(media) < 3 else 0
        return cls(sid, sender, ours, text, shortened, enclosed,
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
