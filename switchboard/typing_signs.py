"""Who is typing right now, kept for a few seconds in memory. Used by the switchboard."""

from __future__ import annotations

import time
from collections.abc import Callable

SHOWN_SECONDS = 6.0


class TypingSigns:
    """Remembers the last key press on either side of a conversation; `tell` takes it to other switchboards."""

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self._pressed: dict[tuple[str, str], float] = {}
        self._tell = tell

    def visitor(self, conversation_id: str) -> None:
        self._press("visitor", conversation_id)
        self._tell(f"typing visitor {conversation_id}")

    def staff(self, conversation_id: str) -> None:
        self._press("staff", conversation_id)
        self._tell(f"typing staff {conversation_id}")

    def staff_stopped(self, conversation_id: str) -> None:
        """What was being written was sent, or is no longer theirs to send."""
        self._pressed.pop(("staff", conversation_id), None)
        self._tell(f"typing stopped {conversation_id}")

    def heard(self, what: str) -> None:
        """Take in what another switchboard told: "visitor <id>", "staff <id>" or "stopped <id>"."""
        side, _, conversation_id = what.partition(" ")
        if side == "stopped":
            self._pressed.pop(("staff", conversation_id), None)
        else:
            self._press(side, conversation_id)

    def visitor_is(self, conversation_id: str) -> bool:
        return self._is("visitor", conversation_id)

    def staff_is(self, conversation_id: str) -> bool:
        return self._is("staff", conversation_id)

    def _press(self, side: str, conversation_id: str) -> None:
        moment = time.monotonic()
        self._pressed = {key: at for key, at in self._pressed.items() if moment - at < SHOWN_SECONDS}
        self._pressed[side, conversation_id] = moment

    def _is(self, side: str, conversation_id: str) -> bool:
        return time.monotonic() - self._pressed.get((side, conversation_id), -SHOWN_SECONDS) < SHOWN_SECONDS
