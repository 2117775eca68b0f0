"""From raw measurements to headline figures, the tables of docs/performance.md and its plot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pygal
from pygal.style import Style

from haven.settings import ROOT

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "pictures" / "performance.svg"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
WIDGET_LIMIT = 15_360

# name in latest.json: what it is, what it should be (None: no aim without its peer)
AIMS = {
    "assistant_ratio": ("messages a second, twenty at once, over Rasa's default", "4 or more"),
    "long_conversation_ratio": ("message 400 of a conversation over message 10, end to end", "1.2 or less"),
    "crisis_p99_ms": ("guidance, p99, the assistant saturated by 50 conversations, ms", "under 50"),
    "crisis_p99_alone_ms": ("guidance, p99, assistant and action server stopped, ms", "under 1,000"),
    "reply_p95_ms": ("ordinary reply, p95, at 20 messages a second, ms", "under 150"),
    "staff_p95_ms": ("staff see a visitor's message, p95, ms", "under 300"),
    "switchboard_ready_s": ("switchboard, start to ready, s", "under 6"),
    "train_ratio": ("full training over Rasa's default on the same content", "0.33 or less"),
    "widget_gzip_bytes": ("widget, all that a page loads, gzip, bytes", f"{WIDGET_LIMIT:,} or less"),
}


def headlines(raw: dict[str, Any]) -> dict[str, Any]:
    """The nine figures of bench/latest.json; None where their part, or its peer, was not measured."""
    assistant, replies, crisis = raw.get("assistant", {}), raw.get("replies", {}), raw.get("crisis", {})
    ours, peer = assistant.get("haven") or {}, assistant.get("peer") or {}
    long = replies.get("long", {})
    return {
        "assistant_ratio": _ratio(_at(ours, "twenty", "per_second"), _at(peer, "twenty", "per_second")),
        "long_conversation_ratio": _ratio(long.get("400"), long.get("10")),
        "crisis_p99_ms": _at(crisis, "saturated", "p99_ms"),
        "crisis_p99_alone_ms": _at(crisis, "alone", "p99_ms"),
        "reply_p95_ms": _at(replies, "steady", "p95_ms"),
        "staff_p95_ms": _at(raw, "staff", "seen", "visitor_to_staff_transcript", "p95_ms"),
        "switchboard_ready_s": replies.get("switchboard_ready_s"),
        "train_ratio": _ratio(_at(ours, "training", "seconds"), _at(peer, "training", "full_seconds")),
        "widget_gzip_bytes": _at(raw, "widget", "gzip_bytes"),
    }


def _at(tree: dict[str, Any], *names: str) -> Any:
    for name in names:
        tree = (tree or {}).get(name)  # type: ignore[assignment]
    return tree


def _ratio(over: float | None, under: float | None) -> float | None:
    return round(over / under, 2) if over and under else None


def write(result: dict[str, Any]) -> None:
    """Put the tables between the two marks of docs/performance.md and draw the plot."""
    before, mark, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"{PAGE} has lost the marks around its figures.")
    PAGE.write_text(f"{before}{BEGIN}\n\n{chr(10).join(_tables(result))}\n{END}{after}", encoding="utf-8")
    _plot(result["raw"])


def _tables(result: dict[str, Any]) -> Iterator[str]:
    machine = result["machine"]
    yield (f"Measured {machine['date'][:10]}, commit {machine['commit']}, on {machine['cores']} cores of "
           f"{machine['processor']}, {machine['memory_gib']} GiB; load before: {machine['load_before'][0]}.\n")
    yield "| figure | measured | aim |\n|---|---|---|"
    for name, (what, aim) in AIMS.items():
        yield f"| {what} (`{name}`) | {_shown(result[name])} | {aim} |"
    for part, tree in result["raw"].items():
        yield f"\n### {part}\n\n| | figures |\n|---|---|"
        yield from (f"| {name} | {text} |" for name, text in _rows(tree))


def _rows(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """One row for each branch that holds plain figures, named by the way to it."""
    plain = {name: value for name, value in tree.items() if not isinstance(value, dict)}
    if plain:
        yield path or "all", ", ".join(f"{name} {_shown(value)}" for name, value in plain.items())
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _rows(value, f"{path} {name}".strip())


def _shown(value: Any) -> str:
    if value is None:
        return "not measured"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _plot(raw: dict[str, Any]) -> None:
    """Cost of message n of one conversation, ours and the peer's."""
    chart = pygal.XY(title="Milliseconds of message n of one conversation, through the assistant", show_dots=True,
                     x_title="message n", y_title="ms", width=800, height=400, js=(),
                     style=Style(font_family="sans-serif", colors=("#0d5c63", "#b3261e")))
    for name, tree in (("Haven", _at(raw, "assistant", "haven")), ("Rasa's default", _at(raw, "assistant", "peer"))):
        if tree:
            chart.add(name, [(int(n), ms) for n, ms in tree["long"].items()])
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    chart.render_to_file(str(PLOT))
