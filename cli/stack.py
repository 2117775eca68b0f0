"""Starts the three processes and waits until the whole way answers; used by `run` and `ask`."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

import httpx

from cli.model_archive import CannotStart, must_be_ours
from haven.settings import ROOT, Settings

READY_SECONDS = 300.0  # the assistant needs about 10; a cold disk or a busy machine many times that
POLL_SECONDS = 0.25
STOP_SECONDS = 35.0  # the three take 25 at most, one after the other (deploy/supervisord.conf)
PORTS = range(20_000, 32_000)
_numbers = count(secrets.randbelow(len(PORTS)))  # two processes begin at different places
SUPERVISOR = ROOT / "deploy" / "supervisord.conf"


class Stack:
    """The processes of one Haven, under supervisor: one that ends by itself is started again."""

    def __init__(self, settings: Settings, *, programs: tuple[str, ...], log: Path | None = None) -> None:
        self._settings = settings
        self._programs = programs
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything. Raises CannotStart when a port is taken or nothing was trained."""
        s = self._settings
        assistants = range(s.assistant_port, s.assistant_port + s.assistants)
        for port, what in ((s.port, "HAVEN_PORT"), *((port, "HAVEN_ASSISTANT_PORT") for port in assistants),
                           (s.actions_port, "HAVEN_ACTIONS_PORT")):
            if what != "HAVEN_PORT" or "switchboard" in self._programs:
                _free(port, what)
        must_be_ours(s.models)
        output = open(self._log, "ab") if self._log else None  # noqa: SIM115 (handed to the child)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "--nodaemon", "-c", str(SUPERVISOR)],
                cwd=ROOT, env=environment(s, self._programs), stdout=output,
                # Where the disk is full the runner cannot write its log, and says so here: that must not end it.
                stderr=subprocess.DEVNULL if output else None, start_new_session=True)
        finally:
            if output:
                output.close()

    def wait_until_ready(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Return when every part answers. Raises CannotStart after READY_SECONDS or if the runner ended."""
        limit = time.monotonic() + READY_SECONDS
        waiting_for = ""
        while missing := self._missing():
            if self._process is None or self._process.poll() is not None:
                raise CannotStart(f"Haven stopped while starting; its log says why: {self._log or 'see above'}")
            if time.monotonic() > limit:
                raise CannotStart(f"{missing} did not answer within {READY_SECONDS:.0f} s; see the log.")
            if missing != waiting_for:
                waiting_for = missing
                say(f"waiting for the {missing} ...")
            time.sleep(POLL_SECONDS)

    def control(self, *words: str) -> str:
        """Stop, start or ask after single processes, in supervisorctl's words: control("stop", "assistant")."""
        one = f"assistant:{self._settings.assistant_port}" if words[0] == "pid" else "assistant:*"
        names = [one if word == "assistant" else word for word in words]
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(SUPERVISOR), *names],
            cwd=ROOT, env=environment(self._settings, self._programs), capture_output=True, text=True, check=False)
        return done.stdout

    def wait(self) -> int:
        """Return when the runner ends."""
        return self._process.wait() if self._process else 0

    def stop(self) -> None:
        """Stop every process and wait for it."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _missing(self) -> str | None:
        s = self._settings
        for name, url in (("actions", f"{s.actions_url}/health"),
                          *(("assistant", f"{url}/webhooks/haven/ready") for url in s.assistant_urls),
                          ("switchboard", f"http://127.0.0.1:{s.port}/ready")):
            if name in self._programs and not is_answering(url):
                return name
        return None


def environment(settings: Settings, programs: tuple[str, ...] = ()) -> Mapping[str, str]:
    """What the processes read: every setting, one thread a library, and no word home from Rasa.

    Bytecode is kept: a switchboard that reads all its source anew takes twice as long to start, with people waiting.
    """
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("HAVEN_")},
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "",
        "HAVEN_HOME": str(settings.home),
        "HAVEN_DATA": str(settings.data),
        "HAVEN_MODELS": str(settings.models),
        "HAVEN_HOST": settings.host,
        "HAVEN_PORT": str(settings.port),
        "HAVEN_ASSISTANT_PORT": str(settings.assistant_port),
        "HAVEN_ASSISTANTS": str(settings.assistants),
        "HAVEN_ASSISTANT_URLS": " ".join(settings.assistant_addresses),
        "HAVEN_ASSISTANT_SHARED": str(int(settings.assistant_shared)),
        "HAVEN_TRUSTED_PROXIES": " ".join(str(network) for network in settings.trusted_proxies),
        "HAVEN_ACTIONS_PORT": str(settings.actions_port),
        "HAVEN_DATABASE_URL": settings.database_url,
        "HAVEN_OIDC_ISSUER": settings.oidc_issuer,
        "HAVEN_OIDC_CLIENT": settings.oidc_client,
        "HAVEN_OIDC_SECRET": settings.oidc_secret,
        "HAVEN_OIDC_REDIRECT": settings.oidc_redirect,
        "HAVEN_ON_CALL": settings.on_call,
        "HAVEN_ON_CALL_DANGER": str(settings.on_call_danger),
        "HAVEN_ON_CALL_WAITING": str(settings.on_call_waiting),
        "HAVEN_ON_CALL_AGAIN": str(settings.on_call_again),
        "HAVEN_PROOF_SECONDS": str(settings.proof_seconds),
        "HAVEN_METRICS_TOKEN": settings.metrics_token,
        "HAVEN_LOG": settings.log,
        "HAVEN_SESSION_SECRET": settings.session_secret,
        "HAVEN_LOOPBACK_SECRET": settings.loopback_secret,
        "HAVEN_ALLOWED_ORIGINS": " ".join(sorted(settings.allowed_origins)),
        "HAVEN_TURN_BUDGET": str(settings.turn_budget),
        "HAVEN_QUIET_SECONDS": " ".join(str(moment / 1000) for moment in settings.quiet_ms),
        "HAVEN_SECOND_DOSE_SECONDS": str(settings.second_dose_ms / 1000),
        "HAVEN_RESEND_SECONDS": str(settings.resend_ms / 1000),
        "HAVEN_SESSION_DAYS": str(settings.session_days),
        "HAVEN_SECURE_COOKIES": str(int(settings.secure_cookies)),
        "HAVEN_NUMBER_SECRET": settings.number_secret,
        "HAVEN_RECORD_KEYS": " ".join(settings.record_keys),
        "HAVEN_SMS_ACCOUNT": settings.sms_account,
        "HAVEN_SMS_TOKENS": " ".join(settings.sms_tokens),
        "HAVEN_SMS_FROM": settings.sms_from,
        "HAVEN_SMS_ADDRESSES": " ".join(settings.sms_addresses),
        "HAVEN_SMS_API": settings.sms_api,
        "HAVEN_SMS_DISCREET": str(int(settings.sms_discreet)),
        "HAVEN_SMS_PAUSE": str(settings.sms_pause),
        "RASA_TELEMETRY_ENABLED": "false",
        "LOG_LEVEL": "INFO",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        **{f"START_{name.upper()}": "true" if name in programs else "false"
           for name in ("actions", "assistant", "switchboard")},
    }


def free_port() -> int:
    """A loopback port that nothing listens on right now; each only once in one process.

    Of those below the ones a system gives to whoever asks for any: until it is used nobody else is given it.
    """
    for number in _numbers:
        port = PORTS[number % len(PORTS)]
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("numbers do not end")


def _free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} is in use. Stop what uses it, or choose another: {variable}={port + 100}") from error


def is_answering(url: str) -> bool:
    """Whether an address answers 200 within two seconds."""
    try:
        return httpx.get(url, timeout=2.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
