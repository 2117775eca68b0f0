"""What the last turns say about a message that says little by itself; runs in switchboard and assistant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from haven.crisis.values import Turn, words_of

_SHORT = 12
_QUESTION = re.compile(r"[^.?!\n]*\?")
_YES = words_of(
    """
    yes yeah yea yep yup ya ye yess yes! si sip simon claro kinda maybe sorta somewhat both right
    correct affirmative uh-huh uhhuh mhm mhmm think definitely
    """
)
_NO = words_of(
    """
    no nope nah naw negative never not nada ninguno tampoco
    """
)
_UNSURE = ("idk", "i dont know", "i don't know", "not sure", "no se", "no sé", "dont know", "i think so", "creo que si")


@dataclass(frozen=True)
class Asked:
    """A question of safety: the words that tell it, the kind it is about, and which answer means danger."""

    pattern: re.Pattern[str]
    kind: str
    danger: str


def _asked(words: str, kind: str, danger: str = "yes") -> Asked:
    return Asked(re.compile(words, re.IGNORECASE), kind, danger)


# The first that fits decides. The texts come from data/crisis and from staff, so words are matched, not sentences.
_QUESTIONS = (
    _asked(r"(hard to wake|not breathing|trouble breathing|be woken|wake (them|him|her) up|blue|unresponsive)[^?]*\?",
           "overdose_other"),
    _asked(r"no (se )?(despierta|respira)|difícil despertar|dificil despertar|cuesta despertar", "overdose_other"),
    _asked(r"(any|one) of (those|these) signs", "severe_withdrawal"),
    _asked(r"alguna de es[at]as señales", "severe_withdrawal"),
    _asked(r"(is|are) (he|she|they|the person|anyone|someone)[^?]*(awake|breathing (ok|normally|well))[^?]*\?",
           "overdose_other", "no"),
    _asked(r"(despierta|respira)[^?]*(bien|normal)[^?]*\?", "overdose_other", "no"),
    _asked(r"(think|thought)[^?]*(suicide|killing yourself|ending your life|hurting yourself)[^?]*\?", "suicide_self"),
    _asked(r"(hurt|kill|harm) (yourself)[^?]*\?", "suicide_self"),
    _asked(r"(suicid|matarse|hacerse daño|quitarse la vida|lastimarse)[^?]*\?", "suicide_self"),
    _asked(r"(have|did) you (take|taken|used|use)[^?]*(in danger|too much|more than)[^?]*\?", "overdose_self"),
    _asked(r"(are|is) (you|everyone|they|he|she) safe[^?]*\?", "violence", "no"),
    _asked(r"(está|esta|estás|estas) (a salvo|segur)[^?]*\?", "violence", "no"),
    _asked(r"in (any )?(immediate )?danger[^?]*\?", "violence"),
    _asked(r"en peligro[^?]*\?", "violence"),
    _asked(r"(chest pain|pain in your chest)[^?]*\?", "chest_breathing"),
)  # fmt: skip


def answers_danger(text: str, context: Sequence[Turn]) -> str | None:
    """The kind of danger that a short answer to the last question of safety admits, or None."""
    if len(text.split()) > _SHORT:
        return None
    question = _safety_question(context)
    return question.kind if question and _polarity(text) in (question.danger, "unsure") else None


def _safety_question(context: Sequence[Turn]) -> Asked | None:
    # What was said since the visitor last wrote; of several questions the last one is being answered.
    said = [turn.text for turn in takewhile(lambda turn: turn.author != "visitor", reversed(context))]
    asked = _QUESTION.findall("\n".join(reversed(said)))
    return next((q for q in _QUESTIONS if q.pattern.search(asked[-1])), None) if asked else None


def _polarity(text: str) -> str:
    folded = " ".join(re.findall(r"[\wáéíóúñ'-]+", text.lower()))
    if any(folded.startswith(words) for words in _UNSURE):
        return "unsure"
    words = folded.split()[:3]
    # "no im safe", "yes hes fine": the first word that is either decides.
    for word in words:
        if word in _NO:
            return "no"
        if word in _YES or word == "sí":
            return "yes"
    return "neither"


def joined(text: str, context: Sequence[Turn]) -> str | None:
    """A short message together with what the same visitor said just before, or None when it stands alone."""
    if len(text.split()) > _SHORT:
        return None
    before = [turn.text for turn in context if turn.author == "visitor"][-2:]
    return ". ".join([*before, text])[-600:] if before else None


def earlier(context: Sequence[Turn]) -> str | None:
    """What the visitor said before, as `joined` sees it, to tell new danger from old."""
    before = [turn.text for turn in context if turn.author == "visitor"][-2:]
    return ". ".join(before)[-600:] if before else None
