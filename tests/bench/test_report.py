"""The figures of `make bench`: their names, what they are made from, and what is said where a part is missing."""

from __future__ import annotations

import pytest

from bench import report

RAW = {
    "floor": {"bare_handler": {"p50_ms": 1.0}, "one_commit": {"p50_ms": 2.0}, "one_message_stored": {"p50_ms": 5.0},
              "encoder_pass": {"p50_ms": 3.0}, "guard": {"p50_ms": 7.0}},
    "training": {"haven": {"seconds": 100}, "peer": {"full_seconds_at_best": 4_000}},
    "assistant": {"haven": {"one": {"p50_ms": 10.0}, "twenty": {"per_second": 80.0}, "long": {"10": 8, "400": 9}},
                  "peer": {"one": {"p50_ms": 50.0}, "twenty": {"per_second": 16.0}, "long": {"10": 20, "400": 280}}},
    "replies": {"alone": {"p50_ms": 40.0}, "steady": {"p95_ms": 90.0}, "long": {"10": 30.0, "400": 33.0},
                "switchboard_ready_s": 4.5},
    "crisis": {"saturated": {"p99_ms": 41.0}, "alone": {"p99_ms": 39.0}},
    "staff": {"seen": {"visitor_to_staff_transcript": {"p95_ms": 54}}},
    "widget": {"gzip_bytes": 14_489},
}


def test_headlines():
    """Each headline figure is the one its part measured, or the ratio to the peer of the same run."""
    assert report.headlines(RAW) == {
        "assistant_ratio": 5.0, "long_conversation_ratio": 1.1, "crisis_p99_ms": 41.0, "crisis_p99_alone_ms": 39.0,
        "reply_p95_ms": 90.0, "staff_p95_ms": 54, "switchboard_ready_s": 4.5, "train_ratio": 0.025,
        "widget_gzip_bytes": 14_489}


def test_what_was_not_measured_is_said():
    """Without a peer its ratios are None, never a number."""
    raw = {**RAW, "assistant": {**RAW["assistant"], "peer": None}, "training": {**RAW["training"], "peer": None}}
    figures = report.headlines(raw)

    assert figures["assistant_ratio"] is None
    assert figures["train_ratio"] is None
    assert figures["reply_p95_ms"] == 90.0


def test_layers_add_up():
    """The layers of a reply add up to the reply: what none of them explains has a row of its own."""
    layers = report.layers_of(RAW)

    assert sum(layers.values()) == pytest.approx(40.0)
    assert layers["alerts, context, event stream, waiting"] == pytest.approx(12.0)


def test_no_layers_without_their_parts():
    """Where a part was not measured, no table of layers is made."""
    assert report.layers_of({**RAW, "floor": {}}) == {}
