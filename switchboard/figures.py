"""Figures for those who run the centre: counted from the record, small numbers hidden. Used by the console.

A count from 1 to 10 could point at one person, so it is hidden, and with it whatever would give it away.
Practice is left out everywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.content import Content
from switchboard.records.tables import alerts, claims, conversations, messages
from switchboard.unanswered import NO_ANSWER

FEWEST = 11  # the smallest count that is shown
WEEKS = (4, 12, 26)  # the periods to choose from
TOP = 10  # questions
HOURS = 4  # of a block in which waiting is told by the hour of the day
AT_ONCE_MS = 1000  # taken within this of being asked for: somebody looked in, nobody had waited
ABANDONED_MS = 30 * 60_000  # without a word for so long while nobody came: given up

Cell = int | None  # None: hidden

# The bot's sentences with which a conversation begins to wait for a person.
WAITS = ("utter_waiting_open", "utter_waiting_nobody", "bot_failed")


@dataclass(frozen=True)
class Figure:
    """One table; `rows` are (name, cells), and a cell is a count, a text, or None where it is hidden."""

    key: str
    title: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | str, ...]], ...]


async def read_figures(
    connection: AsyncConnection, content: Content, zone: tzinfo | None, weeks: int, moment: datetime
) -> list[Figure]:
    """Every table for the whole weeks up to the one of `moment`."""
    zone = zone or timezone.utc
    mondays = _mondays(moment.astimezone(zone).date(), weeks)
    since = int(datetime.combine(mondays[0], datetime.min.time(), zone).timestamp() * 1000)
    waits = await _waits(connection, since)
    return [
        by_week(await _opened(connection, since), mondays, zone),
        answered(await _said(connection, since)),
        waiting_by_danger(waits), waiting_by_hour(waits, zone),
        abandoned(await _given_up(connection, since, int(moment.timestamp() * 1000))),
        crises(await _crises(connection, since), content),
        top_questions(await _answers(connection, since), content),
    ]


# -- hiding -------------------------------------------------------------------------------------------------


def hidden(counts: Sequence[int]) -> tuple[list[Cell], Cell]:
    """The cells that may be shown beside their total, and the total.

    Where some are hidden, so many are that nobody can take the shown ones from the total and learn of fewer
    than FEWEST people, or of one cell alone.
    """
    gone = {i for i, count in enumerate(counts) if 0 < count < FEWEST}
    rest = sorted((i for i, count in enumerate(counts) if count >= FEWEST), key=lambda i: counts[i])
    while gone and rest and (len(gone) < 2 or sum(counts[i] for i in gone) < FEWEST):
        gone.add(rest.pop(0))
    total: Cell = sum(counts)
    if gone and (len(gone) < 2 or sum(counts[i] for i in gone) < FEWEST):
        total = None
    return [None if i in gone else count for i, count in enumerate(counts)], total


def share(part: int, whole: int) -> str:
    """A share in words that gives away neither a small part nor a small rest."""
    if whole < FEWEST:
        return "too few to tell"
    if 0 < part < FEWEST:
        return f"under {-(-100 * FEWEST // whole)} %"
    if 0 < whole - part < FEWEST:
        return f"over {100 * (whole - FEWEST) // whole} %"
    return f"{100 * part / whole:.0f} %"


def _share(cell: Cell, part: int, whole: int) -> str:
    """A share beside its cell: where that is hidden, only one that says no more than the hiding does."""
    words = share(part, whole) if whole else ""
    return words if cell is not None or words.startswith(("under", "over")) else ""


# -- tables -------------------------------------------------------------------------------------------------


def by_week(opened: Iterable[tuple[int, str]], mondays: Sequence[date], zone: tzinfo) -> Figure:
    """Conversations begun, by week and channel; `opened` are (milliseconds, channel)."""
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    for at, channel in opened:
        counts[_monday(_day(at, zone))][channel] += 1
    rows = []
    for monday in mondays:  # no sum of weeks is shown, so that each stands for itself
        cells, total = hidden([counts[monday]["widget"], counts[monday]["sms"]])
        rows.append((f"{monday:%b} {monday.day}", (*cells, total)))
    return Figure("conversations", "Conversations", "Begun in the week from Monday.",
                  ("Website", "Text message", "Together"), tuple(rows))


def answered(said: Counter[str]) -> Figure:
    """What became of questions; `said` counts "answered", "gap" and "unknown"."""
    names = {"answered": "Answered from the documents", "gap": "Said that the documents do not tell",
             "unknown": "Not known, or the bot failed"}
    cells, total = hidden([said[key] for key in names])
    rows = [(name, (cell, _share(cell, said[key], said.total())))
            for (key, name), cell in zip(names.items(), cells, strict=True)]
    return Figure("answered", "Questions to the bot", "What the bot did with each question it was asked.",
                  ("Questions", "Share"), (*rows, ("Together", (total, ""))))


@dataclass(frozen=True)
class Wait:
    """Somebody who asked for a person, or was in danger, until the first word of one; times in milliseconds."""

    asked_at: int
    waited: int
    urgent: bool


def waiting_by_danger(waits: Sequence[Wait]) -> Figure:
    """How long people waited for the first word of a person, with and without danger."""
    parts = (("In danger", lambda wait: wait.urgent), ("Asked for a person", lambda wait: not wait.urgent))
    return _waiting("waiting", "Waiting for a person", "From asking, or from the first sign of danger, to the first "
                    "word of a person.", waits, parts)


def waiting_by_hour(waits: Sequence[Wait], zone: tzinfo) -> Figure:
    """The same by the hour of the day at which they asked."""
    def within(start: int) -> Callable[[Wait], bool]:
        return lambda wait: start <= datetime.fromtimestamp(wait.asked_at / 1000, zone).hour < start + HOURS

    parts = [(f"{_clock(start)} to {_clock(start + HOURS)}", within(start)) for start in range(0, 24, HOURS)]
    return _waiting("waiting_hours", "Waiting by the hour of the day", "By the hour at which they asked.", waits, parts)


def _waiting(
    key: str, title: str, about: str, waits: Sequence[Wait], parts: Sequence[tuple[str, Callable[[Wait], bool]]]
) -> Figure:
    of_part = [sorted(wait.waited for wait in waits if holds(wait)) for _, holds in parts]
    counts, total = hidden([len(waited) for waited in of_part])
    rows = [(name, (count, *_spread(waited if count else [])))
            for (name, _), waited, count in zip(parts, of_part, counts, strict=True)]
    everybody = sorted(wait.waited for wait in waits) if total else []
    return Figure(key, title, about, ("People", "Half waited at most", "Nine of ten at most", "Longest"),
                  (*rows, ("Together", (total, *_spread(everybody)))))


def _spread(waited: Sequence[int]) -> tuple[str, str, str]:
    if len(waited) < FEWEST:
        return "", "", ""
    return _span(waited[(len(waited) - 1) // 2]), _span(waited[-(-9 * len(waited) // 10) - 1]), _span(waited[-1])


def abandoned(waits: Counter[str]) -> Figure:
    """What became of waits; `waits` counts "answered", "given_up" and "open"."""
    names = {"answered": "A person came", "given_up": "Gave up before a person came", "open": "Wait right now"}
    cells, total = hidden([waits[key] for key in names])
    rows = [(name, (cell, _share(cell, waits[key], waits.total())))
            for (key, name), cell in zip(names.items(), cells, strict=True)]
    return Figure("abandoned", "Who waited in line", "Gave up: went back to the bot, left, or wrote nothing for half "
                  "an hour while nobody came.", ("Times", "Share"), (*rows, ("Together", (total, ""))))


def crises(found: Counter[str], content: Content) -> Figure:
    """Conversations with danger by its kind: the most frequent first, those that are hidden by name."""
    cells, total = hidden(list(found.values()))
    seen = dict(zip(found, cells, strict=True))
    kinds = sorted(found, key=lambda kind: (-(seen[kind] or 0), kind))
    cells = [seen[kind] for kind in kinds]
    names = [content.guidance[kind].name if kind in content.guidance else kind.replace("_", " ") for kind in kinds]
    rows = tuple((name, (cell,)) for name, cell in zip(names, cells, strict=True))
    return Figure("crises", "Danger by kind", "Conversations in which it was recognised; one may count under several.",
                  ("Conversations",), (*rows, ("Together", (total,))))


def top_questions(given: Counter[str], content: Content) -> Figure:
    """The answers given most; those under FEWEST are left out."""
    rows = [(content.answers[id].question, (times,)) for id, times in given.most_common()
            if id in content.answers and times >= FEWEST]
    return Figure("questions", "Asked most", f"Answers given to {FEWEST} conversations or more.", ("Conversations",),
                  tuple(rows[:TOP]))


# -- reading --------------------------------------------------------------------------------------------------


_REAL = conversations.c.practice.is_(None)


async def _opened(connection: AsyncConnection, since: int) -> list[tuple[int, str]]:
    """Conversations in which a visitor wrote; an erased one still counts as begun."""
    wrote = sa.exists().where(messages.c.conversation == conversations.c.id, messages.c.author == "visitor")
    rows = await connection.execute(sa.select(conversations.c.opened_at, conversations.c.channel).where(
        conversations.c.opened_at >= since, _REAL, sa.or_(wrote, conversations.c.erased_at.is_not(None))))
    return [(row.opened_at, row.channel) for row in rows]


async def _said(connection: AsyncConnection, since: int) -> Counter[str]:
    response = messages.c.response
    kind = sa.case((response.like("utter_faq/%"), "answered"), (response.like("utter_unsupported/%"), "gap"),
                   else_="unknown").label("kind")
    query = (sa.select(kind, sa.func.count().label("times"))
             .join(conversations, conversations.c.id == messages.c.conversation)
             .where(messages.c.author == "bot", messages.c.at >= since, _REAL,
                    sa.or_(response.like("utter_faq/%"), response.like("utter_unsupported/%"),
                           response.in_((*NO_ANSWER[:-1], "bot_failed"))))
             .group_by(kind))
    return Counter({row.kind: row.times for row in await connection.execute(query)})


async def _waits(connection: AsyncConnection, since: int) -> list[Wait]:
    """The first word of a person in each conversation that had asked, or was in danger."""
    query = (sa.select(claims.c.conversation, claims.c.asked_at, claims.c.spoke_at, claims.c.urgent)
             .join(conversations, conversations.c.id == claims.c.conversation)
             .where(claims.c.asked_at >= since, claims.c.spoke_at.is_not(None), _REAL,
                    claims.c.claimed_at - claims.c.asked_at > AT_ONCE_MS)
             .order_by(claims.c.id))
    found: dict[tuple[str, int], Wait] = {}
    for row in await connection.execute(query):  # after a colleague who went silent the time runs on
        found.setdefault((row.conversation, row.asked_at), Wait(
            row.asked_at, row.spoke_at - row.asked_at, bool(row.urgent)))
    return list(found.values())


async def _given_up(connection: AsyncConnection, since: int, moment: int) -> Counter[str]:
    m = messages.c
    events = await connection.execute(
        sa.select(m.conversation, m.at, m.author, m.response, m.kind, conversations.c.owner)
        .join(conversations, conversations.c.id == m.conversation)
        .where(_REAL, m.at >= since, m.conversation.in_(
            sa.select(m.conversation).where(m.response.in_(WAITS), m.at >= since)))
        .order_by(m.conversation, m.seq))
    told: dict[str, list[Any]] = defaultdict(list)
    for row in events:
        told[row.conversation].append(row)
    return Counter(end for rows in told.values() for end in _ends(rows, moment))


def _ends(rows: Sequence[Any], moment: int) -> list[str]:
    """How each wait in one conversation's messages ended."""
    ends: list[str] = []
    waiting, last = False, 0
    for row in rows:
        if row.response in WAITS:
            waiting = True
        elif waiting and row.response in ("handoff_accepted", "handoff_transferred"):
            waiting, ends = False, [*ends, "answered"]
        elif waiting and row.response in ("returned_to_bot", "exit"):
            waiting, ends = False, [*ends, "given_up"]
        last = row.at if row.author == "visitor" else last
    if waiting:
        ends.append("given_up" if moment - last > ABANDONED_MS else "open")
    return ends


