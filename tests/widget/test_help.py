"""Help in one tap at all times, and without script, server or network."""

from __future__ import annotations

import re

import yaml
from playwright.sync_api import Page, expect

from haven.settings import ROOT
from tests.widget.chat import NO_WAY_OUT, WAY_OUT_AND_TAP, Chat
from tests.widget.conftest import PHONE

NUMBER = re.compile(r"1-\d{3}-\d{3}-\d{4}|\b(?:911|988)\b|\b\d{5,6}\b")


def links(page: Page, within: str = "haven-chat") -> set[str]:
    found = page.locator(f"{within} a[href^='tel:'], {within} a[href^='sms:']").evaluate_all(
        "(all) => all.filter((a) => a.checkVisibility()).map((a) => a.getAttribute('href'))")
    return set(found)


def test_card_in_one_tap(visits):
    """One tap opens the card with 911, 988 by call and text, the naloxone steps and lines for using alone."""
    chat = visits.chat(**PHONE)
    chat.view("Help now")

    expect(chat.panel.get_by_role("link", name="Call 911")).to_be_in_viewport()
    assert {"tel:911", "sms:911", "tel:988", "sms:988", "tel:1-800-972-0590", "tel:1-800-484-3731",
            "sms:741741?&body=HOME", "tel:1-800-222-1222", "tel:1-800-799-7233"} <= links(chat.page)
    expect(chat.panel.get_by_text("Give naloxone (Narcan) if you have it: one spray in one nostril.")).to_be_visible()
    expect(chat.panel.get_by_role("link", name="Call 988")).to_be_in_viewport()


def test_card_shows_itself_when_the_server_is_gone(visits):
    """Without the switchboard the opened chat shows the whole card by itself, and keeps what is typed."""
    context = visits.context(**PHONE)
    context.route("**/chat/**", lambda route: route.abort())
    page = context.new_page()
    page.goto(visits.url)
    chat = Chat(page)
    chat.launcher.click()

    expect(chat.log.get_by_text("Give naloxone (Narcan)")).to_be_visible()
    assert {"tel:911", "tel:988", "sms:988"} <= links(page)
    chat.say("is anyone there")
    expect(chat.state("Not sent yet")).to_be_visible()
    context.unroute("**/chat/**")
    expect(chat.state("Received")).to_be_visible()


def test_card_works_offline(visits):
    """With the network cut the card opens and its numbers can be tapped."""
    chat = visits.chat(**PHONE)
    chat.page.context.set_offline(True)
    chat.view("Help now")

    expect(chat.panel.get_by_role("link", name="Call 911")).to_be_visible()
    assert {"tel:911", "tel:988"} <= links(chat.page)


def test_page_without_script(visits):
    """Without JavaScript the page shows the whole card, in English and Spanish, and no dead chat button."""
    page = visits.page(java_script_enabled=False)

    expect(page.get_by_role("heading", name="Help right now")).to_be_visible()
    assert {"tel:911", "sms:911", "tel:988", "sms:988", "tel:1-800-972-0590"} <= links(page, "main")
    expect(page.locator("noscript [lang=es]", has_text="rociada en una fosa nasal")).to_be_visible()
    expect(page.get_by_role("button", name="Open the chat")).to_be_hidden()


def test_script_blocked(visits):
    """When the script can't be had, the page says so and shows the numbers by itself after three seconds."""
    context = visits.context()
    context.route("**/widget/haven.js", lambda route: route.abort())
    page = context.new_page()
    page.goto(visits.url)

    expect(page.get_by_role("heading", name="The chat is not available right now")).to_be_visible()
    assert {"tel:911", "tel:988", "sms:988"} <= links(page, "[data-haven-fallback]")


def test_words_blocked(visits):
    """When the script comes without its words, a page that has no card of its own gets the numbers."""
    context = visits.context()
    context.route("**/widget/en.js", lambda route: route.abort())
    context.route(f"{visits.url}/bare", lambda route: route.fulfill(
        content_type="text/html", body='<!doctype html><title>x</title><script src="/widget/haven.js"></script>'))
    page = context.new_page()
    page.goto(f"{visits.url}/bare")

    expect(page.get_by_role("link", name="call 911")).to_be_visible()
    expect(page.get_by_role("link", name="text 988")).to_be_visible()


def test_guidance_first_on_a_phone(visits):
    """Guidance stands at the top of the screen with 911 to tap, and the numbers stay pinned below."""
    chat = visits.chat(**PHONE)
    chat.ask("what is naloxone")
    chat.say("my friend is blue and wont wake up")

    expect(chat.guidance.last.get_by_role("link", name="Call 911", exact=True)).to_be_in_viewport()
    expect(chat.guidance.last.get_by_role("listitem").first).to_be_in_viewport()
    expect(chat.panel.locator(".pinned").get_by_role("link", name="Call 911")).to_be_in_viewport()
    assert chat.guidance.last.get_by_role("listitem").count() >= 5


def test_guidance_stays_when_the_room_shrinks(visits):
    """Guidance keeps its first line in view when the pinned numbers or a keyboard take room from below."""
    chat = visits.chat(**PHONE)
    chat.say("my friend is blue and wont wake up")
    first = chat.guidance.last.get_by_role("link", name="Call 911", exact=True)
    expect(first).to_be_in_viewport()

    for height in (560, 500, 640):
        chat.page.set_viewport_size({"width": 360, "height": height})
        expect(first).to_be_in_viewport()
        chat.page.wait_for_timeout(300)
        expect(first).to_be_in_viewport()


def test_guidance_when_nothing_could_be_stored(visits):
    """Guidance that comes with a failure is shown, and the message goes on trying."""
    chat = visits.chat()
    words = "This may be an overdose. Act now.\n1. Call 911.\n2. Give naloxone."
    chat.page.evaluate(NO_WAY_OUT, {"error": {"code": "not_stored", "message": "x"}, "guidance": {"text": words}})
    chat.say("he is not breathing")

    expect(chat.guidance.get_by_text("Give naloxone.")).to_be_visible()
    expect(chat.state("Not sent yet")).to_be_visible()
    chat.shadow(WAY_OUT_AND_TAP)
    expect(chat.state("Received")).to_be_visible()


def test_every_number_is_checked():
    """Each number in the widget and on the demo page is a hotline with a source and a date."""
    hotlines = (ROOT / "data" / "hotlines.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(hotlines)
    known = set(NUMBER.findall(hotlines))
    for path in [*(ROOT / "widget" / "src").glob("*.js"), ROOT / "widget" / "demo.html"]:
        text = re.sub(r"\d[\d_]*000|#\w+", "", path.read_text(encoding="utf-8"))
        shown = set(NUMBER.findall(text)) - {"14444"}
        assert shown <= known, (path.name, shown - known)


def test_noscript_says_the_same():
    """The card of the demo page has the same steps, word for word, as the card of the widget."""
    steps = re.search(r"steps: \[\n(.*?)\]", (ROOT / "widget" / "src" / "en.js").read_text(encoding="utf-8"), re.S)
    page = (ROOT / "widget" / "demo.html").read_text(encoding="utf-8")
    assert steps
    for step in re.findall(r'"(.*)"', steps[1]):
        assert f"<li>{step}</li>" in page
