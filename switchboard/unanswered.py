"""What the bot could not answer: read from the record, redacted, grouped by likeness. Used by the console."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from haven.content import Answer, Content, Unsupported
from haven.encoder import Encoder
from haven.redaction import anonymous
from switchboard import sealed
from switchboard.records.record import now
from switchboard.records.tables import conversations, drafts, messages

# The bot's answers that say "I don't know". The last asks which of several questions was meant; it counts unless
# the visitor then chose one.
NO_ANSWER = ("utter_unknown", "utter_not_covered", "utter_options_none_chosen", "utter_options_intro")
SINCE_MS = 30 * 86_400_000
MOST = 500  # questions looked at; the newest ones
# Cosines, measured on 760 wordings of data/faq: groups made at 0.60 hold 91 % of questions that belong together,
# and 92 of 100 pairs at 0.70 ask the same.
ALIKE = 0.60
DONE_ALIKE = 0.70  # of a question and one that is dealt with
LONGEST = 300  # characters of a question that are shown


@dataclass(frozen=True)
class Question:
    """One question as it may be read by people who answer no chats."""

    text: str
    language: str
    at: int


@dataclass(frozen=True)
class Group:
    """Questions that ask the same: the one nearest to all of them first, each wording once."""

    wordings: tuple[str, ...]
    language: str
    count: int
    last_at: int
    suggestions: tuple[str, ...] = ()  # ids of answers that may fit, nearest first

    @property
    def title(self) -> str:
        return self.wordings[0]


async def read_unanswered(connection: AsyncConnection, content: Content) -> list[Question]:
    """The questions of the last 30 days without an answer, newest first, redacted. Practice is left out."""
    m, bot, later = messages.alias("m"), messages.alias("bot"), messages.alias("later")
    chosen = sa.exists().where(later.c.conversation == bot.c.conversation, later.c.seq > bot.c.seq,
                               later.c.seq <= bot.c.seq + 3, later.c.choice.like("faq/%"))
    query = (sa.select(m.c.conversation, m.c.seq, m.c.text, m.c.language, m.c.at, conversations.c.data_key)
             .join(bot, sa.and_(bot.c.conversation == m.c.conversation, bot.c.answers_seq == m.c.seq))
             .join(conversations, conversations.c.id == m.c.conversation)
             .where(m.c.author == "visitor", m.c.choice.is_(None), m.c.at > now() - SINCE_MS, _not_practice(),
                    sa.or_(bot.c.response.in_(NO_ANSWER[:-1]),
                           sa.and_(bot.c.response == NO_ANSWER[-1], sa.not_(chosen))))
             .order_by(m.c.at.desc()).limit(MOST))
    known = known_words(content)
    rows = [(row, sealed.opened(connection, row.conversation, row.data_key, sealed.message_place(row.seq), row.text))
            for row in await connection.execute(query)]
    return [Question(_shown(said["text"], known), row.language, row.at) for row, said in rows if said]


async def read_gaps(connection: AsyncConnection, content: Content) -> list[tuple[str, int]]:
    """What was asked that the documents are known not to answer: (question of data/unsupported.yml, times)."""
    query = (sa.select(messages.c.response, sa.func.count().label("times"))
             .join(conversations, conversations.c.id == messages.c.conversation)
             .where(messages.c.response.like("utter_unsupported/%"), messages.c.at > now() - SINCE_MS, _not_practice())
             .group_by(messages.c.response).order_by(sa.desc("times")))
    rows = [(row.response.partition("/")[2], row.times) for row in await connection.execute(query)]
    return [(content.unsupported[id].question, times) for id, times in rows if id in content.unsupported]


async def read_drafts(connection: AsyncConnection) -> list[Any]:
    """What staff made of such questions and did not take back, newest first (rows of drafts)."""
    return list(await connection.execute(
        sa.select(drafts).where(drafts.c.withdrawn_at.is_(None)).order_by(drafts.c.id.desc())))


def _not_practice() -> sa.ColumnElement[bool]:
    return conversations.c.practice.is_(None)


def group(
    questions: Sequence[Question], done: Iterable[str], content: Content, encoder: Encoder | None
) -> list[Group]:
    """Groups by likeness, the largest first; those alike to a question of `done` are left out.

    Takes some milliseconds a question: call it on a thread. Without an encoder only the same words are alike.
    """
    texts = list(dict.fromkeys(question.text for question in questions))
    settled = list(done)
    if encoder is None:
        members = [[text] for text in texts if text not in settled]
        return _groups(members, questions, {})
    vectors = encoder.encode(texts)
    finished = encoder.encode(settled)
    left = [i for i in range(len(texts)) if not len(finished) or float((finished @ vectors[i]).max()) < DONE_ALIKE]
    clusters = _clusters(vectors, left)
    members = [[texts[i] for i in _nearest_first(vectors, cluster)] for cluster in clusters]
    ids, answers = _answer_vectors(content, encoder)
    suggestions = {texts[cluster[0]]: _nearest(answers, ids, vectors[cluster].mean(axis=0)) for cluster in clusters}
    by_title = {names[0]: next(suggestions[name] for name in names if name in suggestions) for names in members}
    return _groups(members, questions, by_title)


def _clusters(vectors: Any, order: list[int]) -> list[list[int]]:
    """Each question joins the group whose middle is nearest, if near enough; else it begins one."""
    clusters: list[list[int]] = []
    middles: list[Any] = []
    for i in order:
        near = [float(middle @ vectors[i] / np.linalg.norm(middle)) for middle in middles]
        best = int(np.argmax(near)) if near else -1
        if best >= 0 and near[best] >= ALIKE:
            clusters[best].append(i)
            middles[best] = middles[best] + vectors[i]
        else:
            clusters.append([i])
            middles.append(vectors[i].copy())
    return clusters


def _nearest_first(vectors: Any, cluster: list[int]) -> list[int]:
    middle = vectors[cluster].mean(axis=0)
    return sorted(cluster, key=lambda i: -float(vectors[i] @ middle))


def _nearest(vectors: Any, ids: list[str], wanted: Any, count: int = 3) -> tuple[str, ...]:
    return tuple(ids[i] for i in np.argsort(-(vectors @ wanted))[:count])


def _groups(
    members: list[list[str]], questions: Sequence[Question], suggestions: dict[str, tuple[str, ...]]
) -> list[Group]:
    times = Counter(question.text for question in questions)
    languages = {question.text: question.language for question in questions}
    last: dict[str, int] = {}
    for question in questions:
        last[question.text] = max(last.get(question.text, 0), question.at)
    found = [Group(tuple(names), languages[names[0]], sum(times[name] for name in names),
                   max(last[name] for name in names), suggestions.get(names[0], ())) for names in members]
    return sorted(found, key=lambda group: (-group.count, -group.last_at))


def nearest_sentences(text: str, content: Content, encoder: Encoder | None, count: int = 12) -> list[str]:
    """Ids of the sentences of the documents that may support an answer to `text`, nearest first."""
    if encoder is None:
        return []
    ids, vectors = _sentence_vectors(content, encoder)
    return list(_nearest(vectors, ids, encoder.encode([text])[0], count))


_KEPT: dict[tuple[str, int], tuple[list[str], Any]] = {}  # vectors of the content, which does not change while it runs


def _answer_vectors(content: Content, encoder: Encoder) -> tuple[list[str], Any]:
    return _kept("answers", content, encoder, {id: answer.question for id, answer in content.answers.items()})


def _sentence_vectors(content: Content, encoder: Encoder) -> tuple[list[str], Any]:
    return _kept("claims", content, encoder, {
        id: claim.quote for id, claim in content.claims.items() if claim.cls in ("quote", "correct_first")})


def _kept(name: str, content: Content, encoder: Encoder, texts: dict[str, str]) -> tuple[list[str], Any]:
    key = (name, id(content))
    if key not in _KEPT:
        _KEPT[key] = (list(texts), encoder.encode(list(texts.values())))
    return _KEPT[key]


def known_words(content: Content) -> frozenset[str]:
    """The words of the content in small letters: what is no name."""
    entries: list[Answer | Unsupported] = [*content.answers.values(), *content.unsupported.values()]
    return _words_of(tuple(
        text for entry in entries
        for text in (entry.question, entry.text, entry.text_es or "", *(v.text for v in entry.variants))))


@lru_cache(maxsize=2)
def _words_of(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for text in texts for word in re.findall(r"[^\W\d_][\w'-]*", text.lower()))


def _shown(text: str, known: frozenset[str]) -> str:
    text = anonymous(" ".join(text.split()), known)
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + "…"
