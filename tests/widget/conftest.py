"""A real headless Chromium on the real stack, a phone or a wide screen, and somebody on staff."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.waiting import SECONDS
from tests.widget.chat import Chat

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Chromium itself must not look for anything outside either.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
WIDE = {"viewport": {"width": 1280, "height": 800}}
NEUTRAL = "https://www.weather.gov/"
PASSWORD = "a quiet green bicycle"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/widget" in str(item.path):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


class Visits:
    """Opens pages as different visitors would and notes every request they make."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []

    def context(self, **options: Any) -> BrowserContext:
        """A visitor's browser: storage of its own, nothing but loopback, the neutral page a stand-in."""
        context = self.browser.new_context(**{"locale": "en-US", **WIDE, **options})
        context.set_default_timeout(1000 * SECONDS)
        context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), _stand_in)
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", lambda message: self.complaints.append(message.text))
        self.contexts.append(context)
        return context

    def page(self, path: str = "/", **options: Any) -> Page:
        page = self.context(**options).new_page()
        page.goto(self.url + path)
        return page

    def chat(self, **options: Any) -> Chat:
        """A visitor who has opened the chat and read the welcome."""
        return Chat(self.page(**options)).open()

    @property
    def foreign(self) -> list[str]:
        """Requests to anybody but the switchboard."""
        return [url for url in self.requests if urlsplit(url).netloc != urlsplit(self.url).netloc]

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def _stand_in(route: Route) -> None:
    if route.request.url == NEUTRAL:
        route.fulfill(content_type="text/html", body="<title>Weather</title><h1>Weather</h1>")
    else:
        route.abort()


@pytest.fixture
def visits(browser: Browser, stack: Any) -> Iterator[Visits]:
    visits = Visits(browser, stack.url)
    yield visits
    visits.close()


class StaffMember:
    """Maria at the console, over HTTP."""

    def __init__(self, stack: Any) -> None:
        self.http = httpx.Client(base_url=stack.url, timeout=SECONDS, trust_env=False)
        login = f"maria-{uuid.uuid4().hex[:8]}"
        in_record(stack, lambda record: _add_staff(record, login))
        answer = self.http.post("/staff/login", data={"login": login, "password": PASSWORD})
        assert answer.status_code == 303, answer.text

    def claim(self, chat: Chat) -> StaffMember:
        return self._act(chat, "claim")

    def reply(self, chat: Chat, text: str) -> StaffMember:
        return self._act(chat, "reply", text=text, client_id=uuid.uuid4().hex)

    def typing(self, chat: Chat) -> StaffMember:
        return self._act(chat, "typing")

    def look(self, chat: Chat) -> str:
        return self.http.get(f"/staff/conversations/{conversation_of(chat)}").text

    def _act(self, chat: Chat, action: str, **fields: str) -> StaffMember:
        page = self.look(chat)
        csrf = re.search(r'csrf(?:" value)?="([^"]+)"', page)
        assert csrf, page
        answer = self.http.post(
            f"/staff/conversations/{conversation_of(chat)}/{action}", data={"csrf": csrf[1], **fields})
        assert answer.status_code in (200, 204, 303), answer.text
        return self


async def _add_staff(record: Any, login: str) -> None:
    from switchboard import accounts

    digest = await accounts.hashed(PASSWORD)
    async with record.write() as tx:
        await accounts.add(tx, login=login, name="Maria Lopez", role="staff", password=digest, must_change=False)


def in_record(stack: Any, work: Callable[[Any], Any]) -> Any:
    """Run `work(record)` on the stack's own record."""
    from switchboard.records.record import Record

    async def run() -> Any:
        record = Record.of(stack.settings)
        try:
            return await work(record)
        finally:
            await record.engine.dispose()

    # Playwright's own loop runs in this thread.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()


def conversation_of(chat: Chat) -> str:
    """The conversation that the session in the visitor's tab speaks for."""
    payload = chat.stored()["session"]["token"].split(".")[0]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture
def maria(stack: Any) -> Iterator[StaffMember]:
    maria = StaffMember(stack)
    yield maria
    maria.http.close()
