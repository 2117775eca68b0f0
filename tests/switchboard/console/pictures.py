"""Makes the pictures of docs/staff_guide.md: a night with thirty conversations, in a real Chromium.

Run by hand: `python -m tests.switchboard.console.pictures [folder]`.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from switchboard import conversations, handoff
from switchboard.accounts import by_id, everybody
from switchboard.conversations import WAITING, Conversation, Message
from switchboard.crisis_lane import as_json
from switchboard.records.record import now
from switchboard.records.tables import alerts, claims, messages
from switchboard.records.tables import conversations as table
from tests.switchboard.console.conftest import PASSWORD, Console, running

MINUTE = 60_000
UNKNOWN = ("is there parking", "do you have a parking lot", "where can i park", "can i bring my dog",
           "can my dog stay with me", "is there wifi in the rooms")
ASKED = [
    ("what actually happens in detox", "FAQ-032"), ("do i need to detox before you take me", "FAQ-031"),
    ("how long do people stay on the medicine", "FAQ-049"), ("is suboxone just another drug", "FAQ-048"),
    ("what can i do for my brother", "FAQ-086"), ("should i have narcan in the house", "FAQ-089"),
]  # fmt: skip
# what was written last, minutes ago, channel, language, and who has it ("", WAITING, or a place in the staff)
NIGHT: list[tuple[str, float, str, str, Any]] = [
    ("hes blue and i cant wake him up", 0.2, "widget", "en", ""),
    ("i want to die i cant do this anymore", 2, "sms", "en", ""),
    ("do you take medicaid", 14, "widget", "en", WAITING),
    ("can i talk to a person please", 9, "widget", "en", WAITING),
    ("my daughter is 17, can she come without me", 31, "widget", "en", WAITING),
    ("quiero hablar con alguien", 6, "sms", "es", WAITING), ("is there a bed tonight", 4, "sms", "en", WAITING),
    ("nobody called me back yesterday", 22, "sms", "en", WAITING),
    ("what do i bring with me", 2, "widget", "en", WAITING),
    ("ok. and the waiting list, how long is it", 3, "widget", "en", 0),
    ("thank you. i feel calmer", 7, "widget", "en", 0),
    ("she took her second dose today", 12, "sms", "en", 0), ("he is home now and asleep", 5, "widget", "en", 1),
    ("i will call them in the morning", 16, "sms", "en", 1), ("can my mom visit", 8, "widget", "en", 1),
    ("what about work", 26, "widget", "en", 2), ("gracias", 19, "sms", "es", 2),
    *((text, 10 + 7 * n, ("widget", "sms")[n % 2], "en", None) for n, (text, _) in enumerate(ASKED * 2)),
]


async def night(console: Console) -> list[str]:
    """Fill the record; the conversations' ids in the order of NIGHT."""
    staff = [await console.account(name, login=name.split()[0].lower(), role=role) for name, role in (
        ("Anna Weber", "staff"), ("Ben Okoye", "staff"), ("Carla Ruiz", "supervisor"))]
    async with console.parts.record.read() as connection:
        people = [await by_id(connection, member.id) for member in staff]
    return [await _one(console, people, number, *row) for number, row in enumerate(NIGHT)]


async def _one(
    console: Console, people: list[Any], number: int, text: str, minutes: float, channel: str, language: str, who: Any
) -> str:
    parts, asked = console.parts, ASKED[number % len(ASKED)]
    async with parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel=channel, language=language)
        if language == "en" and who is not None:
            await _question(tx, parts, conversation, *asked)
        await _last(tx, parts, conversation, text, who)
        if isinstance(who, int):
            await _claimed(tx, parts, conversation, people[who], answered="thank" in text or "calmer" in text)
        await _age(tx, conversation.id, int(minutes * MINUTE))
    return conversation.id


async def _question(tx: Any, parts: Any, conversation: Conversation, question: str, faq: str) -> None:
    answer = parts.content.answers[faq]
    asked = await conversations.add(tx, conversation, Message(author="visitor", text=question))
    await conversations.add(tx, conversation, Message(
        author="bot", text=answer.sms if conversation.channel == "sms" else answer.text,
        response=f"utter_faq/{faq}", answers_seq=asked.seq, sources=parts.content.sources_of(answer)[:2]))


async def _last(tx: Any, parts: Any, conversation: Conversation, text: str, who: Any) -> None:
    danger = await parts.lane.assess(text)
    said = await conversations.add(tx, conversation, Message(
        author="visitor", text=text, language=conversation.language,
        crisis=as_json(danger) if danger.level != "none" else None))
    if danger.level != "none":
        await conversations.raise_alert(tx, conversation, said.seq, as_json(danger))
    if danger.level == "acute":
        await conversations.add(tx, conversation, parts.lane.guidance(danger, conversation.channel))
    fresh = await conversations.load(tx, conversation.id)
    await conversations.handled(tx, fresh, said.seq)
    if who == WAITING:
        await conversations.add(tx, fresh, parts.texts.notice("waiting_open", fresh, author="bot", kind="text"))
        fresh = await conversations.load(tx, conversation.id)
        await conversations.give(tx, fresh, WAITING, handoff={"reason": "asked"}, waiting_since=now())


