"""Staff see when the way of a danger was last proven, and are warned when that is too long ago."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect

from switchboard.proof import Proof
from tests.switchboard.console.conftest import PHONE, WIDE, Console, next_event, until

WARNING = "The danger path has not been proven lately"


@pytest.fixture
def proof(console: Console) -> Iterator[Proof]:
    """The real one of this switchboard, which a test lets be made; an hour may pass between two."""
    made, before = Proof(console.parts, console.url, seconds=3600), console.app.ctx.proof
    made.tried = before.tried
    console.app.ctx.proof = made
    yield made
    console.app.ctx.proof = before


def an_hour_and_more_passes(proof: Proof) -> None:
    """As if no proof had succeeded for as long as one may be waited for."""
    proof.proven = {channel: at - proof.patience - 1_000 for channel, at in proof.proven.items()}
    proof.tried()


async def test_without_script(console: Console, proof: Proof) -> None:
    """Not proven yet; proven a moment ago; overdue, with a warning; switched off: each is said on the page."""
    anna = await console.person("Anna")
    assert "Danger path not proven yet" in await anna.page()
    assert await proof.prove()
    page = await anna.page()
    assert "Danger path last proven" in page and f">{WARNING}" not in page
    an_hour_and_more_passes(proof)
    page = await anna.page()
    assert "3 h ago</time>" in page and f">{WARNING}" in page
    proof.seconds = 0
    page = await anna.page()
    assert "not being proven (switched off)" in page and f">{WARNING}" not in page


async def test_an_open_window_is_told_of_each_proof(console: Console, proof: Proof) -> None:
    """A proof that succeeds, and one that does not, come to an open window by themselves."""
    anna = await console.person("Anna")
    proof.seconds = 0.2
    proving = asyncio.create_task(proof.run(_nobody, 1e6))
    async with anna.window() as events:
        await next_event(events, lambda name, data: name == "queue" and "last proven" in data["proof"])
        proof._url = "http://127.0.0.1:9"  # a door that does not open
        await next_event(events, lambda name, data: name == "queue" and "overdue" in data["proof"])
    proving.cancel()
    await asyncio.gather(proving, return_exceptions=True)


async def _nobody(_: str) -> None:
    """Nobody is on call here."""


@pytest.mark.browser
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_in_the_browser(console: Console, proof: Proof, open_console: Any, size: Any) -> None:
    """The page counts on, warns by itself when no proof comes any more, and takes the warning back."""
    assert await proof.prove()
    page = await open_console(await console.account("Anna"), viewport=size)
    line, warning = page.locator("#proof"), page.locator("#unproven")
    await expect(line).to_have_text(re.compile(r"Danger path last proven \d+ (s|min) ago"))
    await expect(line).not_to_have_text(await line.inner_text())  # it counts
    await expect(line).to_be_in_viewport()
    await expect(warning).to_be_hidden()

    # Again and again, since whatever the switchboard says in between brings its own patience.
    impatience = await page.evaluate(
        "setInterval(() => { document.querySelector('#proof').dataset.patience = 900 }, 50)")
    await expect(warning).to_contain_text(WARNING)
    await expect(warning).to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.evaluate("timer => clearInterval(timer)", impatience)

    proof.tried()
    await expect(warning).to_be_hidden()
    an_hour_and_more_passes(proof)
    await expect(warning).to_contain_text(WARNING)
    assert await proof.prove()
    proof.tried()
    await expect(warning).to_be_hidden()
    await until(lambda: line.inner_text(), lambda words: words.startswith("Danger path last proven"))
