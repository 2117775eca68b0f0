"""actions.server: loopback, the shared secret, and no transcript in an error."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest


def call(port, path, *, secret=None, body=None):
    """(status, body) of one request."""
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The real action server on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "HAVEN_HOME": str(tmp_path_factory.mktemp("home")),
                   "HAVEN_ACTIONS_PORT": str(port), "HAVEN_LOOPBACK_SECRET": "s3cret between us"}
    log = tmp_path_factory.mktemp("log") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "actions.server"], env=environment, stdout=output,
                                   stderr=output)
    try:
        for _ in range(480):
            try:
                call(port, "/health")
                break
            except OSError:
                time.sleep(0.25)
        yield port, log
    finally:
        process.terminate()
        process.wait(30)


def request_for(action):
    return {"next_action": action, "version": "3.6.21", "sender_id": "x", "domain": {},
            "tracker": {"sender_id": "x", "slots": {}, "events": [], "paused": False, "followup_action": None,
                        "active_loop": {}, "latest_action_name": "action_listen",
                        "latest_message": {"text": "Xanthippe 615 555 0142", "metadata": {}}}}


def test_only_with_the_secret(server):
    """Without the shared secret there is an answer to /health and to nothing else."""
    port, _ = server

    assert call(port, "/health")[0] == 200
    for secret in (None, "wrong", ""):
        assert call(port, "/webhook", secret=secret, body=request_for("action_request_handoff"))[0] == 403
        assert call(port, "/actions", secret=secret)[0] == 403


def test_handoff_over_http(server):
    """With the secret an action runs."""
    port, _ = server
    status, body = call(port, "/webhook", secret="s3cret between us", body=request_for("action_request_handoff"))

    assert status == 200
    assert json.loads(body)["responses"][0]["response"] == "utter_closed_unknown"


def test_errors_keep_the_transcript(server):
    """An action that fails answers 500 with a number, and neither answer nor log holds what was written."""
    port, log = server
    broken = request_for("action_submit_callback")
    broken["tracker"]["slots"] = {"callback_number": "Xanthippe", "callback_name": "a", "callback_when": "b"}
    status, body = call(port, "/webhook", secret="s3cret between us", body=broken)

    assert status == 500
    assert "Xanthippe" not in body
    assert "Xanthippe" not in log.read_text()
    assert call(port, "/health")[0] == 200


def test_listens_on_loopback_only(server):
    """The port is closed on every other address of the machine."""
    port, _ = server
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex((socket.gethostbyname(socket.gethostname()), port)) != 0 \
            or socket.gethostbyname(socket.gethostname()).startswith("127.")
