"""Two staff windows in real browsers and two visitors, on the website and by text message, while things go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from switchboard.assistant_client import AssistantClient
from tests.switchboard.conftest import Assistant
from tests.switchboard.console.conftest import Console, Visitor, until
from tests.switchboard.console.test_nobody_forgotten import watch
from tests.switchboard.console.test_shift import texter

pytestmark = pytest.mark.browser


async def claim(page: Page, visitor: Visitor) -> None:
    await page.goto(f"/staff/conversations/{visitor.id}")
    await page.get_by_role("button", name="Claim").click()
    await expect(page.locator("#reply")).to_be_visible()


async def write(page: Page, words: str) -> None:
    await page.locator("#text").fill(words)
    await page.keyboard.press("Enter")
    await expect(page.locator("#transcript")).to_contain_text(words)


async def test_both_press_claim_at_once_and_each_serves_one(console: Console, open_console: Any) -> None:
    """One has it, the other reads whose it is and takes the second visitor; nobody's words cross."""
    anna, ben = await console.account("Anna"), await console.account("Ben")
    hers, his = await open_console(anna), await open_console(ben)
    web, phone = await console.waiting("i am on the website"), await texter(console, "i am on the phone")
    pages = {"Anna": hers, "Ben": his}
    for page in pages.values():
        await page.goto(f"/staff/conversations/{web.id}")
    # Not by click(): it waits until a button stands still, and the slower window's is gone by then.
    await asyncio.gather(*(page.evaluate("document.querySelector('form[action$=\"/claim\"]')?.requestSubmit()")
                           for page in pages.values()))
    await until(lambda: console.owner(web.id), lambda owner: owner.startswith("staff:"))
    owner = await console.owner(web.id)
    winner, loser = ("Anna", "Ben") if owner == f"staff:{anna.id}" else ("Ben", "Anna")
    await expect(pages[winner].locator("#head")).to_contain_text("you have it")
    await expect(pages[loser].locator("#head")).to_contain_text(f"{winner} has it")
    await expect(pages[loser].locator("#reply")).to_be_hidden()
    assert sum("has joined" in text for text in await web.said_by("system")) == 1

    await claim(pages[loser], phone)
    await write(pages[winner], "For the website.")
    await write(pages[loser], "For the phone.")
    assert await web.said_by("staff") == ["For the website."]
    assert await phone.said_by("staff") == ["For the phone."]


async def test_a_transfer_to_somebody_who_closes_the_window_stays_with_the_first(
    console: Console, open_console: Any
) -> None:
    """The offer ends by itself, the first still has the conversation, the visitor notices nothing."""
    anna, ben, visitor = await console.account("Anna"), await console.account("Ben"), await console.waiting()
    hers, his = await open_console(anna), await open_console(ben)
    await claim(hers, visitor)
    await write(hers, "I'm here.")
    await hers.reload()
    before = await visitor.transcript()
    await hers.locator("summary", has_text="Transfer").click()
    await hers.locator("select[name=to]").select_option(str(ben.id))
    await hers.get_by_role("button", name="Ask to take over").click()
    await expect(hers.locator("#head")).to_contain_text("Offered to Ben")
    await his.context.close()
    await until(lambda: _windows(console, ben.id), 0)
    console.parts.presence.left(ben.id)  # half a minute later
    await watch(console).look()
    await expect(hers.locator("#head")).not_to_contain_text("Offered to Ben")
    await expect(hers.locator("#transcript")).to_contain_text("Ben is not at the console any more; the offer ended.")
    assert await console.owner(visitor.id) == f"staff:{anna.id}" and await visitor.transcript() == before


async def test_a_tab_killed_after_claiming_gives_the_visitor_to_a_colleague(
    console: Console, open_console: Any
) -> None:
    """The visitor reads what happened, the colleague's window shows the card, and takes over."""
    anna, ben, visitor = await console.account("Anna"), await console.account("Ben"), await console.waiting()
    hers, his = await open_console(anna), await open_console(ben)
    await claim(hers, visitor)
    await hers.context.close()
    await until(lambda: _windows(console, anna.id), 0)
    await watch(console, line=0.0).look()
    card = his.locator(f'[data-section="line"] #card-{visitor.id}')
    await expect(card).to_contain_text("Left by a colleague")
    assert (await visitor.said_by("system"))[-1].startswith("Anna is no longer connected.")
    await card.get_by_role("link").click()
    await his.get_by_role("button", name="Claim").click()
    await write(his, "I'm Ben, I have read it all.")
    assert await visitor.said_by("staff") == ["I'm Ben, I have read it all."]


