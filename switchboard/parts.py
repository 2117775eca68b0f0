"""The parts of one running switchboard, made in one place and reached from every request."""

from __future__ import annotations

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

    async def open(self) -> None:
        """Bring the record up to date and take up what was left unanswered."""
        await self.record.migrate()
        await check_keys(self.record)
        await note_running(self.record)
        await seal_old_words(self.record)
        await encrypt_old_numbers(self.record, self.vault)
        async with self.record.read() as connection:
            await opening_hours.follow(connection, self.centre)
        await self.brain.take_up()
        if self.line:
            self.line.start()

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
