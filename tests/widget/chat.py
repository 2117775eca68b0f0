"""The widget as a visitor handles it: what can be seen, tapped and typed."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

KEY = "hv"


# Nothing that is sent arrives: it is refused with the words given, or lost. Then it does, and "Try now" is tapped at
# that very moment: a moment later the widget tries by itself, and the button is gone.
NO_WAY_OUT = """(refusal) => {
  window.way = window.fetch;
  window.fetch = (address, ...rest) => !String(address).includes('chat/messages') ? window.way(address, ...rest)
    : refusal ? Promise.resolve(new Response(JSON.stringify(refusal), { status: 503 }))
    : Promise.reject(new TypeError('lost'));
}"""
WAY_OUT_AND_TAP = """(root) => {
  window.fetch = window.way;
  [...root.querySelectorAll('button')].find((button) => button.textContent === 'Try now').click();
}"""


class Chat:
    """One page with the widget on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.launcher = page.locator("haven-chat .launcher")
        self.panel = page.get_by_role("dialog")
        self.box = page.locator("haven-chat textarea")
        self.log = page.get_by_role("log")
        self.guidance = page.locator("haven-chat .message.guidance")
        self.speaker = page.locator("haven-chat .speaker")

    def open(self) -> Chat:
        """Open the chat and wait for the welcome."""
        self.launcher.click()
        expect(self.messages("bot").first).to_be_visible()
        return self

    def messages(self, author: str = "visitor") -> Locator:
        return self.page.locator(f"haven-chat .message.{author}")

    def say(self, text: str) -> Chat:
        """Write and send; returns at once."""
        self.box.fill(text)
        self.button("Send").click()
        return self

    def ask(self, text: str) -> Chat:
        """Write, send, and wait until the switchboard has it."""
        self.say(text)
        expect(self.arrived(text)).to_be_visible()
        return self

    def state(self, text: str) -> Locator:
        """What stands under the visitor's messages."""
        return self.page.locator("haven-chat .state", has_text=text)

    def arrived(self, text: str) -> Locator:
        """The visitor's message as the switchboard has stored it."""
        return self.page.locator("haven-chat .message.visitor[data-seq]", has_text=text)

    def message(self, text: str) -> Locator:
        return self.log.get_by_text(text, exact=True)

    def button(self, name: str) -> Locator:
        return self.panel.get_by_role("button", name=name, exact=True)

    def view(self, name: str) -> Chat:
        """Open the help card or the settings."""
        self.button(name).click()
        return self

    def transcript_end(self) -> Chat:
        """Scroll down, as a visitor would, if something new stands below."""
        if self.button("New message below").is_visible():
            self.button("New message below").click()
        return self

    def stored(self) -> dict[str, Any]:
        return json.loads(self.page.evaluate(f"sessionStorage.getItem('{KEY}')") or "{}")

    def said(self) -> list[str]:
        """The visitor's own words on the screen, in order."""
        return self.page.locator("haven-chat .message.visitor .said").all_inner_texts()

    def shadow(self, script: str, argument: Any = None) -> Any:
        """Evaluate `(root, argument) => ...` on the widget's shadow root."""
        return self.page.evaluate(
            f"(argument) => ({script})(document.querySelector('haven-chat').shadowRoot, argument)", argument)
