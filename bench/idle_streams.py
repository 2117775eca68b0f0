"""Event streams that are held open and nothing more: many, from many addresses, within what one may have."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx

OF_ONE_ADDRESS = 1_000  # a switchboard gives one address no more than twice as many
OF_ONE_CHAT = 5  # and one chat six


@asynccontextmanager
async def idle_streams(url: str, count: int) -> AsyncIterator[Counter[str]]:
    """Hold `count` streams as long as the block runs; what came back for them: {HTTP status: how often}."""
    came: Counter[str] = Counter()
    held: list[asyncio.StreamWriter] = []
    try:
        for number in range(count):
            address = f"127.0.1.{1 + number // OF_ONE_ADDRESS}"
            if number % OF_ONE_CHAT == 0:
                token = await new_chat(url, address)
            reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port, local_addr=(address, 0))
            held.append(writer)
            writer.write(f"GET /chat/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            came[(await reader.readline()).decode().split(" ")[1]] += 1
        yield came
    finally:
        for writer in held:
            writer.close()


async def new_chat(url: str, address: str) -> str:
    """The token of a chat begun from an address; a switchboard that has begun enough of them asks to wait."""
    async with client(url, address) as http:
        while True:
            begun = await http.post("/chat/conversations", json={})
            if begun.status_code == 201:
                return str(begun.json()["token"])
            await asyncio.sleep(0.1)


def client(url: str, address: str, *, connections: int = 64) -> httpx.AsyncClient:
    """A client that comes from an address of its own: what it uses up is not what others have."""
    way = httpx.AsyncHTTPTransport(local_address=address, limits=httpx.Limits(max_connections=connections))
    return httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False, transport=way)
