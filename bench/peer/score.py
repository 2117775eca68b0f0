"""Asks the peer model every message of the sets and scores it as score.py scores Haven.

`.venv/assistant/bin/python bench/peer/score.py FOLDER`, FOLDER holding score.py and dev/*.jsonl.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from rasa.core.agent import Agent

from haven.content import Content

ROOT = Path(__file__).resolve().parents[2]
SETS = (("faq", "faq"), ("abstain", "abstain"), ("handoff", "handoff"),
        ("public_out_of_scope", None), ("public_chitchat", None))


async def main() -> None:
    """One set after the other; the sets without a table in score.py get the share that was answered."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sets, content = Path(sys.argv[1]), Content.load(ROOT / "data")
    agent = Agent.load(str(ROOT / "models" / "peer" / "haven.tar.gz"))
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in SETS:
            gold = sets / "dev" / f"{name}.jsonl"
            rows = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines() if line.strip()]
            said = [reply(row["id"], await agent.parse_message(row["text"]), content) for row in rows]
            print(f"\n== {name}")
            if kind is None:
                print(f"answered as an FAQ: {sum(row['answered'] for row in said)}/{len(said)}")
                continue
            out = Path(folder) / f"{name}.jsonl"
            out.write_text("".join(json.dumps(row) + "\n" for row in said), encoding="utf-8")
            print(scored(sets, kind, gold, out))


def scored(sets: Path, kind: str, gold: Path, out: Path) -> str:
    """What score.py says."""
    command = [sys.executable, str(sets / "score.py"), kind, str(gold), str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.rstrip()


def reply(id: str, parsed: dict, content: Content) -> dict:
    """What a bot of `rasa init` would say: the selector's answer when the intent is a question, no options."""
    intent = parsed["intent"]["name"]
    answered, text = intent == "faq", ""
    if intent in ("faq", "unsupported"):
        # One selector is trained for all retrieval intents; its key names the answer ("faq/FAQ-029").
        key = parsed["response_selector"]["default"]["response"]["intent_response_key"] or ""
        entry = {**content.answers, **content.unsupported}.get(key.partition("/")[2])
        text, answered = (entry.text if entry else ""), key.startswith("faq/")
    return {"id": id, "replies": [{"text": text}], "options": [], "answered": answered,
            "handoff": intent == "human_handoff"}


if __name__ == "__main__":
    asyncio.run(main())
