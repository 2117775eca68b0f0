"""A new model under traffic: two assistants are restarted in turn, and nobody is told that a person will read it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from cli.reload import reload
from cli.stack import Stack, free_port
from haven.settings import load_settings
from tests.stack import Visitor

pytestmark = pytest.mark.journey


@pytest.fixture
def two(tmp_path) -> Iterator[Stack]:
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), port=free_port(), assistant_port=_two_ports(),
                       assistants=2, actions_port=free_port(), turn_budget=20.0)
    stack = Stack(settings, programs=("actions", "assistant", "switchboard"), log=tmp_path / "haven.log")
    stack.start()
    try:
        stack.wait_until_ready()
        yield stack
    finally:
        stack.stop()


def test_a_reload_costs_no_answer(two: Stack):
    """Every message sent while both assistants are restarted gets an answer from the documents."""
    settings, done, said = two._settings, threading.Event(), []
    before = {pid for url in settings.assistant_urls for pid in _listening(url)}

    def ask() -> None:
        while not done.is_set():
            visitor = Visitor(f"http://127.0.0.1:{settings.port}")
            said.append(visitor.ask("what is methadone?"))
            visitor.http.close()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        reload(settings)
    finally:
        done.set()
        asking.join()
    after = {pid for url in settings.assistant_urls for pid in _listening(url)}
    assert len(after) == 2 and not before & after
    assert len(said) > 2 and not [m["text"] for m in said if not m["sources"]]


def _two_ports() -> int:
    """A port below those that the system gives away, free like the next."""
    taken = {c.laddr.port for c in psutil.net_connections("tcp") if c.laddr}
    return next(port for port in range(18_600, 19_000, 2) if not {port, port + 1} & taken)


def _listening(url: str) -> list[int]:
    port = int(url.rpartition(":")[2])
    return [c.pid for c in psutil.net_connections("tcp") if c.laddr.port == port and c.status == "LISTEN"]
