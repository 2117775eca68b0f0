"""Tests that share something run in one worker of pytest-xdist: two stacks on two cores make every journey slow."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.xdist_group("groups")


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="all tests run in one process")
def test_groups_hold(request):
    """pytest-xdist puts its group at the end of a test's name and keeps by that; some versions of pytest forbid it."""
    assert request.node.nodeid.endswith("@groups")
