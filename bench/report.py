"""From raw measurements to headline figures, the tables of docs/performance.md and its plot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pygal
from pygal.style import Style

from bench import marked
from haven.settings import ROOT

PAGE = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "images"
BEGIN = "<!-- figures: written by make bench -->"
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
        "train_ratio": _ratio(_at(raw, "training", "haven", "seconds"),
                              _at(raw, "training", "peer", "full_seconds_at_best"), digits=3),
        "widget_gzip_bytes": _at(raw, "widget", "gzip_bytes"),
    }


def _at(tree: dict[str, Any], *names: str) -> Any:
    for name in names:
        tree = (tree or {}).get(name)  # type: ignore[assignment]
    return tree


def _ratio(over: float | None, under: float | None, *, digits: int = 2) -> float | None:
    return round(over / under, digits) if over and under else None


def write(result: dict[str, Any]) -> None:
    """Put the tables between the two marks of docs/performance.md and draw the plot."""
    marked.put(PAGE, BEGIN, _tables(result))
    _plot(result["raw"])


def _tables(result: dict[str, Any]) -> Iterator[str]:
    machine = result["machine"]
    yield (f"Measured {machine['date'][:10]}, commit {machine['commit']}, on {machine['cores']} cores of "
           f"{machine['processor']}, {machine['memory_gib']} GiB; load before: {machine['load_before'][0]}.\n")
    yield "| figure | measured | aim |\n|---|---|---|"
    for name, (what, aim) in AIMS.items():
        yield f"| {what} (`{name}`) | {_shown(result[name])} | {aim} |"
    yield "\n![Milliseconds of message n of one conversation, Haven and Rasa's default](images/performance.svg)"
    yield from _stack(result["raw"])
    for part, tree in result["raw"].items():
        yield f"\n### {part}\n\n| | figures |\n|---|---|"
        yield from (f"| {name} | {text} |" for name, text in _rows(tree))


def _stack(raw: dict[str, Any]) -> Iterator[str]:
    """What each layer adds to one ordinary reply with nothing beside it; the last row is what no layer explains."""
    layers = layers_of(raw)
    if not layers:
        return
    yield "\n### One ordinary reply, layer by layer\n\n| layer | ms, median | share |\n|---|---|---|"
    whole = sum(layers.values())
    yield from (f"| {name} | {ms:.1f} | {100 * ms / whole:.0f} % |" for name, ms in layers.items())
    yield f"| **from the send to the answer on the stream** | {whole:.1f} | 100 % |"
    yield "\n![The same layers as one bar](images/layers.svg)"


def layers_of(raw: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of each layer of a reply; empty where a part was not measured."""
    floor, whole = raw.get("floor", {}), _at(raw, "replies", "alone", "p50_ms")
    parts = {
        "a bare Sanic handler, asked by a client": _at(floor, "bare_handler", "p50_ms"),
        "the sentence encoder, one pass": _at(floor, "encoder_pass", "p50_ms"),
        "the crisis guard beyond that pass": _less(_at(floor, "guard", "p50_ms"), _at(floor, "encoder_pass", "p50_ms")),
        "the message stored: the commit alone": _at(floor, "one_commit", "p50_ms"),
        "the message stored: the rest of it": _less(
            _at(floor, "one_message_stored", "p50_ms"), _at(floor, "one_commit", "p50_ms")),
        "the assistant's turn (a pass of its own, Rasa, HTTP)": _at(raw, "assistant", "haven", "one", "p50_ms"),
        "the answer stored": _at(floor, "one_message_stored", "p50_ms"),
    }
    if whole is None or any(ms is None for ms in parts.values()):
        return {}
    return {**parts, "alerts, context, event stream, waiting": round(whole - sum(parts.values()), 2)}


def _less(over: float | None, under: float | None) -> float | None:
    return None if over is None or under is None else max(0.0, over - under)


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
    """Two pictures: cost of message n of one conversation, ours and the peer's; the layers of one reply."""
    style = Style(font_family="sans-serif", colors=("#0d5c63", "#b3261e", "#7a5c00", "#3b5ba5", "#4a7c3a", "#8e4585",
                                                    "#555555", "#c26a00"))
    chart = pygal.XY(title="Milliseconds of message n of one conversation, through the assistant", show_dots=True,
                     x_title="message n", y_title="ms", width=800, height=400, js=(), style=style)
    for name, tree in (("Haven", _at(raw, "assistant", "haven")), ("Rasa's default", _at(raw, "assistant", "peer"))):
        if tree:
            chart.add(name, [(int(n), ms) for n, ms in tree["long"].items()])
    _save(chart, "performance.svg")
    stack = pygal.HorizontalStackedBar(title="One ordinary reply, layer by layer, ms", width=800, height=300, js=(),
                                       style=style, legend_at_bottom=True, legend_at_bottom_columns=2,
                                       truncate_legend=-1)
    for name, ms in layers_of(raw).items():
        stack.add(name, [ms])
    _save(stack, "layers.svg")


def _save(chart: Any, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    (PICTURES / name).write_bytes(chart.render())
