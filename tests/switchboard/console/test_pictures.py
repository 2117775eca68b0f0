"""The page of figures: who may see it, what it and its file show, and that its charts come with tables."""

from __future__ import annotations

import base64
import csv
import io
import re

import sqlalchemy as sa

from switchboard.console import pictures
from switchboard.figures import Figure
from switchboard.records.tables import audit
from tests.switchboard.console.conftest import Console

FIGURE = Figure("crises", "Danger by kind", "About.", ("Conversations",), (
    ("Overdose", (40,)), ("A very long name of a kind of danger that goes on", (None,)), ("Together", (40,))))


async def test_supervisors_and_auditors_read_the_figures_and_nobody_else(console: Console) -> None:
    """Every figure has a table; periods are those offered."""
    for role, status in (("supervisor", 200), ("auditor", 200), ("staff", 403), ("content", 403)):
        person = await console.person(role.capitalize(), role=role)
        answer = await person.http.get("/staff/pictures?weeks=12")
        assert answer.status_code == status
    carla = await console.person("Carla", role="supervisor")
    page = await carla.page("/staff/pictures?weeks=12")
    assert page.count("<table>") >= 5 and "The last 12 weeks" in page
    assert "The last 4 weeks" in await carla.page("/staff/pictures?weeks=1000000")


async def test_the_file_holds_what_the_page_shows_and_the_export_is_logged(console: Console) -> None:
    """One line a cell; small numbers are the word hidden."""
    carla = await console.person("Carla", role="supervisor")
    await console.waiting()
    answer = await carla.http.get("/staff/pictures.csv?weeks=4")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert rows[0] == ["figure", "row", "column", "value"]
    counts = [int(value) for *_, value in rows[1:] if value.isdigit()]
    assert all(count == 0 or count >= 11 for count in counts)
    async with console.parts.record.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.detail).where(
            audit.c.staff == carla.id, audit.c.action == "export_figures"))).all()
    assert [row.detail for row in rows] == ["4 weeks"]


def test_a_chart_draws_what_is_shown_and_nothing_that_is_hidden() -> None:
    """The image is SVG with the number on its bar; neither the total nor a hidden row is a bar."""
    address = pictures.chart(FIGURE)
    svg = base64.b64decode(address.partition(",")[2]).decode()
    assert address.startswith("data:image/svg+xml;base64,") and svg.startswith("<svg")
    assert re.findall(r">40<", svg) and "Together" not in svg and "A very long" not in svg


def test_where_everything_is_hidden_there_is_no_chart() -> None:
    """An empty chart would only take room."""
    assert pictures.chart(Figure("crises", "t", "a", ("c",), (("x", (None,)), ("Together", (None,))))) == ""
