"""Reads one field of a posted form. Part of the switchboard's console."""

from __future__ import annotations

from sanic import Request


def field(request: Request, name: str) -> str:
    """The first value of a field, or an empty text."""
    form = request.form
    value = form.get(name) if form else None
    return value if isinstance(value, str) else ""
