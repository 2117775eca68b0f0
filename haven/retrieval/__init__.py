"""Reads an ordinary message: which answer or intent it asks for and how sure that is (assistant process).

The way of a question: `wishes` (is a person asked for beside it?) -> `questions` (is it two? a follow-up?) ->
`surface` (words and pieces) -> `reader` (how likely each label is) -> `decision` (sure, unsure, unknown) ->
`quotes` (a sentence of the documents where no answer fits).
`fitting` makes the reader from `examples`; `training/five_fold.py` examines it.
"""

from haven.retrieval.decision import decide, together
from haven.retrieval.examples import Example, read_examples
from haven.retrieval.fitting import left_out
from haven.retrieval.questions import asks, resolved, split_questions
from haven.retrieval.quotes import Quotes, quotable
from haven.retrieval.reader import Retriever
from haven.retrieval.surface import lexical, plain
from haven.retrieval.values import (
    FAQ,
    HANDOFF,
    NOT_COVERED,
    NOTHING,
    TELLING,
    UNSUPPORTED,
    Reading,
    RetrieverError,
    Thresholds,
    Vectors,
)

__all__ = [
    "FAQ", "HANDOFF", "NOTHING", "NOT_COVERED", "TELLING", "UNSUPPORTED", "Example", "Quotes", "Reading", "Retriever",
    "RetrieverError", "Thresholds", "Vectors", "asks", "decide", "left_out", "lexical", "plain", "quotable",
    "read_examples", "resolved", "split_questions", "together",
]  # fmt: skip
