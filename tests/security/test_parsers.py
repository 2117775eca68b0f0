"""Every parser that reads what strangers send, with whatever hypothesis can think of: named errors or none at all."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from haven.lookalikes import readable
from haven.text import NotText, TooLong, clean
from switchboard.accounts import AccountError, SignInFailed, check_password
from switchboard.channels.widget import _body, _sequence
from switchboard.console.entrance import next_page
from switchboard.console.forms import field, whole_number
from switchboard.errors import BadRequest
from switchboard.inbox import _number_of
from switchboard.numbers import Unreadable, Vault
from switchboard.sessions import BadToken, ExpiredToken, Sessions
from switchboard.sms.incoming import Incoming
from switchboard.sms.signature import Fields, Signatures
from switchboard.totp import step_of

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates too
TRICKY = st.text(st.sampled_from("a1 /\n\t\0\u200b\u200d\u202e\u0336\u0301\ufe0f\ud800é²٣＋ﷺ<&%+=;\"'\\\U0001f468"))
HEADER = ANY_TEXT | TRICKY
NAMES = st.sampled_from(("MessageSid", "From", "To", "Body", "NumMedia", "Latitude", "Longitude", "OptOutType"))
FORMS = st.dictionaries(NAMES, HEADER).map(
    lambda fields: "&".join(f"{k}={v}" for k, v in fields.items()).encode("utf-8", "surrogatepass"))
SIGNED = Sessions("x" * 43, days=7)
SIGNATURES = Signatures(("https://chat.centre.example",), ("token",))
VAULT = Vault("x" * 43)


@given(HEADER)
def test_cleaning_is_done_once_and_can_be_stored(typed: str) -> None:
    """What is clean stays as it is, encodes, and holds nothing a database refuses."""
    try:
        once = clean(typed)
    except (NotText, TooLong):
        return
    assert clean(once) == once
    assert "\0" not in once.encode().decode()


@given(HEADER)
def test_reading_look_alikes_ends_and_is_done_once(typed: str) -> None:
    """Never an error, never more letters than there were, and the second time nothing changes."""
    once = readable(typed)
    assert readable(once) == once
    assert len(once) <= 3 * len(typed)


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | HEADER, lambda inner: (
    st.lists(inner) | st.dictionaries(st.text(), inner))).map(lambda value: json.dumps(value).encode()))
def test_a_body_is_an_object_or_refused(raw: bytes) -> None:
    """The website's interface reads objects and words everything else."""
    try:
        assert isinstance(_body(SimpleNamespace(body=raw)), dict)
    except (BadRequest, TooLong):
        return


@given(HEADER | st.integers().map(str))
def test_a_sequence_number_is_small_and_whole(raw: str) -> None:
    """`after` and Last-Event-ID: a number a database can hold, or a named refusal."""
    try:
        assert 0 <= _sequence(raw) < 10**9
    except BadRequest:
        return


@given(HEADER | st.integers().map(str))
def test_a_number_in_a_form_is_small_and_whole(raw: str) -> None:
    """The same in the console's forms, where a wrong one is none."""
    found = whole_number(raw)
    assert found is None or 0 <= found < 10**9


@given(st.text(st.characters(exclude_categories=("Cs",))) | st.sampled_from(["Bearer ", "Bearer a.b.c", "bearer\t.."]))
def test_a_token_nobody_signed_is_refused(header: str) -> None:
    """Whatever the header says, it is a bad token; bytes that are no text were refused before (test_sessions)."""
    for sent in (header, f"Bearer {header}", f"Bearer {SIGNED.token_for('a')[:-3]}{header}."):
        with pytest.raises((BadToken, ExpiredToken)):
            SIGNED.conversation_of(sent)


@given(st.binary(max_size=400) | FORMS)
@settings(max_examples=200)
def test_a_text_is_read_or_is_none(raw: bytes) -> None:
    """A form or none; a text within its bounds or none; and no signature we did not make."""
    fields = Fields.read(raw)
    if fields is None:
        return
    assert not SIGNATURES.are_good("/sms/inbound", fields, "AAAA")
    incoming = Incoming.of(fields)
    if incoming is not None:
        assert 0 < len(incoming.sid) <= 64 and 0 < len(incoming.sender) <= 64 and len(incoming.text) <= 1600
        assert 0 <= incoming.media < 100 and len(incoming.location) <= 60
        assert incoming.is_from_a_phone in (True, False)


@given(HEADER, HEADER)
def test_a_signature_that_is_none_is_refused(signature: str, algorithm: str) -> None:
    """Whatever stands in the two headers."""
    assert not SIGNATURES.are_good("/sms/inbound", Fields([("From", "+1")]), signature, algorithm)


@given(HEADER)
def test_fields_of_a_form_hold_no_nul(value: str) -> None:
    """What comes out of a form can be stored by either database."""
    request: Any = SimpleNamespace(form={"name": value})
    assert "\0" not in field(request, "name")


@given(HEADER)
def test_the_page_after_the_login_is_one_of_ours(path: str) -> None:
    """Whatever the address said, the way leads into the console."""
    person: Any = SimpleNamespace(may_claim=True, may_audit=False)
    for goal in (path, f"/staff/{path}"):
        found = next_page(goal, person)
        assert found.startswith("/staff/") and "//" not in found and ".." not in found


@given(HEADER)
def test_passwords_codes_and_locked_values_fail_by_name(value: str) -> None:
    """A password is fit or refused in words; a code fits or does not; a stored value opens or is named unreadable."""
    with contextlib.suppress(AccountError, SignInFailed):
        check_password(value, "anna")
    assert step_of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", value.encode("utf-8", "replace").decode()) is None or value
    with contextlib.suppress(Unreadable):
        VAULT.open(f"v1:{value}")


@given(HEADER)
def test_a_number_chooses_only_what_was_offered(text: str) -> None:
    """With nothing offered, no text is a choice."""
    assert _number_of(text, []) is None
