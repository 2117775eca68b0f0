"""What a centre, a state line and a national line need, reckoned from the figures of `make bench`: docs/capacity.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from bench import marked
from haven.settings import ROOT

PAGE = ROOT / "docs" / "capacity.md"
BEGIN = "<!-- figures: written by make bench -->"
BUSY = 0.6  # share of a core that a process may use: above it waiting times grow fast
BUSIEST_HOUR = 0.1  # share of a day's conversations
BURST = 3  # in the busiest minutes of that hour
MESSAGES = 8  # of the visitor in one conversation
OPEN_MINUTES = 20  # that a page stays open
KEPT_DAYS = 30  # data/centre.yml, retention_days
STREAMS = 10_000  # measured on one switchboard


@dataclass(frozen=True)
class Line:
    """Somebody who runs Haven; `daily`: conversations a day, `texting`: share of them by text."""

    name: str
    daily: int
    texting: float

    @property
    def messages(self) -> float:
        """Visitors' messages a second in the busiest minutes."""
        return self.daily * BUSIEST_HOUR * BURST * MESSAGES / 3600

    @property
    def open_pages(self) -> int:
        return ceil(self.daily * (1 - self.texting) * BUSIEST_HOUR * BURST * OPEN_MINUTES / 60)


LINES = (Line("a centre", 100, 0.3), Line("a state line", 5_000, 0.4), Line("a national line", 50_000, 0.4))


@dataclass(frozen=True)
class Measured:
    """What one process takes, from bench/latest.json."""

    assistant_per_second: float
    website_ms: float
    text_ms: float
    record_kib: float
    stream_kib: float

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Measured | None:
        """None where a part was not measured."""
        try:
            streams, stored = raw["growth"]["streams"], raw["growth"]["stored"]
            few, many = (streams[count]["switchboard_mib"] for count in ("100", "10000"))
            return cls(
                assistant_per_second=raw["assistant"]["haven"]["twenty"]["per_second"],
                website_ms=raw["replies"]["processor_ms_a_message"]["switchboard"],
                text_ms=raw["texts"]["switchboard_cpu_ms_per_text"],
                record_kib=stored["100000"]["record_mib"] * 1024 / 100_000,
                stream_kib=(many - few) * 1024 / (10_000 - 100))
        except (KeyError, TypeError):
            return None

    def switchboards(self, line: Line) -> int:
        """By processor time and by open pages."""
        ms = line.texting * self.text_ms + (1 - line.texting) * self.website_ms
        return max(ceil(line.messages * ms / 1000 / BUSY), ceil(line.open_pages / STREAMS), 1)

    def assistants(self, line: Line) -> int:
        return max(ceil(line.messages / (BUSY * self.assistant_per_second)), 1)


def write(result: dict[str, Any]) -> None:
    """Put the tables between the two marks of docs/capacity.md; nothing where a part was not measured."""
    measured = Measured.of(result["raw"])
    if measured is None:
        return
    machine = result["machine"]
    made = f"Measured {machine['date'][:10]}, commit {machine['commit']}, on {machine['processor']}."
    marked.put(PAGE, BEGIN, [made, "", *_one(measured), "", *_needs(measured)])


def _one(measured: Measured) -> Iterator[str]:
    yield f"| one process, on one core, {round(100 * BUSY)} % of it used | |"
    yield "|---|---|"
    yield f"| assistant | {BUSY * measured.assistant_per_second:.0f} messages a second |"
    yield (f"| switchboard, website | {1000 * BUSY / measured.website_ms:.0f} messages a second "
           f"({measured.website_ms:.1f} ms of processor time each) |")
    yield (f"| switchboard, text | {1000 * BUSY / measured.text_ms:.0f} texts a second "
           f"({measured.text_ms:.1f} ms each, with sending the answer and the carrier's reports) |")
    yield f"| open pages | {STREAMS:,} on one switchboard, {measured.stream_kib:.0f} KiB each |"
    yield f"| record | {measured.record_kib:.1f} KiB for a conversation of six messages |"


def _needs(measured: Measured) -> Iterator[str]:
    yield ("| | conversations a day | messages a second, busiest minutes | open pages | switchboards | assistants | "
           "record |")
    yield "|---|---|---|---|---|---|---|"
    for line in LINES:
        gib = line.daily * KEPT_DAYS * measured.record_kib / 1024 / 1024
        yield (f"| {line.name} | {line.daily:,} | {line.messages:.1f} | {line.open_pages:,} | "
               f"{measured.switchboards(line)} | {measured.assistants(line)} | {gib:.2f} GiB |")
