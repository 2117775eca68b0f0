"""Proves again and again that somebody in danger gets guidance: a made-up visitor comes in by the public door.

Part of the switchboard. It speaks HTTP to the switchboard's own address, with a real session, record, guard and stream;
for texts it signs a request as the carrier does. Its conversation is marked like practice (`practice` = NOBODY): in no
queue, in no figure, nobody is called, nothing is sent to the carrier, and it is gone when the proof is over.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection
from twilio.request_validator import RequestValidator

from haven.errors import HavenError
from haven.settings import Settings
from switchboard import conversations
from switchboard.conversations import Conversation, NoConversation
from switchboard.inbox import MADE_UP_DANGER
from switchboard.parts import Parts
from switchboard.records.record import RecordUnavailable, now
from switchboard.records.tables import conversations as table
from switchboard.records.tables import sms_contacts, sms_inbound
from switchboard.sms import contacts

logger = logging.getLogger(__name__)

NOBODY = 0  # in `practice`: no member of staff has this number
FIRST_SECONDS = 3.0  # after the start
GUIDANCE_SECONDS = 1.0
WHOLE_SECONDS = 10.0  # for a whole proof; later it failed
MISSED = 3  # proofs in a row that may fail before somebody is called
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # one's own address is plain HTTP; certificates take 30 ms to load
NEEDED = ("911", "naloxone")
SENDER = "haven-proof"  # no telephone number: no carrier can send to it


class NotProven(HavenError):
    """The guidance did not come, not in time, or without what it must say."""


class Proof:
    """The made-up visitor of one switchboard."""

    def __init__(self, parts: Parts, url: str, *, seconds: float) -> None:
        """`url`: the switchboard's own address. `seconds`: between two proofs; 0: none."""
        self._parts = parts
        self._url = url
        self.seconds = seconds
        self.channels = ("widget", "sms") if parts.line else ("widget",)
        self._began = now()
        self.proven: dict[str, int] = {}  # channel -> when (the record's milliseconds)
        self.tried: Callable[[], None] = lambda: None  # told after every proof, however it went

    @property
    def last(self) -> int | None:
        """When every channel was proven; None while one never was."""
        moments = [self.proven.get(channel) for channel in self.channels]
        return min((moment for moment in moments if moment), default=None) if all(moments) else None

    @property
    def since(self) -> int:
        """From when on the next proof is waited for: the last one, or the start."""
        return self.last or self._began

    @property
    def patience(self) -> int:
        """Milliseconds after which a proof is overdue; 0: none is made."""
        return round(MISSED * self.seconds * 1000)

    @property
    def is_overdue(self) -> bool:
        """Whether the last proof is older than it may be."""
        return bool(self.patience) and now() - self.since > self.patience

    async def run(self, tell: Callable[[str], Awaitable[Any]], again: float) -> None:
        """Prove for ever; `tell` whoever is on call while it is overdue, every `again` seconds."""
        if not self.seconds:
            return
        told = -again
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self.prove()
            self.tried()
            if self.is_overdue and time.monotonic() - told >= again:
                told = time.monotonic()
                await tell(f"Guidance for danger could not be proven for {self._silence()} minutes. "
                           "People in danger may get no answer. Please look at Haven now.")
            await asyncio.sleep(self.seconds)

    async def prove(self) -> bool:
        """Try every channel once; whether all are proven. Never raises."""
        fine = True
        for channel in self.channels:
            try:
                async with asyncio.timeout(WHOLE_SECONDS):
                    await (self._by_text() if channel == "sms" else self._on_the_website())
            except Exception as error:  # whatever is wrong, the next proof comes
                logger.error("the way of a danger is not proven (%s): %s", channel,
                             error if isinstance(error, NotProven) else type(error).__name__)
                fine = False
            else:
                self.proven[channel] = now()
                self._parts.metrics.proven.labels(channel).set(self.proven[channel] / 1000)
        return fine

    def _silence(self) -> int:
        return round((now() - self.since) / 60_000)

    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url, timeout=WHOLE_SECONDS, trust_env=False, verify=NO_TLS)

    # -- website ----------------------------------------------------------------------------------------------

    async def _on_the_website(self) -> None:
        async with self._http() as http:
            started = await http.post("/chat/conversations", json={})
            if started.status_code != 201:
                raise NotProven(f"no conversation could be begun: status {started.status_code}")
            token = started.json()["token"]
            http.headers["Authorization"] = f"Bearer {token}"
            async with self._marked(self._parts.sessions.conversation_of(f"Bearer {token}")):
                await self._write(http)

    async def _write(self, http: httpx.AsyncClient) -> None:
        """Guidance must be in the answer to the send and on the stream."""
        async with http.stream("GET", "/chat/events") as stream:
            began = time.monotonic()
            sent = await http.post("/chat/messages", json={"client_id": uuid.uuid4().hex, "text": MADE_UP_DANGER})
            if sent.status_code != 201:
                raise NotProven(f"the message was not taken: status {sent.status_code}")
            _must_help(" ".join(reply["text"] for reply in sent.json()["replies"]))
            _must_be_in_time(began)
            async for line in stream.aiter_lines():
                if line.startswith("data: ") and json.loads(line.removeprefix("data: ")).get("kind") == "guidance":
                    break
            _must_be_in_time(began)

    @asynccontextmanager
    async def _marked(self, conversation_id: str) -> AsyncIterator[None]:
        """Keep the conversation from people while it is there, and remove every trace of it afterwards."""
        async with self._parts.record.write() as tx:
            await tx.execute(table.update().where(table.c.id == conversation_id).values(practice=NOBODY))
        try:
            yield
        finally:
            with suppress(RecordUnavailable):
                async with self._parts.record.write() as tx:
                    await remove(tx, conversation_id)
            self._parts.streams.wake(conversation_id, "console")
            await self._parts.assistant.forget(conversation_id)

    # -- texts ------------------------------------------------------------------------------------------------

    async def _by_text(self) -> None:
        """The door for texts: what is said at once stands in the response, which the carrier would send."""
        sid = f"SM{uuid.uuid4().hex}"
        conversation = await self._expected()
        async with self._marked(conversation.id):
            began = time.monotonic()
            try:
                async with self._http() as http:
                    answer = await http.post("/sms/inbound", **_signed(self._parts.settings, sid))
                if answer.status_code != 200:
                    raise NotProven(f"the text was not taken: status {answer.status_code}")
                _must_help(answer.text)
                _must_be_in_time(began)
            finally:
                await self._forget_sender(sid)

    async def _expected(self) -> Conversation:
        """A conversation that the sender's next text belongs to, so that it is marked before the text comes."""
        parts = self._parts
        address = parts.vault.address(SENDER)
        async with parts.record.write() as tx:
            await contacts.meet(tx, address, number=parts.vault.lock(SENDER), ours="")
            await contacts.change(tx, address, consent_at=now())
            return await conversations.begin(tx, channel="sms", language="en", address=address)

    async def _forget_sender(self, sid: str) -> None:
        with suppress(RecordUnavailable):
            async with self._parts.record.write() as tx:
                await tx.execute(sms_inbound.delete().where(sms_inbound.c.sid == sid))
                await tx.execute(sms_contacts.delete().where(
                    sms_contacts.c.address == self._parts.vault.address(SENDER)))


async def remove(tx: AsyncConnection, conversation_id: str) -> None:
    """Erase a made-up conversation, its empty row too: one a minute would become half a million a year."""
    with suppress(NoConversation):
        await conversations.erase(tx, await conversations.load(tx, conversation_id))
    await tx.execute(table.delete().where(table.c.id == conversation_id, table.c.practice == NOBODY))


def _signed(settings: Settings, sid: str) -> dict[str, Any]:
    """A text as the carrier hands it over, signed with the token that is in use."""
    fields = {"MessageSid": sid, "From": SENDER, "To": settings.sms_from, "Body": MADE_UP_DANGER, "NumMedia": "0"}
    signature = RequestValidator(settings.sms_tokens[0]).compute_signature(
        f"{settings.sms_addresses[0]}/sms/inbound", fields)
    return {"content": urlencode(fields), "headers": {
        "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}}


def _must_help(words: str) -> None:
    if not all(needed in words.lower() for needed in NEEDED):
        raise NotProven("the guidance did not come")


def _must_be_in_time(began: float) -> None:
    took = time.monotonic() - began
    if took > GUIDANCE_SECONDS:
        raise NotProven(f"the guidance took {took:.1f} s")
