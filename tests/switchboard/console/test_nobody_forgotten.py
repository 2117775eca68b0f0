"""Silence after claiming, a lost line, breaks, capacity, and who is offered what next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from switchboard.console.shift import Patience, Shift
from switchboard.console.watch import Watch
from switchboard.conversations import BOT
from switchboard.records.record import now
from switchboard.records.tables import alerts, claims, conversations, staff
from tests.switchboard.console.conftest import UNHURRIED, Console, Staffer, next_event, until


def watch(console: Console, **patience: float) -> Watch:
    """A watch of one's own beside the running one, with less patience."""
    watch = Watch(console.parts, console.app.ctx.shift, replace(UNHURRIED, **patience))
    watch._began = 0
    return watch


async def backdate(console: Console, person: Staffer, seconds: int) -> None:
    """Let a person's claims be `seconds` older than they are."""
    async with console.parts.record.write() as tx:
        await tx.execute(claims.update().where(claims.c.staff == person.id)
                         .values(claimed_at=claims.c.claimed_at - seconds * 1000))


async def test_silence_after_claiming_gives_the_visitor_back(console: Console) -> None:
    """No key press and no word in time: the visitor is told, the card stands in the line again with its reason."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    async with anna.window(visitor):
        await until(lambda: _windows(console, anna), 1)
        await anna.act(visitor, "claim")
        await backdate(console, anna, 181)
        await watch(console, ordinary=180.0).look()

    assert await console.owner(visitor.id) == "waiting"
    assert (await visitor.said_by("system"))[-1].startswith("Anna has not answered yet")
    assert "Left by a colleague" in await anna.page()
    assert "Anna did not write within 180 s after claiming" in await anna.page(f"/staff/conversations/{visitor.id}")


async def test_a_danger_is_given_back_sooner_and_is_open_again(console: Console) -> None:
    """After 30 s without a sign, a danger somebody had accepted stands on top of the line once more."""
    anna, visitor = await console.person("Anna"), await console.visitor("my friend is blue and wont wake up")
    async with anna.window(visitor):
        await until(lambda: _windows(console, anna), 1)
        await anna.act(visitor, "claim")
        await backdate(console, anna, 31)
        await watch(console, urgent=30.0).look()

    assert await console.owner(visitor.id) == "waiting"
    queue = console.app.ctx.board
    await queue.refresh(console.parts)
    card = next(card for card in queue.queue.line if card.id == visitor.id)
    assert card.alert is not None and card.alert.level == "acute" and card.lost


async def test_a_key_press_or_a_word_keeps_the_conversation(console: Console) -> None:
    """Who writes is not silent."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    async with anna.window(visitor):
        await until(lambda: _windows(console, anna), 1)
        await anna.act(visitor, "claim")
        await anna.act(visitor, "typing")
        await backdate(console, anna, 181)
        await watch(console, ordinary=180.0).look()
        assert await console.owner(visitor.id) == f"staff:{anna.id}"
        await anna.act(visitor, "reply", text="Hello", client_id="1")
        await backdate(console, anna, 9999)
        await watch(console, ordinary=0.0).look()
    assert await console.owner(visitor.id) == f"staff:{anna.id}"


async def test_a_danger_the_owner_does_not_react_to_is_offered_again(console: Console) -> None:
    """Long after claiming, a new danger that nobody touches for 30 s goes back into the line."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    async with anna.window(visitor):
        await until(lambda: _windows(console, anna), 1)
        await anna.act(visitor, "claim")
        await anna.act(visitor, "reply", text="Hello", client_id="1")
        await visitor.say("he stopped breathing and his lips are blue")
        await watch(console, urgent=1e5).look()
        assert await console.owner(visitor.id) == f"staff:{anna.id}"
        await _forget_touches(console, anna)
        await backdate(console, anna, 100)
        async with console.parts.record.write() as tx:
            await tx.execute(sa.text("UPDATE alerts SET raised_at = raised_at - 31000 WHERE conversation = :c"),
                             {"c": visitor.id})
        await watch(console, urgent=30.0).look()
    assert await console.owner(visitor.id) == "waiting"


async def test_a_closed_console_gives_its_visitors_back(console: Console) -> None:
    """The line of a claimed conversation's owner is gone for good: the visitor hears it, others may claim."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    async with anna.window(visitor):
        await until(lambda: _windows(console, anna), 1)
        await anna.act(visitor, "claim")
        await anna.act(visitor, "reply", text="Hello", client_id="1")
        await watch(console, line=0.0).look()
        assert await console.owner(visitor.id) == f"staff:{anna.id}"
    await until(lambda: _windows(console, anna), 0)
    await watch(console, line=0.0).look()

    assert await console.owner(visitor.id) == "waiting"
    assert (await visitor.said_by("system"))[-1].startswith("Anna is no longer connected.")
    assert (await ben.act(visitor, "claim")).status_code == 303


async def test_a_restart_gives_everybody_their_time_again(console: Console) -> None:
    """Right after a start nobody is taken for silent or gone; the time runs from then on."""
    anna, visitor = await console.person("Anna"), await console.waiting()
    await anna.act(visitor, "claim")
    await backdate(console, anna, 9999)
    async with anna.window(visitor):
        await until(lambda: _windows(console, anna), 1)
        fresh = Watch(console.parts, console.app.ctx.shift, replace(UNHURRIED, ordinary=180.0))
        await fresh.look()
        assert await console.owner(visitor.id) == f"staff:{anna.id}"
        fresh._began -= 181_000
        await fresh.look()
    assert await console.owner(visitor.id) == "waiting"


