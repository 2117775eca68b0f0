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
from switchboard.follow_through import Delays, FollowThrough
from switchboard.inbox import Inbox
from switchboard.limits import Pace
from switchboard.presence import Presence
from switchboard.records.record import Record
from switchboard.sessions import Sessions
from switchboard.streams import Streams
from switchboard.texts import Texts
from switchboard.typing_signs import TypingSigns


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
    pace: Pace = field(default_factory=lambda: Pace(burst=12, seconds=1.5))
    start_pace: Pace = field(default_factory=lambda: Pace(burst=300, seconds=0.1))
    staff_names: dict[int, str] = field(default_factory=dict)

    async def open(self) -> None:
        """Bring the record up to date and take up what was left unanswered."""
        await self.record.migrate()
        async with self.record.read() as connection:
            await opening_hours.follow(connection, self.centre)
        await self.brain.take_up()

    async def close(self) -> None:
        await self.brain.close()
        await self.assistant.close()
        await self.record.close()
        self.lane.close()


def make_parts(settings: Settings) -> Parts:
    """Load and connect the real things; the only place that chooses them."""
    content, centre = Content.load(settings.data), load_centre(settings.data)
    record, streams, presence, texts = Record(settings.database_url), Streams(), Presence(), Texts(content)
    lane = CrisisLane(Guard.load(settings.data, settings.models), content)
    delays = Delays(quiet=settings.quiet_ms, second_dose=settings.second_dose_ms, resend=settings.resend_ms)
    follow = FollowThrough(FollowThroughContent.load(settings.data), lane, delays)
    assistant = AssistantClient(
        settings.assistant_url, settings.loopback_secret, budget=settings.turn_budget)
    brain = Brain(record, assistant, lane, follow, streams, content, centre, presence)
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
        inbox=Inbox(record, lane, follow, brain, streams, texts),
        streams=streams,
        presence=presence,
        sessions=Sessions(settings.session_secret, days=settings.session_days),
        texts=texts,
        typing=TypingSigns(),
    )


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.ctx.parts
    return parts
