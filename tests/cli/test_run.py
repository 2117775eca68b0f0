"""`bin/haven run`: what stands in its way is one sentence that says what to do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

import pytest

from cli.run import _warn
from cli.stack import READY_SECONDS, CannotStart, Stack, free_port
from haven.settings import ROOT, load_settings


def haven(*words, **environment):
    return subprocess.run([ROOT / "bin/haven", *words], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment}, timeout=120)


def test_busy_port(tmp_path):
    """A port in use: its number, and the variable that chooses another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = load_settings({"HAVEN_HOME": str(tmp_path), "HAVEN_PORT": str(port)})
        with pytest.raises(CannotStart, match=f"Port {port} is in use.*HAVEN_PORT="):
            Stack(settings, programs=("switchboard",)).start()


def test_missing_model(tmp_path):
    """No trained assistant: the command that trains one."""
    settings = load_settings({
        "HAVEN_HOME": str(tmp_path), "HAVEN_MODELS": str(tmp_path), "HAVEN_PORT": str(free_port()),
        "HAVEN_ASSISTANT_PORT": str(free_port()), "HAVEN_ACTIONS_PORT": str(free_port())})
    with pytest.raises(CannotStart, match="bin/haven train"):
        Stack(settings, programs=("switchboard",)).start()


def test_unknown_setting(tmp_path):
    """A misspelt setting stops the start with its name."""
    done = haven("train", HAVEN_HOME=str(tmp_path), HAVEN_PROT="1")

    assert done.returncode == 1
    assert "HAVEN_PROT is not a setting" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_tampered_model_stops_the_start_in_words(tmp_path):
    """What Rasa would unpack is the file that was trained, or nothing starts."""
    (tmp_path / "haven.tar.gz").write_bytes(b"something else")
    settings = load_settings({
        "HAVEN_HOME": str(tmp_path), "HAVEN_MODELS": str(tmp_path), "HAVEN_PORT": str(free_port()),
        "HAVEN_ASSISTANT_PORT": str(free_port()), "HAVEN_ACTIONS_PORT": str(free_port())})
    with pytest.raises(CannotStart, match=r"not the file that was trained"):
        Stack(settings, programs=("switchboard",)).start()


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True), ("192.0.2.7", True)])
def test_an_address_that_others_reach_is_warned_about(tmp_path, capsys, host, warned):
    """Without TLS of its own Haven says so before it listens where others are."""
    _warn(load_settings({"HAVEN_HOME": str(tmp_path), "HAVEN_HOST": host}))

    assert ("HTTPS" in capsys.readouterr().err) is warned


def test_help_lists_every_command():
    """`bin/haven --help` lists the commands with what they do."""
    done = haven("--help")

    for command in ("run", "train", "ask", "check", "evaluate", "staff"):
        assert command in done.stdout


@pytest.mark.journey
def test_start_and_stop(tmp_path):
    """`haven run` prints where to go, Ctrl-C ends every process, and nothing is left listening."""
    ports = [free_port() for _ in range(3)]
    environment = {**os.environ, "HAVEN_HOME": str(tmp_path), "HAVEN_PORT": str(ports[0]),
                   "HAVEN_ASSISTANT_PORT": str(ports[1]), "HAVEN_ACTIONS_PORT": str(ports[2])}
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([ROOT / "bin/haven", "run"], env=environment, stdout=out, stderr=out)
    try:
        limit = time.monotonic() + READY_SECONDS
        while "Stop with" not in (said := (tmp_path / "out").read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < limit, said
            time.sleep(0.3)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)

    assert f"Chat here:        http://127.0.0.1:{ports[0]}/" in said
    assert "one-time password" in said
    for name in ("haven.db", "haven.log", "secrets.json", "first_login.txt"):  # the record is nobody else's to read
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
