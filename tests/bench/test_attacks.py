"""bench.attacks: whatever comes to the public doors, somebody in danger gets guidance meanwhile."""

from __future__ import annotations

import asyncio
import time

import pytest

from bench import attacks
from bench.attacks import ATTACKS, Attack
from bench.visitors import visitors
from bench.whole_stack import running
from haven.settings import Secret
from tests.twilio import ACCOUNT, OURS, PUBLIC
from tests.waiting import SECONDS

pytestmark = pytest.mark.xdist_group("attacks")  # one switchboard for all
TOKEN = "token-of-the-carrier"
DANGER = "he is not breathing and his lips are blue"
# What the attacker must be told, among others. Slow clients are told nothing while they are slow.
TOLD = {"one_chat": "429", "begun_chats": "429", "large_bodies": "413", "nonsense": "401", "open_streams": "200",
        "slow_clients": "connections", "unsigned_texts": "403", "one_phone": "200", "sign_ins": "429"}


class UntilTold(Attack):
    """An attack that goes on until it was told so, for minutes if need be: a slow machine attacks slowly."""

    def __init__(self, url: str, told: str) -> None:
        super().__init__(url, 3.0)
        self.told = told

    @property
    def is_over(self) -> bool:
        return super().is_over and (self.came[self.told] > 0 or time.monotonic() > self.until + 4 * SECONDS)


@pytest.fixture(scope="module")
def alone():
    """A switchboard with a text line, and nothing else."""
    with running("switchboard", sms_account=ACCOUNT, sms_tokens=(Secret(TOKEN),), sms_from=OURS,
                 sms_addresses=(PUBLIC,), sms_api="http://127.0.0.1:1") as stack:
        yield stack


@pytest.mark.parametrize("name", ATTACKS)
async def test_danger_during_an_attack(alone, monkeypatch, name):
    """The attacker meets a limit or a refusal, and each of ten dangers meanwhile gets its guidance."""
    monkeypatch.setenv("ATTACK_TOKEN", TOKEN)
    monkeypatch.setattr(attacks, "STREAMS", 200)
    monkeypatch.setattr(attacks, "SLOW", 100)
    monkeypatch.setattr(attacks, "SLOW_SECONDS", 0.2)
    attack = UntilTold(alone.url, TOLD[name])
    async with visitors(alone.url, 10) as people:
        attacking = asyncio.create_task(ATTACKS[name](attack))
        while attack.until == float("inf"):
            await asyncio.sleep(0.05)
        for visitor in people:
            said = (await visitor.post(DANGER)).json()
            if "replies" in said:
                assert next(reply["kind"] for reply in said["replies"]) == "guidance"
            else:  # it comes in time even where a slow machine has not stored the message by then
                assert "911" in said["guidance"]["text"]
        await attacking
    assert attack.came[TOLD[name]] > 0, attack.came
