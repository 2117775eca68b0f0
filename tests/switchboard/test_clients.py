"""Whose address counts: the one a trusted proxy saw, never one a stranger wrote."""

from __future__ import annotations

import pytest

from haven.settings import Networks
from switchboard.clients import believed

PROXIES = Networks("10.0.0.5 172.30.0.0/24")


@pytest.mark.parametrize(("peer", "forwarded", "client"), [
    ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # no proxy of ours: what it claims is nothing
    ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
    ("10.0.0.5", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the left of it was written by the client
    ("10.0.0.5", "198.51.100.1, 172.30.0.7", "198.51.100.1"),
    ("::ffff:10.0.0.5", "198.51.100.1", "198.51.100.1"),
    ("10.0.0.5", "nonsense", "10.0.0.5"),
    ("10.0.0.5", "", "10.0.0.5"),
])  # fmt: skip
def test_whose_address_counts(peer, forwarded, client):
    """The nearest address that is no proxy of ours is the client's."""
    assert believed(peer, forwarded, PROXIES) == client
