"""`make load`: what visitors notice while somebody attacks the public doors, one attack after the other.

    PYTHONPATH=. .venv/switchboard/bin/python -m bench.load --seconds 20

The whole stack runs. Meanwhile some visitors write as people do: dangers, timed until their guidance is there, and
ordinary questions, timed until the answer is on their stream. Writes docs/load.md and bench/load.json; ends with 1 when
a danger got no guidance or a question no answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import click
import httpx

from bench import machine, marked
from bench.attacks import ATTACKS
from bench.beside import Beside
from bench.questions import dangers, ordinary
from bench.timings import Timings
from bench.visitors import Visitor, visitors
from bench.whole_stack import Running, running
from haven.settings import ROOT, Secret
from tests.twilio import ACCOUNT, OURS, PUBLIC, TOKEN

PAGE, LATEST = ROOT / "docs" / "load.md", ROOT / "bench" / "load.json"
BEGIN = "<!-- figures: written by make load -->"
VISITORS = 20  # of each kind: each writes more slowly than anybody is limited to
DANGER_GAP, QUESTION_GAP = 0.25, 0.5  # seconds between two messages of all of a kind
REST_SECONDS = 5.0  # after an attack, before the next


@click.command()
@click.option("--seconds", default=20.0, help="Each attack takes so long.")
@click.option("--only", multiple=True, type=click.Choice(list(ATTACKS)), help="These, and write no page.")
def main(seconds: float, only: tuple[str, ...]) -> None:
    """Measure, and write the page."""
    about = machine.about()
    rows = asyncio.run(_all(seconds, only or tuple(ATTACKS)))
    for name, row in rows.items():
        click.echo(f"{name}: {json.dumps(row)}")
    if not only:
        LATEST.write_text(json.dumps({**about, "seconds": seconds, "rows": rows}, indent=1) + "\n", encoding="utf-8")
        marked.put(PAGE, BEGIN, _table(about, rows))
    sys.exit(1 if any(row["missed"] for row in rows.values()) else 0)


async def _all(seconds: float, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    token = TOKEN.replace(" ", "-")
    # Nothing listens where texts would be sent to: they wait, as when the carrier is away.
    with running(sms_account=ACCOUNT, sms_tokens=(Secret(token),), sms_from=OURS, sms_addresses=(PUBLIC,),
                 sms_api="http://127.0.0.1:1") as stack:
        rows = {"nobody attacks": await _measured(stack, seconds, None, token)}
        for name in names:
            click.echo(f"{name} ...", err=True)
            rows[name] = await _measured(stack, seconds, name, token)
            await asyncio.sleep(REST_SECONDS)
        return rows


async def _measured(stack: Running, seconds: float, attack: str | None, token: str) -> dict[str, Any]:
    """What people notice during one attack (or none), what the attacker was told, how large the switchboard is."""
    async with visitors(stack.url, VISITORS) as endangered, visitors(stack.url, VISITORS) as asking:
        words = (attack, stack.url, seconds)
        attacker = await Beside.start("bench.attacks", *words, ATTACK_TOKEN=token) if attack else None
        until = time.monotonic() + seconds
        guided, answered = Timings(), Timings()
        missed: list[str] = []
        await asyncio.gather(_dangers(endangered, until, guided, missed), _questions(asking, until, answered, missed))
        size = stack.memory("switchboard")
    came = await attacker.said() if attacker else {}
    return {"guidance": guided.summary(), "answer": answered.summary(), "missed": missed, "attacker": came,
            "requests_a_second": round(sum(came.values()) / seconds), "switchboard_mib": size}


async def _dangers(people: list[Visitor], until: float, taken: Timings, missed: list[str]) -> None:
    words = dangers()

    async def one(visitor: Visitor) -> None:
        try:
            with taken.one():
                said = await visitor.send(next(words))
            if not any(reply["kind"] == "guidance" for reply in said["replies"]):
                missed.append("no guidance")
        except httpx.HTTPError as error:
            missed.append(f"danger: {type(error).__name__}")

    await _at_a_pace(people, one, DANGER_GAP, until)


async def _questions(people: list[Visitor], until: float, taken: Timings, missed: list[str]) -> None:
    words = ordinary()

    async def one(visitor: Visitor) -> None:
        try:
            taken.taken.append(await visitor.ask(next(words)))
        except (httpx.HTTPError, TimeoutError) as error:
            missed.append(f"question: {type(error).__name__}")

    await _at_a_pace(people, one, QUESTION_GAP, until)


async def _at_a_pace(people: list[Visitor], one: Any, gap: float, until: float) -> None:
    """Let one after the other write, whether or not the one before has had an answer."""
    number = 0
    async with asyncio.TaskGroup() as group:
        while time.monotonic() < until:
            group.create_task(one(people[number % len(people)]))
            number += 1
            await asyncio.sleep(gap)


# -- the page -------------------------------------------------------------------------------------------------------


def _table(about: dict[str, Any], rows: dict[str, dict[str, Any]]) -> list[str]:
    made = (f"Measured {about['date'][:10]}, commit {about['commit']}, {about['cores']} shared cores "
            f"(load before: {about['load_before'][0]}).")
    head = ["| attack | guidance p50, p95, worst, ms | answer p50, p95, worst, ms | missed | requests a second | "
            "what the attacker was told | switchboard, MiB |", "|---|---|---|---|---|---|---|"]
    return [made, "", *head, *(
        f"| {name.replace('_', ' ')} | {_three(row['guidance'])} | {_three(row['answer'])} | {len(row['missed'])} | "
        f"{row['requests_a_second'] or ''} | {_told(row['attacker'])} | {row['switchboard_mib']:.0f} |"
        for name, row in rows.items())]


def _three(summary: dict[str, float]) -> str:
    return ", ".join(f"{summary[key]:.0f}" for key in ("p50_ms", "p95_ms", "max_ms")) if summary["n"] else ""


def _told(came: dict[str, int]) -> str:
    return ", ".join(f"{count:,} × {what}" for what, count in sorted(came.items(), key=lambda item: -item[1]))


if __name__ == "__main__":
    main()