async def _crises(connection: AsyncConnection, since: int) -> Counter[str]:
    query = (sa.select(alerts.c.kind, sa.func.count(sa.distinct(alerts.c.conversation)).label("times"))
             .join(conversations, conversations.c.id == alerts.c.conversation)
             .where(alerts.c.raised_at >= since, _REAL).group_by(alerts.c.kind))
    return Counter({row.kind: row.times for row in await connection.execute(query)})


async def _answers(connection: AsyncConnection, since: int) -> Counter[str]:
    query = (sa.select(messages.c.response, sa.func.count(sa.distinct(messages.c.conversation)).label("times"))
             .join(conversations, conversations.c.id == messages.c.conversation)
             .where(messages.c.response.like("utter_faq/%"), messages.c.at >= since, _REAL)
             .group_by(messages.c.response))
    return Counter({row.response.partition("/")[2]: row.times for row in await connection.execute(query)})


# -- times ----------------------------------------------------------------------------------------------------


def _mondays(today: date, weeks: int) -> list[date]:
    last = _monday(today)
    return [last - timedelta(weeks=back) for back in reversed(range(weeks))]


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _day(at: int, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at / 1000, zone).date()


def _clock(hour: int) -> str:
    return f"{hour % 12 or 12} {'am' if hour % 24 < 12 else 'pm'}"


def _span(milliseconds: int) -> str:
    seconds = milliseconds // 1000
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