async def _windows(console: Console, staff_id: int) -> int:
    return console.app.ctx.shift._windows[staff_id]


@pytest_asyncio.fixture(loop_scope="session")
async def slow_assistant(console: Console) -> AsyncIterator[Assistant]:
    """An assistant in the bot's place that answers when the test lets it."""
    made = Assistant()
    made.hold = asyncio.Event()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    brain, before = console.parts.brain, console.parts.brain._assistant
    brain._assistant = AssistantClient(
        [f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"], console.parts.settings.loopback_secret, budget=20.0)
    yield made
    made.hold.set()
    await brain._assistant.close()
    brain._assistant = before
    server.close()


async def test_an_answer_of_the_bot_still_on_its_way_never_follows_the_next_person(
    console: Console, open_console: Any, slow_assistant: Assistant
) -> None:
    """Return to bot, a question, a claim by the colleague, and only then the bot's answer: it is dropped."""
    anna, ben, visitor = await console.person("Anna"), await console.account("Ben"), await texter(console)
    await anna.act(visitor, "claim")
    hers, his = await open_console(anna), await open_console(ben)
    await hers.goto(f"/staff/conversations/{visitor.id}")
    await hers.get_by_role("button", name="Return to bot").click()
    await expect(hers.locator("#head")).to_contain_text("with the bot")
    await console.parts.inbox.receive(visitor.id, "what does it cost", client_id="q1")
    await until(lambda: _asked(slow_assistant), 1)
    await claim(his, visitor)
    slow_assistant.hold.set()
    await until(lambda: _busy(console, visitor.id), False)
    await write(his, "A person answers you.")
    transcript = await visitor.transcript()
    joined = max(i for i, m in enumerate(transcript) if m["author"] == "system" and "Ben" in m["text"])
    assert [m["author"] for m in transcript[joined + 1:]] == ["staff"]


async def _asked(assistant: Assistant) -> int:
    return len(assistant.asked)


async def _busy(console: Console, conversation_id: str) -> bool:
    return console.parts.brain.is_busy(conversation_id)


async def test_danger_while_claimed_shows_in_both_windows_until_the_owner_answers(
    console: Console, open_console: Any
) -> None:
    """The guidance goes out marked as sent by itself; both titles say danger; the owner's word ends it."""
    anna, ben, visitor = await console.account("Anna"), await console.account("Ben"), await console.waiting()
    hers, his = await open_console(anna), await open_console(ben)
    await claim(hers, visitor)
    await write(hers, "I'm here.")
    await visitor.say("my friend is blue and wont wake up")
    await expect(hers.locator("#transcript .guidance")).to_contain_text("guidance, sent by itself")
    for page in (hers, his):
        await expect(page.locator(f'[data-section="line"] #card-{visitor.id}')).to_contain_text("Acute danger")
    assert "DANGER" in await his.title()
    await write(hers, "Call 911 now. I stay with you.")
    await expect(his.locator(f'[data-section="line"] #card-{visitor.id}')).to_have_count(0)
    assert [m["kind"] for m in await visitor.transcript()].count("guidance") == 1


async def test_both_sides_lose_the_line_and_miss_nothing(console: Console, open_console: Any) -> None:
    """The window is offline while the visitor writes, the visitor while staff write: each reads all, once, in order."""
    anna, visitor = await console.account("Anna"), await console.waiting()
    page = await open_console(anna)
    await claim(page, visitor)
    await write(page, "I'm here.")
    seen = (await visitor.transcript())[-1]["seq"]
    await page.context.set_offline(True)
    for number in range(3):
        await visitor.say(f"while you were away {number}")
    await anna.sign_in()
    await anna.act(visitor, "reply", text="from another device", client_id="x")
    await page.context.set_offline(False)
    await expect(page.locator("#transcript")).to_contain_text("from another device")
    shown = await page.locator("#transcript .entry").evaluate_all("all => all.map(e => Number(e.dataset.seq))")
    assert shown == sorted(set(shown)) and {m["seq"] for m in await visitor.transcript()} <= set(shown)
    missed = [m["text"] for m in await visitor.transcript() if m["seq"] > seen]
    assert missed == [*(f"while you were away {n}" for n in range(3)), "from another device"]
