"""Made-up visitors to practise with: only their person sees them, they are in no figure and wake nobody.

Part of the switchboard's console.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml
from sanic import Blueprint, Request, Sanic
from sanic.response import HTTPResponse, redirect

from haven.errors import ContentError
from switchboard import audit, conversations
from switchboard.accounts import AccountError, Session
from switchboard.console import pages
from switchboard.console.access import staff_only
from switchboard.console.forms import field, whole_number
from switchboard.conversations import NoConversation
from switchboard.inbox import NotStored
from switchboard.parts import Parts, parts_of
from switchboard.records.record import RecordUnavailable, now
from switchboard.records.tables import conversations as table
from switchboard.streams import CONSOLE

logger = logging.getLogger(__name__)

BETWEEN_SECONDS = 2.0  # between the first lines
ANSWER_SECONDS = 6.0  # until an answer to staff: nobody types faster
LONGEST_SECONDS = 3600.0  # then a made-up visitor writes no more
MOST = 5  # at once, for one person

blueprint = Blueprint("console_practice")


@dataclass(frozen=True)
class Scene:
    """One made-up visitor: the first lines, and one line after each reply of staff."""

    title: str
    learn: str
    language: str
    begins: tuple[str, ...]
    answers: tuple[str, ...]


def load_scenes(data: Path) -> tuple[Scene, ...]:
    """Read data/practice.yml. Raises ContentError naming every visitor that lacks a part."""
    raw = yaml.safe_load((data / "practice.yml").read_text(encoding="utf-8"))["visitors"]
    faults = [f"data/practice.yml: visitor {number} needs {part!r}" for number, row in enumerate(raw, start=1)
              for part in ("title", "learn", "language", "begins", "answers") if not row.get(part)]
    if faults:
        raise ContentError(faults)
    return tuple(Scene(row["title"], row["learn"], row["language"], tuple(row["begins"]), tuple(row["answers"]))
                 for row in raw)


class Rehearsals:
    """The made-up visitors of everybody at this switchboard."""

    def __init__(self, *, between: float = BETWEEN_SECONDS, answer: float = ANSWER_SECONDS) -> None:
        self._between = between
        self._answer = answer
        self._tasks: dict[str, tuple[int, asyncio.Task[None]]] = {}

    def count(self, staff_id: int) -> int:
        """How many made-up visitors this person has."""
        return sum(owner == staff_id for owner, _ in self._tasks.values())

    async def begin(self, parts: Parts, staff_id: int, scene: Scene) -> str:
        """Let a made-up visitor write; its conversation's id. Raises AccountError when there are enough."""
        if self.count(staff_id) >= MOST:
            raise AccountError(f"You have {MOST} made-up visitors already. End the practice first.")
        async with parts.record.write() as tx:
            conversation = await conversations.begin(tx, channel="widget", language=scene.language)
            await tx.execute(table.update().where(table.c.id == conversation.id).values(practice=staff_id))
            await audit.note(tx, "practice_begins", staff_id, conversation=conversation.id)
        task = asyncio.create_task(self._play(parts, conversation.id, scene))
        self._tasks[conversation.id] = (staff_id, task)
        return conversation.id

    async def end(self, parts: Parts, staff_id: int) -> None:
        """End all of this person's practice and erase it."""
        mine = [id for id, (owner, _) in self._tasks.items() if owner == staff_id]
        tasks = [self._tasks.pop(id)[1] for id in mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _erase(parts, table.c.practice == staff_id)

    async def close(self) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self, parts: Parts, conversation_id: str, scene: Scene) -> None:
        with suppress(NoConversation, TimeoutError):  # erased, or nobody answered for an hour
            async with asyncio.timeout(LONGEST_SECONDS):
                for line in scene.begins:
                    await self._say(parts, conversation_id, line, self._between)
                heard = 0
                for line in scene.answers:
                    heard = await self._answered(parts, conversation_id, heard)
                    await self._say(parts, conversation_id, line, self._answer)

    async def _say(self, parts: Parts, conversation_id: str, line: str, seconds: float) -> None:
        parts.typing.visitor(conversation_id)
        parts.streams.wake(conversation_id)
        await asyncio.sleep(seconds)
        with suppress(NotStored):  # practice does not insist
            await parts.inbox.receive(conversation_id, line, client_id=uuid.uuid4().hex)

    async def _answered(self, parts: Parts, conversation_id: str, after: int) -> int:
        """Wait until staff have written after a sequence number; the number of what they wrote."""
        with parts.streams.follow(conversation_id) as wake:
            while True:
                wake.clear()
                with suppress(RecordUnavailable):
                    async with parts.record.read() as connection:
                        await conversations.load(connection, conversation_id)
                        written = await conversations.after(connection, conversation_id, after)
                    said = [message.seq for message in written if message.author == "staff"]
                    if said:
                        return said[-1]
                await wake.wait()


async def erase_left_over(parts: Parts) -> None:
    """End the practice that a stop interrupted; at other switchboards, which share PostgreSQL, it may be under way."""
    over = table.c.opened_at < now() - round(LONGEST_SECONDS * 1000)
    await _erase(parts, sa.and_(table.c.practice.is_not(None), sa.true() if parts.record.is_sqlite else over))


async def _erase(parts: Parts, which: sa.ColumnElement[bool]) -> None:
    async with parts.record.write() as tx:
        rows = await tx.execute(sa.select(table.c.id).where(which, table.c.erased_at.is_(None)))
        ids = [row.id for row in rows]
        for id in ids:
            await conversations.erase(tx, await conversations.load(tx, id))
    parts.streams.wake(CONSOLE, *ids)


@blueprint.before_server_start
async def prepare(app: Sanic[Any, Any]) -> None:
    app.ctx.rehearsals = Rehearsals()


@blueprint.listener("before_server_start", priority=-1)  # type: ignore[untyped-decorator]  # after the parts
async def read_scenes(app: Sanic[Any, Any]) -> None:
    """Who is made up, and an end to what a stop left over."""
    parts: Parts = app.ctx.parts
    app.ctx.scenes = load_scenes(parts.settings.data)
    parts.when_open.append(lambda: erase_left_over(parts))


@blueprint.before_server_stop
async def stop(app: Sanic[Any, Any]) -> None:
    await app.ctx.rehearsals.close()


@blueprint.get("/practice")
@staff_only()
async def practice(request: Request, session: Session) -> HTTPResponse:
    """The made-up visitors there are."""
    return pages.page(request, "practice.html", session, scenes=request.app.ctx.scenes,
                      count=request.app.ctx.rehearsals.count(session.staff.id))


@blueprint.post("/practice")
@staff_only()
async def begin(request: Request, session: Session) -> HTTPResponse:
    """Let one of them write, or all."""
    scenes, raw = request.app.ctx.scenes, field(request, "scene")
    number = whole_number(raw)
    one = [scenes[number]] if number is not None and number < len(scenes) else []
    chosen = scenes if raw == "all" else one
    if not chosen:
        raise AccountError("Choose a made-up visitor.")
    for scene in chosen:
        await request.app.ctx.rehearsals.begin(parts_of(request), session.staff.id, scene)
    return redirect("/staff/", status=303)


@blueprint.post("/practice/end")
@staff_only()
async def end(request: Request, session: Session) -> HTTPResponse:
    """End one's practice; nothing of it is kept."""
    parts = parts_of(request)
    await request.app.ctx.rehearsals.end(parts, session.staff.id)
    async with parts.record.write() as tx:
        await audit.note(tx, "practice_ends", session.staff.id)
    return redirect("/staff/", status=303)
