"""bench.marked: figures go between two marks of a page, and the rest stays as it is."""

from __future__ import annotations

import pytest

from bench import capacity, load, marked, report
from faults.report import PAGE as RELIABILITY


def test_what_stands_between_the_marks_is_replaced(tmp_path):
    """Text before and after is kept, what an earlier run wrote is not."""
    page = tmp_path / "page.md"
    page.write_text("before\n\n<!-- a -->\n\nold\n\n<!-- end of figures -->\n\nafter\n", encoding="utf-8")
    marked.put(page, "<!-- a -->", ["one", "two"])
    assert page.read_text("utf-8") == (
        "before\n\n<!-- a -->\n\none\ntwo\n\n<!-- end of figures -->\n\nafter\n")


def test_a_page_without_marks_is_named(tmp_path):
    """A page that lost its marks is left as it is, with a sentence."""
    (tmp_path / "page.md").write_text("words", encoding="utf-8")
    with pytest.raises(ValueError, match="lost the marks"):
        marked.put(tmp_path / "page.md", "<!-- a -->", ["one"])
    assert (tmp_path / "page.md").read_text("utf-8") == "words"


@pytest.mark.parametrize(("page", "begin", "end"), [
    (report.PAGE, report.BEGIN, marked.END), (capacity.PAGE, capacity.BEGIN, marked.END),
    (load.PAGE, load.BEGIN, marked.END),
    *((RELIABILITY, f"<!-- {name}: written by make faults -->", f"<!-- end of {name} -->")
      for name in ("sqlite", "postgresql"))])
def test_the_pages_have_their_marks(page, begin, end):
    """Every page that a measurement writes into still has its marks, in order."""
    text = page.read_text(encoding="utf-8")
    assert 0 <= text.index(begin) < text.index(end, text.index(begin))
