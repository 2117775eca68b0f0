"""bench.capacity: the needs of a line follow from the measured figures."""

from __future__ import annotations

import pytest

from bench.capacity import Line, Measured

RAW = {
    "assistant": {"haven": {"twenty": {"per_second": 100.0}}},
    "replies": {"processor_ms_a_message": {"switchboard": 10.0}},
    "texts": {"switchboard_cpu_ms_per_text": 20.0},
    "growth": {"streams": {"100": {"switchboard_mib": 300.0}, "10000": {"switchboard_mib": 500.0}},
               "stored": {"100000": {"record_mib": 500.0}}},
}


def test_needs_by_hand():
    """A line of known size: its rate, its pages, and the processes, reckoned here by hand."""
    measured, line = Measured.of(RAW), Line("a line", 60_000, 0.5)

    assert line.messages == pytest.approx(40.0)  # 6,000 in the hour, three times that, eight messages each
    assert line.open_pages == 3_000
    assert measured.switchboards(line) == 1  # 40 a second at 15 ms are just the 0.6 of one core
    assert measured.assistants(line) == 1
    assert measured.record_kib == pytest.approx(5.12)

    ten_times = Line("ten times that", 600_000, 0.5)
    assert measured.switchboards(ten_times) == 10
    assert measured.assistants(ten_times) == 7


def test_nothing_is_reckoned_from_half_the_figures():
    """Where a part was not measured there is no reckoning."""
    assert Measured.of({**RAW, "growth": {"error": "no"}}) is None
