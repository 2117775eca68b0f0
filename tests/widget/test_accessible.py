"""Everybody can use it: keyboard, screen reader, zoom, small screens, colours; axe finds nothing in any state."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.widget.chat import Chat
from tests.widget.conftest import PHONE

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
NARROW = {"viewport": {"width": 320, "height": 568}}
ZOOMED = {"viewport": {"width": 320, "height": 200}}  # a window of 1280 x 800 at 400 %


def assert_clean(page: Page, state: str) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(state, v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("screen", [{}, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(visits, maria, colours, screen):
    """Axe finds nothing on the page, the welcome, an answer, guidance, a staff member, a failure, card and settings."""
    chat = Chat(visits.page(color_scheme=colours, **screen))
    for state, reach in JOURNEY.items():
        reach(chat, maria)
        assert_clean(chat.page, state)


def reach_sources(chat: Chat, _) -> None:
    chat.ask("what is naloxone")
    chat.page.get_by_text("Where does this come from?").click()


def reach_guidance(chat: Chat, _) -> None:
    chat.say("my friend is blue and wont wake up")
    expect(chat.button("Not yet")).to_be_attached()


def reach_choices(chat: Chat, _) -> None:
    chat.button("Not yet").click()
    expect(chat.button("Next step")).to_be_visible()


def reach_staff(chat: Chat, maria) -> None:
    chat.ask("can i talk to a person")
    maria.claim(chat).reply(chat, "I am here").typing(chat)
    expect(chat.messages("staff").last).to_be_visible()


def reach_failure(chat: Chat, _) -> None:
    chat.page.route("**/chat/messages", lambda route: route.abort())
    chat.say("lost words")
    expect(chat.state("Not sent yet")).to_be_visible()


def reach_erased(chat: Chat, _) -> None:
    chat.button("Yes, erase it").click()
    expect(chat.button("Start a new chat")).to_be_visible()


JOURNEY = {
    "page": lambda chat, _: expect(chat.launcher).to_be_visible(),
    "welcome": lambda chat, _: chat.open(),
    "sources": reach_sources,
    "guidance": reach_guidance,
    "choices": reach_choices,
    "staff": reach_staff,
    "failed": reach_failure,
    "help": lambda chat, _: chat.view("Help now"),
    "settings": lambda chat, _: chat.view("Settings and privacy").button("Erase this chat").click(),
    "erased": reach_erased,
}


def test_axe_without_script_and_without_server(visits):
    """Axe finds nothing on the card that shows itself when the switchboard is gone."""
    context = visits.context()
    context.route("**/chat/**", lambda route: route.abort())
    page = context.new_page()
    page.goto(visits.url)
    chat = Chat(page)
    chat.launcher.click()
    expect(chat.log.get_by_text("Give naloxone (Narcan)")).to_be_visible()
    assert_clean(page, "alone")


def test_keyboard_alone(visits):
    """Everything is done with the keyboard: open, write, choose, read the card, change settings, close."""
    page = visits.page()
    chat = Chat(page)
    chat.launcher.focus()
    page.keyboard.press("Enter")
    expect(chat.box).to_be_focused()
    page.keyboard.type("what is naloxone")
    page.keyboard.press("Enter")
    expect(chat.page.get_by_text("Where does this come from?")).to_be_visible()
    tab_to(page, "Where does this come from?", back=True)
    page.keyboard.press("Space")
    expect(page.locator("haven-chat details li").first).to_be_visible()
    tab_to(page, "Help now", back=True)
    page.keyboard.press("Enter")
    expect(chat.panel.get_by_role("heading", name="Help right now")).to_be_focused()
    page.keyboard.press("Escape")
    expect(chat.box).to_be_focused()
    page.keyboard.press("Escape")
    expect(chat.launcher).to_be_focused()


def tab_to(page: Page, name: str, *, back: bool) -> None:
    for _ in range(30):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        focused = page.evaluate("document.querySelector('haven-chat').shadowRoot.activeElement?.textContent")
        if focused == name:
            return
    raise AssertionError(f"{name} was not reached")


def test_focus_stays_inside_on_a_phone(visits):
    """On a phone, where the chat covers the page, Tab goes round inside it."""
    chat = visits.chat(**PHONE)
    for _ in range(25):
        chat.page.keyboard.press("Tab")
        assert chat.page.evaluate("['HAVEN-CHAT', 'BODY'].includes(document.activeElement.tagName)")


def test_each_message_is_announced_once(visits, maria):
    """A screen reader hears each new message once, guidance at once, and no history after a reload."""
    chat = visits.chat()
    chat.shadow(COUNT)
    chat.ask("can i talk to a person please")
    maria.claim(chat).reply(chat, "Hello from Maria")
    expect(chat.message("Hello from Maria")).to_be_visible()
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    chat.page.wait_for_function("window.heard.some(([role, text]) => role === 'alert' && text.includes('Call 911'))")
    heard = chat.page.evaluate("window.heard")

    assert sum("Hello from Maria" in text for _, text in heard) == 1
    assert [role for role, text in heard if "Call 911" in text and "overdose" in text] == ["alert"]
    assert not [text for _, text in heard if "can i talk to a person please" in text]
    chat.page.reload()
    expect(chat.message("Hello from Maria")).to_be_visible()
    assert chat.panel.get_by_role("status").all_inner_texts() == [""]
    assert chat.log.get_attribute("aria-live") == "off"


COUNT = """(root) => {
  window.heard = [];
  for (const region of root.querySelectorAll('.unseen[role]')) {
    const hear = (node) => window.heard.push([region.getAttribute('role'), node.textContent]);
    const watch = new MutationObserver((all) => all.forEach(({ addedNodes }) => addedNodes.forEach(hear)));
    watch.observe(region, { childList: true });
  }
}"""


@pytest.mark.parametrize("screen", [NARROW, ZOOMED], ids=["320", "zoom 400 %"])
def test_small_windows(visits, screen):
    """At 320 pixels and at 400 % zoom nothing is cut off sideways and the box can be reached."""
    chat = visits.chat(**screen)
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    for view in ("Help now", "Settings and privacy", "Settings and privacy"):
        assert wide_parts(chat) == []
        chat.view(view)
    chat.box.scroll_into_view_if_needed()
    expect(chat.box).to_be_in_viewport()
    assert chat.page.evaluate("document.documentElement.scrollWidth") <= 320


def wide_parts(chat: Chat) -> list[str]:
    return chat.shadow(
        "(root) => [...root.querySelectorAll('.panel *')].filter((e) => e.checkVisibility() && !e.closest('.unseen')"
        " && e.getBoundingClientRect().right > innerWidth + 0.5).map((e) => e.outerHTML.slice(0, 80))")


def test_text_at_200_percent(visits):
    """With text twice as large nothing overlaps the edge of the window."""
    context = visits.context(**PHONE)
    page = context.new_page()
    page.goto(visits.url)
    context.new_cdp_session(page).send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1})
    chat = Chat(page).open()
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    chat.shadow("(root) => { root.querySelector('.panel').style.fontSize = '32px' }")
    assert wide_parts(chat) == []


def test_targets_are_44_pixels(visits):
    """Everything to tap, apart from links inside a sentence, is 44 pixels high and wide or more."""
    chat = visits.chat(**PHONE)
    chat.ask("what is naloxone")
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    for view in ("Help now", "Settings and privacy", "Settings and privacy"):
        assert small_targets(chat) == []
        chat.view(view)


def small_targets(chat: Chat) -> list[str]:
    return chat.shadow(
        "(root) => [...root.querySelectorAll('button, summary, .call, textarea')]"
        ".filter((e) => e.checkVisibility())"
        ".filter((e) => { const b = e.getBoundingClientRect(); return b.width < 44 || b.height < 44 })"
        ".map((e) => e.outerHTML.slice(0, 80))")


def test_nothing_moves(visits):
    """Nothing is animated and nothing scrolls smoothly, so reduced motion has nothing to switch off."""
    chat = visits.chat()
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    moving = chat.shadow(
        "(root) => [...root.querySelectorAll('*')].filter((e) => { const c = getComputedStyle(e);"
        " return c.animationName !== 'none' || c.transitionDuration !== '0s' || c.scrollBehavior !== 'auto' })"
        ".length")
    assert moving == 0


def test_forced_colours(visits):
    """With the system's own few colours, bubbles and buttons keep their outlines."""
    chat = visits.chat(forced_colors="active")
    edges = chat.shadow(
        "(root) => ['.said', '.call', '.big', 'textarea'].map((s) => {"
        " const c = getComputedStyle(root.querySelector(s));"
        " return parseFloat(c.borderTopWidth) > 0 && c.borderTopColor !== 'rgba(0, 0, 0, 0)' })")
    assert all(edges)


def test_reading_is_not_torn_away(visits, maria):
    """Who reads further up stays there; a button says that something new is below."""
    chat = visits.chat(**PHONE)
    chat.ask("what is naloxone")
    chat.ask("can i talk to a person please")
    maria.claim(chat)
    expect(chat.messages("system").last).to_be_visible()
    chat.shadow("(root) => { root.querySelector('.scroll').scrollTop = 0 }")
    maria.reply(chat, "Hello from Maria")
    expect(chat.button("New message below")).to_be_visible()
    assert chat.shadow("(root) => root.querySelector('.scroll').scrollTop") == 0
    chat.button("New message below").click()
    expect(chat.message("Hello from Maria")).to_be_in_viewport()


def test_guidance_is_not_pushed_away(visits, maria):
    """A later message does not scroll the steps out of sight."""
    chat = visits.chat(**PHONE)
    chat.ask("can i talk to a person please")
    maria.claim(chat)
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_in_viewport()
    maria.reply(chat, "I am with you")
    expect(chat.button("New message below")).to_be_visible()
    expect(chat.guidance.first.get_by_role("link", name="Call 911", exact=True)).to_be_in_viewport()
