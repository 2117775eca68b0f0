"""The parts of one running switchboard, made in one place and reached from every request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sanic import Request

from haven.centre import Centre, load_centre
from haven.content import Content
from haven.crisis import Guard
from haven.follow_through import FollowThroughContent
from haven.settings import Settings
from switchboard import opening_hours
from switchboard.assistant_client import AssistantClient
from switchboard.brain import Brain
from switchboard.clock import Clock
from switchboard.crisis_lane import CrisisLane
from switchboard.crowd import Crowd
from switchboard.follow_through import Delays, FollowThrough
from switchboard.inbox import Inbox
from switchboard.keys import check_keys, note_running
from switchboard.limits import Pace
from switchboard.metrics import Metrics
from switchboard.numbers import Vault, encrypt_old_numbers
from switchboard.old_words import seal_old_words
from switchboard.presence import Presence
from switchboard.records.record import Record
from switchboard.rehearsal import rehearse
from switchboard.retention import Retention
from switchboard.sessions import Sessions
from switchboard.sms.line import Line, make_line
from switchboard.streams import Streams
from switchboard.texts import Texts
from switchboard.typing_signs import TypingSigns


@dataclass(frozen=True)
class Knowledge:
    """What a switchboard knows and never changes while it runs: seconds to load, and shared by any number of them."""

    content: Content
    guard: Guard
    after: FollowThroughContent

    @classmethod
    def load(cls, settings: Settings) -> Knowledge:
        """Read content and models. Raises ContentError when they do not hold together."""
        return cls(Content.load(settings.data), Guard.load(settings.data, settings.models),
                   FollowThroughContent.load(settings.data))


@dataclass(frozen=True)
class Parts:
    """Everything a request may need."""

    settings: Settings
    content: Content
    centre: Centre
    record: Record
    lane: CrisisLane
    follow: FollowThrough
    clock: Clock
    assistant: AssistantClient
    brain: Brain
    inbox: Inbox
    streams: Streams
    presence: Presence
    sessions: Sessions
    texts: Texts
    typing: TypingSigns
    vault: Vault
    retention: Retention
    metrics: Metrics
    line: Line | None
    pace: Pace = field(default_factory=lambda: Pace(burst=12, seconds=1.5))
    crowd: Crowd = field(default_factory=Crowd)
    start_pace: Pace = field(default_factory=lambda: Pace(burst=300, seconds=0.1))
    staff_names: dict[int, str] = field(default_factory=dict)
    when_open: list[Callable[[], Awaitable[None]]] = field(default_factory=list)  # what else is read from the record

    async def open(self) -> None:
        """Bring the record up to date and take up what was left unanswered.

        Raises RecordUnavailable, after which it may be tried again, and WrongKeys.
        """
        opening = Record.of(self.settings)  # others wait until the tables are what they know
        try:
            await opening.migrate()
            await check_keys(opening)
            await note_running(opening)
            await seal_old_words(opening)
            await encrypt_old_numbers(opening, self.vault)
        finally:
            await opening.close()
        self.record.is_shut = False
        async with self.record.read() as connection:
            await opening_hours.follow(connection, self.centre)
        for read in self.when_open:
            await read()
        await rehearse(self)
        await self.brain.take_up()

    async def close(self) -> None:
        if self.line:
            await self.line.close()
        await self.brain.close()
        await self.assistant.close()
        await self.record.close()
        self.lane.close()


def make_parts(settings: Settings, knowledge: Knowledge | None = None) -> Parts:
    """Load and connect the real things; the only place that chooses them. `knowledge` is loaded when not given."""
    known = knowledge or Knowledge.load(settings)
    content, centre = known.content, load_centre(settings.data)
    record = Record.of(settings)
    streams, presence, texts, metrics = Streams(), Presence(), Texts(content), Metrics()
    record.on_write, record.on_error = metrics.transaction_seconds.observe, metrics.record_errors.inc
    typing = TypingSigns(streams.tell)
    streams.listen("typing", typing.heard)
    lane = CrisisLane(known.guard, content)
    delays = Delays(quiet=settings.quiet_ms, second_dose=settings.second_dose_ms, resend=settings.resend_ms)
    follow = FollowThrough(known.after, lane, delays)
    assistant = AssistantClient(
        settings.assistant_urls, settings.loopback_secret, budget=settings.turn_budget)
    vault = Vault(settings.number_secret)
    brain = Brain(record, assistant, lane, follow, streams, content, centre, presence, vault, metrics,
                  pause=settings.sms_pause)
    inbox = Inbox(record, lane, follow, brain, streams, texts, metrics)
    return Parts(
        settings=settings,
        content=content,
        centre=centre,
        record=record,
        lane=lane,
        follow=follow,
        clock=Clock(record, follow, streams),
        assistant=assistant,
        brain=brain,
        inbox=inbox,
        streams=streams,
        presence=presence,
        sessions=Sessions(settings.session_secret, days=settings.session_days),
        texts=texts,
        typing=typing,
        vault=vault,
        retention=Retention(record, centre, settings.home),
        metrics=metrics,
        line=make_line(settings, record, lane, inbox, vault, texts, centre, streams, metrics),
    )


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.ctx.parts
    return parts
