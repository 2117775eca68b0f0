"""Script planted in a visitor's, a colleague's or a document's words: text in a real Chromium, and run by nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from switchboard import conversations
from switchboard.conversations import Message
from tests.switchboard.console.conftest import Console

pytestmark = pytest.mark.browser

PAYLOADS = (
    "<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "\"><svg onload=window.hit=1>",
    "'><iframe srcdoc=\"<script>parent.hit=1</script>\"></iframe>", "javascript:window.hit=1", "</textarea><b>bold</b>",
    "{{constructor.constructor('window.hit=1')()}}", "<!--", "]]><x>", "&lt;script&gt;",
    "<a href=javascript:hit=1>x</a>",
)  # fmt: skip


async def _clean(page: Page) -> None:
    """Nothing planted ran or became an element."""
    assert await page.evaluate("window.hit") is None
    planted = "script:not([src]), iframe, [onerror], [onload], [src='x'], a[href^='javascript']"
    found = await page.evaluate("""(planted) => {
      const chat = document.querySelector('haven-chat');
      return [document, chat && chat.shadowRoot].filter(Boolean)
        .flatMap((root) => [...root.querySelectorAll(planted)].map((element) => element.outerHTML)); }""", planted)
    assert found == []


async def test_words_are_words_in_the_console(console: Console, open_console: Any) -> None:
    """In the queue, the transcript, notes, names, reasons and the log, before and after an update by script."""
    anna = await console.account("<b>Anna</b> <script>window.hit=1</script>", role="supervisor", login="anna-xss")
    visitor = await console.visitor(*PAYLOADS[:4], "he is not breathing <img src=x onerror=window.hit=1>")
    page = await open_console(anna)
    await expect(page.locator(f"#card-{visitor.id}")).to_contain_text("<img src=x")
    await _clean(page)
    await page.goto(f"/staff/conversations/{visitor.id}")
    for payload in PAYLOADS[4:]:
        await visitor.say(payload)  # arrives by the stream
        await expect(page.locator("#transcript")).to_contain_text(payload)
    await _clean(page)
    await page.get_by_label("Note for colleagues").fill(PAYLOADS[0])
    await page.get_by_role("button", name="Save note").click()
    await expect(page.locator("#transcript .note")).to_contain_text(PAYLOADS[0])
    for path in ("/staff/", "/staff/people", "/staff/audit", "/staff/questions", "/staff/callbacks",
                 "/staff/questions/draft?question=%3Cscript%3Ewindow.hit=1%3C/script%3E",
                 "/staff/login?next=%22%3E%3Cscript%3Ewindow.hit=1%3C/script%3E", "/staff/?told=%3Cscript%3E"):
        await page.goto(path)
        await _clean(page)


async def test_words_are_words_in_the_widget(console: Console, chromium: Browser) -> None:
    """What the bot, staff and a document say stays text, buttons and sources included; no link runs anything."""
    context = await chromium.new_context(base_url=console.url)
    try:
        page = await context.new_page()
        await page.goto("/")
        await page.locator("haven-chat .launcher").click()
        await expect(page.locator("haven-chat .message.bot").first).to_be_visible()
        await page.locator("haven-chat textarea").fill("<img src=x onerror=window.hit=1>")
        await page.locator("haven-chat textarea").press("Enter")
        await expect(page.locator("haven-chat .message.visitor[data-seq]")).to_be_visible()
        await _plant(console)
        for author in ("bot", "staff", "system"):
            await expect(page.get_by_role("log")).to_contain_text(f"{author} says {PAYLOADS[0]}")
        await page.wait_for_timeout(300)
        await _clean(page)
    finally:
        await context.close()


async def _plant(console: Console) -> None:
    """Hostile words by every author in the newest conversation, as a spoilt document or record would bring them."""
    import sqlalchemy as sa

    from switchboard.records.tables import conversations as table

    async with console.parts.record.write() as tx:
        newest = (await tx.execute(sa.select(table.c.id).order_by(table.c.opened_at.desc()).limit(1))).scalar_one()
        there = await conversations.load(tx, newest)
        for author in ("bot", "staff", "system"):
            for payload in PAYLOADS:
                message = Message(author, f"{author} says {payload}", name=payload)
                await conversations.add(tx, there, replace(
                    message, sources=[{"title": payload, "url": "javascript:window.hit=1"}],
                    options=[{"title": payload, "choice": payload}] if author == "bot" else []))
    console.parts.streams.wake(newest)


async def test_the_policy_stops_what_gets_through(console: Console, chromium: Browser) -> None:
    """Even markup that reached a page would run nothing: inline script, handlers and foreign files are blocked."""
    page = await chromium.new_page(base_url=console.url)
    await page.goto("/staff/login")
    await page.evaluate("""() => {
      addEventListener('securitypolicyviolation', (event) => {
        (window.blocked ??= []).push(event.effectiveDirective); });
      const box = document.createElement('div');
      box.innerHTML = '<img src=x onerror="window.hit=1"><iframe src="https://elsewhere.example/"></iframe>';
      document.body.append(box);
      const script = document.createElement('script');
      script.textContent = 'window.hit=1';
      document.body.append(script); }""")
    await page.wait_for_function("(window.blocked ?? []).length >= 2")
    assert await page.evaluate("window.hit") is None
    await page.close()


async def test_no_page_of_another_site_frames_or_reads_ours(console: Console, chromium: Browser) -> None:
    """In a frame of a hostile page neither the console nor the chat page appears, and no script reads an answer."""
    context = await chromium.new_context()
    try:
        page = await context.new_page()
        hostile = "http://hostile.example/"
        await page.route(hostile, lambda route: route.fulfill(content_type="text/html", body="".join(
            f'<iframe src="{console.url}{path}"></iframe>' for path in ("/", "/staff/login"))))
        await page.goto(hostile)
        await page.wait_for_timeout(800)
        for frame in page.frames[1:]:
            await frame.wait_for_load_state()
            assert not frame.url.startswith(console.url) or "Haven" not in await frame.content()
        for path in ("/chat/centre", "/chat/conversations", "/staff/"):
            failed = await page.evaluate("""(url) => fetch(url, {method: url.includes('conv') ? 'POST' : 'GET',
              credentials: 'include'}).then((r) => r.text()).then(() => 'read', () => 'refused')""", console.url + path)
            assert failed == "refused", path
    finally:
        await context.close()
