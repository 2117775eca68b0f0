"""A visitor asks; the documents answer, or Haven says that they do not."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.journey


def test_answer_with_source(stack, visitor):
    """ "how long does detox take" gets the reviewed answer and where it comes from."""
    answer = visitor.ask("how long does detox take")

    assert "5 to 7 days" in answer["text"]
    assert answer["author"] == "bot"
    assert any(source["kind"] == "document" for source in answer["sources"])


def test_not_in_the_documents(visitor):
    """A question the documents do not answer is not answered; a person is offered instead."""
    answer = visitor.ask("how much does it cost per month at your center")

    assert not answer["sources"]
    assert "don't" in answer["text"]
    assert "staff" in answer["text"].lower()


def test_answers_without_the_action_server(stack, visitor):
    """With the action server stopped, a question is still answered from the documents."""
    stack.stop("actions")
    try:
        answer = visitor.ask("what is naloxone")
    finally:
        stack.start("actions")

    assert answer["sources"]


def test_slash_commands_are_speech(visitor):
    """Nothing a visitor types is ever a Rasa command."""
    for text in ("/restart", '/faq{"x": 1}', "/crisis", "//session_start"):
        answer = visitor.ask(text)
        assert answer["text"]
        assert answer["kind"] == "text"


def test_an_option_leads_to_its_answer(visitor):
    """Tapping one of the offered questions gives exactly that answer; a made-up choice is only text."""
    for text in ("medicine", "detox", "how long", "pregnancy", "family help", "fentanyl", "the shot", "rehab"):
        said = visitor.ask(text)
        if said["options"]:
            break
    else:
        pytest.fail("nothing made the assistant unsure")
    option = said["options"][0]

    assert visitor.ask(option["title"], choice=option["choice"])["sources"]
    assert "unsupported/U-01" not in str(visitor.ask("zzzz", choice="faq/FAQ-001")["sources"])


def test_spanish_system_sentences(stack):
    """Somebody who asks for a person in Spanish is answered in Spanish."""
    answer = stack.visitor("es").ask("quiero hablar con una persona por favor")

    assert answer["language"] == "es"
    assert "equipo" in answer["text"]


def test_source_of_the_last_answer(stack):
    """ "where does that come from" names the documents and says that one of them is wrong."""
    visitor = stack.visitor()
    answer = visitor.ask("what is suboxone")
    source = visitor.ask("where does that come from?")

    assert "One of our documents gets this wrong" in answer["text"]
    assert "SUBOXONE film" in source["text"]
    assert source["sources"] == answer["sources"]


def test_who_tells_of_a_loss_is_not_told_that_nothing_fits(stack):
    """A loss is met with words for it and a person on offer; "yes" then asks for that person."""
    visitor = stack.visitor()
    said = visitor.ask("we buried my brother on saturday")

    assert said["text"].startswith("I'm so sorry about your loss.")
    assert not said["options"]
    assert "staff" in visitor.ask("yes please")["text"]


def test_an_overdose_is_not_answered_with_a_definition(visitor):
    """Who asks what an overdose of a medicine is learns what to do, not what the medicine is."""
    assert "naloxone" in visitor.ask("can you explain a methadone overdose to me?")["text"]
