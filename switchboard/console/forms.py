"""Reads one field of a posted form. Part of the switchboard's console."""

from __future__ import annotations

from sanic import Request

from haven.text import without_direction


def field(request: Request, name: str) -> str:
    """The first value of a field, or an empty text; NUL goes, since PostgreSQL stores none."""
    form = request.form
    value = form.get(name) if form else None
    return value.replace("\0", "") if isinstance(value, str) else ""


def typed(request: Request, name: str) -> str:
    """What a person typed into a field, without what would turn the direction of what it is shown beside."""
    return without_direction(field(request, name)).strip()


def whole_number(raw: str) -> int | None:
    """A whole number of up to nine digits (str.isdigit holds for signs that int() refuses), or None."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 10 else None
