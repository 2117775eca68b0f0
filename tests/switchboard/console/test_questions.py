"""The page of unanswered questions: who may read it, and how a question becomes a draft."""

from __future__ import annotations

import sqlalchemy as sa

from switchboard import conversations
from switchboard.conversations import Message
from switchboard.records.tables import audit, drafts
from tests.switchboard.console.conftest import Console


async def ask(console: Console, text: str) -> None:
    async with console.parts.record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        question = await conversations.add(tx, conversation, Message(author="visitor", text=text))
        await conversations.add(tx, conversation, Message(
            author="bot", text="...", response="utter_unknown", answers_seq=question.seq))


async def kept(console: Console, question: str) -> object:
    async with console.parts.record.read() as connection:
        return (await connection.execute(sa.select(drafts).where(drafts.c.question == question))).first()


async def test_a_content_writer_lands_on_the_questions_and_sees_no_names(console: Console) -> None:
    """The role's first page; a name in a question does not reach it, and no conversation does either."""
    word = "kayaking"
    await ask(console, "does my husband terrence need a kayaking permit")
    writer = await console.person("Wilma", role="content")
    page = await writer.page()
    assert word in page and "terrence" not in page.lower()
    assert (await writer.http.get("/staff/callbacks")).status_code == 403
    for role, status in (("staff", 403), ("auditor", 403), ("supervisor", 200)):
        person = await console.person(role.capitalize(), role=role)
        assert (await person.http.get("/staff/questions")).status_code == status


async def test_attached_or_left_out_a_question_is_not_shown_again(console: Console) -> None:
    """What was decided is kept with who decided it; a name typed in is taken out once more."""
    writer = await console.person("Wilma", role="content")
    await ask(console, "are quokkas allowed upstairs")
    await ask(console, "zebra stripes painted where")
    await writer.do("questions/variant", asked_as="are quokkas allowed upstairs", answer="FAQ-029", asked="1")
    await writer.do("questions/none", asked_as="zebra stripes painted where", asked="1")
    row = await kept(console, "are quokkas allowed upstairs")
    assert (row.kind, row.answer, row.made_by) == ("variant", "FAQ-029", writer.id)
    page = await writer.page("/staff/questions")
    assert "<h2>are quokkas allowed upstairs</h2>" not in page and "<h2>zebra stripes" not in page

    await writer.do("questions/variant", asked_as="is Bartholomew in detox", answer="FAQ-029")
    assert await kept(console, "is [name] in detox") is not None
    assert (await writer.do("questions/variant", asked_as="x", answer="FAQ-999")).status_code == 400


async def test_a_draft_is_kept_only_when_the_check_would_let_it_in(console: Console) -> None:
    """The faults are named beside the words, which stay; a sound draft is kept and can be taken back."""
    writer = await console.person("Wilma", role="content")
    page = await writer.page("/staff/questions/draft?question=is%20there%20a%20phone%20in%20detox")
    assert page.count('name="support"') >= 10
    values = {
        "asked_as": "is there a phone in detox", "question": "Is there a phone in detox?", "topic": "detox",
        "subject": "phones",
        "text": "Every junkie can use the phone.", "sms": "There is a phone.", "support": "DOC4-54",
    }
    refused = await writer.do("questions/draft", **values)
    assert refused.status_code == 400 and "stigmatising" in refused.text and "Every junkie" in refused.text
    unsupported = await writer.do("questions/draft", **{**values, "text": "You can ask staff.", "support": ""})
    assert unsupported.status_code == 400 and "at least one sentence" in unsupported.text

    assert (await writer.do("questions/draft", **{**values, "text": "You can ask staff."})).status_code == 303
    row = await kept(console, "is there a phone in detox")
    assert row.kind == "answer" and row.draft["support"] == ["DOC4-54"]
    await writer.do(f"questions/drafts/{row.id}/withdraw")
    assert (await kept(console, "is there a phone in detox")).withdrawn_at is not None
    async with console.parts.record.read() as connection:
        rows = (await connection.execute(sa.select(audit.c.action).where(
            audit.c.staff == writer.id).order_by(audit.c.id))).all()
    assert [row.action for row in rows][-2:] == ["draft_answer", "draft_withdrawn"]
