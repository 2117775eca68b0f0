"""Gets the bot's answer to what a visitor wrote: one turn at a time, never over a person, never silence."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from dataclasses import replace
from itertools import count
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from haven.centre import Centre
from haven.content import Content
from switchboard import conversations, turns
from switchboard.assistant_client import AssistantClient, AssistantFailed, Reply
from switchboard.conversations import BOT, Conversation, Message, NoConversation
from switchboard.crisis_lane import CrisisLane
from switchboard.follow_through import FollowThrough
from switchboard.metrics import Metrics
from switchboard.numbers import Vault
from switchboard.offers import (
    ABOUT_PEOPLE,
    goes_on,
    is_answer,
    is_follow_through,
    offer_of,
    topic_of,
    was_asked_for_words,
)
from switchboard.presence import Presence
from switchboard.records.record import Record, RecordUnavailable
from switchboard.short_texts import as_one_turn, pause_left
from switchboard.streams import CONSOLE, Streams
from switchboard.texts import Texts

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0  # between tries while the record cannot be reached
LONGEST_RETRY_SECONDS = 60.0  # between tries that fail for a reason nobody foresaw
LOOK_AGAIN_SECONDS = 0.3  # while another switchboard is at a conversation
LEASE_SECONDS = 2.0  # beyond the budget of a turn: whoever holds a turn longer is gone
AT_ONCE = 16  # turns given to the assistant at the same time; more only queue up inside it


class Brain:
    """One worker per conversation that owes an answer; it ends when nothing is owed."""

    def __init__(
        self,
        record: Record,
        assistant: AssistantClient,
        lane: CrisisLane,
        follow: FollowThrough,
        streams: Streams,
        content: Content,
        centre: Centre,
        presence: Presence,
        vault: Vault,
        metrics: Metrics,
        *,
        pause: float,
    ) -> None:
        self._record = record
        self._metrics = metrics
        self._assistant = assistant
        self._lane = lane
        self._follow = follow
        self._streams = streams
        self._content = content
        self._texts = Texts(content)
        self._centre = centre
        self._presence = presence
        self._vault = vault
        self._pause = pause
        self._me = uuid.uuid4().hex  # whose turn it is, where several switchboards share the record
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._heard: dict[str, asyncio.Event] = {}  # of those that listen whether more comes
        self._places = asyncio.Semaphore(AT_ONCE)

    def wake(self, conversation_id: str) -> None:
        """See to it that the conversation's open messages are answered."""
        if conversation_id in self._workers:
            self._again.add(conversation_id)
            if conversation_id in self._heard:
                self._heard[conversation_id].set()
            return
        self._workers[conversation_id] = asyncio.create_task(self._work(conversation_id))

    async def take_up(self) -> None:
        """After a start: answer what was stored and not answered before the last stop."""
        async with self._record.read() as connection:
            owed = await conversations.with_unhandled(connection)
        for conversation_id in owed:
            self.wake(conversation_id)

    def is_busy(self, conversation_id: str) -> bool:
        """Whether an answer is on its way."""
        return conversation_id in self._workers

    async def finish(self) -> None:
        """Let the turns under way end; what is still owed after a turn's budget is taken up after the next start."""
        if self._workers:
            await asyncio.wait(self._workers.values(), timeout=self._assistant.budget + 1.0)

    async def close(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, conversation_id: str) -> None:
        try:
            while True:
                self._again.discard(conversation_id)
                await self._answer_all(conversation_id)
                if conversation_id not in self._again:
                    return
        except NoConversation:
            return  # erased meanwhile
        finally:
            del self._workers[conversation_id]
            self._again.discard(conversation_id)
            self._streams.stir(conversation_id)

    async def _answer_all(self, conversation_id: str) -> None:
        faults = count(1)
        while True:
            try:
                async with self._record.look_up() as connection:
                    conversation = await conversations.load(connection, conversation_id)
                    owed = await conversations.unhandled(connection, conversation)
                    if conversation.owner != BOT or not owed:
                        return
                    before = await conversations.last(connection, conversation_id, owed[0].seq - 1, 6)
                wait = pause_left(owed, self._pause) if conversation.channel == "sms" else 0.0
                if wait > 0:
                    await self._listen(conversation_id, wait)
                    continue
                message = as_one_turn(owed) if conversation.channel == "sms" else owed[0]
                if not await self._answer(conversation, message, before):
                    return
            except RecordUnavailable:
                logger.warning("conversation %s: the record cannot be reached, trying again", conversation_id)
                await asyncio.sleep(RETRY_SECONDS)
            except NoConversation:
                raise
            except Exception:  # given up, nobody would answer until the next message or the next start
                logger.exception("conversation %s: an answer failed, trying again", conversation_id)
                await asyncio.sleep(min(RETRY_SECONDS * next(faults) ** 2, LONGEST_RETRY_SECONDS))

    async def _listen(self, conversation_id: str, seconds: float) -> None:
        """Wait whether more comes; what comes ends the wait."""
        self._heard[conversation_id] = heard = asyncio.Event()
        try:
            await asyncio.wait_for(heard.wait(), seconds)
        except TimeoutError:
            return
        finally:
            del self._heard[conversation_id]

    async def _answer(self, conversation: Conversation, message: Message, before: list[Message]) -> bool:
        """Answer a message; whether more may be owed."""
        if is_follow_through(message.choice):  # it was answered together with being stored
            async with self._record.write() as tx:
                await conversations.handled(tx, conversation, message.seq)
            return True
        if not await self._is_ours(conversation.id, message.seq):
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            return True
        self._streams.stir(conversation.id)  # followers see that the bot is at it
        try:
            if not message.readable:
                raise AssistantFailed("its words cannot be read")
            replies = await self._ask(self._turn(conversation, message, before))
            failed = False
        except AssistantFailed as error:
            logger.warning("conversation %s: assistant failed: %s", conversation.id, error)
            replies, failed = [], not _is_acute(message)
        try:
            more = await self._store(conversation, message, before, replies, failed=failed)
        except (RecordUnavailable, NoConversation):
            raise
        except Exception:  # whatever is wrong with this answer, it must not become silence
            logger.exception("conversation %s: an answer could not be stored", conversation.id)
            more = await self._store(conversation, message, before, [], failed=not _is_acute(message))
        self._streams.wake(conversation.id, CONSOLE)
        return more

    async def _ask(self, turn: dict[str, Any]) -> list[Reply]:
        async with self._places:
            began = time.perf_counter()
            try:
                replies = await self._assistant.turn(turn)
            except AssistantFailed:
                self._metrics.assistant_failures.inc()
                raise
            self._metrics.turn_seconds.observe(time.perf_counter() - began)
            return replies

    async def _store(
        self, conversation: Conversation, message: Message, before: list[Message], replies: list[Reply], *, failed: bool
    ) -> bool:
        async with self._record.write() as tx:
            return await self._say(tx, conversation, message, before, replies, failed=failed)

    async def _is_ours(self, conversation_id: str, seq: int) -> bool:
        """Whether this switchboard may ask: another that shares the record may be at it."""
        if self._record.is_sqlite:
            return True
        async with self._record.write() as tx:
            if not await turns.take(tx, conversation_id, self._me, self._assistant.budget + LEASE_SECONDS):
                return False
            current = await conversations.load(tx, conversation_id)
            if current.handled_seq >= seq:  # it was answered between our reading and our taking
                await turns.end(tx, conversation_id, self._me)
            return current.handled_seq < seq

    def _turn(self, conversation: Conversation, message: Message, before: list[Message]) -> dict[str, Any]:
        open_now = self._centre.open_now()
        return {
            "conversation": f"{conversation.id}.{conversation.epoch}",
            "text": message.text,
            "choice": message.choice,
            "channel": conversation.channel,
            "language": message.language,
            "offer": offer_of(before, self._content),
            "topic": topic_of(before),
            "crisis": {**(message.crisis or {"level": "none", "kind": None, "why": []}),
                       "said": _is_acute(message)},
            "staff": {
                "open": open_now,
                "present": self._presence.count(),
                "next_open": None if open_now else self._centre.next_open_text(message.language),
            },
        }

    async def _say(
        self,
        tx: AsyncConnection,
        asked: Conversation,
        message: Message,
        before: list[Message],
        replies: list[Reply],
        *,
        failed: bool,
    ) -> bool:
        """Store what is said to a message, if it is still the bot's to say; whether more may be owed."""
        current = await conversations.load(tx, asked.id, hold=True)
        if not self._record.is_sqlite:
            await turns.end(tx, asked.id, self._me)
        if current.handled_seq >= message.seq:
            logger.info("conversation %s: another switchboard has answered", asked.id)
            return True
        if current.owner != BOT or current.epoch != asked.epoch:
            logger.info("conversation %s: late answer dropped, %s has it", asked.id, current.speaker)
            return True
        said = self._words(current, message, before, replies, failed=failed)
        for words in said:
            await conversations.add(tx, current, replace(words, answers_seq=message.seq))
        if said and current.practice is None:
            self._metrics.answered(said, failed=failed)
        await conversations.handled(tx, current, message.seq)
        await self._act(tx, current, message, replies, failed=failed)
        return current.last_seq > message.seq

    def _words(
        self,
        conversation: Conversation,
        message: Message,
        before: list[Message],
        replies: list[Reply],
        *,
        failed: bool,
    ) -> list[Message]:
        if _is_acute(message):
            # Guidance and its question were said at once; "yes" must still mean an answer to that question.
            return [replace(_message(reply, message.language), author="system", kind="notice")
                    for reply in replies if reply.text and reply.response in ABOUT_PEOPLE]
        asked_for_words = was_asked_for_words(before) and not any(_says_something(r) for r in replies)
        if asked_for_words and not failed:
            return [self._follow.noted(conversation)]
        if failed:
            words = [self._texts.notice("bot_failed", conversation, author="bot", kind="text")]
            words = [self._follow.noted(conversation), *words] if asked_for_words else words
        else:
            words = [_message(reply, message.language) for reply in replies if reply.text]
        words = self._with_safety(conversation, message, before, words)
        return _as_texts([_numbered(m) for m in words]) if conversation.channel == "sms" else words

    def _with_safety(
        self, conversation: Conversation, message: Message, before: list[Message], words: list[Message]
    ) -> list[Message]:
        """Level possible: an answer from the documents gets the safety line, anything else the guidance.

        Where the documents hold no answer, the fixed text for that kind of danger says more than "I don't
        know" (it names who can help with just this).
        """
        if not message.crisis:
            return words
        if any(is_answer(m.response) for m in words):
            return [*words, self._texts.notice("safety_line", conversation, author="bot", kind="text")]
        assessment = self._lane.reading(message.crisis, message.language)
        kept = [m for m in words if m.response in ABOUT_PEOPLE or goes_on(m.response)]
        return [self._follow.guidance(assessment, conversation, before), *kept]

    async def _act(
        self,
        tx: AsyncConnection,
        conversation: Conversation,
        message: Message,
        replies: list[Reply],
        *,
        failed: bool,
    ) -> None:
        for reply in replies:
            if "callback" in reply.custom:
                form = reply.custom["callback"]
                await conversations.promise_callback(
                    tx, conversation, {**form, "number": self._vault.lock(str(form["number"]))})
        wishes = [reply.custom["handoff"] for reply in replies if "handoff" in reply.custom]
        if failed:
            wishes = [{"reason": "bot_failed", "urgency": "soon", "wait": True}]
        if wishes:
            handoff = {**wishes[0], "seq": message.seq, "text": message.text}
            await conversations.request_person(tx, conversation, handoff, wait=bool(wishes[0].get("wait")))


