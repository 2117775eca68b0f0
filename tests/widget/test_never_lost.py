"""The widget never loses a word and never doubles one."""

from __future__ import annotations

import re
import time

import pytest
from playwright.sync_api import Route, expect

from tests.widget.chat import NO_WAY_OUT, WAY_OUT_AND_TAP, Chat
from tests.widget.conftest import PHONE, conversation_of, in_record


def test_five_minutes_without_network(visits, maria):
    """After five minutes without network both sides have every word, in order, once."""
    chat = visits.chat(**PHONE)
    chat.page.clock.install()
    chat.ask("can i talk to a person please")
    maria.claim(chat)
    chat.page.context.set_offline(True)
    chat.say("first in the tunnel").say("second in the tunnel")
    maria.reply(chat, "Are you still there?")
    chat.page.clock.fast_forward("05:00")

    expect(chat.page.get_by_text("No connection.")).to_be_visible()
    expect(chat.state("Not sent yet. We keep trying.")).to_have_count(2)
    chat.page.context.set_offline(False)
    expect(chat.message("Are you still there?")).to_be_visible()
    expect(chat.arrived("second in the tunnel")).to_be_visible()
    expect(chat.state("Not sent yet")).to_have_count(0)
    assert chat.said() == ["can i talk to a person please", "first in the tunnel", "second in the tunnel"]
    assert "second in the tunnel" in maria.look(chat)
    expect(chat.page.get_by_text("No connection.")).to_have_count(0)


def test_answer_lost_on_the_way(visits):
    """When the message arrived and the answer to it did not, one copy is stored and one is shown."""
    chat = visits.chat()
    lose_first_answer(chat)
    chat.say("did this arrive")

    expect(chat.state("Received")).to_be_visible()
    chat.page.reload()
    expect(chat.message("did this arrive")).to_be_visible()
    assert chat.said() == ["did this arrive"]


def lose_first_answer(chat: Chat) -> None:
    lost = []

    def lose(route: Route) -> None:
        if lost:
            return route.continue_()
        lost.append(route.fetch())
        return route.abort()

    chat.page.route("**/chat/messages", lose)


@pytest.mark.journey
def test_switchboard_killed_between_send_and_answer(visits, stack):
    """The switchboard dies as a message is sent: it is back soon, and the message is there once."""
    chat = visits.chat()
    chat.ask("before")
    stack.kill("switchboard")
    chat.say("while it was dead")
    stack.start("switchboard")

    expect(chat.arrived("while it was dead")).to_be_visible(timeout=40_000)
    chat.page.reload()
    expect(chat.arrived("while it was dead")).to_be_visible()
    assert chat.said() == ["before", "while it was dead"]


def test_failed_send_keeps_the_text_and_retries_with_one_tap(visits):
    """A message that could not be sent stays, says so, and goes out with one tap; the box is never locked."""
    chat = visits.chat()
    chat.page.evaluate(NO_WAY_OUT)
    chat.say("please take this")

    expect(chat.state("Not sent yet. We keep trying.")).to_be_visible()
    expect(chat.box).to_be_editable()
    chat.box.fill("half written")
    chat.shadow(WAY_OUT_AND_TAP)
    expect(chat.state("Received")).to_be_visible()
    assert (chat.said(), chat.box.input_value()) == (["please take this"], "half written")


def test_reload_in_mid_sentence(visits):
    """A reload keeps the transcript, what was not sent yet, and what was half written."""
    chat = visits.chat()
    chat.ask("stored words")
    chat.page.route("**/chat/messages", lambda route: route.abort())
    chat.say("unsent words")
    chat.box.fill("half written")
    expect(chat.state("Not sent yet")).to_be_visible()
    chat.page.unroute("**/chat/messages")
    chat.page.reload()

    expect(chat.box).to_have_value("half written")
    expect(chat.arrived("unsent words")).to_be_visible()
    expect(chat.state("Not sent yet")).to_have_count(0)
    assert chat.said() == ["stored words", "unsent words"]


def test_two_tabs_show_one_conversation(visits):
    """A second tab of the site shows the same conversation, and what is said in one is seen in the other."""
    first = visits.chat()
    first.ask("from the first tab")
    page = first.page.context.new_page()
    page.goto(visits.url)
    second = Chat(page).open()

    expect(second.message("from the first tab")).to_be_visible()
    second.ask("from the second tab")
    expect(first.message("from the second tab")).to_be_visible()
    assert first.said() == second.said() == ["from the first tab", "from the second tab"]


