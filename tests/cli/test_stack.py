"""cli.stack: the processes get every setting, and the runner outlives what befalls it."""

from __future__ import annotations

import os
import resource
import signal
import socket
from dataclasses import replace

from cli.stack import Stack, environment, free_port
from haven.settings import SETTINGS, load_settings


def test_no_setting_is_lost_on_the_way_to_the_processes(tmp_path):
    """Each setting at a value of its own reads the same in a process that was started."""
    values = {setting.variable: f"{setting.name}-{place}" if setting.kind is str else str(7 + place)
              for place, setting in enumerate(SETTINGS)} | {
                  "HAVEN_TRUSTED_PROXIES": "10.0.0.0/8", "HAVEN_RECORD_KEYS": "a-key-of-the-record-" * 2,
                  "HAVEN_LOG": "json"}
    settings = load_settings({**values, "HAVEN_HOME": str(tmp_path), "HAVEN_SECURE_COOKIES": "1"})
    passed = {name: value for name, value in environment(settings).items() if name.startswith("HAVEN_")}
    assert load_settings(passed) == settings
    assert set(passed) == {setting.variable for setting in SETTINGS}


def test_a_full_disk_does_not_end_the_runner(tmp_path):
    """While its log cannot be written, what dies is still started again."""
    settings = replace(load_settings({"HAVEN_HOME": str(tmp_path)}), port=free_port(), assistant_port=free_port(),
                       actions_port=free_port())
    stack = Stack(settings, programs=("actions",), log=tmp_path / "haven.log")
    stack.start()
    try:
        stack.wait_until_ready()
        runner, first = int(stack.control("pid")), int(stack.control("pid", "actions"))
        size = (tmp_path / "haven.log").stat().st_size
        resource.prlimit(runner, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        os.kill(first, signal.SIGKILL)
        while int(stack.control("pid", "actions") or 0) in (0, first):
            pass
        stack.wait_until_ready()
        assert int(stack.control("pid")) == runner
    finally:
        stack.stop()


def test_a_free_port_is_given_to_nobody_else():
    """Each is another one, nothing listens there, and no system gives it to whoever asks for any port."""
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50 and max(ports) < 32_768
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
