"""The process that switchboards are forked from, and the stand-in for the assistant."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import pytest

from haven.settings import ROOT
from tests.power.place import Nursery
from tests.switchboard.conftest import assistant

__all__ = ["assistant"]


@pytest.fixture(scope="module")
async def nursery(tmp_path_factory) -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.power.mortal", cwd=ROOT, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE)
    process.stdin.write(json.dumps({"HAVEN_HOME": str(tmp_path_factory.mktemp("nursery"))}).encode() + b"\n")
    assert await process.stdout.readline() == b"ready\n"
    yield Nursery(process)
    process.stdin.close()
    await process.wait()
