"""Who is typing right now, kept for a few seconds in memory. Used by the switchboard."""

from __future__ import annotations

import time

SHOWN_SECONDS = 6.0


class TypingSigns:
    """Remembers the last key press on either side of a conversation."""

    def __init__(self) -> None:
        self._pressed: dict[tuple[str, str], float] = {}

    def visitor(self, conversation_id: str) -> None:
        self._press("visitor", conversation_id)

    def staff(self, conversation_id: str) -> None:
        self._press("staff", conversation_id)

    def staff_stopped(self, conversation_id: str) -> None:
        """What was being written was sent, or is no longer theirs to send."""
        self._pressed.pop(("staff", conversation_id), None)

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
