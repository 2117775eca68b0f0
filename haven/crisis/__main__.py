"""Scores messages from standard input, one a line: `python -m haven.crisis < messages`; run by hand."""

from __future__ import annotations

import sys
from pathlib import Path

from haven.crisis.guard import Guard

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Print level, kind, language and reasons of each line."""
    guard = Guard.load(ROOT / "data", ROOT / "models")
    for line in sys.stdin:
        text = line.rstrip("\n")
        found = guard.assess(text)
        print(f"{found.level}\t{found.kind or '-'}\t{found.language}\t{text}\t{'; '.join(found.why)}")


if __name__ == "__main__":
    main()
