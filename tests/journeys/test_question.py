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
