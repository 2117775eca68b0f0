"""From findings to faults/latest.json, the table of docs/reliability.md, and the violations with their times."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from bench import marked
from faults.journal import Journal
from faults.ledger import Findings, Violation
from haven.settings import ROOT

PAGE = ROOT / "docs" / "reliability.md"
LATEST = ROOT / "faults" / "latest.json"
AROUND = 15.0  # seconds before a violation in which what was broken is named


def figures(findings: Findings, journal: Journal, about: dict[str, Any]) -> dict[str, Any]:
    """Everything of a run as JSON."""
    return {
        **about,
        "messages": len(journal.sends),
        "by_channel": dict(Counter(send.channel for send in journal.sends)),
        "faults": len(journal.wrongs),
        "by_fault": dict(sorted(Counter(wrong.kind for wrong in journal.wrongs).items())),
        "tries": sum(len(send.tries) for send in journal.sends),
        "counts": dict(sorted(findings.counts.items())),
        "guidance_ms": spread(findings.guidance_s),
        "answers_ms": spread(findings.answers_s),
        "violations": dict(Counter(violation.what for violation in findings.violations)),
    }


def spread(seconds: list[float]) -> dict[str, int]:
    """How many, and of their milliseconds the middle, the rare and the worst."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    at = {"median": 0.5, "p95": 0.95, "p99": 0.99}
    return {"count": len(ordered), **{name: round(1000 * ordered[int(len(ordered) * share)])
                                      for name, share in at.items()}, "worst": round(1000 * ordered[-1])}


def told(violation: Violation, journal: Journal) -> str:
    """A violation with what was broken around it."""
    if not violation.at:
        return f"VIOLATION {violation.what}: {violation.who} {violation.detail}"
    near = [f"  {_clock(w.at)} to {_clock(w.end)} {w.kind}"
            for w in journal.broken(violation.at - AROUND, violation.at + AROUND)]
    first = f"VIOLATION {violation.what}: {violation.who} {violation.detail} at {_clock(violation.at)}"
    return "\n".join([first, *near])


def _clock(seconds: float) -> str:
    if seconds == float("inf"):
        return "the end"
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%H:%M:%S.%f")[:-4]


def write(result: dict[str, Any]) -> None:
    """Keep the figures and put the table between the marks of its database."""
    kept = json.loads(LATEST.read_text(encoding="utf-8")) if LATEST.is_file() else {}
    kept[result["database"]] = result
    LATEST.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    marked.put(PAGE, f"<!-- {result['database']}: written by make faults -->", _table(result),
               end=f"<!-- end of {result['database']} -->")


def _table(result: dict[str, Any]) -> Iterator[str]:
    machine = result["machine"]
    yield (f"Measured {machine['date'][:10]}, commit {machine['commit']}, {machine['cores']} shared cores "
           f"(load before: {machine['load_before'][0]}), seed {result['seed']}, {result['minutes']} minutes.\n")
    yield "| | |\n|---|---|"
    yield f"| messages sent by visitors and staff | {result['messages']:,} ({_words(result['by_channel'])}) |"
    yield f"| faults | {result['faults']} |"
    yield f"| requests it took, retries included | {result['tries']:,} |"
    yield f"| guidance where the switchboard was up, ms | {_words(result['guidance_ms'])} |"
    yield f"| answers, from stored to stored, ms | {_words(result['answers_ms'])} |"
    yield from (f"| {name} | {count:,} |" for name, count in result["counts"].items())
    yield f"| **violations** | {_words(result['violations']) or 'none'} |"
    yield "\n| fault | times |\n|---|---|"
    yield from (f"| {name} | {count} |" for name, count in result["by_fault"].items())


def _words(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:,}" for name, value in counts.items())
