"""The canned replies: complete, without a word that hurts, and with no number but the two everybody may give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from haven.check import STIGMA
from haven.errors import ContentError
from switchboard.console.replies import load_replies

DATA = Path(__file__).resolve().parents[3] / "data"


def test_every_canned_reply_is_fit_to_send() -> None:
    """Both languages, at most two segments of a text message long, no stigmatising word, 911 and 988 alone."""
    for reply in load_replies(DATA).canned:
        for text in (reply.text, reply.es):
            assert len(text) <= 306, reply.title
            assert not STIGMA.search(text), reply.title
            assert set(re.findall(r"\d{3,}", text)) <= {"911", "988"}, reply.title


def test_no_better_word_hurts_itself() -> None:
    """What is suggested instead passes the same look, where it speaks of people."""
    suggestions = load_replies(DATA).better_words.values()
    assert [text for text in suggestions if STIGMA.search(text)] == []


def test_a_reply_without_a_part_is_named(tmp_path: Path) -> None:
    """The start stops with the number of the reply and what it lacks."""
    (tmp_path / "replies.yml").write_text("replies: [{title: Hi, text: Hello}]\nbetter_words: {}", encoding="utf-8")
    with pytest.raises(ContentError, match="reply 1 needs 'es'"):
        load_replies(tmp_path)