async def _claimed(tx: Any, parts: Any, conversation: Conversation, person: Any, *, answered: bool) -> None:
    await handoff.claim(tx, parts.texts, conversation.id, person)
    await tx.execute(claims.update().values(spoke_at=now()))
    if answered:
        await handoff.reply(tx, conversation.id, person, "I'm glad you wrote. I'm here if anything changes.",
                            client_id=f"staff-{conversation.id[:8]}")


async def _age(tx: Any, conversation_id: str, milliseconds: int) -> None:
    for rows, column in ((messages, "at"), (alerts, "raised_at")):
        await tx.execute(rows.update().where(rows.c.conversation == conversation_id)
                         .values({column: rows.c[column] - milliseconds}))
    await tx.execute(table.update().where(table.c.id == conversation_id).values(
        waiting_since=table.c.waiting_since - milliseconds, updated_at=table.c.updated_at - milliseconds))


async def shoot(console: Console, ids: list[str], folder: Path) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, size, scheme in (("wide", (1440, 900), "light"), ("phone", (390, 844), "light"),
                                   ("dark", (1440, 900), "dark")):
            context = await browser.new_context(
                viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, base_url=console.url)
            await _walk(await context.new_page(), name, ids, folder)
            await context.close()
        context = await browser.new_context(viewport={"width": 1280, "height": 860}, base_url=console.url)
        await office(await context.new_page(), folder)
        await browser.close()


async def _walk(page: Page, name: str, ids: list[str], folder: Path) -> None:
    async def keep(what: str) -> None:
        await page.wait_for_timeout(1400)
        await page.screenshot(path=folder / f"console-{what}-{name}.png")

    await page.goto("/staff/login")
    await page.get_by_label("Login").fill("anna")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/staff/")
    await keep("queue")
    await page.goto(f"/staff/conversations/{ids[0]}")
    await keep("danger")
    await page.goto(f"/staff/conversations/{ids[9]}")
    await page.get_by_label("Write to the visitor as Anna").fill("About three weeks. Shall I put you on it?")
    await keep("conversation")
    if name == "wide":
        await page.locator("summary", has_text="Close").click()
        await keep("close")


async def office(page: Page, folder: Path) -> None:
    """What a supervisor sees beside the queue."""
    await page.goto("/staff/login")
    await page.get_by_label("Login").fill("carla")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/staff/")
    for name in ("questions", "pictures", "hours"):
        await page.goto(f"/staff/{name}")
        await page.wait_for_timeout(600)
        await page.screenshot(path=folder / f"console-{name}-wide.png")


async def weeks(console: Console) -> None:
    """Four weeks of chats long answered, for the figures; and what the bot could not answer."""
    dice, day = random.Random(3), 24 * 60 * MINUTE  # noqa: S311
    kinds = list(console.parts.content.guidance)[:5]
    async with console.parts.record.write() as tx:
        person = (await everybody(tx))[0]
        for number in range(420):
            at = now() - int(dice.random() * 27 * day) - day
            channel = dice.choice(("widget", "widget", "sms"))
            conversation = await conversations.begin(tx, channel=channel, language="en")
            await _long_ago(tx, conversation.id, number, at, dice)
            if dice.random() < 0.3:
                waited = int(dice.expovariate(1 / 150)) * 1000 + 3000
                await tx.execute(claims.insert().values(
                    conversation=conversation.id, staff=person.id, urgent=dice.random() < 0.4, asked_at=at,
                    claimed_at=at + waited, spoke_at=at + waited + 5000, ended_at=at + waited + 9000, how="closed"))
            if dice.random() < 0.25:
                await tx.execute(alerts.insert().values(
                    conversation=conversation.id, seq=1, level="acute", kind=dice.choice(kinds), why=[], raised_at=at,
                    accepted_at=at))


async def _long_ago(tx: Any, conversation_id: str, number: int, at: int, dice: random.Random) -> None:
    conversation = await conversations.load(tx, conversation_id)
    unknown = number % 12 == 0
    text = dice.choice(UNKNOWN) if unknown else dice.choice(ASKED)[0]
    asked = await conversations.add(tx, conversation, Message(author="visitor", text=text))
    response = "utter_unknown" if unknown else f"utter_faq/{dice.choice(ASKED)[1]}"
    await conversations.add(tx, conversation, Message(
        author="bot", text="...", response=response, answers_seq=asked.seq))
    await conversations.handled(tx, await conversations.load(tx, conversation_id), asked.seq + 1)
    await tx.execute(messages.update().where(messages.c.conversation == conversation_id).values(at=at))
    await tx.execute(table.update().where(table.c.id == conversation_id).values(opened_at=at, updated_at=at))


async def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
    with tempfile.TemporaryDirectory() as home:
        async with running(Path(home)) as console:
            ids = await night(console)
            await weeks(console)
            async with console.parts.record.write() as tx:
                for id, name, when in ((ids[7], "Sam", "tomorrow after 4"), (ids[13], None, "mornings")):
                    await conversations.promise_callback(
                        tx, await conversations.load(tx, id), {"name": name, "number": "+13025550147", "when": when})
            await console.app.ctx.board.refresh(console.parts)
            await shoot(console, ids, folder)
            await console.close()


if __name__ == "__main__":
    asyncio.run(main())
