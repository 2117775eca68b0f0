"""The guard: reads one message with what went before and says how grave it is; runs in switchboard and assistant."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from haven.crisis.classifier import Classifier, Reading
from haven.crisis.context import answers_danger, earlier, joined
from haven.crisis.judge import Judge
from haven.crisis.language import language_of
from haven.crisis.ngrams import Ngrams
from haven.crisis.rules import Opinion, opinion_of
from haven.crisis.signals import Signals
from haven.crisis.values import KIND_ORDER, LEVELS, Assessment, Turn
from haven.encoder import Encoder
from haven.lookalikes import readable
from haven.names import only_introduces

logger = logging.getLogger(__name__)

# What a sign adds to the classifier's share of its kind, and how near the likeliest a kind must come to compete.
_SIGN_COUNTS = 0.9
_NEARLY = 0.9
_LONGEST = 4000
# Log odds of the light classifier from which a message is let past limits unread: all 179 messages of danger of a set
# it never saw score higher, and so does every third harmless one.
_HINT = -3.0


@dataclass(frozen=True)
class Trained:
    """The trained parts of the guard, which it can do without."""

    classifier: Classifier
    ngrams: Ngrams
    judge: Judge

    @classmethod
    def load(cls, folder: Path, *, encoder: Encoder | None = None) -> Trained:
        """All three from models/encoder; raises EncoderError when one cannot be used."""
        classifier = Classifier.load(folder, encoder=encoder)
        return cls(classifier, Ngrams.load(folder / "words.npz"), Judge.load(folder / "judge.json"))


class Guard:
    """Recognises danger; one guard may be shared by threads. Build it with `Guard.load`."""

    def __init__(self, signals: Signals, trained: Trained | None, *, degraded: str | None) -> None:
        self._signals = signals
        self._trained = trained
        self.degraded = degraded

    @classmethod
    def load(cls, data: Path, models: Path, *, encoder: Encoder | None = None) -> Guard:
        """The guard over `data`/crisis/signals.yml and `models`/encoder; `encoder` is shared when given.

        A missing or altered model leaves the rules alone at work and says so in `degraded`; faulty signals
        raise ContentError, since content is checked before it is deployed.
        """
        signals = Signals.load(Path(data) / "crisis" / "signals.yml")
        folder = Path(models) / "encoder"
        try:
            return cls(signals, Trained.load(folder, encoder=encoder), degraded=None)
        except Exception as error:  # whatever is wrong with the models, danger must still be answered
            logger.error("the crisis guard works by rules alone: %s", error)
            return cls(signals, None, degraded=str(error))

    @property
    def encoder(self) -> Encoder | None:
        """The sentence encoder this guard reads with, for others in the same process; None when it has none."""
        return self._trained.classifier.encoder if self._trained else None

    def assess(self, text: str, context: Sequence[Turn] = ()) -> Assessment:
        """How grave `text` is, given the turns before it (oldest first). Never raises."""
        try:
            said = [Turn(turn.author, readable(turn.text)) for turn in context]
            return self._assess(readable(text[:_LONGEST]), said)
        except Exception:  # a guard that raises would leave a person in danger without an answer
            logger.exception("the crisis guard failed on a message of %d characters", len(text))
            return Assessment("possible", "overdose_other", ("the guard failed",), "en")

    def hints_at_danger(self, text: str) -> bool:
        """Whether a message may be danger, at an eighth of the cost of reading it: rather too often. Never raises."""
        try:
            words = self._signals.speller.words(text[:_LONGEST])
            if opinion_of(self._signals.find(words), words).level != "none":
                return True
            return self._trained is not None and self._trained.ngrams.read(words)[0] > _HINT
        except Exception:
            logger.exception("the crisis guard failed on a message of %d characters", len(text))
            return True

    def _assess(self, text: str, context: Sequence[Turn]) -> Assessment:
        alone = self.alone(text)
        admitted = answers_danger(text, context)
        if admitted and alone.level != "acute":
            return Assessment("acute", admitted, ("answer to a question of safety",), alone.language)
        if alone.level != "none" or not context:
            return alone
        return self._in_context(text, context, alone)

    def _in_context(self, text: str, context: Sequence[Turn], alone: Assessment) -> Assessment:
        """A short message may show danger only together with what came before it: "he is still out"."""
        both, before = joined(text, context), earlier(context)
        if both is None or before is None:
            return alone
        together = self.alone(both)
        if together.level == "none":
            return alone
        # Danger that the earlier turns show by themselves has had its answer already.
        new = LEVELS.index(together.level) > LEVELS.index(self.alone(before).level)
        return Assessment(together.level, together.kind, together.why, alone.language) if new else alone

    def alone(self, text: str) -> Assessment:
        """The assessment of `text` without any context."""
        words = self._signals.speller.words(text)
        opinion = opinion_of(self._signals.find(words), words)
        language = language_of(text)
        if self._trained is None or not words:
            why = self._reasons(opinion, text)
            return Assessment(opinion.level, opinion.kind if opinion.level != "none" else None, why, language)
        reading = self._trained.classifier.read(text)
        grams = self._trained.ngrams.read(words)
        verdict = self._trained.judge.verdict(reading, opinion, grams, len(words))
        if verdict.level == "none" or (only_introduces(text) and not opinion.danger):
            # Who is called Mercy, River or Hung says no more than that: a word alone means anything to a classifier.
            return Assessment("none", None, (), language)
        why = (*self._reasons(opinion, text), f"classifier {reading.danger:.2f}, weighed {verdict.danger:.2f}")
        return Assessment(verdict.level, kind_of(reading, opinion), why, language)

    def _reasons(self, opinion: Opinion, text: str) -> tuple[str, ...]:
        said = ((f, self._signals.speller.said(text, f.start, f.end) or f.words) for f in opinion.danger[:8])
        return tuple(dict.fromkeys(f"{f.signal.name}: {words}" for f, words in said))[:6]


def kind_of(reading: Reading, opinion: Opinion) -> str:
    """The kind that names a message: of those nearly as likely as the likeliest, the first in the clinical order."""
    signs = {f.signal.kind for f in opinion.danger if f.signal.weight == "sign"}
    told = {k: share + _SIGN_COUNTS * (k in signs) for k, share in reading.kinds.items() if k != "none"}
    enough = _NEARLY * max(told.values())
    return next(kind for kind in KIND_ORDER if told.get(kind, 0.0) >= enough)
