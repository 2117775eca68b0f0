"""Takes the pictures of docs/images, of the real stack, for people to look at; only where asked for.

Run with WIDGET_PICTURES=docs/images. A picture is no proof: the other modules here hold the promises.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.widget.chat import Chat
from tests.widget.conftest import PHONE

FOLDER = os.environ.get("WIDGET_PICTURES")
pytestmark = pytest.mark.skipif(not FOLDER, reason="set WIDGET_PICTURES to a folder to take pictures")


class Camera:
    def __init__(self, chat: Chat, screen: str) -> None:
        self.chat = chat
        self.screen = screen

    def take(self, state: str) -> None:
        self.chat.page.wait_for_timeout(250)
        self.chat.page.screenshot(path=Path(str(FOLDER)) / f"widget-{self.screen}-{state}.png")


@pytest.mark.parametrize("screen", ["phone", "wide"])
def test_talking(visits, maria, screen):
    """From the page to a conversation with a person."""
    chat = Chat(visits.page(**(PHONE if screen == "phone" else {})))
    camera = Camera(chat, screen)
    camera.take("page")
    chat.open()
    camera.take("welcome")
    chat.ask("how long does detox take")
    chat.page.get_by_text("Where does this come from?").click()
    camera.take("answer")
    chat.ask("treatment")
    expect(chat.panel.get_by_role("group", name="You can choose")).to_be_visible()
    camera.take("choices")
    chat.say("my friend is blue and wont wake up")
    expect(chat.guidance.first).to_be_visible()
    camera.take("guidance")
    chat.transcript_end()
    camera.take("question")
    chat.button("Not yet").click()
    expect(chat.button("Next step")).to_be_visible()
    chat.page.wait_for_timeout(700)
    chat.button("Next step").click()
    expect(chat.messages("bot").last).to_contain_text("1/6")
    camera.take("step")
    chat.ask("can i talk to a person")
    camera.take("waiting")
    maria.claim(chat).reply(chat, "Hi, I'm Maria, a nurse here. Is the ambulance on its way?").typing(chat)
    expect(chat.messages("staff").last).to_be_attached()
    chat.transcript_end()
    camera.take("staff")


@pytest.mark.parametrize("screen", ["phone", "wide"])
def test_around_the_talk(visits, screen):
    """Without a line, the help card, the settings, the end."""
    chat = visits.chat(**(PHONE if screen == "phone" else {}))
    camera = Camera(chat, screen)
    chat.ask("what is naloxone")
    chat.panel.get_by_role("group", name="Did this help?").get_by_role("button", name="No", exact=True).click()
    expect(chat.button("Ask for a person")).to_be_visible()
    camera.take("feedback")
    chat.page.context.set_offline(True)
    chat.say("is it safe if they did not take opioids")
    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    camera.take("offline")
    chat.view("Help now")
    camera.take("help")
    chat.page.context.set_offline(False)
    chat.view("Settings and privacy")
    camera.take("settings")
    chat.button("Erase this chat").click()
    chat.button("Yes, erase it").click()
    expect(chat.button("Start a new chat")).to_be_visible()
    camera.take("erased")


def test_others(visits):
    """Dark, Spanish, suicide guidance, no server, no script, and a very small window."""
    dark = Chat(visits.page(color_scheme="dark", locale="es-MX", **PHONE)).open()
    dark.page.locator("haven-chat textarea").fill("quiero morirme")
    dark.page.keyboard.press("Tab")
    dark.page.keyboard.press("Enter")
    expect(dark.guidance.first).to_be_visible()
    Camera(dark, "phone").take("dark-spanish")
    told = Chat(visits.page(**PHONE)).open()
    told.say("i want to kill myself tonight")
    expect(told.guidance.first).to_be_visible()
    Camera(told, "phone").take("suicide")
    told.transcript_end()
    Camera(told, "phone").take("suicide-choices")
    zoomed = Chat(visits.page(viewport={"width": 320, "height": 200})).open()
    Camera(zoomed, "zoomed").take("welcome")
    context = visits.context(**PHONE)
    context.route("**/chat/**", lambda route: route.abort())
    alone = Chat(context.new_page())
    alone.page.goto(visits.url)
    alone.launcher.click()
    expect(alone.log.get_by_text("Give naloxone")).to_be_visible()
    Camera(alone, "phone").take("no-server")
    script = Chat(visits.page(java_script_enabled=False, **PHONE))
    script.page.screenshot(path=Path(str(FOLDER)) / "widget-phone-no-script.png", full_page=True)