def _is_acute(message: Message) -> bool:
    return (message.crisis or {}).get("level") == "acute"


def _says_something(reply: Reply) -> bool:
    """Whether a reply is more than "I don't have that": an answer, or something about a person."""
    return is_answer(reply.response) or reply.response in ABOUT_PEOPLE or bool(reply.custom)


def _message(reply: Reply, language: str) -> Message:
    return Message(author="bot", text=reply.text or "", language=language, response=reply.response,
                   sources=reply.sources, options=reply.options)


def _as_texts(words: list[Message]) -> list[Message]:
    """One text message a turn, since carriers do not keep the order of several.

    What is said about people beside an answer is a text of its own: a "yes" means that, and not the answer.
    """
    about_people = [m for m in words if m.response in ABOUT_PEOPLE]
    others = [m for m in words if m.response not in ABOUT_PEOPLE]
    apart = about_people and any(is_answer(m.response) for m in others)
    return [*_as_one(others), *_as_one(about_people)] if apart else _as_one(words)


def _as_one(words: list[Message]) -> list[Message]:
    if len(words) < 2:
        return words
    leading = next((m for m in words if is_answer(m.response)), words[-1])
    return [replace(leading, text="\n".join(m.text for m in words),
                    options=[option for m in words for option in m.options])]


def _numbered(message: Message) -> Message:
    """On SMS the questions that may have been meant are a numbered list; beside an answer they are left out."""
    if is_answer(message.response):
        return replace(message, options=[])
    lines = [f"{number} {option['title']}" for number, option in enumerate(message.options, 1)]
    return replace(message, text="\n".join([message.text, *lines]))
