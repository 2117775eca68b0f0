"""The page of figures: tables, a chart beside each that gains by one, and a CSV file. Part of the console."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pygal
from pygal.style import Style
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, raw

from switchboard import audit, figures
from switchboard.accounts import Session
from switchboard.console import pages
from switchboard.console.access import for_auditors, staff_only
from switchboard.figures import FEWEST, WEEKS, Figure
from switchboard.parts import parts_of

blueprint = Blueprint("console_pictures")

# Dark and light, so that they differ on paper and to every eye; the numbers stand on the bars.
STYLE = Style(
    background="#fff", plot_background="#fff", foreground="#1a1f24", foreground_strong="#1a1f24",
    foreground_subtle="#4c565e", colors=("#0d5c63", "#a9b7bd"), value_colors=("#fff", "#1a1f24"),
    font_family="system-ui, sans-serif", label_font_size=13, major_label_font_size=13, legend_font_size=14,
    value_font_size=13, opacity="1", opacity_hover="1")
# figure -> the columns that are drawn; the others are read in the table
CHARTS = {"conversations": (0, 1), "answered": (0,), "crises": (0,), "questions": (0,)}
LYING = ("answered", "crises", "questions")  # bars with long names lie on their side


@blueprint.get("/pictures")
@staff_only(for_auditors)
async def page(request: Request, session: Session) -> HTTPResponse:
    """Every figure of the period."""
    weeks, found = _weeks(request), await _figures(request)
    charts = {figure.key: chart(figure) for figure in found if figure.key in CHARTS}
    return pages.page(request, "pictures.html", session, figures=found, charts=charts, weeks=weeks, periods=WEEKS,
                      fewest=FEWEST)


@blueprint.get("/pictures.csv")
@staff_only(for_auditors)
async def export(request: Request, session: Session) -> HTTPResponse:
    """The same as a CSV file, small numbers hidden as on the page; the export is logged."""
    found, weeks = await _figures(request), _weeks(request)
    async with parts_of(request).record.write() as tx:
        await audit.note(tx, "export_figures", session.staff.id, detail=f"{weeks} weeks")
    return raw(as_csv(found).encode(), content_type="text/csv; charset=utf-8", headers={
        **pages.NO_STORE, "Content-Disposition": f'attachment; filename="haven-{weeks}-weeks.csv"'})


async def _figures(request: Request) -> list[Figure]:
    parts = parts_of(request)
    async with parts.record.read() as connection:
        return await figures.read_figures(
            connection, parts.content, parts.centre.hours.zone, _weeks(request), datetime.now(timezone.utc))


def _weeks(request: Request) -> int:
    wanted = request.args.get("weeks", "")
    return next((weeks for weeks in WEEKS if str(weeks) == wanted), WEEKS[0])


def as_csv(found: Sequence[Figure]) -> str:
    """One line a cell: figure, row, column, value."""
    output = io.StringIO()
    lines = csv.writer(output)
    lines.writerow(("figure", "row", "column", "value"))
    for figure in found:
        for name, cells in figure.rows:
            lines.writerows((figure.title, name, column, "hidden" if cell is None else cell)
                            for column, cell in zip(figure.columns, cells, strict=True))
    return output.getvalue()


def chart(figure: Figure) -> str:
    """A chart of a figure as the address of an image (SVG, no script runs in it); empty where nothing can be drawn."""
    rows = [(name, cells) for name, cells in figure.rows
            if name != "Together" and (figure.key not in LYING or isinstance(cells[0], int))]
    series = [(figure.columns[i], [cells[i] if isinstance(cells[i], int) else None for _, cells in rows])
              for i in CHARTS[figure.key]]
    if not any(value for _, values in series for value in values):
        return ""
    drawn = _bars(figure, [name for name, _ in rows], len(series))
    for name, values in series:
        drawn.add(name, values[::-1] if figure.key in LYING else values)
    svg = drawn.render(is_unicode=True)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _bars(figure: Figure, names: list[str], series: int) -> Any:
    lying = figure.key in LYING
    kind = pygal.HorizontalBar if lying else pygal.StackedBar
    drawn = kind(style=STYLE, js=[], disable_xml_declaration=True, print_values=True, print_zeroes=False,
                 show_legend=series > 1, legend_at_bottom=True, width=860, margin=8,
                 height=90 + 44 * len(names) if lying else 320, x_label_rotation=0 if len(names) < 14 else 60,
                 truncate_label=-1, show_x_guides=False, show_y_guides=not lying,
                 formatter=lambda value: "" if value is None else f"{value:g}")
    drawn.x_labels = [_cut(name) for name in (names[::-1] if lying else names)]
    return drawn


def _cut(name: str) -> str:
    return name if len(name) <= 44 else name[:43].rstrip() + "…"
