"""The console in a real Chromium: the whole way, without script, by keyboard, and judged by axe."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.switchboard.console.conftest import PASSWORD, PHONE, WIDE, Console, until

pytestmark = pytest.mark.browser


async def test_a_night_shift_takes_a_visitor_over_and_hands_back(console: Console, open_console: Any) -> None:
    """The card comes by itself, Anna claims, both write, Ben cannot, and the bot has it again."""
    anna, ben = await console.account("Anna"), await console.account("Ben")
    hers, his = await open_console(anna), await open_console(ben)
    visitor = await console.waiting("is there a bed free tonight")
    card = hers.locator(f"#card-{visitor.id}")
    await expect(card).to_contain_text("is there a bed free tonight")
    await card.get_by_role("link").click()
    await hers.get_by_role("button", name="Claim").click()
    await expect(hers.get_by_label("Write to the visitor as Anna")).to_be_visible()

    await his.goto(f"/staff/conversations/{visitor.id}")
    await expect(his.locator("#head")).to_contain_text("Anna has it")
    await expect(his.get_by_role("button", name="Claim")).to_have_count(0)

    await hers.get_by_label("Write to the visitor as Anna").fill("Hello, I'm looking now.")
    await hers.keyboard.press("Enter")
    await expect(his.locator("#transcript")).to_contain_text("Hello, I'm looking now.")
    await visitor.say("thank <b>you</b>")
    await expect(hers.locator("#transcript")).to_contain_text("thank <b>you</b>")
    await until(lambda: visitor.said_by("staff"), ["Hello, I'm looking now."])

    await hers.get_by_role("button", name="Return to bot").click()
    await expect(his.locator("#head")).to_contain_text("with the bot")
    await expect(his.get_by_role("button", name="Claim")).to_be_visible()


async def test_words_are_kept_when_the_conversation_is_lost(console: Console, open_console: Any) -> None:
    """What was written but not sent stays in the box, with the reason, and never reaches the visitor."""
    anna = await console.person("Anna")
    visitor = await console.waiting()
    await anna.act(visitor, "claim")
    page = await open_console(anna)
    await page.goto(f"/staff/conversations/{visitor.id}")
    await page.get_by_label("Write to the visitor as Anna").fill("half a sentence")
    await anna.act(visitor, "return")

    await expect(page.locator("#problem")).to_contain_text("was not sent")
    await expect(page.get_by_label("Write to the visitor as Anna")).to_have_value("half a sentence")
    assert await visitor.said_by("staff") == []


async def test_the_console_works_without_script(console: Console, open_console: Any) -> None:
    """Claim, write, note, return: plain forms do it all."""
    anna, visitor = await console.account("Anna"), await console.waiting("no script here please")
    page = await open_console(anna, java_script_enabled=False)
    await page.locator(f"#card-{visitor.id} a").click()
    await page.get_by_role("button", name="Claim").click()
    await page.get_by_label("Write to the visitor as Anna").fill("Written without script.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#transcript")).to_contain_text("Written without script.")
    await page.get_by_label("Note for colleagues").fill("All plain forms.")
    await page.get_by_role("button", name="Save note").click()
    await expect(page.locator("#transcript")).to_contain_text("All plain forms.")
    await page.get_by_role("button", name="Return to bot").click()
    await expect(page.locator("#head")).to_contain_text("with the bot")


async def test_everything_is_reached_by_keyboard(console: Console, open_console: Any) -> None:
    """From the queue to a sent reply without a mouse."""
    anna, visitor = await console.account("Anna"), await console.waiting("keys only")
    page = await open_console(anna)
    await expect(page.locator(f"#card-{visitor.id}")).to_be_visible()
    await _tab_to(page, f"#card-{visitor.id} a")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/conversations/**")
    await _tab_to(page, "#head form[action$=claim] button")
    await page.keyboard.press("Enter")
    await expect(page.locator("#text")).to_be_visible()
    await expect(page.locator("#text")).to_be_focused()  # the first word is what somebody waits for
    await page.keyboard.type("Typed.")
    await page.keyboard.press("Enter")
    await until(lambda: visitor.said_by("staff"), ["Typed."])


async def test_a_button_stays_under_a_finger_that_is_down(console: Console, open_console: Any) -> None:
    """A danger comes between the press and its end and changes everything around the button: it is pressed."""
    anna, visitor = await console.account("Anna"), await console.waiting()
    page = await open_console(anna)
    await page.clock.install()
    await page.goto(f"/staff/conversations/{visitor.id}")
    # The longest press never ends by itself here; and not so far on that the page thinks its line lost, and says so.
    await page.clock.pause_at(datetime.now() + timedelta(seconds=20))
    await expect(page.locator("#line")).to_be_hidden()
    places: list[Any] = []

    async def placed() -> bool:
        """Whether the button has a place: none while the page puts a new head around it."""
        places[:] = [await page.get_by_role("button", name="Claim").bounding_box()]
        return places != [None]

    await until(placed, True)
    await page.mouse.move(places[0]["x"] + 9, places[0]["y"] + 9)
    await page.mouse.down()
    await visitor.say("my friend is blue and wont wake up")
    await expect(page.locator("#transcript")).to_contain_text("blue and wont wake up")
    await asyncio.sleep(0.3)  # the head, which has the danger too, has come as well
    assert "Acute danger" not in await page.locator("#head").inner_text()
    await page.mouse.up()
    await expect(page.get_by_label("Write to the visitor as Anna")).to_be_visible()
    assert await console.owner(visitor.id) == f"staff:{anna.id}"


async def test_what_changes_is_shown_once_the_finger_is_lifted(console: Console, open_console: Any) -> None:
    """What came during a press beside every button is only late; and the focus stays on its button."""
    visitor = await console.waiting()
    page = await open_console(await console.account("Anna"))
    await page.goto(f"/staff/conversations/{visitor.id}")
    claim = page.get_by_role("button", name="Claim")
    await claim.focus()
    await page.mouse.move(1, 1)
    await page.mouse.down()
    await claim.focus()  # a press on nothing takes it away
    await visitor.say("my friend is blue and wont wake up")
    await page.mouse.up()
    await expect(page.locator("#head")).to_contain_text("Acute danger")
    await expect(claim).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Write to the visitor as Anna")).to_be_visible()


async def _tab_to(page: Page, selector: str, limit: int = 400) -> None:
    for _ in range(limit):
        await page.keyboard.press("Tab")
        if await page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached by the tab key")


async def test_a_danger_rings_in_title_and_text_until_claimed(console: Console, open_console: Any) -> None:
    """The tab says so, the card stands above all who wait, and both end with the claim."""
    anna = await console.account("Anna")
    page = await open_console(anna)
    visitor = await console.visitor("my friend is blue and wont wake up")
    card = page.locator(f"#card-{visitor.id}")
    await expect(card).to_contain_text("Acute danger")
    await expect(page).to_have_title(_starts("DANGER"))
    await card.get_by_role("link").click()
    await page.get_by_role("button", name="Claim").click()
    await expect(page.locator('[data-section="mine"]').locator(f"#card-{visitor.id}")).to_be_visible()


def _starts(words: str) -> Any:
    import re

    return re.compile(f"^{words}")


async def test_a_session_that_ended_leads_to_the_login_and_back_with_the_draft(
    console: Console, open_console: Any
) -> None:
    """The page does not go on trying for ever, and what was half written is there again."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    page = await open_console(anna)
    await page.goto(f"/staff/conversations/{visitor.id}")
    async with page.expect_response("**/typing"):  # after the session it would be refused, which is no fault here
        await page.get_by_label("Write to the visitor as Anna").fill("half a sentence")
    await page.context.clear_cookies()
    await page.reload()
    await page.wait_for_url("**/staff/login?next=**")
    await page.get_by_label("Login").fill(anna.login)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_label("Write to the visitor as Anna")).to_have_value("half a sentence")