def test_two_tabs_at_the_same_instant(visits, stack):
    """Two tabs in which the chat is opened at the same instant have one conversation, and one is begun."""
    first = visits.page()
    second = first.context.new_page()
    second.goto(visits.url)
    begun = visits.requests.count(f"{visits.url}/chat/conversations")
    for page in (first, second):  # both wait for the same moment of the clock
        page.evaluate("""(at) => setTimeout(
            () => document.querySelector('haven-chat').shadowRoot.querySelector('.launcher').click(), at - Date.now())
            """, time.time() * 1000 + 700)
    chats = [Chat(first), Chat(second)]
    for chat in chats:
        expect(chat.messages("bot").first).to_be_attached()

    assert conversation_of(chats[0]) == conversation_of(chats[1])
    assert visits.requests.count(f"{visits.url}/chat/conversations") == begun + 1


def test_states_are_true(visits, maria):
    """Under a message stands what is so: sending, received, and read only when a person has read it."""
    chat = visits.chat()
    held: list[Route] = []
    chat.page.route("**/chat/messages", lambda route: held.append(route))
    chat.say("i want to talk to a person")
    expect(chat.state("Sending…")).to_be_visible()
    while not held:
        chat.page.wait_for_timeout(20)
    held[0].continue_()
    chat.page.unroute("**/chat/messages")
    expect(chat.state("Received")).to_be_visible()
    expect(chat.state("Read by a person")).to_have_count(0)
    maria.claim(chat).look(chat)
    expect(chat.state("Read by a person")).to_be_visible()


def test_timed_out_session_starts_a_new_chat_with_the_words(visits):
    """When the session has ended, what is sent next goes into a new chat and nothing typed is lost."""
    chat = visits.chat()
    chat.ask("said before")
    chat.page.route("**/chat/messages", refuse_once(401))
    chat.say("said after")

    expect(chat.page.get_by_text("Your earlier chat has timed out.")).to_be_visible()
    expect(chat.state("Received")).to_be_visible()
    assert chat.said() == ["said before", "said after"]


def refuse_once(status: int):
    refused = []

    def handle(route: Route) -> None:
        if refused:
            return route.continue_()
        refused.append(True)
        return route.fulfill(status=status, json={"error": {"code": "x", "message": "x"}})

    return handle


def test_500_messages(visits, stack):
    """A transcript of 500 messages is there within a second of opening the page, in order, and scrolls."""
    chat = visits.chat()
    conversation = conversation_of(chat)
    in_record(stack, lambda record: fill(record, conversation, 500))
    chat.page.reload()
    expect(chat.message("Message 499")).to_be_visible()
    assert any(is_quick(chat) for _ in range(10))  # whatever else runs here only ever makes it slower

    texts = [text for text in chat.log.locator(".said").all_inner_texts() if text.startswith("Message ")]
    assert texts == [f"Message {number}" for number in range(500)]
    below, top, height = chat.shadow(SCROLLED)
    assert (below < 60, top, height > 20_000) == (True, 0, True)


def is_quick(chat: Chat) -> bool:
    """Whether all of it stands there within a second of a reload."""
    chat.page.reload(wait_until="commit")
    milliseconds: float = chat.page.evaluate(WHEN_ALL_ARE_SHOWN)
    return milliseconds < 1000 * slowness(chat)


# What is left below the end of the view; where the view is after scrolling to the top; the height of it all.
SCROLLED = """(root) => {
  const scroll = root.querySelector('.scroll');
  const below = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  scroll.scrollTop = 0;
  return [below, scroll.scrollTop, scroll.scrollHeight];
}"""

# The time since the page began to load at which 500 messages stand there, laid out.
WHEN_ALL_ARE_SHOWN = """() => new Promise((resolve) => (function look() {
  const root = document.querySelector('haven-chat')?.shadowRoot;
  if (root?.querySelectorAll('.message').length > 500) requestAnimationFrame(() => resolve(performance.now()));
  else requestAnimationFrame(look);
})())"""


def slowness(chat: Chat) -> float:
    """How much slower this machine is right now than one that counts to ten million in 20 ms; at least 1."""
    spent = chat.page.evaluate(
        "() => { const t = performance.now(); for (let i = 0, s = 0; i < 1e7; i++) s += i;"
        " return performance.now() - t }")
    return max(1.0, spent / 20)


async def fill(record, conversation_id: str, count: int) -> None:
    from switchboard import conversations
    from switchboard.conversations import Message

    async with record.write() as tx:
        conversation = await conversations.load(tx, conversation_id)
        for number in range(count):
            author = ("visitor", "bot")[number % 2]
            await conversations.add(tx, conversation, Message(author=author, text=f"Message {number}"))


def test_out_of_the_mobile_tab_and_back(visits, maria):
    """A hidden tab counts what is new in its title, without a word of it, and misses nothing."""
    chat = visits.chat()
    chat.ask("can i talk to a person please")
    maria.claim(chat)
    title = chat.page.title()
    other = chat.page.context.new_page()
    other.bring_to_front()
    chat.page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    maria.reply(chat, "I am here now")

    expect(chat.page).to_have_title(re.compile(rf"^\(\d+\) {re.escape(title)}$"))
    expect(chat.message("I am here now")).to_be_attached()
