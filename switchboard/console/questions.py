"""Questions the bot could not answer, and the wordings and answers staff draft from them. Part of the console."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import sqlalchemy as sa
from sanic import Blueprint, Request
from sanic.response import HTTPResponse, redirect

from haven.content import Answer, Claim, Content
from haven.drafts import TEXTS, Draft, DraftError, faults_with
from haven.redaction import anonymous
from haven.text import clean
from switchboard import audit, unanswered
from switchboard.accounts import AccountError, Session
from switchboard.console import pages
from switchboard.console.access import for_writers, staff_only
from switchboard.console.forms import field, typed, whole_number
from switchboard.parts import parts_of
from switchboard.records.record import now
from switchboard.records.tables import drafts

LONGEST = 400  # characters of a question
SHOWN = 60  # groups on the page
_EMPTY = {**dict.fromkeys(TEXTS, ""), "topic": "", "support": [], "corrections": []}

blueprint = Blueprint("console_questions")


@blueprint.get("/questions")
@staff_only(for_writers)
async def questions(request: Request, session: Session) -> HTTPResponse:
    """The groups, largest first, what the documents are known to leave open, and what has been drafted."""
    parts = parts_of(request)
    async with parts.record.read() as connection:
        asked = await unanswered.read_unanswered(connection, parts.content)
        gaps = await unanswered.read_gaps(connection, parts.content)
        drafted = await unanswered.read_drafts(connection)
    groups = await asyncio.to_thread(
        unanswered.group, asked, [row.question for row in drafted], parts.content, parts.lane.guard.encoder)
    return pages.page(request, "questions.html", session, groups=groups[:SHOWN], gaps=gaps, drafted=drafted,
                      names=parts.staff_names, answers=parts.content.answers, topics=_topics(parts.content),
                      told=request.args.get("told", ""))


def _topics(content: Content) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in content.answers.values():
        found.setdefault(answer.topic, []).append(answer)
    return found


@blueprint.post("/questions/variant")
@staff_only(for_writers)
async def attach(request: Request, session: Session) -> HTTPResponse:
    """Say that an answer there is already answers this question."""
    parts, answer = parts_of(request), field(request, "answer")
    if answer not in parts.content.answers:
        raise AccountError("Choose the answer that this question asks for.")
    await _keep(request, session, "variant", answer=answer)
    return redirect("/staff/questions?told=variant", status=303)


@blueprint.post("/questions/none")
@staff_only(for_writers)
async def leave_out(request: Request, session: Session) -> HTTPResponse:
    """Say that this question needs no answer; it is not shown again."""
    await _keep(request, session, "none")
    return redirect("/staff/questions?told=none", status=303)


@blueprint.get("/questions/draft")
@staff_only(for_writers)
async def draft_page(request: Request, session: Session) -> HTTPResponse:
    """The form for a new answer, with the sentences of the documents that may support it."""
    question = request.args.get("question", "")[:LONGEST]
    return await _draft_page(request, session, question, {"question": question})


@blueprint.post("/questions/draft")
@staff_only(for_writers)
async def draft(request: Request, session: Session) -> HTTPResponse:
    """Keep a new answer, once `bin/haven check` would let it in."""
    parts, fields, asked = parts_of(request), _fields(request), _question(request)
    wanted = Draft(asked, _language(request), fields=fields)
    try:
        _check_fields(fields)
        faults = await asyncio.to_thread(faults_with, parts.settings.data, [wanted], date.today())
    except DraftError as error:
        faults = [str(error)]
    if faults:
        return await _draft_page(request, session, asked, fields, faults=faults, status=400)
    await _keep(request, session, "answer", draft=fields)
    return redirect("/staff/questions?told=answer", status=303)


def _check_fields(fields: dict[str, Any]) -> None:
    if not all(fields[name] for name in ("question", "subject", "text", "sms", "topic")):
        raise DraftError("A question, its subject, a topic and the text for both channels are needed.")
    if not fields["support"] and not fields["corrections"]:
        raise DraftError("Choose at least one sentence of the documents that this answer rests on.")


async def _draft_page(
    request: Request, session: Session, asked: str, values: dict[str, Any], *, faults: list[str] | None = None,
    status: int = 200,
) -> HTTPResponse:
    parts = parts_of(request)
    near = await asyncio.to_thread(
        unanswered.nearest_sentences, asked or "treatment", parts.content, parts.lane.guard.encoder)
    chosen = [id for id in values.get("support", ()) if id in parts.content.claims]
    claims = [parts.content.claims[id] for id in dict.fromkeys([*chosen, *near])]
    return pages.page(request, "draft.html", session, status=status, asked=asked,
                      values={**_EMPTY, **values},
                      faults=faults or [], claims=claims, chosen=chosen, topics=sorted(_topics(parts.content)),
                      language=_language(request), documents=parts.content.documents, about=_about)


def _about(claim: Claim) -> str:
    """What may be done with a sentence."""
    return "may be quoted" if claim.cls == "quote" else "only in our own, corrected words"


@blueprint.post("/questions/drafts/<draft_id:int>/withdraw")
@staff_only(for_writers)
async def withdraw(request: Request, session: Session, draft_id: int) -> HTTPResponse:
    """Take a draft back before it is exported; its questions are shown again."""
    async with parts_of(request).record.write() as tx:
        await tx.execute(drafts.update().where(drafts.c.id == draft_id, drafts.c.exported_at.is_(None))
                         .values(withdrawn_at=now()))
        await audit.note(tx, "draft_withdrawn", session.staff.id, detail=f"draft {draft_id}")
    return redirect("/staff/questions", status=303)


async def _keep(
    request: Request, session: Session, kind: str, *, answer: str | None = None, draft: dict[str, Any] | None = None
) -> None:
    parts, times = parts_of(request), whole_number(field(request, "asked"))
    async with parts.record.write() as tx:
        result = await tx.execute(sa.insert(drafts).values(
            kind=kind, question=_question(request), language=_language(request), answer=answer, draft=draft,
            asked=1 if times is None else min(times, 999_999), made_by=session.staff.id, made_at=now(),
        ).returning(drafts.c.id))
        await audit.note(tx, f"draft_{kind}", session.staff.id, detail=f"draft {result.scalar_one()} {answer or ''}")


def _question(request: Request) -> str:
    """The question, redacted once more: somebody may have typed a name into it."""
    known = unanswered.known_words(parts_of(request).content)
    return anonymous(" ".join(clean(field(request, "asked_as")).split()), known)[:LONGEST]


def _language(request: Request) -> str:
    raw = field(request, "language") or request.args.get("language", "")
    return "es" if raw == "es" else "en"


def _fields(request: Request) -> dict[str, Any]:
    form: Any = request.form or {}
    support = [id for id in form.getlist("support") if isinstance(id, str)] if form else []
    more = field(request, "more_support").replace(",", " ").split()
    return {**{name: " ".join(typed(request, name).split()) for name in TEXTS}, "topic": field(request, "topic"),
            "support": list(dict.fromkeys([*support, *more]))[:20],
            "corrections": field(request, "corrections").replace(",", " ").split()[:10]}


