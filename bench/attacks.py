"""What attackers do to the public doors, one attack a run, as fast as this process can:

    PYTHONPATH=. .venv/switchboard/bin/python -m bench.attacks NAME URL SECONDS

It says when it is at it, goes on for SECONDS and prints {what came back: how often}. Used by bench.load, which measures
what other people notice meanwhile. Only against a switchboard of one's own.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode, urlsplit

import httpx
from twilio.request_validator import RequestValidator

from bench.idle_streams import client, idle_streams, new_chat
from switchboard.requests import open_files
from tests.twilio import ACCOUNT, OURS, PUBLIC

AT_ONCE = 32  # requests of one attacker under way
STREAMS = 10_000
SLOW = 1_000  # connections that send a byte now and then
SLOW_SECONDS = 2.0  # between two bytes
ADDRESS = "127.0.1.1"  # not that of others: what an attacker uses up is not what they have
STRANGER, PHONE = "+16155559999", "+16155558888"

Came = Counter[str]


class Attack:
    """The attacker: where to, until when, and what came back."""

    def __init__(self, url: str, seconds: float) -> None:
        self.url, self.seconds = url, seconds
        self.port = urlsplit(url).port or 80
        self.until = float("inf")
        self.came: Came = Counter()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def begin(self) -> None:
        """From now on it counts."""
        print("at it", flush=True)
        self.until = time.monotonic() + self.seconds

    async def flood(self, one: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]) -> None:
        """Do `one` again and again, AT_ONCE at a time."""
        self.begin()
        async with client(self.url, ADDRESS) as http:
            async def again() -> None:
                while not self.is_over:
                    try:
                        self.came[str((await one(http)).status_code)] += 1
                    except httpx.HTTPError as error:
                        self.came[type(error).__name__] += 1

            await asyncio.gather(*(again() for _ in range(AT_ONCE)))


# -- the website --------------------------------------------------------------------------------------------------


async def one_chat(attack: Attack) -> None:
    """One visitor's chat is written into without a pause."""
    token = await new_chat(attack.url, ADDRESS)
    await attack.flood(lambda http: http.post("/chat/messages", headers={"Authorization": f"Bearer {token}"}, json={
        "client_id": uuid.uuid4().hex, "text": "what is methadone and how long does it take"}))


async def begun_chats(attack: Attack) -> None:
    """Chats are begun without a pause."""
    await attack.flood(lambda http: http.post("/chat/conversations", json={}))


async def large_bodies(attack: Attack) -> None:
    """Messages of a megabyte."""
    token, body = await new_chat(attack.url, ADDRESS), json.dumps({"client_id": "x", "text": "a" * 2**20}).encode()
    await attack.flood(lambda http: http.post("/chat/messages", content=body, headers={
        "Authorization": f"Bearer {token}", "Content-Type": "application/json"}))


async def nonsense(attack: Attack) -> None:
    """Bodies that are no JSON, deep JSON, tokens that are none."""
    bodies = [b"{", b"[" * 8_000, b'{"text": "\\ud800"}', secrets.token_bytes(2_000)]
    await attack.flood(lambda http: http.post("/chat/messages", content=secrets.choice(bodies), headers={
        "Authorization": f"Bearer {secrets.token_hex(40)}", "Content-Type": "application/json"}))


async def open_streams(attack: Attack) -> None:
    """Ten thousand event streams are held open, from ten addresses, and nothing more is done."""
    async with idle_streams(attack.url, STREAMS) as attack.came:
        attack.begin()
        await asyncio.sleep(attack.seconds)


async def slow_clients(attack: Attack) -> None:
    """A thousand connections send a byte of a request now and then, and come back when they are cut off."""
    async def one() -> None:
        while not attack.is_over:
            reader, writer = await asyncio.open_connection("127.0.0.1", attack.port)
            attack.came["connections"] += 1
            try:
                for byte in b"POST /chat/messages HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"a" * 10_000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(SLOW_SECONDS)
                    if attack.is_over or reader.at_eof():
                        break
            except OSError:
                attack.came["cut off"] += 1
            writer.close()

    attack.begin()
    await asyncio.gather(*(one() for _ in range(SLOW)))


# -- text messages, staff -------------------------------------------------------------------------------------------


async def unsigned_texts(attack: Attack) -> None:
    """Texts that the carrier did not sign."""
    await attack.flood(lambda http: http.post("/sms/inbound", data=_fields(STRANGER), headers={
        "X-Twilio-Signature": secrets.token_urlsafe(20)}))


async def one_phone(attack: Attack) -> None:
    """One phone texts without a pause; the carrier signs."""
    validator = RequestValidator(os.environ["ATTACK_TOKEN"])

    async def one(http: httpx.AsyncClient) -> httpx.Response:
        fields = _fields(PHONE)
        return await http.post("/sms/inbound", content=urlencode(fields), headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": validator.compute_signature(f"{PUBLIC}/sms/inbound", fields)})

    await attack.flood(one)


async def sign_ins(attack: Attack) -> None:
    """Passwords are guessed without a pause."""
    await attack.flood(lambda http: http.post("/staff/login", data={
        "login": secrets.choice(["nurse", "admin", secrets.token_hex(4)]), "password": secrets.token_hex(8)}))


def _fields(sender: str) -> dict[str, str]:
    return {"MessageSid": f"SM{secrets.token_hex(16)}", "AccountSid": ACCOUNT, "From": sender, "To": OURS,
            "Body": "what is methadone", "NumMedia": "0"}


ATTACKS: dict[str, Callable[[Attack], Awaitable[None]]] = {attack.__name__: attack for attack in (
    one_chat, begun_chats, large_bodies, nonsense, open_streams, slow_clients, unsigned_texts, one_phone, sign_ins)}


def main() -> None:
    """One attack."""
    if len(sys.argv) != 4 or sys.argv[1] not in ATTACKS:
        sys.exit(f"{__doc__}\nNAME: {', '.join(ATTACKS)}")
    os.nice(10)  # real attackers have processors of their own
    open_files()
    attack = Attack(sys.argv[2], float(sys.argv[3]))
    asyncio.run(ATTACKS[sys.argv[1]](attack))  # type: ignore[arg-type]
    print(json.dumps(attack.came))


if __name__ == "__main__":
    main()
