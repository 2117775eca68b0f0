"""switchboard.presence: who is at the console, and what is only known late."""

from __future__ import annotations

from switchboard.presence import Presence


def test_a_break_that_begins_while_the_record_is_read_goes_on() -> None:
    """What was read before somebody's break began or ended does not undo it; the next reading counts."""
    presence = Presence()
    presence.came(1)
    before = presence.breaks
    presence.away(1)
    presence.on_break(set(), breaks=before)
    assert not presence.is_here(1)

    presence.on_break(set(), breaks=presence.breaks)
    assert presence.is_here(1)


def test_whoever_signs_out_is_gone_at_once() -> None:
    """A window that closes may come back for half a minute; a sign-out does not."""
    presence = Presence()
    presence.came(1)
    presence.went(1)
    assert presence.is_here(1)
    presence.left(1)
    assert not presence.is_here(1)
