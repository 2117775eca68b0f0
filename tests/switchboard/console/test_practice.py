"""Practice: a made-up visitor answers, only its person sees it, it comes last, and nothing of it is left or counted."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from haven.errors import ContentError
from switchboard import conversations, figures
from switchboard.console.practice import Rehearsals, Scene, erase_left_over, load_scenes
from switchboard.records.tables import conversations as table
from tests.switchboard.console.conftest import Console, Staffer, Visitor, until

SCENE = Scene("t", "l", "en", ("my friend is blue and wont wake up",), ("they are coming", "thank you"))


@pytest.fixture
def rehearsals(console: Console):
    """Made-up visitors who type at once."""
    before = console.app.ctx.rehearsals
    console.app.ctx.rehearsals = Rehearsals(between=0.0, answer=0.0)
    yield console.app.ctx.rehearsals
    console.app.ctx.rehearsals = before


async def practised(console: Console, rehearsals: Rehearsals, person: Staffer) -> Visitor:
    """A made-up visitor whose first line has come."""
    conversation_id = await rehearsals.begin(console.parts, person.id, SCENE)
    await until(lambda: said(console, conversation_id), lambda lines: len(lines) == 1)
    return Visitor(console.client(), conversation_id)


async def said(console: Console, conversation_id: str) -> list[str]:
    async with console.parts.record.read() as connection:
        written = await conversations.after(connection, conversation_id, 0)
    return [message.text for message in written if message.author == "visitor"]


async def test_a_made_up_visitor_writes_answers_and_is_erased(console: Console, rehearsals: Rehearsals) -> None:
    """One line to each reply, marked as practice on the card and in the head; the end leaves no word."""
    anna = await console.person("Anna")
    visitor = await practised(console, rehearsals, anna)
    assert (await anna.act(visitor, "claim")).status_code == 303
    for number, line in enumerate(SCENE.answers, 1):
        await anna.act(visitor, "reply", text=f"reply {number}", client_id=str(number))
        await until(lambda: said(console, visitor.id), lambda lines, line=line: lines[-1] == line)
    page = await anna.page(f"/staff/conversations/{visitor.id}")
    assert page.count("Practice. Nobody real writes here") == 1 and 'class="practised">Practice<' in page
    assert "1 made-up visitor." in page

    await anna.do("practice/end")
    assert (await anna.http.get(f"/staff/conversations/{visitor.id}")).status_code == 410
    assert await said(console, visitor.id) == [] and rehearsals.count(anna.id) == 0


async def test_a_start_ends_what_a_stop_interrupted(console: Console, rehearsals: Rehearsals) -> None:
    """Nothing of old practice outlives a start; what another switchboard on PostgreSQL may have under way does."""
    anna = await console.person("Anna")
    old, fresh = await practised(console, rehearsals, anna), await practised(console, rehearsals, anna)
    async with console.parts.record.write() as tx:
        await tx.execute(table.update().where(table.c.id == old.id).values(opened_at=table.c.opened_at - 3_601_000))

    await erase_left_over(console.parts)

    assert await said(console, old.id) == []
    assert bool(await said(console, fresh.id)) is not console.parts.record.is_sqlite
    await anna.do("practice/end")


async def test_nobody_else_sees_it_and_real_visitors_come_first(console: Console, rehearsals: Rehearsals) -> None:
    """A colleague's queue and "take next" have none of it; one's own next is the real visitor, danger or not."""
    anna, ben = await console.person("Anna"), await console.person("Ben")
    visitor = await practised(console, rehearsals, anna)
    real = await console.waiting()
    assert f'id="card-{visitor.id}"' in await anna.page()
    assert f'id="card-{visitor.id}"' not in await ben.page()
    queue = await _line(console)
    assert queue.index(visitor.id) > queue.index(real.id)
    await rehearsals.end(console.parts, anna.id)


async def _line(console: Console) -> list[str]:
    await console.app.ctx.board.refresh(console.parts)
    return [card.id for card in console.app.ctx.board.queue.line]


async def test_practice_is_in_no_figure_and_takes_no_place(console: Console, rehearsals: Rehearsals) -> None:
    """The counts are the same with it, and a full person may still practise."""
    anna, moment = await console.person("Anna"), datetime.now(timezone.utc)
    before = await _figures(console, moment)
    visitor = await practised(console, rehearsals, anna)
    await anna.act(visitor, "claim")
    await anna.act(visitor, "reply", text="Hello", client_id="1")
    assert await _figures(console, moment) == before
    await rehearsals.end(console.parts, anna.id)


async def _figures(console: Console, moment: datetime) -> list[figures.Figure]:
    async with console.parts.record.read() as connection:
        return await figures.read_figures(connection, console.parts.content, None, 4, moment)


async def test_the_page_begins_and_ends_practice(console: Console) -> None:
    """Every scene has its button, nonsense is refused, and there is a limit."""
    anna = await console.person("Anna")
    assert (await anna.page("/staff/practice")).count('name="scene"') == len(console.app.ctx.scenes) + 1
    assert (await anna.do("practice", scene="99")).status_code == 400
    assert (await anna.do("practice", scene="all")).status_code == 303
    assert console.app.ctx.rehearsals.count(anna.id) == len(console.app.ctx.scenes)
    assert (await anna.do("practice", scene="0")).status_code == 400
    await anna.do("practice/end")
    async with console.parts.record.read() as connection:
        left = await connection.execute(sa.select(table).where(
            table.c.practice == anna.id, table.c.erased_at.is_(None)))
        assert left.all() == []


def test_a_scene_without_a_part_is_named(tmp_path: Path) -> None:
    """The start stops with the number of the visitor and what it lacks."""
    (tmp_path / "practice.yml").write_text("visitors: [{title: x, learn: y, language: en, begins: [z]}]", "utf-8")
    with pytest.raises(ContentError, match="visitor 1 needs 'answers'"):
        load_scenes(tmp_path)
