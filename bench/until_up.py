"""Waits for a switchboard that a measurement started by itself."""

from __future__ import annotations

import time

import httpx

START_SECONDS = 60.0


def until_up(url: str) -> None:
    """Return when it answers; ends the measurement with a sentence when it does not in time."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        try:
            if httpx.get(f"{url}/health", timeout=2.0, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"The switchboard did not answer within {START_SECONDS:.0f} s.")