async def test_ten_tabs_do_not_hold_up_a_reply(console: Console, open_console: Any) -> None:
    """A browser keeps six lines to one host: hidden tabs let theirs go, and catch up when looked at."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    first = await open_console(anna)
    tabs = [first]
    for _ in range(9):
        tabs.append(await first.context.new_page())
        await _hide(tabs[-2])
        await tabs[-1].goto(f"/staff/conversations/{visitor.id}")
    last = tabs[-1]
    await last.get_by_label("Write to the visitor as Anna").fill("One of ten.")
    await last.keyboard.press("Enter")
    await until(lambda: visitor.said_by("staff"), ["One of ten."])
    await _hide(last)
    await visitor.say("thank you for ten")
    await _show(tabs[3])
    await expect(tabs[3].locator("#transcript")).to_contain_text("thank you for ten")


async def _hide(page: Page) -> None:
    """Let the page believe that another tab is looked at (a headless browser shows all of them)."""
    await page.evaluate("""() => { Object.defineProperty(document, 'hidden', {value: true, configurable: true});
                           document.dispatchEvent(new Event('visibilitychange')); }""")


async def _show(page: Page) -> None:
    await page.evaluate("""() => { Object.defineProperty(document, 'hidden', {value: false, configurable: true});
                           document.dispatchEvent(new Event('visibilitychange')); }""")


async def test_a_stigmatising_word_is_noticed_before_it_is_sent(console: Console, open_console: Any) -> None:
    """The hint names a better one; nothing is held back."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    page = await open_console(anna)
    await page.goto(f"/staff/conversations/{visitor.id}")
    await page.get_by_label("Write to the visitor as Anna").fill("Is he an addict?")
    await expect(page.locator("#better")).to_contain_text("Better: person with an opioid use disorder")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_axe_finds_nothing(console: Console, open_console: Any, scheme: str, size: Any) -> None:
    """Every page, a claimed conversation with danger and offer among them: no violation at all."""
    anna, ben = await console.person("Anna", role="supervisor"), await console.person("Ben")
    visitor = await console.visitor("my friend is blue and wont wake up")
    await anna.act(visitor, "claim")
    await anna.act(visitor, "reply", text="I'm here.", client_id="1")
    await anna.act(visitor, "notes", text="Called 911 themselves.")
    await ben.page()
    await anna.act(visitor, "transfer", to=str(ben.id))
    await visitor.say("he stopped breathing again")
    other = await console.waiting()
    page = await open_console(anna, color_scheme=scheme, viewport=size, reduced_motion="reduce")
    paths = ("/staff/", f"/staff/conversations/{visitor.id}", f"/staff/conversations/{other.id}", "/staff/callbacks",
             "/staff/audit", "/staff/people", "/staff/password", "/staff/authenticator", "/staff/questions",
             "/staff/questions/draft?question=detox", "/staff/pictures", "/staff/hours", "/staff/practice")
    found = {}
    for path in paths:
        await page.goto(path)
        await page.wait_for_timeout(300)  # the first events have come
        violations = (await Axe().run(page)).response["violations"]
        found[path] = [(v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in violations]
    assert [(path, fault) for path, faults in found.items() for fault in faults] == []
