"""switchboard.unanswered: what counts as unanswered, without names, grouped by likeness; on both databases."""

from __future__ import annotations

from haven.content import Content
from haven.encoder import Encoder
from haven.settings import ROOT
from switchboard import conversations, unanswered
from switchboard.conversations import Message
from switchboard.records.record import Record
from switchboard.records.tables import conversations as table

CONTENT = Content.load(ROOT / "data")


async def asked(record: Record, text: str, response: str, *, choice: str | None = None, practice: bool = False) -> None:
    """A visitor asks, the bot says `response`; with `choice` the visitor then picks one of what was offered."""
    async with record.write() as tx:
        conversation = await conversations.begin(tx, channel="widget", language="en")
        if practice:
            await tx.execute(table.update().where(table.c.id == conversation.id).values(practice=1))
        question = await conversations.add(tx, conversation, Message(author="visitor", text=text))
        await conversations.add(tx, conversation, Message(
            author="bot", text="...", response=response, answers_seq=question.seq))
        if choice:
            await conversations.add(tx, conversation, Message(author="visitor", text="1", choice=choice))


async def read(record: Record) -> list[unanswered.Question]:
    async with record.read() as connection:
        return await unanswered.read_unanswered(connection, CONTENT)


async def test_only_what_stayed_without_an_answer_is_read_and_names_are_gone(record: Record) -> None:
    """Answered, chosen and practised questions are left out; the newest comes first."""
    await asked(record, "do you take my son kyle at 12 Oak Street", "utter_unknown")
    await asked(record, "is there parking", "utter_options_intro")
    await asked(record, "what is detox", "utter_faq/FAQ-029")
    await asked(record, "detox rehab what", "utter_options_intro", choice="faq/FAQ-029")
    await asked(record, "a made up question", "utter_unknown", practice=True)
    assert [question.text for question in await read(record)] == [
        "is there parking", "do you take my son [name] at [address]"]


async def test_known_gaps_are_counted_by_what_the_documents_lack(record: Record) -> None:
    """The fixed "not in the documents" answers are counted under their question."""
    for text in ("what does it cost", "how much is it"):
        await asked(record, text, "utter_unsupported/U-01")
    async with record.read() as connection:
        assert await unanswered.read_gaps(connection, CONTENT) == [("How much does treatment cost?", 2)]


def test_alike_questions_stand_together_and_the_most_asked_first() -> None:
    """Three about parking, one about dogs: two groups, with the answers that come nearest."""
    encoder = Encoder.load(ROOT / "models" / "encoder")
    texts = ["is there parking at your center", "do you have a parking lot", "is there parking for visitors",
             "can i bring my dog", "is there parking at your center"]
    questions = [unanswered.Question(text, "en", at) for at, text in enumerate(texts)]
    groups = unanswered.group(questions, [], CONTENT, encoder)
    assert [group.count for group in groups] == [4, 1]
    assert groups[1].title == "can i bring my dog" and groups[0].last_at == 4
    assert len(groups[0].suggestions) == 3 and set(groups[0].suggestions) <= set(CONTENT.answers)

    left = unanswered.group(questions, ["is there parking at the center"], CONTENT, encoder)
    assert "can i bring my dog" in [group.title for group in left]
    assert sum(group.count for group in left) < 5


def test_without_the_encoder_the_same_words_still_stand_together() -> None:
    """A missing model costs likeness, not the page."""
    questions = [unanswered.Question(text, "en", 0) for text in ("a b", "a b", "c d")]
    assert [(group.title, group.count) for group in unanswered.group(questions, [], CONTENT, None)] == [
        ("a b", 2), ("c d", 1)]


def test_sentences_that_may_support_an_answer_are_found_by_likeness() -> None:
    """Only those that may be shown or reworded are offered."""
    encoder = Encoder.load(ROOT / "models" / "encoder")
    found = unanswered.nearest_sentences("how long does detox take", CONTENT, encoder)
    assert any("detox" in CONTENT.claims[id].quote.lower() for id in found)
    assert {CONTENT.claims[id].cls for id in found} <= {"quote", "correct_first"}
