"""The text line of one switchboard: everything that texts need, made in one place. Part of the switchboard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from haven.centre import Centre
from haven.settings import Settings
from switchboard.crisis_lane import CrisisLane
from switchboard.for_ever import begun
from switchboard.inbox import Inbox
from switchboard.metrics import Metrics
from switchboard.numbers import Vault
from switchboard.outbox import Outbox
from switchboard.records.record import Record
from switchboard.records.writes import Writes
from switchboard.sms import checkins
from switchboard.sms.carrier import Carrier
from switchboard.sms.checkins import Checkins
from switchboard.sms.deliveries import Responses
from switchboard.sms.door import Door
from switchboard.sms.quarantine import Quarantine
from switchboard.sms.signature import Signatures
from switchboard.sms.spool import Spool
from switchboard.sms.wording import Wording
from switchboard.streams import Streams
from switchboard.texts import Texts


@dataclass
class Line:
    """A line that is set up."""

    signatures: Signatures
    quarantine: Quarantine
    door: Door
    outbox: Outbox
    checkins: Checkins
    callback: str
    reports: Writes
    record: Record
    streams: Streams
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        """Begin to send, to make check-ins, and to take up what was kept on the disk."""
        self.outbox.start()
        self.door.start()
        self.tasks.append(begun(
            lambda: checkins.run(self.checkins, self.record, self.streams), "check-ins"))

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.door.close()
        await self.outbox.close()


def make_line(
    settings: Settings,
    record: Record,
    lane: CrisisLane,
    inbox: Inbox,
    vault: Vault,
    texts: Texts,
    centre: Centre,
    streams: Streams,
    metrics: Metrics,
) -> Line | None:
    """The line that the settings describe, or None where text messages are not set up."""
    if not settings.has_sms:
        return None
    wording, desk = Wording(texts), Checkins(texts, centre)
    callback, responses = f"{settings.sms_addresses[0]}/sms/status", Responses()
    door = Door(record, lane, inbox, vault, texts, wording, centre, streams,
                Spool(settings.home / "texts", vault), desk, metrics, responses,
                discreet=settings.sms_discreet)
    carrier = Carrier(settings.sms_api, settings.sms_account, settings.sms_tokens[0])
    return Line(
        signatures=Signatures(settings.sms_addresses, settings.sms_tokens),
        quarantine=Quarantine(record, vault, lane, streams, metrics),
        door=door,
        outbox=Outbox(record, carrier, vault, wording, streams, responses, sender=settings.sms_from,
                      callback=callback),
        checkins=desk,
        callback=callback,
        reports=Writes(record),
        record=record,
        streams=streams,
    )
