"""Writes figures into a page, between two marks that stand in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

END = "<!-- end of figures -->"


def put(page: Path, begin: str, lines: Iterable[str], *, end: str = END) -> None:
    """Put `lines` in the place of what stands between the marks. Raises ValueError where a mark is missing."""
    before, mark, rest = page.read_text(encoding="utf-8").partition(begin)
    _, last, after = rest.partition(end)
    if not (mark and last):
        raise ValueError(f"{page} has lost the marks around its figures.")
    text = "\n".join(lines)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
