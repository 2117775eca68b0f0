"""A service that calls the person on call, listening on this machine: it answers, refuses or hangs as a test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


def address_of(server: asyncio.Server) -> str:
    """What HAVEN_ON_CALL names to call it, with time for a slow machine."""
    return f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}?cto=60&rto=60"


class Receiver:
    """A service in the place of a push provider; `status` and `body` are what it answers."""

    address = ""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.status, self.body, self.hangs = 200, b"{}", False

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[Receiver]:
        """One on a port of its own; `address` is what HAVEN_ON_CALL names."""
        made = cls()
        server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
        made.address = address_of(server)
        try:
            yield made
        finally:
            server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length:"))
            self.got.append(json.loads(await reader.readexactly(length)))
            if self.hangs:
                await asyncio.sleep(600)
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                         % (self.status, len(self.body)) + self.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()
