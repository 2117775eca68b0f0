"""What goes on beside a measurement: a process of its own, which says when it is at it and prints JSON at its end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from haven.settings import ROOT


@dataclass
class Beside:
    """A module of this package that is at it."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, module: str, *words: object, **environment: str) -> Beside:
        """Start `python -m module words`; returns when it is at it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *map(str, words), cwd=ROOT, stdout=subprocess.PIPE,
            env={**os.environ, **environment})
        await process.stdout.readline()  # type: ignore[union-attr]
        return cls(process)

    async def said(self) -> Any:
        """What it printed, once it has ended."""
        return json.loads((await self.process.communicate())[0])
