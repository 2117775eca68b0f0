"""switchboard.records.keyring: words are read with the right key at the right place, or not at all."""

from __future__ import annotations

import pytest

from switchboard.records.keyring import Keyring, Unreadable, name_of

OLD, NEW = "the old key of this record, long enough", "the new key of this record, long enough"
WORDS = {"text": "I took the blue pills at Maple Street", "options": [{"title": "Sí", "choice": "after/yes"}]}


def test_sealed_and_opened():
    """What is sealed reads the same again, looks different each time, and shows nothing of the words."""
    keyring = Keyring([OLD])
    key = keyring.data_key("c1", keyring.new("c1"))
    first, second = key.seal("messages 1", WORDS), key.seal("messages 1", WORDS)

    assert key.open("messages 1", first) == key.open("messages 1", second) == WORDS
    assert first != second
    assert "pills" not in first


def test_a_value_stays_where_it_was_put():
    """A value that was moved to another message or conversation, or was changed, is refused."""
    keyring = Keyring([OLD])
    wrapped = keyring.new("c1")
    key = keyring.data_key("c1", wrapped)
    value = key.seal("messages 1", WORDS)

    for place, changed in (("messages 2", value), ("alerts 1 violence", value), ("messages 1", value[:-6] + "AAAAA="),
                           ("messages 1", value[:9]), ("messages 1", "v1:"), ("messages 1", "plain words"),
                           ("messages 1", None), ("messages 1", "v1:é!")):
        with pytest.raises(Unreadable):
            key.open(place, changed)
    with pytest.raises(Unreadable):
        keyring.data_key("c2", wrapped)


def test_another_master_key():
    """Under another master key no data key opens; where both are given, the first wraps and both unwrap."""
    old, both = Keyring([OLD]), Keyring([NEW, OLD])
    wrapped = old.new("c1")
    sealed = old.data_key("c1", wrapped).seal("handoff", WORDS)
    rewrapped = both.rewrapped("c1", wrapped)

    with pytest.raises(Unreadable, match=name_of(wrapped)):
        Keyring([NEW]).data_key("c1", wrapped)
    assert both.data_key("c1", wrapped).open("handoff", sealed) == WORDS
    assert Keyring([NEW]).data_key("c1", rewrapped).open("handoff", sealed) == WORDS
    assert name_of(rewrapped) == both.current != name_of(wrapped)


def test_a_destroyed_key():
    """Without the wrapped key there is no way to the words, whatever is still in memory."""
    keyring = Keyring([OLD])
    keyring.data_key("c1", keyring.new("c1"))
    keyring.forget()

    with pytest.raises(Unreadable, match="destroyed"):
        keyring.data_key("c1", None)


def test_no_key_shows_itself():
    """The keyring's own text holds none of its keys."""
    assert OLD not in repr(Keyring([OLD])) + str(vars(Keyring([OLD])))


def test_a_data_key_is_unwrapped_once(monkeypatch):
    """To seal a message and read its context takes the master key once, not thirteen times."""
    raw, unwrapped = Keyring._raw, []
    monkeypatch.setattr(Keyring, "_raw", lambda self, *about: (unwrapped.append(about), raw(self, *about))[1])
    keyring = Keyring([OLD])
    wrapped = keyring.new("c1")
    sealed = [keyring.data_key("c1", wrapped).seal(f"messages {n}", WORDS) for n in range(12)]

    for number, value in enumerate(sealed):
        assert keyring.data_key("c1", wrapped).open(f"messages {number}", value) == WORDS
    assert len(unwrapped) == 1
