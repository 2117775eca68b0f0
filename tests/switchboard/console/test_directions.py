"""Words that turn the direction of a line turn nothing around them, in the console and the widget."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from switchboard import conversations
from switchboard.conversations import Message
from switchboard.records.tables import conversations as table
from tests.switchboard.console.conftest import PHONE, WIDE, Console, until

pytestmark = pytest.mark.browser
OVERRIDE, ISOLATE = "\u202e", "\u2067"  # both never closed
TURNS = f"{ISOLATE}{OVERRIDE}wont wake up"
HEBREW = "\u05e9\u05dc\u05d5\u05dd 12"
# Where the letters of one element stand on the screen: the centre of each, from left to right in the order of the text.
CENTRES = """(element, text) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    for (let at = node.data.indexOf(text); at >= 0 && !found.length; at = -1)
      for (let index = at; index < at + text.length; index += 1) {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + 1);
        const box = range.getBoundingClientRect();
        if (box.width) found.push(box.left + box.width / 2);
      }
  return found;
}"""


async def reads_forwards(page: Page, selector: str, text: str) -> bool:
    """Whether the letters of `text` stand from left to right, in the element that is on the page."""
    centres: list[float] = []

    async def measured() -> int:
        """How many letters were found: none in an element that the page has just put another in the place of."""
        centres[:] = await page.locator(selector).first.evaluate(CENTRES, text)
        return len(centres)

    await until(measured, lambda letters: letters > 2)
    return centres == sorted(centres)


async def left_behind(console: Console) -> str:
    """A danger in words that an older Haven stored as they came, with everything that is shown beside them."""
    parts = console.parts
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        said = await conversations.add(tx, conversation, Message(author="visitor", text=TURNS))
        await conversations.raise_alert(tx, conversation, said.seq, {
            "level": "acute", "kind": "overdose_other", "why": [TURNS]})
        await conversations.add(tx, conversation, Message(author="visitor", text=HEBREW))
    parts.streams.wake(conversation.id, "console")
    return conversation.id


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_in_the_console(console: Console, open_console: Any, size: Any) -> None:
    """On the card and in the conversation, what stands before and after such words reads forwards."""
    anna = await console.account("Anna")
    page = await open_console(anna, viewport=size)
    conversation = await left_behind(console)
    card = f"#card-{conversation}"
    await expect(page.locator(card)).to_be_visible()
    kind = (await page.locator(f"{card} .why").inner_text()).partition(":")[0]
    for text in (kind, "Acute danger", "Web, English"):
        assert await reads_forwards(page, card, text)

    await page.goto(f"/staff/conversations/{conversation}")
    assert await reads_forwards(page, "#m1", "Visitor")
    assert await reads_forwards(page, "#head .danger", "guidance")
    assert not await reads_forwards(page, "#m1 .text", "wake")  # shown as it is, and turned, in its own place


async def test_what_staff_type(console: Console) -> None:
    """A note on how it went, and a reply, keep their words and lose what turns a line."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    await anna.act(visitor, "reply", text=f"I am {TURNS} here", client_id="1")
    await until(lambda: visitor.said_by("staff"), ["I am wont wake up here"])
    await anna.act(visitor, "close", result="answered", danger="none", referred="none", note=f"went {TURNS} well")
    page = await anna.page(f"/staff/conversations/{visitor.id}")
    summary = page.partition('id="summary"')[2].partition("</aside>")[0]
    assert "went wont wake up well" in summary and OVERRIDE not in summary


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_in_the_widget(console: Console, chromium: Any, size: Any) -> None:
    """A visitor reads who speaks and when as ever beside such words, and words from right to left from the right."""
    context = await chromium.new_context(viewport=size, base_url=console.url, locale="en-US")
    page = await context.new_page()
    await page.goto("/")
    await page.locator("haven-chat .launcher").click()
    await page.locator("haven-chat textarea").fill(f"my {TURNS} and {HEBREW}")
    await page.get_by_role("button", name="Send").click()
    mine = page.locator("haven-chat .message.visitor[data-seq] .said")
    await expect(mine).to_have_text(f"my wont wake up and {HEBREW}")
    async with console.parts.record.write() as tx:
        newest = (await tx.execute(table.select().order_by(table.c.opened_at.desc()))).first()
        conversation = await conversations.load(tx, newest.id)
        await conversations.add(tx, conversation, Message(author="staff", text=f"{HEBREW}{TURNS}", name="Maria"))
    console.parts.streams.wake(conversation.id)
    message = "haven-chat .message.staff"
    await expect(page.locator(message)).to_be_visible()
    assert await reads_forwards(page, message, "Maria, staff")
    direction = await page.locator(f"{message} .said p").evaluate("e => getComputedStyle(e).unicodeBidi")
    assert direction == "plaintext"
    await context.close()
