"""switchboard.figures: what is counted, and that no shown number gives a small one away; on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haven.content import Content
from haven.settings import ROOT
from switchboard import accounts, conversations, figures
from switchboard.conversations import Message
from switchboard.figures import FEWEST
from switchboard.records.record import Record, now
from switchboard.records.tables import alerts, claims
from switchboard.records.tables import conversations as table

CONTENT = Content.load(ROOT / "data")
MINUTE = 60_000


@given(st.lists(st.integers(0, 60), min_size=1, max_size=9))
def test_nothing_shown_gives_a_small_count_away(counts):
    """Shown cells are none or enough; taken from the total they leave enough people in more than one cell."""
    cells, total = figures.hidden(counts)
    assert all(cell is None or cell == count for cell, count in zip(cells, counts, strict=True))
    assert all(cell == 0 or cell >= FEWEST for cell in cells if cell is not None)
    gone = [count for cell, count in zip(cells, counts, strict=True) if cell is None]
    if total is not None and gone:
        assert len(gone) >= 2 and total - sum(cell or 0 for cell in cells) >= FEWEST


@pytest.mark.parametrize(("counts", "cells", "total"), [
    ([40, 30], [40, 30], 70), ([0, 30], [0, 30], 30), ([5, 30], [None, None], 35), ([5, 0], [None, 0], None),
    ([5, 20, 90], [None, None, 90], 115), ([6, 5, 90], [None, None, 90], 101), ([1, 1, 90], [None, None, None], 92),
    ([1, 1, 0], [None, None, 0], None),
])
def test_one_small_cell_takes_the_next_with_it(counts, cells, total):
    """The smallest of the others is hidden too, or the total where there is none."""
    assert figures.hidden(counts) == (cells, total)


def test_a_share_says_no_more_than_the_counts_may():
    """A small part or a small rest becomes a bound; a hidden cell beside a total has no share of its own."""
    assert figures.share(150, 300) == "50 %" and figures.share(3, 10) == "too few to tell"
    assert figures.share(5, 300) == "under 4 %" and figures.share(295, 300) == "over 96 %"
    rows = dict(figures.answered(Counter(answered=300, gap=40, unknown=5)).rows)
    assert rows["Answered from the documents"] == (300, "87 %")
    assert rows["Said that the documents do not tell"] == (None, "")


def test_weeks_begin_on_monday_in_the_centre_s_own_time():
    """Late on a Sunday in New York is already Monday in UTC, and counts for the old week."""
    zone = ZoneInfo("America/New_York")
    sunday = int(datetime(2026, 11, 23, 3, 0, tzinfo=timezone.utc).timestamp() * 1000)
    mondays = figures._mondays(datetime(2026, 11, 25).date(), 2)
    rows = figures.by_week([(sunday, "widget")] * 12 + [(sunday, "sms")] * 20, mondays, zone).rows
    assert rows == (("Nov 16", (12, 20, 32)), ("Nov 23", (0, 0, 0)))


async def made(tx, *, practice=False, channel="widget"):
    conversation = await conversations.begin(tx, channel=channel, language="en")
    if practice:
        await tx.execute(table.update().where(table.c.id == conversation.id).values(practice=1))
    question = await conversations.add(tx, conversation, Message(author="visitor", text="x"))
    await conversations.add(tx, conversation, Message(
        author="bot", text="y", response="utter_faq/FAQ-029", answers_seq=question.seq))
    return await conversations.load(tx, conversation.id)


async def waited(tx, conversation, person, minutes, *, urgent=False):
    """This person took the conversation after `minutes`, and spoke."""
    asked = now() - 3_600_000
    await tx.execute(claims.insert().values(
        conversation=conversation.id, staff=person.id, urgent=urgent, asked_at=asked,
        claimed_at=asked + minutes * MINUTE, spoke_at=asked + minutes * MINUTE))


async def tables(record: Record) -> dict[str, dict]:
    async with record.read() as connection:
        found = await figures.read_figures(connection, CONTENT, None, 4, datetime.now(timezone.utc))
    return {figure.key: dict(figure.rows) for figure in found}


async def test_what_is_counted(record: Record) -> None:
    """Twenty real chats, some with danger and waits; practice, and a look by somebody nobody waited for, count not."""
    async with record.write() as tx:
        person = await accounts.add(tx, login="anna", name="Anna", role="staff", password="x")
        for number in range(20):
            conversation = await made(tx, channel=("widget", "sms")[number >= 12])
            await waited(tx, conversation, person, number + 1)
            if number < 15:
                await tx.execute(alerts.insert().values(
                    conversation=conversation.id, seq=1, level="acute", kind="overdose_other", why=[], raised_at=now()))
            await conversations.add(tx, conversation, Message(author="bot", text="w", response="utter_waiting_open"))
            if number < 14:
                await conversations.add(tx, conversation, Message(
                    author="system", text="j", response="handoff_accepted"))
        for _ in range(30):
            practised = await made(tx, practice=True)
            await waited(tx, practised, person, 1000)
        await waited(tx, await made(tx), person, 0)
    found = await tables(record)
    assert list(found["conversations"].values())[-1] == (None, None, 21)  # 13 and 8: the 8 takes the 13 with it
    assert found["answered"]["Together"] == (21, "") and found["questions"] == {"What is medical detox?": (21,)}
    assert found["waiting"]["Together"] == (20, "10 min", "18 min", "20 min")
    assert found["crises"] == {CONTENT.guidance["overdose_other"].name: (15,), "Together": (15,)}
    assert found["abandoned"]["Together"] == (20, "")
    assert found["abandoned"]["Wait right now"][0] is None  # six


def test_who_gave_up_is_told_from_who_still_waits():
    """Back to the bot, the exit button, or half an hour without a word: gave up. Otherwise the wait is open."""
    class Row:
        def __init__(self, at, author, response=None):
            self.at, self.author, self.response = at, author, response

    asks = [Row(0, "visitor"), Row(1, "bot", "utter_waiting_open")]
    assert figures._ends([*asks, Row(5, "system", "returned_to_bot")], 10) == ["given_up"]
    assert figures._ends([*asks, Row(5, "system", "exit")], 10) == ["given_up"]
    assert figures._ends(asks, 10) == ["open"]
    assert figures._ends(asks, 31 * MINUTE) == ["given_up"]
    assert figures._ends([*asks, Row(5, "system", "handoff_accepted"), *asks], 10) == ["answered", "open"]
