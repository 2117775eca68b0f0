"""The promises of the reader of ordinary messages, on real answers and the real encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from haven.content import Content
from haven.encoder import Encoder
from haven.retrieval import (
    Example,
    Reading,
    Retriever,
    RetrieverError,
    Thresholds,
    asks,
    decide,
    left_out,
    lexical,
    plain,
    resolved,
    split_questions,
)
from haven.retrieval.decision import ABOUT_OVERDOSE, DEFINITIONS, SIDE_BY_SIDE, URGENT
from haven.retrieval.fitting import learn
from haven.retrieval.values import REFUSED

ROOT = Path(__file__).resolve().parents[2]
SUBSET = ("FAQ-003", "FAQ-026", "FAQ-029", "FAQ-041", "FAQ-049", "FAQ-052", "FAQ-071", "FAQ-090")
SMALL_TALK = [
    Example(text, label)
    for label, texts in {
        "greet": ("hi", "hello there", "good morning", "hey", "hola"),
        "thanks": ("thank you", "thanks so much", "ty", "that helped, thanks", "gracias"),
        "human_handoff": ("can I talk to a person", "let me speak to someone", "I want a human please",
                          "get me staff", "quiero hablar con una persona"),
        "out_of_scope": ("what is the weather tomorrow", "who won the game", "play some music",
                         "how do I boil an egg", "book me a table for two"),
        "harmful": ("where can I buy dope", "how do I beat a drug test", "who sells percs around here",
                    "how do I shoot up", "what dose gets me high"),
        "grief": ("my brother died last spring", "I lost my wife to it", "her funeral is friday",
                  "he passed away in june", "murió mi primo"),
        "telling": ("group was good today", "one year clean in march", "just got off work", "we had tacos",
                    "my counselor moved away"),
        "nlu_fallback": ("does the kit freeze in winter", "what does a case manager do", "is there a gym",
                         "who pays for the ambulance", "can I bring my guitar"),
    }.items()
    for text in texts
]


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder.load(ROOT / "models" / "encoder")


@pytest.fixture(scope="session")
def content() -> Content:
    return Content.load(ROOT / "data")


@pytest.fixture(scope="session")
def examples(content: Content) -> list[Example]:
    asked = [
        Example(text, f"faq/{name}")
        for name in SUBSET
        for text in (content.answers[name].question, *(v.text for v in content.answers[name].variants))
    ]
    return asked + SMALL_TALK


@pytest.fixture(scope="session")
def retriever(examples: list[Example], encoder: Encoder, content: Content) -> Retriever:
    answers = {f"faq/{name}": content.answers[name].text for name in SUBSET}
    subjects = {f"faq/{name}": content.answers[name].subject for name in SUBSET}
    return Retriever.fit(examples, encoder, answers=answers, subjects=subjects)


def read(retriever: Retriever, encoder: Encoder, text: str) -> Reading:
    return retriever.read_all(text, encoder)[0]


@pytest.mark.parametrize(("text", "label"), [
    ("What is methadone?", "faq/FAQ-041"),
    ("whats narcan", "faq/FAQ-052"),
    ("how do i know if its an overdose, what are the signs", "faq/FAQ-090"),
    ("what do people do in group therapy", "faq/FAQ-071"),
    ("can i please speak to a real person", "human_handoff"),
    ("what's the weather like tomorrow", "out_of_scope"),
])  # fmt: skip
def test_reads(retriever: Retriever, encoder: Encoder, text: str, label: str) -> None:
    """A plain question finds its answer, and other plain messages their intent."""
    assert label == read(retriever, encoder, text).label


@pytest.mark.parametrize(("text", "answer"), [
    ("how long does detox take and can somebody call me about it", "faq/FAQ-026"),
    ("I'd like to speak with a nurse. Also, what is methadone?", "faq/FAQ-041"),
    ("que es la metadona? tambien quiero hablar con una persona", "faq/FAQ-041"),
])  # fmt: skip
def test_a_question_and_a_wish_for_a_person(retriever: Retriever, encoder: Encoder, text: str, answer: str) -> None:
    """Who asks a question and for a person in one message gets the answer first, then the person."""
    read = retriever.read_all(text, encoder)

    assert [answer, "human_handoff"] == [reading.label for reading in read]
    assert list({reading.options for reading in read}) == [()]


def test_a_refused_request_and_a_wish_for_a_person(retriever: Retriever, encoder: Encoder) -> None:
    """A request that is refused does not swallow the wish for a person beside it."""
    read = retriever.read_all("how do i beat a drug test. can i talk to a person", encoder)

    assert [reading.label for reading in read] == ["harmful", "human_handoff"]


@pytest.mark.parametrize("text", ["i don't want to talk to a person", "no quiero hablar con una persona"])
def test_a_person_turned_down(retriever: Retriever, encoder: Encoder, text: str) -> None:
    """Who says that no person is wanted is not put in line for one."""
    assert [reading.label for reading in retriever.read_all(text, encoder)] == ["deny"]


def test_ranking(retriever: Retriever, encoder: Encoder) -> None:
    """The ranking falls from the likeliest label on, and holds probabilities."""
    ranking = read(retriever, encoder, "what is medical detox?").ranking
    chances = [chance for _, chance in ranking]

    assert sorted(chances, reverse=True) == chances
    assert min(chances) >= 0 and sum(chances) <= 1 + 1e-5


def test_probabilities_sum_to_one(retriever: Retriever, encoder: Encoder) -> None:
    """The probabilities over all labels sum to one."""
    text = "tell me about detox"

    assert pytest.approx(1, abs=1e-4) == retriever.probabilities(text, encoder.encode([text])[0]).sum()


def test_saved_and_loaded(retriever: Retriever, encoder: Encoder, tmp_path: Path) -> None:
    """A saved and loaded reader reads exactly as the fitted one."""
    retriever.save(tmp_path)
    loaded = Retriever.load(tmp_path)

    for text in ("what is tolerance", "hola, que es la metadona", "zzz", "signs of od and also group?"):
        assert read(retriever, encoder, text) == read(loaded, encoder, text)


def test_no_pickle(retriever: Retriever, tmp_path: Path) -> None:
    """Only plain numbers and JSON are stored: loading a model can never run code."""
    retriever.save(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["retriever.json", "retriever.npz"]
    with np.load(tmp_path / "retriever.npz", allow_pickle=False) as stored:
        assert {"f"} == {stored[name].dtype.kind for name in stored.files}


def test_fit_is_repeatable(examples: list[Example], encoder: Encoder, retriever: Retriever) -> None:
    """Fitting the same examples again gives the same reading, whatever their order."""
    again = Retriever.fit(examples[::-1], encoder)
    once = Retriever.fit(examples, encoder)
    text = "whats tolerance mean"

    assert read(once, encoder, text).label == read(again, encoder, text).label
    assert pytest.approx(read(once, encoder, text).confidence, abs=1e-3) == \
        read(again, encoder, text).confidence


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_empty(retriever: Retriever, encoder: Encoder, text: str) -> None:
    """A message without words is unknown and offers nothing."""
    assert Reading("", 0.0, (), "unknown", ()) == read(retriever, encoder, text)


@pytest.mark.parametrize("text", ["😢", "🙏🏽🙏🏽", "?!", "a" * 1600, "why " * 400, "\u200d", "ñu " * 300])
def test_odd_texts(retriever: Retriever, encoder: Encoder, text: str) -> None:
    """Emoji, punctuation and the longest message are read without complaint."""
    assert read(retriever, encoder, text).decision in ("sure", "unsure", "unknown")


@settings(max_examples=60, deadline=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=st.text(max_size=300))
def test_any_text(retriever: Retriever, encoder: Encoder, text: str) -> None:
    """No text whatever makes the reader fail, and its numbers are always numbers."""
    reading = read(retriever, encoder, text)

    assert 0 <= reading.confidence <= 1
    assert len(reading.options) <= 3


def chances(retriever: Retriever, **wanted: float) -> np.ndarray:
    """Probabilities with the given ones set (keys are parts of label names), the rest shared out."""
    row = np.full(len(retriever.labels), 1e-6, dtype=np.float32)
    for part, chance in wanted.items():
        row[next(i for i, label in enumerate(retriever.labels) if label.endswith(part))] = chance
    return row


@pytest.mark.parametrize(("wanted", "decision", "label"), [
    ({"041": 0.95, "greet": 0.02}, "sure", "faq/FAQ-041"),
    ({"041": 0.36, "052": 0.34, "090": 0.25}, "unsure", "faq/FAQ-041"),
    ({"greet": 0.9, "041": 0.05}, "sure", "greet"),
    ({"greet": 0.2, "thanks": 0.2, "out_of_scope": 0.2, "041": 0.15}, "unknown", "greet"),
    ({"human_handoff": 0.6, "041": 0.4}, "sure", "human_handoff"),
    ({"thanks": 0.5, "human_handoff": 0.3}, "sure", "human_handoff"),
    ({"nlu_fallback": 0.95, "041": 0.05}, "unknown", "nlu_fallback"),
])  # fmt: skip
def test_three_ways_out(retriever: Retriever, wanted: dict, decision: str, label: str) -> None:
    """Sure answers, unsure offers, unknown says so."""
    reading = retriever.decide(chances(retriever, **wanted))

    assert (decision, label) == (reading.decision, reading.label) or (
        decision == reading.decision == "unknown"
    )


def test_unsure_offers_answers(retriever: Retriever) -> None:
    """An unsure reading offers two or three questions that have answers, the likeliest first."""
    reading = retriever.decide(chances(retriever, **{"041": 0.4, "052": 0.3, "090": 0.2, "greet": 0.1}))

    assert reading.options == ("faq/FAQ-041", "faq/FAQ-052", "faq/FAQ-090")


def test_certain_answer_stands_alone(retriever: Retriever) -> None:
    """Beside a certain answer nothing else is offered."""
    assert retriever.decide(chances(retriever, **{"041": 0.97})).options == ()


def test_near_neighbours_stand_side_by_side() -> None:
    """Of two answers that are easily meant for each other the one brings the other, however sure it is."""
    chances = [("faq/FAQ-017", 0.995), ("faq/FAQ-020", 0.003), ("faq/FAQ-027", 0.001)]

    assert decide(chances, Thresholds()).options == ("faq/FAQ-027",)


def test_no_answer_beside_a_held_back_question(retriever: Retriever) -> None:
    """An answer is not given, however likely, while something else is nearly as likely."""
    reading = retriever.decide(chances(retriever, **{"041": 0.55, "human_handoff": 0.44}))

    assert reading.decision != "sure"


def test_needs_two_labels(encoder: Encoder) -> None:
    """One label alone cannot be told from anything, and fitting says so."""
    with pytest.raises(RetrieverError, match="two labels"):
        Retriever.fit([Example("hi", "greet")], encoder)


def test_missing_files(tmp_path: Path) -> None:
    """A folder without a reader is named in the error."""
    with pytest.raises(RetrieverError, match="cannot read"):
        Retriever.load(tmp_path)


def test_other_format(retriever: Retriever, tmp_path: Path) -> None:
    """A reader of another format is refused."""
    retriever.save(tmp_path)
    about = (tmp_path / "retriever.json").read_text(encoding="utf-8")
    (tmp_path / "retriever.json").write_text(about.replace('"format": 2', '"format": 0'), encoding="utf-8")

    with pytest.raises(RetrieverError, match="format 0"):
        Retriever.load(tmp_path)


def test_other_encoder(retriever: Retriever) -> None:
    """A vector of another encoder is refused instead of read wrongly."""
    with pytest.raises(RetrieverError, match="a vector of 3"):
        retriever.probabilities("hello", np.ones(3, dtype=np.float32))


def test_thresholds_are_kept(examples: list[Example], encoder: Encoder, tmp_path: Path) -> None:
    """Thresholds given at fitting are stored with the reader."""
    strict = Thresholds(faq_sure=0.999)
    Retriever.fit(examples[-20:], encoder, thresholds=strict).save(tmp_path)

    assert strict == Retriever.load(tmp_path).thresholds


@pytest.mark.parametrize(("one", "other"), [
    ("Café", "cafe"), ("soooooo bad", "soo bad"), ("can't", "cant"), ("¿Qué es?", "que es"),
])
def test_plain(one: str, other: str) -> None:
    """Accents, capitals, apostrophes and stretched words do not change what is compared."""
    assert other == plain(one)


def test_lexical_is_bounded() -> None:
    """The longest message has finite lexical weights."""
    assert np.isfinite(lexical("é" * 5000)).all()


@pytest.mark.parametrize(("topic", "text", "label"), [
    ("faq/FAQ-029", "and how long does that take?", "faq/FAQ-026"),
    ("faq/FAQ-041", "how long do people stay on it", "faq/FAQ-049"),
    ("faq/FAQ-029", "what is narcan", "faq/FAQ-052"),
    ("faq/FAQ-041", "can I talk to a person please", "human_handoff"),
    ("faq/FAQ-041", "thanks", "thanks"),
    ("greet", "what is methadone", "faq/FAQ-041"),
    ("faq/FAQ-999", "what is methadone", "faq/FAQ-041"),
])  # fmt: skip
def test_follow_up(retriever: Retriever, encoder: Encoder, topic: str, text: str, label: str) -> None:
    """A short message is read with the answer before it; one that says all itself is read as it stands."""
    assert label == retriever.read_all(text, encoder, topic=topic)[0].label


@pytest.mark.parametrize(("text", "parts"), [
    ("What is methadone and how long do people stay on it?",
     ("What is methadone", "how long do people stay on it?")),
    ("My son is sick. What do I do? Is it dangerous?", ("What do I do?", "Is it dangerous?")),
    ("whats detox n can i go home after", ("whats detox", "can i go home after")),
    ("¿Qué es la metadona? ¿Es segura?", ("¿Qué es la metadona?", "¿Es segura?")),
    ("I want to stop and start again", ("I want to stop and start again",)),
    ("  What is tolerance?  ", ("What is tolerance?",)),
    ("", ("",)),
    ("?? and", ("?? and",)),
])  # fmt: skip
def test_split_questions(text: str, parts: tuple[str, ...]) -> None:
    """Two questions in one message are told apart; all else stays whole."""
    assert parts == split_questions(text)


@given(text=st.text(max_size=200))
def test_split_any_text(text: str) -> None:
    """Any text can be split, into three parts at most."""
    assert 1 <= len(split_questions(text)) <= 3


def labels_of(retriever: Retriever, encoder: Encoder, text: str) -> list[str]:
    return [reading.label for reading in retriever.read_all(text, encoder)]


def test_two_questions(retriever: Retriever, encoder: Encoder) -> None:
    """Both questions of a message are read, the more urgent first."""
    text = "What happens in group therapy? And what are the signs of an overdose?"

    assert labels_of(retriever, encoder, text) == ["faq/FAQ-090", "faq/FAQ-071"]


@pytest.mark.parametrize("text", ["what is methadone", "What is tolerance? What does tolerance mean?"])
def test_one_question(retriever: Retriever, encoder: Encoder, text: str) -> None:
    """A message with one question is read once, however often it asks it."""
    assert len(labels_of(retriever, encoder, text)) == 1


def test_refusal_stands_alone(retriever: Retriever, encoder: Encoder) -> None:
    """Nothing is answered beside a request that is refused."""
    text = "What is methadone? And where can i buy dope around here?"

    assert labels_of(retriever, encoder, text) == ["harmful"]


def test_handoff_in_a_part(retriever: Retriever, encoder: Encoder) -> None:
    """A request for a person counts wherever in a message it stands."""
    text = "Hello there. Can I please talk to a person? Is anyone good at this?"

    assert labels_of(retriever, encoder, text) == ["human_handoff"]


def test_left_out(examples: list[Example], encoder: Encoder) -> None:
    """Most examples are still read rightly when they themselves are not known."""
    fitted = learn(examples, encoder, {})
    read_alone = left_out(fitted)
    right = sum(example.label == fitted.labels[chance.argmax()] for example, chance in read_alone)

    assert len(read_alone) <= len(examples)
    assert right / len(read_alone) > 0.7


def test_grief_gets_no_list(retriever: Retriever, encoder: Encoder) -> None:
    """Who tells of a loss is offered no questions."""
    reading = read(retriever, encoder, "my sister died last spring and I miss her")

    assert (reading.label, reading.options) == ("grief", ())


def test_refusals_are_counted_together(retriever: Retriever) -> None:
    """An answer is not sure while asking for harm is not out of the question."""
    assert retriever.decide(chances(retriever, **{"041": 0.9, "harmful": 0.09})).decision != "sure"
    assert retriever.decide(chances(retriever, **{"harmful": 0.4, "041": 0.3, "greet": 0.3})).label == "harmful"


@pytest.mark.parametrize(("text", "subject", "said"), [
    ("and how long does that take?", "detox", "how long does detox take?"),
    ("is it the same as narcan", "naltrexone", "is naltrexone the same as narcan"),
    ("what are the dangers?", "methadone", "what are the dangers, methadone"),
    ("and then what", "detox", "then what, detox"),
    ("ok but", "detox", "ok but, detox"),
])  # fmt: skip
def test_resolved(text: str, subject: str, said: str) -> None:
    """What a follow-up leaves out is put in."""
    assert said == resolved(text, subject)


@pytest.mark.parametrize("text", [
    "what is a methadone overdose", "methadone od?", "explain overdosing on methadone to me", "metadona, sobredosis?",
])  # fmt: skip
def test_overdose_is_not_answered_with_a_definition(retriever: Retriever, encoder: Encoder, text: str) -> None:
    """Who asks about an overdose is not merely told what the substance is."""
    reading = read(retriever, encoder, text)

    assert (reading.decision, reading.label) != ("sure", "faq/FAQ-041")


@pytest.mark.parametrize(("wanted", "label"), [
    ({"grief": 0.7, "telling": 0.2}, "grief"),
    ({"grief": 0.35, "telling": 0.5}, "telling"),
    ({"grief": 0.4, "telling": 0.35, "nlu_fallback": 0.2}, "grief"),
])  # fmt: skip
def test_what_is_told(retriever: Retriever, wanted: dict, label: str) -> None:
    """A loss is answered as a loss only when it is clear that one was told; else with what fits anything told."""
    reading = retriever.decide(chances(retriever, **wanted))

    assert (reading.decision, reading.label) == ("sure", label)


@pytest.mark.parametrize(("text", "asked"), [
    ("is it safe", True), ("my mom is sick?", True), ("y cuánto dura", True), ("my mom is sick", False), ("", False),
])  # fmt: skip
def test_asks(text: str, asked: bool) -> None:
    """A question is known by its mark or its first word."""
    assert asks(text) is asked


def test_labels_that_mean_something_exist(content: Content) -> None:
    """Every label the decision treats in a way of its own is an entry of the content: a retired one is noticed."""
    neighbours = {label for pair in SIDE_BY_SIDE for label in pair}
    named = {*URGENT, *ABOUT_OVERDOSE, *DEFINITIONS, *neighbours, *(REFUSED - {"harmful"})}

    assert named <= {f"faq/{id}" for id in content.answers} | {f"unsupported/{id}" for id in content.unsupported}
