"""What those who run Haven see, over the real server: metrics, states of the parts, proofs; and who sees nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest
import sqlalchemy as sa

from haven.settings import ROOT, Secret
from switchboard import proof as proofs
from switchboard.metrics import Metrics
from switchboard.proof import Proof
from switchboard.records.record import now
from switchboard.records.tables import alerts, conversations, messages, sms_contacts, sms_inbound
from tests.switchboard.sms.conftest import ANA, line, twilio  # noqa: F401 (fixtures)
from tests.waiting import SECONDS


@pytest.fixture
async def http(line):  # noqa: F811
    async with httpx.AsyncClient(base_url=line.url, timeout=SECONDS, trust_env=False) as client:
        yield client


@pytest.fixture
def proof(line) -> Proof:  # noqa: F811
    made = Proof(line.parts, line.url, seconds=60)
    line.app.ctx.proof, line.app.ctx.vitals._proof = made, made
    return made


async def test_a_journey_is_counted_and_nobody_is_named(line, twilio, http):  # noqa: F811
    """Messages, guidance and answers of both channels stand in /metrics, without a word, number or id."""
    await twilio.text(ANA, "how long does detox take")
    token = (await http.post("/chat/conversations", json={})).json()["token"]
    await http.post("/chat/messages", headers={"Authorization": f"Bearer {token}"},
                    json={"client_id": "a", "text": "he is not breathing and his lips are blue"})
    said = (await http.get("/metrics")).text
    assert 'haven_messages_total{channel="widget",level="acute"} 1.0' in said
    assert 'haven_guidance_seconds_count{channel="widget"} 1.0' in said
    assert 'haven_messages_total{channel="sms",level="none"} 1.0' in said
    assert "process_resident_memory_bytes" in said
    assert not any(word in said for word in ("detox", "breathing", ANA[2:], token[:12]))


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "8.8.8.8"}, {"Forwarded": "for=8.8.8.8"},
                                     {"Host": "chat.centre.example"}, {"Via": "1.1 proxy"}])
async def test_what_a_proxy_passes_on_sees_no_metrics(http, headers):
    """Loopback alone opens nothing where a proxy on this machine may stand between; /ready shows states only."""
    assert (await http.get("/metrics", headers=headers)).status_code == 404
    parts = (await http.get("/ready", headers=headers)).json()["parts"]
    assert parts and all(set(part) == {"state"} for part in parts.values())


async def test_with_a_token_only_the_token_opens_them(line, http):  # noqa: F811
    """Where HAVEN_METRICS_TOKEN is set, this machine needs it too."""
    parts = line.parts
    line.app.ctx.parts = replace(parts, settings=replace(parts.settings, metrics_token=Secret("a token of monitoring")))
    assert (await http.get("/metrics")).status_code == 404
    assert (await http.get("/metrics", headers={"Authorization": "Bearer wrong"})).status_code == 404
    good = {"Authorization": "Bearer a token of monitoring", "X-Forwarded-For": "8.8.8.8"}
    assert (await http.get("/metrics", headers=good)).status_code == 200


async def test_the_parts_and_since_when(http):
    """On this machine /ready names each part with its state and since when it is so."""
    parts = (await http.get("/ready")).json()["parts"]
    assert set(parts) == {"record", "assistant", "actions", "guard", "clock", "outbox", "text line", "danger"}
    assert parts["record"]["state"] == "up" and parts["actions"]["state"] == "away" and parts["record"]["since"]
    assert {"last_call", "oldest_waiting"} <= set(parts["text line"])


async def test_danger_is_proven_on_both_channels_and_leaves_no_trace(line, twilio, proof):  # noqa: F811
    """The made-up visitor gets guidance by web and text; no row, alert, contact or text to the carrier is left."""
    assert await proof.prove()
    assert set(proof.proven) == {"widget", "sms"} and not proof.is_overdue
    for table in (conversations, messages, alerts, sms_contacts, sms_inbound):
        assert not await line.rows(sa.select(table)), table.name
    assert twilio.calls == [] and twilio.messages == []
    assert line.parts.metrics.messages.labels("widget", "acute")._value.get() == 0


async def test_a_guidance_that_does_not_help_is_no_proof(line, proof, monkeypatch):  # noqa: F811
    """Without what it must say, or too late, nothing is proven."""
    monkeypatch.setattr(proofs, "NEEDED", ("911", "a word that is not there"))
    assert not await proof.prove() and proof.proven == {}
    monkeypatch.undo()
    monkeypatch.setattr(proofs, "GUIDANCE_SECONDS", 0.0)
    assert not await proof.prove() and proof.proven == {}
    assert not await line.rows(sa.select(conversations))


async def test_three_missed_proofs_call_somebody(line):  # noqa: F811
    """A door that does not open is no proof, and after three minutes whoever is on call is told."""
    closed = Proof(line.parts, "http://127.0.0.1:9", seconds=60)
    assert not await closed.prove() and not closed.is_overdue
    closed._began = now() - 181_000
    assert closed.is_overdue


def test_every_metric_is_in_the_docs():
    """docs/running.md explains each figure, and none that does not exist."""
    said = set(re.findall(r"^\| `(haven_\w+)`", (ROOT / "docs/running.md").read_text(encoding="utf-8"), re.M))
    assert said == {family.name for family in Metrics().registry.collect() if family.name.startswith("haven_")}
