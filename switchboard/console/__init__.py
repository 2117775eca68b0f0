"""The staff console: queue, conversations, accounts, who is on shift. Part of the switchboard."""

from __future__ import annotations

from sanic import Blueprint

from switchboard.console import (
    assets,
    desk,
    entrance,
    hours,
    lists,
    live,
    office,
    oidc,
    pictures,
    practice,
    questions,
    text_line,
)

blueprint = Blueprint.group(
    assets.blueprint, entrance.blueprint, desk.blueprint, lists.blueprint, live.blueprint, office.blueprint,
    questions.blueprint, pictures.blueprint, hours.blueprint, practice.blueprint,
    oidc.blueprint, text_line.blueprint,
    url_prefix="/staff",
)