async def test_an_offer_to_somebody_who_goes_away_ends_and_the_first_keeps_it(console: Console) -> None:
    """Nobody is left between two people: the offer goes, the owner stays, the visitor hears nothing."""
    anna, ben, visitor = await console.person("Anna"), await console.person("Ben"), await console.waiting()
    await anna.act(visitor, "claim")
    await anna.act(visitor, "transfer", to=str(ben.id))
    before = await visitor.transcript()
    await ben.do("pause", what="begin")

    await watch(console).look()

    assert await console.owner(visitor.id) == f"staff:{anna.id}"
    assert "the offer ended" in await anna.page(f"/staff/conversations/{visitor.id}")
    assert await visitor.transcript() == before


async def test_a_break_takes_a_person_out_of_everything_that_is_offered(console: Console) -> None:
    """On a break "take next" gives nothing and the visitor's bot does not count on this person."""
    anna = await console.person("Anna")
    await console.waiting()
    await anna.do("pause", what="begin")
    assert not console.parts.presence.is_here(anna.id)
    assert (await anna.do("next")).headers["location"] == "/staff/?told=nothing"
    await anna.do("pause", what="end")
    await anna.page()
    assert console.parts.presence.is_here(anna.id)


async def test_capacity_holds_for_all_but_danger(console: Console) -> None:
    """At the limit an ordinary claim is refused in a sentence; a danger is never refused."""
    anna, first, second = await console.person("Anna"), await console.waiting(), await console.waiting()
    async with console.parts.record.write() as tx:
        await tx.execute(staff.update().where(staff.c.id == anna.id).values(capacity=1))
    await anna.act(first, "claim")
    refused = await anna.act(second, "claim")
    assert refused.status_code == 403 and "which is your limit" in refused.text
    danger = await console.visitor("my friend is blue and wont wake up")
    assert (await anna.act(danger, "claim")).status_code == 303


async def test_take_next_gives_danger_first_and_an_ordinary_one_after_two(console: Console) -> None:
    """Two crises in a row, a colleague here: the third offer is ordinary though a danger waits."""
    await _empty_line(console)
    anna, ben = await console.person("Anna"), await console.person("Ben")
    ordinary = await console.waiting()
    dangers = [await console.visitor("my friend is blue and wont wake up") for _ in range(3)]
    await ben.page()
    taken = []
    for _ in range(3):
        answer = await anna.do("next")
        taken.append(answer.headers["location"].rpartition("/")[2])
    assert taken == [dangers[0].id, dangers[1].id, ordinary.id]


async def _empty_line(console: Console) -> None:
    """Let nobody whom other tests left wait, or come back into the line from somebody who went away there.

    First the bot's answers that other tests did not wait for: each fails here, and its visitor waits from then on.
    What was written to people is not owed by the bot: on PostgreSQL a switchboard looks for what is.
    """
    await until(lambda: _at_work(console), 0)
    async with console.parts.record.write() as tx:
        await tx.execute(alerts.update().where(alerts.c.accepted_at.is_(None)).values(accepted_at=now()))
        await tx.execute(claims.update().where(claims.c.ended_at.is_(None)).values(ended_at=now(), how="closed"))
        await tx.execute(conversations.update().where(conversations.c.owner != BOT)
                         .values(owner=BOT, waiting_since=None, handled_seq=conversations.c.last_seq))


async def test_a_supervisor_s_window_is_told_of_a_visitor_left_alone(console: Console) -> None:
    """The card that comes to every open window carries the mark the alarm rings on."""
    anna, carla = await console.person("Anna"), await console.person("Carla", role="supervisor")
    visitor = await console.waiting()
    async with anna.window(visitor), carla.window() as events:
        await until(lambda: _windows(console, anna), 1)
        await anna.act(visitor, "claim")
        await backdate(console, anna, 181)
        await watch(console, ordinary=180.0).look()
        await next_event(events, lambda event, data: event == "queue" and "data-lost" in
                         data["cards"].get(visitor.id, ""))
    assert visitor.id in [card.id for card in console.app.ctx.board.queue.line]


async def _at_work(console: Console) -> int:
    return len(console.parts.brain._workers)


async def _windows(console: Console, person: Staffer) -> int:
    return console.app.ctx.shift._windows[person.id]


async def _forget_touches(console: Console, person: Any) -> None:
    console.app.ctx.shift._touched = {}


def test_whoever_lost_the_line_is_gone_whatever_was_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request under way when the line was lost keeps nobody; reading on without script does, for three minutes."""
    moment = 1000.0
    monkeypatch.setattr("switchboard.console.shift.time.monotonic", lambda: moment)
    shift, patience = Shift(), Patience()
    shift.opened(1)
    shift.closed(1)
    moment += 1
    shift.seen(1)
    moment += 30
    assert shift.is_gone(1, patience)

    shift.seen(1)
    moment += 179
    assert not shift.is_gone(1, patience)
    moment += 2
    assert shift.is_gone(1, patience)
