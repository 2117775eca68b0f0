"""What is said beside an answer: what a document gets wrong, that a review is due, where it comes from; and quotes.

All of it is fixed text of data/texts.yml with names of the content filled in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from haven.content import Answer, Claim, Content, Unsupported

MOST_TITLES = 4      # in one line of sources
MOST_TITLES_SMS = 3


def with_notes(content: Content, entry: Answer | Unsupported, text: str, *, language: str = "en",
               channel: str = "widget", today: date) -> str:
    """An entry's text with the lines that have to be said beside it; most entries need none."""
    said = [text]
    if language == "es" and not (entry.sms_es if channel == "sms" else entry.text_es):
        said.insert(0, content.texts["answer_in_english_only"].say(language=language, channel=channel))
    if channel != "sms" and isinstance(entry, Answer) and entry.openly:  # by text message "source" says it
        said.append(_openly(content, entry, language))
    if entry.review_by < today:
        said.append(content.texts["answer_under_review"].say(language=language, channel=channel))
    return "\n".join(said)


def _openly(content: Content, answer: Answer, language: str) -> str:
    about = answer.openly_es if language == "es" and answer.openly_es else answer.openly
    return content.texts["corrected_openly"].say(
        language=language, about=about, authority="; ".join(_authorities(content, answer)[:2]))


def source_line(content: Content, answer: Answer, *, language: str = "en", channel: str = "widget") -> str:
    """One line that says where an answer comes from, and whether a document was corrected."""
    titles = [content.documents[content.claims[id].document].title for id in answer.support]
    titles = list(dict.fromkeys([*titles, *_authorities(content, answer)]))
    line = content.texts["source_line"].say(language=language, channel=channel, titles=_listed(titles, channel))
    if not answer.openly:
        return line
    return f"{line} {content.texts['source_corrected'].say(language=language, channel=channel)}"


def _authorities(content: Content, answer: Answer) -> list[str]:
    """The titles behind an answer's corrections, the first of each."""
    firsts = [content.corrections[id].source[:1] for id in answer.corrections]
    return list(dict.fromkeys(content.sources[id].title for ids in firsts for id in ids))


def _listed(titles: Sequence[str], channel: str) -> str:
    """A few titles, and how many more there are."""
    most = MOST_TITLES_SMS if channel == "sms" else MOST_TITLES
    rest = [f"+{len(titles) - most}"] if len(titles) > most else []
    return "; ".join([*titles[:most], *rest])


def quoted(content: Content, claim: Claim, *, language: str = "en", channel: str = "widget") -> str:
    """A sentence of the documents, word for word, marked as a quotation and with its document's title."""
    sentence, title = claim.quote, content.documents[claim.document].title
    if channel == "sms":  # the SMS alphabet has no curly quotes and one kind of space
        sentence = sentence.translate(str.maketrans("“”‘’\u00a0", "\"\"'' "))
    return content.texts["quote"].say(language=language, channel=channel, sentence=sentence, title=title)
