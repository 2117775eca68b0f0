"""The way to Twilio's Messages resource: send one text, look up what was sent. Part of the switchboard.

Twilio's own client is blocking and waits without limit; this asks the same interface through switchboard.calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import encode_basic_auth

from haven.errors import HavenError
from haven.gsm import without_typography
from switchboard.calls import Answer, Broken, Calls, NotReached

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 12.0
WHOLE_SECONDS = 20.0  # for one call, however it trickles in: a claim's lease is longer
PAGE = 50  # messages looked through when one is looked up
OPTED_OUT = 21610  # "Attempt to send to unsubscribed recipient"


class Refused(HavenError):
    """The carrier refused a text for good; `code` is Twilio's own number, `status` that of HTTP."""

    def __init__(self, status: int, code: int | None) -> None:
        self.status = status
        self.code = code
        super().__init__(f"The carrier refused the text (HTTP {status}, code {code}).")


class TryLater(HavenError):
    """The text certainly was not taken; `seconds` is how long the carrier wants to be left alone, if it says so."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        self.seconds = seconds
        super().__init__(why)


class Unsure(HavenError):
    """Whether the text was taken is not known: the carrier failed, was too slow, or answered nonsense."""


@dataclass(frozen=True)
class Taken:
    """A text the carrier has: its id, how far it is, what it costs, and what it failed with."""

    sid: str
    status: str
    segments: int | None = None
    error: int | None = None


class Carrier:
    """One account at Twilio. Names of numbers and words of texts never reach a log or an error's text."""

    def __init__(self, api: str, account: str, token: str) -> None:
        self._messages = f"/2010-04-01/Accounts/{account}/Messages.json"
        self._http = Calls(api, timeout=WHOLE_SECONDS, connect=CONNECT_SECONDS, silence=SILENT_SECONDS,
                           headers={"Authorization": encode_basic_auth(account, token)})

    async def send(self, *, to: str, sender: str, body: str, callback: str) -> Taken:
        """Give one text to the carrier. Raises Refused, TryLater or Unsure."""
        origin = {"MessagingServiceSid": sender} if sender.startswith("MG") else {"From": sender}
        try:
            answer = await self._http.post_form(self._messages, {
                "To": to, **origin, "Body": body, "StatusCallback": callback})
        except NotReached as error:
            raise TryLater(str(error)) from error
        except Broken as error:
            raise Unsure(str(error)) from error
        _must_be_taken(answer)
        return _taken(_json(answer))

    async def find(self, *, to: str, body: str, since: int, known: frozenset[str]) -> Taken | None:
        """The text to a number with these very words, sent since a moment (milliseconds), or None if there is none.

        `known` are ids that belong to other deliveries of the same words. Raises Unsure when the carrier cannot say.
        """
        try:  # newest first; not narrowed by DateSent, which a text that still waits at the carrier has none of
            answer = await self._http.get(self._messages, {"To": to, "PageSize": str(PAGE)})
        except (NotReached, Broken) as error:
            raise Unsure(str(error)) from error
        if answer.status != 200:
            raise Unsure(f"HTTP {answer.status}")
        rows = _json(answer).get("messages")
        if not isinstance(rows, list):
            raise Unsure("not a list of messages")
        found = (row for row in rows if isinstance(row, dict) and _is_it(row, body, since))
        return next((taken for taken in map(_taken, found) if taken.sid not in known), None)

    async def close(self) -> None:
        await self._http.close()


def _must_be_taken(answer: Answer) -> None:
    if answer.status == 429:
        raise TryLater("the carrier is busy", _seconds(answer.headers.get("retry-after", "")))
    if 400 <= answer.status < 500:
        raise Refused(answer.status, _code(answer))
    if answer.status not in (200, 201):
        raise Unsure(f"HTTP {answer.status}")


def _seconds(raw: str) -> float | None:
    return float(raw) if raw.isascii() and raw.isdigit() and len(raw) < 5 else None


def _code(answer: Answer) -> int | None:
    try:
        return _number(answer.json().get("code"))
    except (ValueError, AttributeError):
        return None


def _json(answer: Answer) -> dict[str, Any]:
    try:
        read = answer.json()
    except ValueError as error:
        raise Unsure("not JSON") from error
    if not isinstance(read, dict):
        raise Unsure("not an object")
    return read


def _taken(row: dict[str, Any]) -> Taken:
    sid, status = row.get("sid"), row.get("status")
    if not isinstance(sid, str) or not 0 < len(sid) <= 64 or not isinstance(status, str):
        raise Unsure("a message without an id")
    return Taken(sid, status[:16], _number(row.get("num_segments")), _number(row.get("error_code")))


def _number(raw: object) -> int | None:
    """Twilio gives numbers as numbers or as texts."""
    text = str(raw) if isinstance(raw, int | str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _is_it(row: dict[str, Any], body: str, since: int) -> bool:
    if _bare(row.get("body")) != _bare(body) or not str(row.get("direction", "")).startswith("outbound"):
        return False
    try:
        made = datetime.strptime(str(row.get("date_created")), "%a, %d %b %Y %H:%M:%S %z")
    except ValueError:
        return True  # the same words to the same number today: taken for it rather than sent twice
    return made.timestamp() * 1000 >= since - 5_000  # the carrier's clock, in whole seconds


def _bare(body: object) -> str:
    return " ".join(without_typography(str(body)).split())
