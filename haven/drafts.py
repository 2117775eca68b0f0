"""Turns what staff drafted at the console into files under data/, for review in git.

Run by `bin/haven content export`; the console asks it beforehand what `bin/haven check` would say.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from haven.check import check, plain
from haven.content import Content
from haven.errors import HavenError

REVIEW = timedelta(days=90)  # until when a new answer must have been read again
LATER = "ways to ask in"  # a draft comes with one; its reviewer writes the others, `bin/haven check` asks for them
TEXTS = ("question", "subject", "text", "sms", "text_es", "sms_es")


class DraftError(HavenError):
    """A draft cannot become content; the text says why."""


@dataclass(frozen=True)
class Draft:
    """A new wording of an answer (`answer` is its id) or, with `fields`, a new answer.

    `fields` are those of TEXTS with "topic", "support" (claim ids) and "corrections".
    """

    question: str
    language: str
    answer: str | None = None
    fields: Mapping[str, Any] | None = None


def write(data: Path, drafts: Iterable[Draft], today: date) -> list[str]:
    """Add the drafts to the files under `data`; the names of the files that changed. Raises DraftError."""
    changed = []
    for draft in drafts:
        content = Content.load(data)
        path = _new_answer(data, content, draft, today) if draft.fields else _new_variant(data, content, draft)
        if path:
            changed.append(str(path.relative_to(data)))
    return list(dict.fromkeys(changed))


def faults_with(data: Path, drafts: Iterable[Draft], today: date) -> list[str]:
    """The faults `bin/haven check` would newly find if the drafts were written; no warnings. Takes seconds.

    That a new answer has few ways to ask yet is no fault of a draft. Raises DraftError when they cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="haven-draft-") as folder:
        copy = Path(folder) / "data"
        shutil.copytree(data, copy)
        before = {fault.what for fault in check(copy, today)}
        write(copy, drafts, today)
        return [fault.what for fault in check(copy, today)
                if not fault.warning and fault.what not in before and LATER not in fault.what]


def _new_variant(data: Path, content: Content, draft: Draft) -> Path | None:
    """Add a wording to data/faq_extra; None where it stands already."""
    entry = content.answers.get(draft.answer or "") or content.unsupported.get(draft.answer or "")
    if entry is None:
        raise DraftError(f"There is no answer {draft.answer!r} any more.")
    if plain(draft.question) in {plain(text) for text in (entry.question, *(v.text for v in entry.variants))}:
        return None
    path = data / "faq_extra" / f"{getattr(entry, 'topic', 'unsupported')}.yml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    place = _end_of(lines, entry.id)
    lines[place:place] = [f"  - {json.dumps(draft.question, ensure_ascii=False)}"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _end_of(lines: list[str], id: str) -> int:
    """Where the block of an id ends; a new block is begun at the end of the file where there is none."""
    if f"{id}:" not in lines:
        lines.append(f"{id}:")
        return len(lines)
    start = lines.index(f"{id}:")
    ends = (i for i in range(start + 1, len(lines)) if re.match(r"\S", lines[i]))
    return next(ends, len(lines))


def _new_answer(data: Path, content: Content, draft: Draft, today: date) -> Path:
    fields = dict(draft.fields or {})
    topics = {answer.topic for answer in content.answers.values()}
    if fields.get("topic") not in topics:
        raise DraftError(f"There is no topic {fields.get('topic')!r}; the topics are {', '.join(sorted(topics))}.")
    unknown = [id for id in fields.get("support", ()) if id not in content.claims]
    unknown += [id for id in fields.get("corrections", ()) if id not in content.corrections]
    if unknown:
        raise DraftError(f"There is no sentence or correction {', '.join(unknown)}.")
    number = 1 + max(int(id.partition("-")[2]) for id in content.answers)
    row = {
        "id": f"FAQ-{number:03}",
        **{name: fields.get(name) or None for name in TEXTS},
        "support": list(fields.get("support", ())), "corrections": list(fields.get("corrections", ())),
        "reviewer": None, "reviewed_on": None, "review_by": today + REVIEW,
        "variants": {draft.language: [draft.question]},
    }
    row = {name: value for name, value in row.items() if value is not None or name in ("reviewer", "reviewed_on")}
    path = data / "faq" / f"{fields['topic']}.yml"
    words = yaml.safe_dump([row], allow_unicode=True, sort_keys=False, width=110)
    with path.open("a", encoding="utf-8") as handle:
        handle.write("\n" + "".join(f"  {line}\n" if line else "\n" for line in words.splitlines()))
    return path
