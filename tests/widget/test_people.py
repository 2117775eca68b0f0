"""People first: who is speaking, opening hours, choices, sources, feedback, both languages."""

from __future__ import annotations

import ast
import re

import sqlalchemy as sa
from playwright.sync_api import expect

from haven.settings import ROOT
from switchboard.records.tables import feedback
from tests.widget.chat import Chat
from tests.widget.conftest import PHONE, conversation_of, in_record


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


def test_feedback_without_nagging(visits, stack):
    """One quiet line under the last answer asks whether it helped; it is stored, and is no message in the chat."""
    chat = visits.chat()
    asked = chat.panel.get_by_role("group", name="Did this help?")
    chat.ask("what is naloxone")
    expect(asked).to_have_count(1)
    chat.ask("how long does detox take")
    expect(chat.messages("bot").last).to_contain_text("5 to 7 days")
    expect(asked).to_have_count(1)
    said = chat.messages("bot").count()
    asked.get_by_role("button", name="Yes", exact=True).click()
    expect(asked.get_by_text("Thank you.")).to_be_visible()

    assert chat.said() == ["what is naloxone", "how long does detox take"]
    assert chat.messages("bot").count() == said
    assert rated(stack, chat) == [True]


def test_what_did_not_help_leads_to_a_person(visits, stack):
    """After "No" a person can be asked for with one tap; nobody is asked why."""
    chat = visits.chat()
    chat.ask("what is naloxone")
    asked = chat.panel.get_by_role("group", name="Did this help?")
    asked.get_by_role("button", name="No", exact=True).click()
    expect(asked.get_by_text("other words")).to_be_visible()
    assert rated(stack, chat) == [False]

    asked.get_by_role("button", name="Ask for a person").click()
    expect(chat.arrived("I'd like to talk to a person.")).to_be_visible()
    expect(asked).to_have_count(0)


def test_feedback_that_cannot_be_stored(visits):
    """Without a line nothing is claimed: the question stays and can be answered later."""
    chat = visits.chat()
    chat.ask("what is naloxone")
    asked = chat.panel.get_by_role("group", name="Did this help?")
    chat.page.route("**/chat/feedback", lambda route: route.abort())
    asked.get_by_role("button", name="Yes", exact=True).click()
    expect(chat.panel.get_by_role("status")).to_contain_text("No connection.")
    chat.page.unroute("**/chat/feedback")
    asked.get_by_role("button", name="Yes", exact=True).click()
    expect(asked.get_by_text("Thank you.")).to_be_visible()


def rated(stack, chat):
    """What the record holds on the answers of this chat."""
    number = conversation_of(chat)

    async def read(record):
        async with record.read() as connection:
            rows = await connection.execute(sa.select(feedback).where(feedback.c.conversation == number))
            return [row.helped for row in rows]

    return in_record(stack, read)


def test_choices_after_guidance(visits):
    """After guidance the answers are large buttons; a second tap of a shaking hand chooses nothing more."""
    chat = visits.chat(**PHONE)
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.last).to_be_in_viewport()
    chat.button("New message below").click()
    choices = chat.panel.get_by_role("group", name="You can choose")
    expect(choices.get_by_role("button")).to_have_count(4)
    for box in (choices.get_by_role("button").nth(n).bounding_box() for n in range(4)):
        assert box["height"] >= 56
        assert box["width"] >= 120

    chat.button("Not yet").click()
    step = chat.button("Next step")
    expect(step).to_be_visible()
    chat.page.wait_for_timeout(700)  # as slow as a person; two taps within that are one
    chat.shadow("(root) => { const last = [...root.querySelectorAll('.option')].at(-1); last.click(); last.click() }")
    expect(chat.messages("bot").last).to_contain_text("1/6")
    assert [text for text in chat.said() if text == "Next step"] == ["Next step"]


def test_steps_one_at_a_time(visits):
    """One step a tap, each in view, down to the last."""
    chat = visits.chat(**PHONE)
    chat.say("my friend is blue and wont wake up")
    chat.button("New message below").click()
    for number in range(1, 7):
        chat.page.wait_for_timeout(700)
        chat.button("Next step").click()
        expect(chat.messages("bot").last).to_contain_text(f"{number}/6")
        expect(chat.messages("bot").last).to_be_in_viewport()
    expect(chat.button("Next step")).to_have_count(0)
    expect(chat.panel.locator(".pinned").get_by_role("link", name="Call 911")).to_be_in_viewport()


def test_ways_on_beyond_a_telephone(visits):
    """Who tells of suicide has the ways on under the guidance itself, and each answers at once."""
    chat = visits.chat(**PHONE)
    chat.say("i want to kill myself tonight")
    expect(chat.guidance.last).to_be_in_viewport()
    for name in ("Text with someone", "Be with someone now", "Make this place safer", "A small calming step"):
        expect(chat.button(name)).to_have_count(1)
    chat.button("A small calming step").click()
    expect(chat.messages("bot").last).to_contain_text("five things")
    expect(chat.button("I'm safe for now")).to_be_visible()


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
