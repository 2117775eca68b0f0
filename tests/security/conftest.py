"""What intruders attack: the console's switchboard, one with a text line, and a line that takes raw bytes."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from tests.switchboard.conftest import assistant, database, knowledge, patience, record, unhurried
from tests.switchboard.console.conftest import chromium, console, open_console, switchboard
from tests.switchboard.sms.conftest import line, twilio
from tests.waiting import SECONDS

__all__ = ["assistant", "chromium", "console", "database", "knowledge", "line", "open_console", "patience", "raw",
           "record", "switchboard", "twilio", "unhurried"]


async def raw(url: str, request: bytes, *, seconds: float = SECONDS) -> bytes:
    """What a server answers to bytes that no well-behaved client would send; empty when it only hangs up."""
    host = urlsplit(url)
    reader, writer = await asyncio.open_connection(host.hostname, host.port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(seconds):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(row.split(b":")[1]) for row in head.lower().splitlines()
                           if row.startswith(b"content-length:")), 0)
            return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()
