"""Quick exit, discreet mode and erasing: safe to be seen with."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from tests.widget.chat import Chat
from tests.widget.conftest import NEUTRAL, PHONE, conversation_of, in_record

SECRET = "my partner must not read this"


def all_stored(page) -> dict:
    """Everything this browser keeps for the site, of every kind."""
    return page.evaluate(
        "async () => ({ session: { ...sessionStorage }, local: { ...localStorage }, cookies: document.cookie,"
        " databases: await indexedDB.databases(), caches: await caches.keys(), name: window.name })")


NOTHING = {"session": {}, "local": {}, "cookies": "", "databases": [], "caches": [], "name": ""}


@pytest.mark.parametrize("how", ["button", "keys"])
def test_exit_leaves_nothing(visits, how):
    """By button or by Shift three times: a neutral page, nothing stored, and Back shows nothing of the chat."""
    chat = visits.chat(**PHONE) if how == "button" else visits.chat()
    chat.ask(SECRET)
    leave(chat, how)

    expect(chat.page).to_have_title("Weather")
    assert chat.page.url == NEUTRAL
    chat.page.go_back()
    assert SECRET not in chat.page.content()
    chat.page.goto(visits.url)
    assert all_stored(chat.page) == NOTHING
    expect(Chat(chat.page).open().message(SECRET)).to_have_count(0)


def leave(chat: Chat, how: str) -> None:
    if how == "button":
        chat.button("Leave now").click()
    else:
        for _ in range(3):
            chat.page.keyboard.press("Shift")


def test_screen_is_blank_in_the_same_frame(visits):
    """The page is hidden before anything that can wait: in the very task of the click."""
    chat = visits.chat()
    chat.page.route(NEUTRAL, lambda route: None)  # the neutral page never comes
    state = chat.shadow(
        "(root) => { [...root.querySelectorAll('button')].find((b) => b.textContent === 'Leave now').click();"
        " return [getComputedStyle(document.documentElement).display, document.title, { ...sessionStorage }] }")

    assert state == ["none", "Home", {}]


def test_exit_tells_the_switchboard(visits, stack):
    """Staff see that the visitor left by the exit button."""
    chat = visits.chat()
    chat.ask("hello")
    conversation = conversation_of(chat)
    chat.button("Leave now").click()
    expect(chat.page).to_have_title("Weather")

    assert in_record(stack, lambda record: left(record, conversation))


async def left(record, conversation_id: str) -> bool:
    import asyncio

    import sqlalchemy as sa

    from switchboard.records.tables import messages

    for _ in range(300):
        async with record.read() as connection:
            rows = await connection.execute(sa.select(messages.c.response).where(
                messages.c.conversation == conversation_id))
            if "exit" in [row.response for row in rows]:
                return True
        await asyncio.sleep(0.1)
    return False


def test_shift_while_typing_does_not_leave(visits):
    """Capital letters, slow presses and held keys are no exit."""
    chat = visits.chat()
    chat.box.click()
    chat.page.keyboard.type("A B C D")
    for _ in range(2):
        chat.page.keyboard.press("Shift")
    chat.page.keyboard.press("x")
    chat.page.keyboard.press("Shift")

    assert chat.box.input_value() == "A B C Dx"
    assert chat.page.url.startswith(visits.url)


def test_exit_closes_other_tabs_too(visits):
    """A second tab of the site leaves as well: it shows the same words."""
    chat = visits.chat()
    chat.ask(SECRET)
    page = chat.page.context.new_page()
    page.goto(visits.url)
    other = Chat(page).open()
    expect(other.message(SECRET)).to_be_visible()
    chat.button("Leave now").click()

    expect(other.page).to_have_title("Weather")


def test_exit_link_of_the_site(visits):
    """A link of the page itself marked as exit does the same, and is a plain link without script."""
    chat = visits.chat()
    chat.ask(SECRET)
    chat.page.get_by_role("link", name="Leave this site").click()
    expect(chat.page).to_have_title("Weather")
    plain = visits.page(java_script_enabled=False).get_by_role("link", name="Leave this site")
    assert plain.get_attribute("href") == NEUTRAL


def test_discreet_mode(visits):
    """Discreet mode hides the name of the site in window, tab and launcher, and stays on after a reload."""
    chat = visits.chat()
    chat.view("Settings and privacy").button("Someone may see this screen").click()
    chat.page.reload()

    expect(chat.page).to_have_title("Home")
    expect(chat.panel.get_by_role("heading", name="Chat", exact=True)).to_be_visible()
    chat.button("Close the chat window").click()
    assert chat.launcher.inner_text() == "Chat"


def test_launcher_and_stored_names_are_neutral(visits):
    """No word of the subject in the launcher or in the names of what is stored."""
    chat = visits.chat()
    chat.ask("hello")
    names = json.dumps(list(all_stored(chat.page)["session"]))
    chat.button("Close the chat window").click()
    for word in ("recover", "addict", "opioid", "haven", "drug", "help"):
        assert word not in (names + chat.launcher.inner_text()).lower()


def test_erase(visits):
    """Erasing asks once, removes the words from record, screen and storage, and says what it can't remove."""
    chat = visits.chat()
    chat.ask(SECRET)
    token = chat.stored()["session"]["token"]
    chat.view("Settings and privacy")
    expect(chat.page.get_by_text("It can't remove what staff have read")).to_be_visible()
    chat.button("Erase this chat").click()
    chat.button("Yes, erase it").click()

    expect(chat.page.get_by_text("This chat was erased.").first).to_be_visible()
    assert SECRET not in chat.page.locator("haven-chat").inner_text() + json.dumps(all_stored(chat.page))
    answer = chat.page.request.get(f"{visits.url}/chat/events", headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 410
    chat.button("Start a new chat").click()
    chat.ask("a new beginning")


def test_erase_without_server_says_so(visits):
    """When the switchboard can't be reached, nothing is claimed: the chat is not erased yet."""
    chat = visits.chat()
    chat.ask(SECRET)
    chat.page.route("**/chat/conversation", lambda route: route.abort())
    chat.view("Settings and privacy").button("Erase this chat").click()
    chat.button("Yes, erase it").click()

    expect(chat.page.get_by_text("The chat is not erased yet.")).to_be_visible()
    chat.button("Help now").click()
    chat.button("Back to the chat").click()
    expect(chat.message(SECRET)).to_be_visible()


def test_foreign_token_shows_nothing(visits):
    """A guessed session shows nothing of anybody and gives way to a new chat."""
    chat = visits.chat()
    chat.ask(SECRET)
    other = Chat(visits.page())
    other.page.evaluate("sessionStorage.setItem('hv', JSON.stringify({ open: true, session: { token: 'guessed' } }))")
    other.page.reload()

    expect(other.page.get_by_text("Your earlier chat has timed out.").first).to_be_attached()
    expect(other.message(SECRET)).to_have_count(0)
