"""Takes every visitor's message in: danger first, then the record, then whoever answers. Used by all channels."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from haven.crisis import Assessment
from haven.errors import HavenError
from switchboard import conversations
from switchboard.brain import Brain
from switchboard.conversations import BOT, WAITING, Conversation, Message
from switchboard.crisis_lane import CrisisLane, as_json
from switchboard.follow_through import FollowThrough, State
from switchboard.metrics import Metrics
from switchboard.offers import is_follow_through, last_of_bot
from switchboard.records.keyring import Unreadable
from switchboard.records.record import Record, RecordUnavailable, now
from switchboard.streams import CLOCK, CONSOLE, Streams
from switchboard.texts import Texts

logger = logging.getLogger(__name__)

RESUME_BOT = "resume_bot"  # the choice by which somebody who waits goes on with the bot
READ_SECONDS = 0.2  # how long a message waits to be read together with what was said before
# When guidance goes out, counted from the message's coming, whether or not it could be stored by then: within a second
# whatever the record does, on a busy machine too. The sender's own id makes a retry safe.
GUIDANCE_SECONDS = 0.5
STORE_SECONDS = 0.2  # that storing gets in any case
CONTEXT = 12  # messages before it with which a message is read
MADE_UP_DANGER = "he is not breathing and his lips are blue, please help"
QUIET_MS = 120_000  # how long "you are still in line" is not said again


@dataclass(frozen=True)
class Received:
    """What a send leads to at once.

    `fresh` is false when it was a repeat of an earlier send; `timed`, whether something may be due at another time now.
    """

    message: Message
    replies: list[Message]
    fresh: bool = True
    timed: bool = False


class NotStored(HavenError):
    """The message could not be stored; `guidance` is what must be shown all the same, if there was danger."""

    def __init__(self, guidance: Message | None) -> None:
        self.guidance = guidance
        super().__init__("The message could not be stored. Please send it again.")


class Inbox:
    """The one door for visitors' messages, whatever the channel."""

    def __init__(
        self,
        record: Record,
        lane: CrisisLane,
        follow: FollowThrough,
        brain: Brain,
        streams: Streams,
        texts: Texts,
        metrics: Metrics,
    ) -> None:
        self._record = record
        self._metrics = metrics
        self._lane = lane
        self._follow = follow
        self._brain = brain
        self._streams = streams
        self._texts = texts

    async def receive(
        self, conversation_id: str, text: str, *, client_id: str, choice: str | None = None, late: bool = False
    ) -> Received:
        """Store a message under the sender's own id and say at once what danger demands.

        The text is already clean (haven.text). `late`: its sender is above the limit, others' go first. Raises
        NoConversation, or NotStored with the guidance.
        """
        began = time.perf_counter()
        latest = asyncio.get_running_loop().time() + GUIDANCE_SECONDS
        before = await self._before(conversation_id)
        assessment = await self._lane.assess(text, before, late=late)
        try:
            async with self._writing(assessment, latest) as tx:
                received, conversation = await self._store(tx, conversation_id, assessment, before, Message(
                    author="visitor", text=text, client_id=client_id, choice=_offered(choice, before)))
        except (RecordUnavailable, TimeoutError) as error:
            self._metrics.unstored.inc()
            raise NotStored(self._emergency(assessment)) from error
        except Unreadable as error:
            logger.error("conversation %s: nothing can be stored, its key cannot be read", conversation_id)
            await self._alarm(conversation_id, assessment)
            raise NotStored(self._emergency(assessment)) from error
        except HavenError:
            raise
        except Exception as error:  # whatever is wrong in here: danger gets its guidance
            if assessment.level != "acute":
                raise
            logger.exception("conversation %s: a message in danger could not be stored", conversation_id)
            raise NotStored(self._emergency(assessment)) from error
        if received.fresh:
            self._wake(conversation_id, conversation.owner, timed=received.timed)
            self._count(received, conversation, time.perf_counter() - began)
        return received

    async def rehearse(self, channel: str) -> None:
        """Do for a made-up danger all that receive() does, and keep nothing of it. Raises RecordUnavailable."""
        assessment = await self._lane.assess(MADE_UP_DANGER)
        async with self._record.rehearse() as tx:
            conversation = await conversations.begin(tx, channel=channel, language="en")
            before = await conversations.last(tx, conversation.id, 1 << 30, CONTEXT)
            await self._store(tx, conversation.id, assessment, before, Message(
                author="visitor", text=MADE_UP_DANGER, client_id="rehearsal"))
            await conversations.after(tx, conversation.id, 0)

    @asynccontextmanager
    async def _writing(self, assessment: Assessment, latest: float) -> AsyncIterator[AsyncConnection]:
        """A transaction for a message; for danger the next one, given up (TimeoutError) when guidance must go out."""
        acute = assessment.level == "acute"
        limit = max(latest, asyncio.get_running_loop().time() + STORE_SECONDS) if acute else None
        async with asyncio.timeout_at(limit), self._record.write(urgent=acute) as tx:
            yield tx

    def _count(self, received: Received, conversation: Conversation, seconds: float) -> None:
        """For monitoring; what nobody real wrote is no message."""
        if conversation.practice is not None:
            return
        level = (received.message.crisis or {}).get("level", "none")
        self._metrics.took_in(conversation.channel, level)
        if any(reply.kind == "guidance" for reply in received.replies):
            self._metrics.guidance_seconds.labels(conversation.channel).observe(seconds)

    async def _before(self, conversation_id: str) -> list[Message]:
        try:
            async with asyncio.timeout(READ_SECONDS), self._record.look_up(urgent=True) as connection:
                return await conversations.last(connection, conversation_id, 1 << 30, CONTEXT)
        except (RecordUnavailable, TimeoutError):
            return []  # danger is read all the same, without what was said before

    async def _alarm(self, conversation_id: str, assessment: Assessment) -> None:
        """Staff hear of a danger whose words cannot be stored."""
        if assessment.level == "none":
            return
        with suppress(RecordUnavailable):
            async with self._record.write() as tx:
                await conversations.raise_without_words(tx, conversation_id, as_json(assessment))
            self._streams.wake(CONSOLE)

    async def _store(
        self,
        tx: AsyncConnection,
        conversation_id: str,
        assessment: Assessment,
        before: list[Message],
        message: Message,
    ) -> tuple[Received, Conversation]:
        conversation = await conversations.load(tx, conversation_id, hold=True)
        sent = await conversations.sent_before(tx, conversation_id, message.client_id or "")
        if sent:
            return Received(sent[0], sent[1:], fresh=False), conversation
        language = _language(message.text, assessment, conversation)
        conversation = await conversations.speak(tx, conversation, language)
        state = await self._follow.state(tx, conversation_id)
        assessment = replace(self._follow.in_its_light(assessment, state), language=language)
        message = replace(message, language=language,
                          choice=self._choice(conversation, message, assessment, state, before))
        if state and message.choice and is_follow_through(message.choice):
            assessment = self._follow.alarming(message.choice, state, language)  # the words of a button are ours
        danger = assessment.level != "none"
        stored = await conversations.add(
            tx, conversation, replace(message, crisis=as_json(assessment) if danger else None))
        if danger:
            await conversations.raise_alert(tx, conversation, stored.seq, as_json(assessment))
        replies = await self._at_once(tx, conversation, assessment, state, before, stored)
        kept = [await conversations.add(tx, conversation, replace(r, answers_seq=stored.seq)) for r in replies]
        if conversation.owner != BOT:
            await conversations.handled(tx, conversation, stored.seq)
        timed = danger or state is not None
        return Received(stored, kept, timed=timed), await self._resumed(tx, conversation, stored)

    def _choice(
        self,
        conversation: Conversation,
        message: Message,
        assessment: Assessment,
        state: State | None,
        before: list[Message],
    ) -> str | None:
        """What the message chooses: by a button, by a number, or (after guidance) by words like "not yet"."""
        choice = message.choice or _number_of(message.text, before)
        if choice:
            return choice
        if conversation.speaker == "staff":
            return None  # what is told to a person is not for the bot
        return self._follow.reading(message.text, before, state, assessment)

    async def _at_once(
        self,
        tx: AsyncConnection,
        conversation: Conversation,
        assessment: Assessment,
        state: State | None,
        before: list[Message],
        stored: Message,
    ) -> list[Message]:
        if stored.choice and state and is_follow_through(stored.choice):
            return await self._follow.answer(tx, conversation, state, stored.choice, stored)
        if assessment.level == "acute":
            return await self._follow.guide(tx, conversation, assessment, before, stored.seq)
        await self._follow.heard(tx, conversation, state)
        if conversation.owner != WAITING:
            return []
        if assessment.level == "possible":  # no bot turn will follow
            return [self._follow.guidance(assessment, conversation, before)]
        if not _recently(before, "waiting_still"):
            return [self._texts.notice("waiting_still", conversation, options=[
                {"title": self._texts.plain("resume_bot", stored.language), "choice": RESUME_BOT}])]
        return []

    async def _resumed(self, tx: AsyncConnection, conversation: Conversation, stored: Message) -> Conversation:
        wish = stored.choice == RESUME_BOT or (conversation.channel == "sms" and stored.text.lower() == "bot")
        if conversation.owner != WAITING or not wish:
            return conversation
        fresh = await conversations.load(tx, conversation.id)
        fresh = await conversations.give(tx, fresh, BOT)
        await conversations.add(tx, fresh, self._texts.notice("returned_to_bot", fresh))
        await conversations.handled(tx, fresh, stored.seq)
        return fresh

    def _emergency(self, assessment: Assessment) -> Message | None:
        return None if assessment.level == "none" else self._lane.guidance(assessment, "widget")

    def _wake(self, conversation_id: str, owner: str, *, timed: bool) -> None:
        self._streams.wake(conversation_id, CONSOLE, *((CLOCK,) if timed else ()))
        if owner == BOT:
            self._brain.wake(conversation_id)


def _language(text: str, assessment: Assessment, conversation: Conversation) -> str:
    """A word or two ("ok", "no") does not change the language a conversation is in; Spanish words do."""
    if assessment.language != "en" or len(text.split()) > 2:
        return assessment.language
    return conversation.language


def _offered(choice: str | None, before: list[Message]) -> str | None:
    """The choice, if it is one that Haven itself offered; anything else is plain text."""
    offered: set[Any] = {option.get("choice") for message in before for option in message.options}
    return choice if choice in offered else None


def _number_of(text: str, before: list[Message]) -> str | None:
    """The choice that a bare number stands for, where the last thing said was a numbered list."""
    last = last_of_bot(before)
    number = text.strip(" .)")
    if last is None or number not in {str(n) for n in range(1, len(last.options) + 1)}:
        return None
    choice: str | None = last.options[int(number) - 1].get("choice")
    return choice


def _recently(before: list[Message], response: str) -> bool:
    return any(m.response == response and m.at > now() - QUIET_MS for m in before)
