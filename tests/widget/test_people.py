"""People first: who is speaking, opening hours, choices, sources, feedback, both languages."""

from __future__ import annotations

import ast
import re

from playwright.sync_api import expect

from haven.settings import ROOT
from tests.widget.chat import Chat


def test_who_speaks(visits, maria):
    """Header and every message say whether a bot, nobody yet, or a named person speaks."""
    chat = visits.chat()
    expect(chat.speaker).to_have_text("Automated helper, not a person")
    expect(chat.messages("bot").first).to_contain_text("Automated helper")
    chat.ask("can i talk to a person please")
    expect(chat.speaker).to_have_text("Waiting for a person to join")
    maria.claim(chat)
    expect(chat.speaker).to_have_text("Maria, staff, is here")
    maria.typing(chat)
    expect(chat.page.get_by_text("Maria, staff is writing…")).to_be_visible()
    maria.reply(chat, "Hello, I am Maria.")
    expect(chat.messages("staff").last).to_contain_text("Maria, staff")
    expect(chat.messages("staff").last).to_contain_text("Hello, I am Maria.")


def test_hours_before_typing(visits):
    """Whether staff are here stands above the first message, before anything is typed."""
    chat = visits.chat()
    expect(chat.panel.get_by_text("Staff are here now.")).to_be_visible()


def test_hours_unknown_is_never_open(visits):
    """When the centre's hours can't be had, the widget does not say that staff are here."""
    context = visits.context()
    context.route("**/chat/centre*", lambda route: route.fulfill(status=500, json={}))
    page = context.new_page()
    page.goto(visits.url)
    chat = Chat(page).open()

    expect(chat.panel.get_by_text("We can't tell if staff are here right now.")).to_be_visible()
    expect(chat.panel.get_by_text("Staff are here now.")).to_have_count(0)


def test_sources_on_demand(visits):
    """Under an answer, one tap shows where each part of it comes from."""
    chat = visits.chat()
    chat.ask("what is naloxone")
    summary = chat.page.get_by_text("Where does this come from?")
    expect(summary).to_be_visible()
    source = chat.page.locator("haven-chat details li").first
    expect(source).to_be_hidden()
    summary.click()
    expect(source).to_be_visible()
    assert source.locator("cite").inner_text()


def test_choices_are_buttons(visits):
    """Choices are buttons; choosing says the title, and the buttons are gone once it is said."""
    chat = visits.chat()
    chat.page.route("**/chat/events*", with_options)
    chat.page.reload()
    choices = chat.panel.get_by_role("group", name="You can choose")
    expect(choices.get_by_role("button")).to_have_count(2)
    with chat.page.expect_request("**/chat/messages") as sent:
        choices.get_by_role("button", name="How long does detox take?").click()
    assert (sent.value.post_data_json["text"], sent.value.post_data_json["choice"]) == (
        "How long does detox take?", "faq/FAQ-010")
    expect(choices).to_have_count(0)
    expect(chat.box).to_be_focused()


def with_options(route):
    import json

    message = {
        "seq": 2, "client_id": None, "author": "bot", "name": None, "text": "Which of these?", "kind": "text",
        "at": "2026-11-22T01:37:00Z", "crisis": None, "sources": [], "language": "en", "options": [
            {"title": "How long does detox take?", "choice": "faq/FAQ-010"},
            {"title": "Other", "choice": "faq/FAQ-011"}]}
    state = {"speaker": "bot", "staff_name": None, "staff_typing": False, "bot_typing": False, "read_seq": 0}
    route.fulfill(content_type="text/event-stream", body=(
        f"event: message\nid: 2\ndata: {json.dumps(message)}\n\nevent: state\ndata: {json.dumps(state)}\n\n"))


def test_feedback_without_nagging(visits):
    """One quiet button under the last answer says that it did not help; older answers ask nothing."""
    chat = visits.chat()
    chat.ask("what is naloxone")
    expect(chat.button("This did not help")).to_have_count(1)
    chat.ask("how long does detox take")
    expect(chat.button("This did not help")).to_have_count(1)
    chat.button("This did not help").click()
    expect(chat.message("That did not help.")).to_be_visible()


def test_spanish(visits):
    """A Spanish browser gets the Spanish interface and welcome, without asking."""
    chat = Chat(visits.page(locale="es-MX")).open()
    expect(chat.panel.get_by_role("button", name="Ayuda ya")).to_be_visible()
    expect(chat.speaker).to_have_text("Asistente automático, no una persona")
    expect(chat.messages("bot").first).to_have_attribute("lang", "es")
    chat.panel.get_by_role("button", name="Ayuda ya").click()
    expect(chat.panel.get_by_text("Dé naloxona (Narcan)")).to_be_visible()


def test_language_by_choice(visits):
    """The language can be chosen in the settings; before the first word the welcome changes too, and it stays."""
    chat = visits.chat()
    chat.view("Settings and privacy").button("Español").click()
    expect(chat.panel.get_by_role("heading", name="Ajustes y privacidad")).to_be_visible()
    chat.panel.get_by_role("button", name="Volver al chat").click()
    expect(chat.messages("bot")).to_have_count(1)
    expect(chat.messages("bot")).to_have_attribute("lang", "es")
    chat.page.reload()
    expect(chat.panel.get_by_role("button", name="Salir ya")).to_be_visible()


def test_markup_stays_text(visits):
    """Whatever is typed is shown as text and never becomes part of the page."""
    chat = visits.chat()
    words = "<img src=x onerror=alert(1)> <b>hi</b> javascript:alert(1)"
    chat.ask(words)
    assert chat.said() == [words]
    assert chat.page.locator("haven-chat .said img, haven-chat .said b").count() == 0


def test_too_long_says_so(visits):
    """A text over the limit is not cut: the box counts, and sending waits."""
    chat = visits.chat()
    chat.box.fill("x" * 1650)
    expect(chat.page.get_by_text("50 characters too many")).to_be_visible()
    chat.button("Send").click()
    assert chat.said() == []
    assert len(chat.box.input_value()) == 1650


def test_both_languages_are_complete():
    """English and Spanish have the same words, and the same number of steps."""
    keys = {}
    for language in ("en", "es"):
        text = (ROOT / "widget" / "src" / f"{language}.js").read_text(encoding="utf-8")
        steps = re.search(r"steps: (\[.*?\n    \])", text, re.S)
        assert steps
        keys[language] = (re.findall(r"^ +(\w+):", text, re.M), len(ast.literal_eval(steps[1])))
    assert keys["en"] == keys["es"]


def test_plain_words():
    """The interface reads at eighth grade or easier, in short sentences."""
    text = (ROOT / "widget" / "src" / "en.js").read_text(encoding="utf-8")
    sentences = [s for value in re.findall(r'"([^"]+)"', text) for s in re.split(r"(?<=[.!?:])\s+", value) if " " in s]
    words = [word for s in sentences for word in re.findall(r"[A-Za-z']+", s)]
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", re.sub(r"e$", "", word.lower())))) for word in words)
    grade = 0.39 * len(words) / len(sentences) + 11.8 * syllables / len(words) - 15.59

    assert grade <= 8.0, grade
