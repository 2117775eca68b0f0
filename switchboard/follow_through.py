"""Stays with somebody after acute guidance: one question, its answers, steps, a second dose, silence.

It needs no other process. The texts are those of data/follow_through.yml; what stands where is kept in the
record (tables follow_through and deadlines). Used by the switchboard's inbox and clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.content import Text
from haven.crisis import Assessment
from haven.follow_through import Care, Choice, FollowThroughContent, numbered
from switchboard import conversations, deadlines, sealed
from switchboard.conversations import FOLLOW_THROUGH, Conversation, Message
from switchboard.crisis_lane import CrisisLane
from switchboard.deadlines import QUIET, RESEND, SECOND_DOSE
from switchboard.offers import IN_WORDS, last_of_bot
from switchboard.records.record import now
from switchboard.records.tables import alerts, follow_through

REPEAT_MS = 10 * 60_000  # how long the whole guidance of a kind is not said again
STICKY_MS = 30 * 60_000  # how long after guidance a joke taken back is read as one (clinical review, 4b)
OLD_MS = 2 * 3_600_000  # after this nothing is said by the clock any more
SAFETY = "answer to a question of safety"  # haven.crisis: a bare "no" to "Are you safe?"
ASKS, TAKEN_BACK = "asks/", "taken_back"
_STATE = sa.select(follow_through).where(follow_through.c.conversation == sa.bindparam("of"))


@dataclass(frozen=True)
class Delays:
    """Milliseconds: when silence is asked about, a second dose is reminded of, the 911 line is said again."""

    quiet: tuple[int, ...]
    second_dose: int
    resend: int


@dataclass(frozen=True)
class State:
    """One row of follow_through: what is being followed through in a conversation."""

    conversation: str
    kind: str
    seq: int
    began_at: int
    step: int = 0
    asked: int = 0
    naloxone_at: int | None = None
    ended_at: int | None = None
    how: str | None = None

    @property
    def goes_on(self) -> bool:
        return self.ended_at is None and now() - self.began_at < OLD_MS

    @property
    def is_fresh(self) -> bool:
        return self.ended_at is None and now() - self.began_at < STICKY_MS


class FollowThrough:
    """What is said after guidance. Every method takes the transaction in which the message is stored."""

    def __init__(self, content: FollowThroughContent, lane: CrisisLane, delays: Delays) -> None:
        self._content = content
        self._lane = lane
        self._delays = delays

    async def state(self, tx: AsyncConnection, conversation_id: str) -> State | None:
        """What is being followed through, or was, in a conversation."""
        row = (await tx.execute(_STATE, {"of": conversation_id})).first()
        return None if row is None else State(**row._mapping)

    # -- reading what the visitor wrote ---------------------------------------------------------------------

    def in_its_light(self, assessment: Assessment, state: State | None) -> Assessment:
        """A bare "no" to "Are you safe?" is about the danger that is being followed through."""
        if state and state.goes_on and SAFETY in assessment.why:
            return replace(assessment, kind=state.kind)
        return assessment

    def reading(
        self, text: str, before: Sequence[Message], state: State | None, assessment: Assessment
    ) -> str | None:
        """The choice that typed words stand for, as a choice of ours, or None.

        An answer word for word to what was just asked ("they are on the way") is certain and goes before what
        the guard makes of so few words; all else goes after it.
        """
        if state is None or not state.goes_on:
            return None
        last = last_of_bot(before)
        asked = last is not None and is_ours(last)
        meant = self._content.meant(text, self._open(last, state)) if asked else None
        if meant:
            return FOLLOW_THROUGH + meant
        taken_back = state.is_fresh and self._content.takes_back(
            text, asked=asked, only=assessment.level != "none")
        return FOLLOW_THROUGH + TAKEN_BACK if taken_back else None

    def _open(self, last: Message | None, state: State) -> list[str]:
        offered = [str(option.get("choice")) for option in last.options] if last else []
        keys = [choice.removeprefix(FOLLOW_THROUGH) for choice in offered if choice.startswith(FOLLOW_THROUGH)]
        if self._content.kinds[state.kind].steps:
            keys.append("next")
        return [key for key in keys if key in self._content.choices]

    def alarming(self, choice: str, state: State, language: str) -> Assessment:
        """What a choice of ours tells about danger: nothing, but for those that say it goes on."""
        chosen = self._content.choices.get(choice.removeprefix(FOLLOW_THROUGH))
        if chosen is None or chosen.effect != "alarm":
            return Assessment("none", None, (), language)
        return Assessment("acute", state.kind, (f"chosen: {chosen.title.web}",), language)

    # -- saying -----------------------------------------------------------------------------------------------

    def guidance(
        self, assessment: Assessment, conversation: Conversation, before: Sequence[Message]
    ) -> Message:
        """The guidance for a danger; only the first things to do where all of it was said a moment ago."""
        guidance = self._lane.guidance(assessment, conversation.channel)
        again = self._content.kinds[assessment.kind or "overdose_other"].again
        if again is None or not _said_lately(before, guidance.response):
            return guidance
        return replace(guidance, response=f"{guidance.response}/again",
                       text=_say(again, conversation.channel, assessment.language))

    async def guide(
        self, tx: AsyncConnection, conversation: Conversation, assessment: Assessment, before: Sequence[Message],
        seq: int,
    ) -> list[Message]:
        """The guidance for acute danger told in message `seq`, one question after it, and the clock set."""
        kind = assessment.kind or "overdose_other"
        care = self._content.kinds[kind]
        guidance = self.guidance(assessment, conversation, before)
        state = await self._begin(tx, conversation, kind, seq, anew=guidance.response == f"crisis/{kind}")
        await self._set_clock(tx, conversation, care, state, opening=True)
        if conversation.speaker == "staff":
            return [guidance]  # a person is there to ask
        return self._with_question(guidance, conversation, care)

    def _with_question(self, guidance: Message, conversation: Conversation, care: Care) -> list[Message]:
        if care.asks and conversation.channel in care.asks_on:
            name = f"{IN_WORDS if care.in_words else ASKS}{care.kind}"
            return [guidance, self._message(name, care.asks, conversation, care.choices, care)]
        if not care.choices or conversation.channel not in care.asks_on:
            return [guidance]
        if conversation.channel == "sms":  # the guidance fills two segments; its choices are a message of their own
            choose = self._content.sentences.choose
            return [guidance, self._message("choose", choose, conversation, care.choices, care)]
        return [replace(guidance, options=self._options(care.choices, conversation, care))]

    async def answer(
        self, tx: AsyncConnection, conversation: Conversation, state: State, choice: str, message: Message
    ) -> list[Message]:
        """What is said to a choice of ours, and what follows from it."""
        key = choice.removeprefix(FOLLOW_THROUGH)
        care = self._content.kinds[state.kind]
        if key == TAKEN_BACK:
            await self._set_clock(tx, conversation, care, state)
            await _log(tx, conversation, "The visitor took it back. The alert stays open.")
            return [self._message(key, self._content.sentences.taken_back, conversation, (), care)]
        chosen = self._content.choices[key]
        state = await self._take_effect(tx, conversation, care, state, chosen, message)
        if chosen.effect == "step":
            return [self._step(conversation, care, state, chosen)]
        said = self._message(key, chosen.said, conversation, chosen.then, care)
        return [replace(said, kind="guidance", crisis=message.crisis) if chosen.effect == "alarm" else said]

    def noted(self, conversation: Conversation) -> Message:
        """What is said to an answer in words ("xanax, two days ago") that the documents have nothing on."""
        text = self._content.sentences.noted
        return Message(author="bot", text=_say(text, conversation.channel, conversation.language),
                       language=conversation.language, response=f"{FOLLOW_THROUGH}noted")

    async def heard(self, tx: AsyncConnection, conversation: Conversation, state: State | None) -> None:
        """The visitor wrote something else: silence is counted from now."""
        if state and state.goes_on:
            await self._set_clock(tx, conversation, self._content.kinds[state.kind], state)

    async def end(self, tx: AsyncConnection, conversation_id: str, how: str) -> None:
        """Ask nothing more. The alert of staff stays as it is."""
        await _update(tx, conversation_id, ended_at=now(), how=how)
        await deadlines.drop(tx, conversation_id, (QUIET, RESEND, SECOND_DOSE))

    async def _take_effect(
        self, tx: AsyncConnection, conversation: Conversation, care: Care, state: State, chosen: Choice,
        message: Message,
    ) -> State:
        effect = chosen.effect
        if effect == "ends":
            await self.end(tx, conversation.id, "safe")
            return state
        if effect == "alarm":
            state = await self._begin(tx, conversation, state.kind, message.seq, anew=not state.goes_on)
        if not state.goes_on:
            return state  # it was said to be over; what is asked for is still told
        if effect == "called":
            state = replace(state, step=max(state.step, 1))
        if effect == "step":
            state = replace(state, step=state.step % max(1, len(care.steps)) + 1)
        if effect in ("naloxone", "breathing"):
            await deadlines.drop(tx, conversation.id, (SECOND_DOSE,))
        if effect == "naloxone":
            state = replace(state, naloxone_at=now())
            await deadlines.set_at(tx, conversation.id, SECOND_DOSE, now() + self._delays.second_dose)
        await _update(tx, conversation.id, step=state.step, naloxone_at=state.naloxone_at)
        await self._set_clock(tx, conversation, care, state)
        return state

    def _step(self, conversation: Conversation, care: Care, state: State, chosen: Choice) -> Message:
        last = state.step == len(care.steps)
        said = self._message(f"steps/{care.kind}", care.steps[state.step - 1], conversation,
                             tuple(key for key in chosen.then if not (last and key == "next")), care)
        return replace(said, text=f"{state.step}/{len(care.steps)}. {said.text}")

    # -- the clock ----------------------------------------------------------------------------------------------

    async def _begin(
        self, tx: AsyncConnection, conversation: Conversation, kind: str, seq: int, *, anew: bool
    ) -> State:
        before = await self.state(tx, conversation.id)
        if before and before.kind == kind and before.goes_on and not anew:
            state = replace(before, seq=seq, asked=0)
            await _update(tx, conversation.id, seq=seq, asked=0)
            return state
        state = State(conversation.id, kind, seq, now())
        if kind == "naloxone_given":
            state = replace(state, naloxone_at=now())
        await tx.execute(follow_through.delete().where(follow_through.c.conversation == conversation.id))
        await tx.execute(follow_through.insert().values(**vars(state)))
        await deadlines.drop(tx, conversation.id, (SECOND_DOSE,))
        return state

    async def _set_clock(
        self, tx: AsyncConnection, conversation: Conversation, care: Care, state: State, *, opening: bool = False
    ) -> None:
        """Count silence from now; each time it is asked about stays asked."""
        await deadlines.drop(tx, conversation.id, (QUIET, RESEND))
        moment = now()
        if opening and care.second_dose and not await deadlines.is_set(tx, conversation.id, SECOND_DOSE):
            await deadlines.set_at(tx, conversation.id, SECOND_DOSE, moment + self._delays.second_dose)
        if opening and care.resend:
            await deadlines.set_at(tx, conversation.id, RESEND, moment + self._delays.resend)
        if conversation.channel == "sms" and not care.quiet_sms:
            return
        # The reminder of a second dose asks the first time.
        first = 1 if state.asked == 0 and await deadlines.is_set(tx, conversation.id, SECOND_DOSE) else state.asked
        for step, after in enumerate(self._delays.quiet):
            if step >= first:
                await deadlines.set_at(tx, conversation.id, QUIET, moment + after, step=step)

    async def on_time(self, tx: AsyncConnection, conversation: Conversation, deadline: Any) -> bool:
        """Say what is due, if it still is; whether anything was said. Of two switchboards one says it."""
        state = await self.state(tx, conversation.id)
        if conversation.speaker == "staff" and state and state.goes_on:
            # A person is there. Should they be lost, the questions go on.
            await deadlines.put_off(tx, deadline.id, now() + max(1000, self._delays.quiet[0]))
            return False
        if not await deadlines.claim(tx, deadline.id):
            return False
        step = max(deadline.step, await deadlines.claim_overdue(tx, conversation.id, deadline.kind))
        if state is None or state.ended_at is not None:
            return False
        if not state.goes_on or not await _is_open(tx, conversation.id):
            await self.end(tx, conversation.id, "staff" if state.goes_on else "old")
            return False
        await conversations.add(tx, conversation, self._due(conversation, state, deadline.kind, step))
        if deadline.kind != RESEND:
            await _update(tx, conversation.id, asked=step + 1 if deadline.kind == QUIET else max(1, state.asked))
        await _renew_alerts(tx, conversation)
        return True

    def _due(self, conversation: Conversation, state: State, kind: str, step: int) -> Message:
        care = self._content.kinds[state.kind]
        if kind == SECOND_DOSE:
            return self._second_dose(conversation, care, state)
        if kind == RESEND and care.again:
            return self._message(f"again/{care.kind}", care.again, conversation, care.choices, care)
        return self._check(conversation, care, last=state.asked > 0 and step == len(self._delays.quiet) - 1)

    def _second_dose(self, conversation: Conversation, care: Care, state: State) -> Message:
        sentences = self._content.sentences
        text = sentences.second_dose_given if state.naloxone_at else sentences.second_dose
        minutes = (now() - (state.naloxone_at or state.began_at)) // 60_000
        return self._message("second_dose", text, conversation, self._content.second_dose_choices, care,
                             minutes=minutes)

    def _check(self, conversation: Conversation, care: Care, *, last: bool) -> Message:
        check = self._content.checks[care.check]
        choices = check.choices_sms if conversation.channel == "sms" else check.choices
        text = self._content.sentences.last_check if last else check.said
        return self._message("last_check" if last else f"check/{care.check}", text, conversation, choices, care)

    # -- wording --------------------------------------------------------------------------------------------------

    def _message(
        self, name: str, text: Text, conversation: Conversation, choices: Sequence[str], care: Care,
        **fields: object,
    ) -> Message:
        options = self._options(choices, conversation, care)
        said = _say(text, conversation.channel, conversation.language, **fields)
        if conversation.channel == "sms" and options:
            said = numbered(said, [option["title"] for option in options])
        return Message(author="bot", text=said, language=conversation.language, response=FOLLOW_THROUGH + name,
                       options=options)

    def _options(self, choices: Sequence[str], conversation: Conversation, care: Care) -> list[dict[str, Any]]:
        """The choices that make sense for a kind: a next step only where there are steps."""
        fits = {"next": bool(care.steps), "naloxone": care.second_dose, "better": care.second_dose}
        return [{"title": _say(self._content.choices[key].title, conversation.channel, conversation.language),
                 "choice": FOLLOW_THROUGH + key}
                for key in choices if fits.get(key, True)]


def is_ours(message: Message) -> bool:
    """Whether a message is guidance or was said after it."""
    return (message.response or "").startswith((FOLLOW_THROUGH, "crisis/"))


def _say(text: Text, channel: str, language: str, **fields: object) -> str:
    return text.say(language=language, channel=channel, **fields)


def _said_lately(before: Sequence[Message], response: str | None) -> bool:
    return any(m.response == response and m.at > now() - REPEAT_MS for m in before)


async def _update(tx: AsyncConnection, conversation_id: str, **values: object) -> None:
    await tx.execute(follow_through.update().where(
        follow_through.c.conversation == conversation_id, follow_through.c.ended_at.is_(None)).values(**values))


async def _is_open(tx: AsyncConnection, conversation_id: str) -> bool:
    """Whether there is a danger that no member of staff has looked at."""
    return (await tx.execute(sa.select(alerts.c.id).where(
        alerts.c.conversation == conversation_id, alerts.c.accepted_at.is_(None)))).first() is not None


async def _renew_alerts(tx: AsyncConnection, conversation: Conversation) -> None:
    """Write on the open alerts since when nobody answers, so that the console shows it first."""
    wrote = await conversations.wrote_last(tx, conversation.id)
    seconds = (now() - (wrote or conversation.opened_at)) // 1000
    silence = f"silent: no answer for {f'{seconds // 60} min' if seconds >= 60 else f'{seconds} s'}"
    rows = await tx.execute(sealed.with_key(alerts).where(
        alerts.c.conversation == conversation.id, alerts.c.accepted_at.is_(None)))
    for row in rows.all():
        why = [silence, *(reason for reason in sealed.why_of(tx, row) if not reason.startswith("silent: "))]
        words = sealed.seal(tx, row.conversation, row.data_key, sealed.alert_place(row.seq, row.kind), why)
        await tx.execute(alerts.update().where(alerts.c.id == row.id).values(why=words))


async def _log(tx: AsyncConnection, conversation: Conversation, text: str) -> None:
    await conversations.add(tx, conversation, Message(
        author="system", kind="private", text=text, response="log"))
