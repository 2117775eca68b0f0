"""What happens to a text that comes in: whose it is, what it asks of texting itself, and what is answered at once.

Everything a person says goes on to the inbox; carrier words, opt-outs, pictures and strangers end here. Part of the
switchboard.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from haven.centre import Centre
from haven.crisis import Assessment
from switchboard import conversations, sealed
from switchboard.conversations import Conversation, Message
from switchboard.crisis_lane import CrisisLane, as_json
from switchboard.for_ever import begun
from switchboard.inbox import GUIDANCE_SECONDS, MADE_UP_DANGER, Inbox, NotStored
from switchboard.limits import Pace
from switchboard.metrics import Metrics
from switchboard.numbers import Vault
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.sms import checkins, contacts, deliveries, words
from switchboard.sms.checkins import Checkins
from switchboard.sms.contacts import QUIET_MS, Contact
from switchboard.sms.deliveries import Answer, Responses
from switchboard.sms.incoming import Incoming
from switchboard.sms.spool import Spool
from switchboard.sms.wording import Wording
from switchboard.streams import CONSOLE, Streams
from switchboard.texts import Texts

logger = logging.getLogger(__name__)

TALKING_MS = 600_000  # "who is this?" this soon after the last text is asked by the one who wrote it
SPOOL_SECONDS = 1.0
MAX_PLAIN = 50_000  # bounds the memory
MAX_COUNTED = 10_000  # the same
REHEARSING = "haven-rehearsal"  # no telephone number
LOCATION = "location"  # the line for staff about a place; switchboard/retention.py removes it within a day


@dataclass(frozen=True)
class Said:
    """One text of an answer; `delivery` is its row in the outbox, None where there is no record to hold one."""

    text: str
    delivery: int | None = None


@dataclass(frozen=True)
class Place:
    """Where a text belongs, and what it is: "talk" goes to the inbox, everything else was dealt with."""

    conversation: Conversation
    contact: Contact
    what: str


class Door:
    """Takes texts in."""

    def __init__(
        self,
        record: Record,
        lane: CrisisLane,
        inbox: Inbox,
        vault: Vault,
        texts: Texts,
        wording: Wording,
        centre: Centre,
        streams: Streams,
        spool: Spool,
        checkin_desk: Checkins,
        metrics: Metrics,
        responses: Responses,
        *,
        discreet: bool,
    ) -> None:
        self._record = record
        self._lane = lane
        self._inbox = inbox
        self._vault = vault
        self._texts = texts
        self._wording = wording
        self._centre = centre
        self._streams = streams
        self._spool = spool
        self._checkins = checkin_desk
        self._metrics = metrics
        self._responses = responses
        self._discreet = discreet
        self._pace = Pace(burst=20, seconds=3.0)
        self._fast_told = Pace(burst=1, seconds=60.0)  # each answer to a flood costs money
        self._plain: set[str] = set()
        self._counted: dict[str, bool] = {}  # texts (the carrier's ids) whose sender's pace was looked at: too fast?
        self._taking = asyncio.Lock()
        self._reserve_missing = False
        self._drain: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._drain = begun(self._drain_spool, "taking up texts that were kept")

    async def close(self) -> None:
        if self._drain:
            self._drain.cancel()
            await asyncio.gather(self._drain, return_exceptions=True)

    async def receive(self, incoming: Incoming) -> list[Said]:
        """Store a text, or keep it on the disk, and return what its response says.

        Raises NotStored when neither can be done and nothing is to be said.
        """
        storing = asyncio.create_task(self._in_turn(incoming))
        try:
            return await self._in_time(storing, incoming)
        except (RecordUnavailable, NotStored):
            return await self._without_record(incoming)
        except Exception:  # whatever is wrong in here: who texts is not left without a word, and the text is kept
            logger.exception("a text could not be dealt with")
            return await self._without_record(incoming)
        finally:
            storing.cancel()

    async def rehearse(self) -> None:
        """Do for a made-up text all that comes before the inbox, and keep nothing. Raises RecordUnavailable."""
        incoming = Incoming(sid="rehearsal", sender=REHEARSING, ours="", text=MADE_UP_DANGER)
        danger = await self._lane.assess(incoming.text)
        async with self._record.rehearse() as tx:
            contact = await contacts.meet(
                tx, self._vault.address(REHEARSING), number=self._vault.lock(REHEARSING), ours="")
            await contacts.bound(tx, incoming.sid)
            await self._place(tx, incoming, contact, danger, fast=False)

    async def _in_turn(self, incoming: Incoming) -> list[Said]:
        """Store a text after those that came before it and are only kept."""
        if self._spool.holds_any():
            await self._take_up()
        return await self._receive(incoming)

    async def _in_time(self, storing: asyncio.Task[list[Said]], incoming: Incoming) -> list[Said]:
        """What storing leads to. Raises NotStored where that takes so long that danger would wait for its guidance."""
        done, _ = await asyncio.wait((storing,), timeout=GUIDANCE_SECONDS)
        if not done and incoming.text and (await self._lane.assess(incoming.text)).level == "acute":
            storing.cancel()
            await asyncio.wait((storing,))
            if storing.cancelled():
                raise NotStored(None)
        return await storing

    async def _receive(self, incoming: Incoming, said: tuple[str, ...] = ()) -> list[Said]:
        address = self._vault.address(incoming.sender)
        fast = self._is_fast(incoming.sid, address)
        danger = await self._danger(incoming, address, fast=fast)
        with deliveries.answering(incoming.sid, said, self._responses) as answer:
            async with self._record.write(urgent=danger is None or danger.level == "acute") as tx:
                contact = await contacts.meet(
                    tx, address, number=self._vault.lock(incoming.sender), ours=incoming.ours)
                before = await contacts.bound(tx, incoming.sid)  # only now: the contact is ours alone
                place = None if before else await self._place(tx, incoming, contact, danger, fast=fast)
            if place is None:
                return await self._repeated(before or "", incoming, answer)
            if place.what == "talk":
                await self._inbox.receive(place.conversation.id, incoming.text, client_id=incoming.sid)
                await self._after_talk(place, incoming, danger)
        self._streams.wake(place.conversation.id, CONSOLE)
        return self._as_said(answer)

    def _is_fast(self, sid: str, address: str) -> bool:
        """Whether more texts come than one person writes. Each counts once: while the record is away it is tried again
        and again, and must not become a flood by that."""
        if sid not in self._counted:
            if len(self._counted) >= MAX_COUNTED:
                self._counted.clear()
            self._counted[sid] = not self._pace.allows(address)
        return self._counted[sid]

    async def _danger(self, incoming: Incoming, address: str, *, fast: bool) -> Assessment | None:
        """The danger in a text that may not get as far as the inbox, which reads every one that does."""
        if not incoming.text:
            return None
        if fast or _is_about_texting(incoming.text) or incoming.media or not await self._is_plain(address):
            return await self._lane.assess(incoming.text, late=fast)
        return None

    async def _is_plain(self, address: str) -> bool:
        """Whether a number was told who we are and gets texts; kept in memory, since that is nearly every one.

        A wrong yes costs nothing but time: whatever does not reach the inbox is read in _place.
        """
        if address in self._plain:
            return True
        async with self._record.look_up(urgent=True) as connection:
            known = await contacts.find(connection, address)
        plain = known is not None and known.was_told and not known.opted_out
        if plain:
            self._plain.add(address)
        if len(self._plain) > MAX_PLAIN:
            self._plain.clear()
        return plain

    # -- repeats ----------------------------------------------------------------------------------------------

    async def _repeated(self, conversation_id: str, incoming: Incoming, answer: Answer) -> list[Said]:
        """The same text again: finish what a crash left half-way, and answer again what may not have arrived."""
        try:
            if incoming.text:
                await self._inbox.receive(conversation_id, incoming.text, client_id=incoming.sid)
        except conversations.NoConversation:
            return []  # erased since
        async with self._record.write() as tx:
            rows = await deliveries.answered_before(tx, incoming.sid)
            for delivery, *_ in rows:
                answer.hold(delivery)
            messages = [(row[0], (await conversations.last(tx, row[1], row[2], 1))[0]) for row in rows]
        return self._as_said(answer) + [Said(part, id) for id, m in messages for part in self._wording.parts(m)]

    # -- a place in the record --------------------------------------------------------------------------------

    async def _place(
        self, tx: AsyncConnection, incoming: Incoming, contact: Contact, danger: Assessment | None, *, fast: bool
    ) -> Place:
        """Find or begin the conversation, and deal with what is no talk, all in one transaction."""
        conversation, why = await self._conversation(tx, contact, incoming, danger)
        await contacts.bind(tx, incoming.sid, conversation.id)
        if why:
            contact = replace(contact, consent_at=None)  # whoever has the number now was told nothing
            await contacts.change(tx, contact.address, consent_at=None, consent_text=None)
        what = self._what(incoming, contact, danger, why, fast=fast)
        unread = danger is None and bool(incoming.text)
        if unread and (what != "talk" or not contact.was_told):  # nothing ends here without having been read
            danger = await self._lane.assess(incoming.text, late=fast)
            what = self._what(incoming, contact, danger, why, fast=fast)
        place = Place(conversation, contact, what)
        if place.what == "talk" and await self._is_checkin(tx, place, incoming, danger):
            return replace(place, what="checkin")
        if place.what == "talk":
            await self._before_talk(tx, place, incoming, danger)
        else:
            await self._deal_with(tx, place, incoming, danger)
        return place

    async def _is_checkin(
        self, tx: AsyncConnection, place: Place, incoming: Incoming, danger: Assessment | None
    ) -> bool:
        """Store and answer a text about a check-in; whether it was one."""
        if danger is None or danger.level != "none" or not checkins.might_be_meant(incoming.text):
            return False
        heard = await self._checkins.read(tx, place.conversation, incoming.text)
        if heard is None:
            return False
        if not place.contact.was_told:
            await self._tell(tx, place.conversation, place.contact)
        stored = await _keep(tx, place.conversation, incoming, danger)
        await self._checkins.answer(tx, place.conversation, heard, number=incoming.sender)
        await conversations.handled(tx, place.conversation, stored.seq)
        return True

    async def _conversation(
        self, tx: AsyncConnection, contact: Contact, incoming: Incoming, danger: Assessment | None
    ) -> tuple[Conversation, str]:
        """The number's conversation, or a new one and why the old one was sealed."""
        last = await conversations.by_address(tx, "sms", contact.address)
        if last and not sealed.is_whole(tx, last.id, last.data_key):
            last = None  # nothing can be written to it any more
        why = _why_new(last, contact, incoming) if last else ""
        if last and not why:
            return last, ""
        if last:
            await self._seal(tx, last, why)
        language = danger.language if danger else last.language if last else "en"
        return await conversations.begin(tx, channel="sms", language=language, address=contact.address), why

    async def _seal(self, tx: AsyncConnection, conversation: Conversation, why: str) -> None:
        await contacts.seal(tx, conversation.id, why)
        await checkins.end_all(tx, conversation.id)
        await _log(tx, conversation, {
            "quiet": "This number was silent for 30 days and may be somebody else's now.",
            "who": "Somebody at this number asks who this is.",
            "wrong_number": "Somebody at this number says that it is the wrong one.",
        }[why] + " A new conversation was begun. Nothing of this one goes out until somebody confirms the number.")

    def _what(
        self, incoming: Incoming, contact: Contact, danger: Assessment | None, why: str, *, fast: bool
    ) -> str:
        """What a text is; danger is talk, whatever else it says, unless nothing may go out to the number."""
        word = words.carrier_word(incoming.text, opted_out=contact.opted_out, told=incoming.opt_out_type)
        if word:
            return word
        if contact.opted_out:
            return "opted_out"
        if danger and danger.level != "none":
            return "talk"
        if not incoming.text:
            return "location" if incoming.location else "media" if incoming.media else "empty"
        if words.is_opt_out(incoming.text):
            return "opt_out"
        if why in ("who", "wrong_number"):
            return "who"
        if not incoming.is_from_a_phone:
            return "machine"
        return "too_fast" if fast else "talk"

    # -- talk -------------------------------------------------------------------------------------------------

    async def _before_talk(
        self, tx: AsyncConnection, place: Place, incoming: Incoming, danger: Assessment | None
    ) -> None:
        conversation, in_danger = place.conversation, bool(danger and danger.level != "none")
        if not place.contact.was_told and not in_danger:
            await self._tell(tx, conversation, place.contact)
        if incoming.media or incoming.location:
            await _log(tx, conversation, _enclosed(incoming), response=LOCATION if incoming.location else "log")
        if words.asks_who(incoming.text) or words.is_wrong_number(incoming.text):
            await _log(tx, conversation, "The visitor asks who this is: the phone may be in other hands.")
        await checkins.wrote_back(tx, conversation.id)
        if incoming.shortened:
            await conversations.add(tx, conversation, self._texts.notice("sms_shortened", conversation, author="bot"))

    async def _tell(self, tx: AsyncConnection, conversation: Conversation, contact: Contact) -> None:
        """First contact: who we are, before anything else; kept as what this number was told."""
        name = "welcome_sms_discreet" if self._discreet else "welcome_sms"
        told = self._texts.notice(name, conversation, author="bot", centre=self._centre.name,
                                  retention_days=str(self._centre.retention_days))
        await conversations.add(tx, conversation, told)
        await contacts.change(tx, contact.address, consent_at=now(), consent_text=self._wording.parts(told)[0])

    async def _after_talk(self, place: Place, incoming: Incoming, danger: Assessment | None) -> None:
        """An opt-out in the same breath as a danger: the guidance was given, then the wish is honoured."""
        if not (danger and danger.level != "none" and words.is_opt_out(incoming.text)):
            return
        async with self._record.write() as tx:
            await contacts.opt_out(tx, place.contact.address, "in free words, with danger")
            await _log(tx, place.conversation, "The visitor asked to get no more texts. Please call.")

    # -- everything else --------------------------------------------------------------------------------------

    async def _deal_with(
        self, tx: AsyncConnection, place: Place, incoming: Incoming, danger: Assessment | None
    ) -> None:
        """Store a text that the bot does not answer, with what is said to it, and let staff see why."""
        conversation, what = place.conversation, place.what
        if what in (words.STOP, words.START, words.HELP):
            danger = None  # one word that means something to the carrier
        stored = await _keep(tx, conversation, incoming, danger)
        if danger and danger.level != "none":
            why = ["opted out of texts, please call", *danger.why] if place.contact.opted_out else list(danger.why)
            await conversations.raise_alert(tx, conversation, stored.seq, {**as_json(danger), "why": why})
        await self._note(tx, place)
        if incoming.media or incoming.location:
            await _log(tx, conversation, _enclosed(incoming), response=LOCATION if incoming.location else "log")
        said = _SAID.get(what)
        if what == "too_fast":
            self._metrics.limited("text")
            said = said if self._fast_told.allows(place.contact.address) else None
        if said:
            await conversations.add(tx, conversation, self._texts.notice(said, conversation, author="bot"))
        if what == words.HELP and incoming.text.lower() == "help":
            await deliveries.alarm(tx, conversation.id, stored.seq, "texted_help", "HELP; the carrier answered")
        elif what == words.START and not place.contact.opted_out and not place.contact.was_told:
            await self._tell(tx, conversation, place.contact)
        await conversations.handled(tx, conversation, stored.seq)

    async def _note(self, tx: AsyncConnection, place: Place) -> None:
        """What the text means for the contact, and the line for staff."""
        address, conversation = place.contact.address, place.conversation
        if place.what in (words.STOP, "opt_out") and not place.contact.opted_out:
            await contacts.opt_out(tx, address, "carrier word" if place.what == words.STOP else "in free words")
            await checkins.end_all(tx, conversation.id)
        if place.what == words.START:
            await contacts.opt_in(tx, address)
        if place.what in _NOTES:
            await _log(tx, conversation, _NOTES[place.what])

    # -- without a record -------------------------------------------------------------------------------------

    async def _without_record(self, incoming: Incoming) -> list[Said]:
        """Guidance all the same; the text is kept on the disk and taken up when the record is back."""
        danger = await self._lane.assess(incoming.text or "?")
        word = words.carrier_word(incoming.text, opted_out=False, told=incoming.opt_out_type)
        if danger.level == "none":
            message = Message(author="bot", language=danger.language, response="sms_kept",
                              text=self._texts.plain("sms_kept", danger.language, channel="sms"))
        else:
            message = self._lane.guidance(danger, "sms")
        said = [] if word else [message.text]
        try:
            await asyncio.to_thread(self._spool.keep, incoming, said)
            logger.warning("the record cannot be reached: a text is kept on the disk")
        except OSError as error:
            logger.error("a text could neither be stored nor kept: %s", type(error).__name__)
            answered = danger.level != "none" or word  # its response has no second try
            if not (answered and self._spool.keep_in_memory(incoming, said)):
                raise NotStored(None) from error  # the carrier tries again, or its fallback answers
        return [Said(part) for part in self._wording.parts(message)] if said else []

    async def _drain_spool(self) -> None:
        while True:
            await self._prepare()
            try:
                await self._take_up()
            except (RecordUnavailable, NotStored):
                logger.warning("texts that were kept wait for the record")
                await asyncio.to_thread(self._spool.settle)
            await asyncio.sleep(SPOOL_SECONDS)

    async def _prepare(self) -> None:
        """Have the reserve at hand before it is needed; without room for it, as soon as there is some."""
        try:
            await asyncio.to_thread(self._spool.prepare)
            self._reserve_missing = False
        except OSError as error:
            if not self._reserve_missing:
                logger.error("no room for the reserve of texts: %s", error.strerror)
            self._reserve_missing = True

    async def _take_up(self) -> None:
        """Store what was kept, oldest first."""
        async with self._taking:
            for kept in await asyncio.to_thread(self._spool.kept):
                if await self._taken(kept.incoming, kept.said):
                    await asyncio.to_thread(self._spool.let_go, kept)

    async def _taken(self, incoming: Incoming, said: tuple[str, ...]) -> bool:
        try:
            await self._receive(incoming, said)
        except (RecordUnavailable, NotStored):
            raise
        except Exception:  # one text's fault must not hold up the others
            logger.exception("a kept text could not be taken up")
            return False
        return True

    def _as_said(self, answer: Answer) -> list[Said]:
        return [Said(part, id) for id, message in answer.messages for part in self._wording.parts(message)]


