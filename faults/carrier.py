"""Twilio as the fault harness needs it: the tests' stand-in with moods that last, and its retries as it documents them.

Texts come with `#rc=2&rp=all` as docs/sms.md sets the number up: two further tries at any failure, then the static
answer of the fallback address.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import httpx

from faults.journal import Send
from tests.twilio import Fault, Sent, Twilio

TRIES = 3


@dataclass
class Carrier(Twilio):
    """One account whose calls go wrong as `mood` says for as long as it is set."""

    mood: Callable[[], Fault] | None = None

    async def go_down(self) -> None:
        """Break off every connection and refuse new ones."""
        self.port = self.server.sockets[0].getsockname()[1]
        self.server.close()
        self.server.close_clients()

    async def come_back(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def hand_in(self, send: Send) -> None:
        """One text from a phone to the switchboard, tried as Twilio tries; notes each try and how it ended."""
        send.client_id = send.client_id or f"SM{secrets.token_hex(16)}"
        fields = self.fields(send.who, send.text, sid=send.client_id)
        for _ in range(TRIES):
            at = time.time()
            try:
                response = await self.post("/sms/inbound", fields)
            except httpx.TransportError:
                send.note(at, 0)
                continue
            send.note(at, response.status_code, guidance="<Message" in response.text)
            if response.status_code == 200:
                self._act_on(response.text, send.who)
                send.ended = "stored"
                return
        send.ended = "fallback"

    async def _create(self, fields: dict[str, str]) -> tuple[int, bytes, str] | None:
        if self.mood and not self.faults:
            self.faults.append(self.mood())
        return await super()._create(fields)

    async def _report(self, message: Sent) -> None:
        with suppress(httpx.HTTPError):  # a report that meets nobody is lost, as Twilio's are
            await super()._report(message)
