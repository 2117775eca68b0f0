"""Shared fixtures: the real stack where this environment can start it (the switchboard's Python)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.waiting import SECONDS

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))

# What is proven of a parser is not how fast a loaded machine reads with it.
settings.register_profile("haven", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("haven")

pytest.register_assert_rewrite("tests.stack")
if sys.version_info >= (3, 13):
    from playwright import async_api, sync_api

    from tests.stack import hang_up, stack, visitor

    async_api.expect.set_options(timeout=1000 * SECONDS)
    sync_api.expect.set_options(timeout=1000 * SECONDS)

    __all__ = ["hang_up", "stack", "visitor"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys share one stack, so one worker should run them all; pytest 9.2 lets no group hold, and each has its own.

    Where no browser is, its tests say so; continuous integration names it in TESTS_NEED and fails instead.
    """
    for item in items:
        if item.get_closest_marker("journey") or "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))
    if CHROMIUM.exists() or "browser" in os.environ.get("TESTS_NEED", "").split(","):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=f"no Chromium at {CHROMIUM} (Debian: apt install chromium)"))