_SAID = {"opt_out": "sms_opted_out", "who": "sms_who", "location": "sms_location", "media": "sms_media",
         "empty": "not_text", "too_fast": "too_fast"}  # fmt: skip
_NOTES = {
    words.STOP: "The visitor opted out of texts. Nothing more reaches this number by text.",
    words.START: "The visitor gets texts again.",
    words.HELP: "The carrier answers this word by itself, with the text set up there.",
    "opt_out": "The visitor asked to get no more texts. Nothing more reaches this number by text.",
    "opted_out": "This number has opted out of texts: nothing was answered. Please call if it matters.",
    "who": "This person may not be the one who had this number before.",
    "machine": "This sender is no phone: nothing was answered.",
    "too_fast": "More texts than one person writes: kept, not answered one by one.",
}


def _why_new(last: Conversation, contact: Contact, incoming: Incoming) -> str:
    """Why a number's next text must not land in its last conversation, or nothing."""
    silent = now() - contact.last_at
    if silent > QUIET_MS:
        return "quiet"
    if words.is_wrong_number(incoming.text):
        return "wrong_number"
    if words.asks_who(incoming.text) and silent > TALKING_MS and last.speaker != "staff":
        return "who"
    return ""


def _is_about_texting(text: str) -> bool:
    """Whether a text may be one that the inbox never sees."""
    return (words.carrier_word(text, opted_out=True) is not None or words.is_opt_out(text)
            or words.is_wrong_number(text) or words.asks_who(text) or checkins.might_be_meant(text))


def _enclosed(incoming: Incoming) -> str:
    if incoming.location:
        return f"The visitor shared a location: {incoming.location}"
    return f"The visitor sent {incoming.media} picture or file; Haven does not open it."


async def _keep(
    tx: AsyncConnection, conversation: Conversation, incoming: Incoming, danger: Assessment | None
) -> Message:
    grave = danger is not None and danger.level != "none"
    return await conversations.add(tx, conversation, Message(
        author="visitor", text=incoming.text or "(no words)", client_id=incoming.sid,
        language=danger.language if danger else conversation.language,
        crisis=as_json(danger) if danger and grave else None))


async def _log(tx: AsyncConnection, conversation: Conversation, text: str, *, response: str = "log") -> None:
    await conversations.add(tx, conversation, Message(
        author="system", kind="private", text=text, response=response))
