"""Every setting of Haven in one table, read from the environment; used by every process."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from haven.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
MADE_SECRETS = ("session", "loopback", "numbers", "record")
LEAST_SECRET = 16  # characters; those we make have 43
SHORTEST_KEY = 32  # characters of a record key that somebody sets


@dataclass(frozen=True)
class Setting:
    """One row of the table: the environment variable is `HAVEN_` and the name in capitals."""

    name: str
    default: str
    help: str
    kind: type = str

    @property
    def variable(self) -> str:
        return f"HAVEN_{self.name.upper()}"


class Moments(tuple[float, ...]):
    """Growing numbers of seconds with spaces between."""

    def __new__(cls, raw: str) -> Moments:
        seconds = [float(part) for part in raw.split()]
        if not seconds or seconds != sorted(set(seconds)) or seconds[0] <= 0:
            raise ValueError(raw)
        return super().__new__(cls, seconds)


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks(tuple[Network, ...]):
    """Addresses or networks with spaces between; none is fine."""

    def __new__(cls, raw: str) -> Networks:
        return super().__new__(cls, [ipaddress.ip_network(part) for part in raw.split()])


class Count(int):
    """A whole number from 1 to 16."""

    def __new__(cls, raw: str) -> Count:
        made = super().__new__(cls, raw)
        if not 1 <= made <= 16:
            raise ValueError(raw)
        return made


class LogStyle(str):
    """plain or json."""

    def __new__(cls, raw: str) -> LogStyle:
        if raw not in ("plain", "json"):
            raise ValueError(raw)
        return super().__new__(cls, raw)


SETTINGS = (
    Setting("home", "var", "folder for the record, secrets and logs; relative to the project"),
    Setting("data", "data", "folder of the content"),
    Setting("models", "models", "folder of the trained assistant and the sentence encoder"),
    Setting("host", "127.0.0.1", "address the switchboard listens on"),
    Setting("port", "8000", "port the switchboard listens on", int),
    Setting("assistant_port", "8001", "loopback port of the assistant", int),
    Setting("assistants", "1", "how many assistants run here, on HAVEN_ASSISTANT_PORT and the ports after it", Count),
    Setting("assistant_urls", "", "addresses of assistants that run elsewhere, spaces between; empty: those here"),
    Setting("assistant_shared", "0", "1 where the assistant serves switchboards elsewhere, on a closed network", int),
    Setting("actions_port", "8002", "loopback port of the action server", int),
    Setting("database_url", "", "SQLAlchemy address of the record; empty: SQLite in the home folder"),
    Setting("session_secret", "", "signs visitors' sessions; empty: made on first run, kept in the home folder"),
    Setting("loopback_secret", "", "shared by the three processes; empty: made on first run"),
    Setting("allowed_origins", "", "the centre's websites that carry the widget, spaces between"),
    Setting("turn_budget", "3.0", "seconds the assistant may take for one answer", float),
    Setting("quiet_seconds", "120 300 900", "seconds after which somebody in danger who went quiet is asked", Moments),
    Setting("second_dose_seconds", "150", "seconds until a second dose of naloxone is reminded of", float),
    Setting("resend_seconds", "60", "seconds until the 911 line is said again to somebody sleepy or overdosing", float),
    Setting("session_days", "7", "days a visitor's session lasts", int),
    Setting("trusted_proxies", "", "proxies whose X-Forwarded-For is believed (addresses or networks), spaces between",
            Networks),
    Setting("secure_cookies", "0", "1 where the console is served over HTTPS", int),
    Setting("oidc_issuer", "", "issuer of the centre's OpenID Connect provider; empty: staff sign in here alone"),
    Setting("oidc_client", "", "this Haven's client id at that provider"),
    Setting("oidc_secret", "", "its client secret"),
    Setting("oidc_redirect", "", "where the provider sends staff back: https://YOUR HOST/staff/oidc/back"),
    Setting("on_call", "", "how the person on call is told, as Apprise addresses, spaces between; empty: nobody"),
    Setting("on_call_danger", "30", "seconds an acute danger waits before the person on call is told", float),
    Setting("on_call_waiting", "180", "seconds anybody else waits before the person on call is told", float),
    Setting("on_call_again", "120", "seconds until the person on call is told again", float),
    Setting("proof_seconds", "60", "seconds between proofs that somebody in danger gets guidance; 0: none", float),
    Setting("metrics_token", "", "token for /metrics and the times in /ready; empty: from this machine alone"),
    Setting("log", "plain", "plain, or json: one JSON object a line", LogStyle),
    Setting("number_secret", "", "encrypts telephone numbers; empty: made on first run, kept in the home folder"),
    Setting("record_keys", "", "encrypt all words in the record; spaces between, the first is used; empty: made"),
    Setting("sms_account", "", "Twilio account (AC...); empty: no text messages"),
    Setting("sms_tokens", "", "Twilio auth tokens, spaces between; the first is used to send, all are accepted"),
    Setting("sms_from", "", "number (+1...) or messaging service (MG...) that texts leave from"),
    Setting("sms_addresses", "", "addresses under which Twilio reaches this switchboard, spaces between"),
    Setting("sms_api", "https://api.twilio.com", "address of Twilio's interface"),
    Setting("sms_discreet", "0", "1: the first text names neither the centre nor its subject", int),
    Setting("sms_pause", "2.0", "seconds a short text waits for the next, to be read as one", float),
)


class Secret(str):
    """A string that does not show itself in tracebacks and logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('...')"


@dataclass(frozen=True)
class Settings:
    """The settings of one process, checked."""

    home: Path
    data: Path
    models: Path
    host: str
    port: int
    assistant_port: int
    assistants: int
    assistant_addresses: tuple[str, ...]
    assistant_shared: bool
    actions_port: int
    database_url: str
    session_secret: Secret
    loopback_secret: Secret
    allowed_origins: frozenset[str]
    turn_budget: float
    quiet_ms: tuple[int, ...]
    second_dose_ms: int
    resend_ms: int
    session_days: int
    trusted_proxies: tuple[Network, ...]
    secure_cookies: bool
    oidc_issuer: str
    oidc_client: str
    oidc_secret: Secret
    oidc_redirect: str
    on_call: Secret
    on_call_danger: float
    on_call_waiting: float
    on_call_again: float
    proof_seconds: float
    metrics_token: Secret
    log: str
    number_secret: Secret
    record_keys: tuple[Secret, ...]
    sms_account: str
    sms_tokens: tuple[Secret, ...]
    sms_from: str
    sms_addresses: tuple[str, ...]
    sms_api: str
    sms_discreet: bool
    sms_pause: float

    @property
    def has_sms(self) -> bool:
        """Whether text messages are set up (all of it or nothing: load_settings sees to that)."""
        return bool(self.sms_account)

    @property
    def assistant_url(self) -> str:
        """The first of the assistants that run here."""
        return f"http://127.0.0.1:{self.assistant_port}"

    @property
    def assistant_urls(self) -> tuple[str, ...]:
        """Every assistant, here or elsewhere."""
        here = range(self.assistant_port, self.assistant_port + self.assistants)
        return self.assistant_addresses or tuple(f"http://127.0.0.1:{port}" for port in here)

    @property
    def actions_url(self) -> str:
        return f"http://127.0.0.1:{self.actions_port}"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the environment, check every value, and make missing secrets.

    Raises SettingsError with every fault at once: an unknown HAVEN_ variable, a value of the wrong kind.
    """
    environ = os.environ if environ is None else environ
    values = _values(environ)
    home = _folder(values["home"])
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    _must_be_private(home / "secrets.json")
    made = _secrets(home / "secrets.json")
    return Settings(
        home=home,
        data=_folder(values["data"]),
        models=_folder(values["models"]),
        host=values["host"],
        port=values["port"],
        assistant_port=values["assistant_port"],
        assistants=values["assistants"],
        assistant_addresses=tuple(url.rstrip("/") for url in values["assistant_urls"].split()),
        assistant_shared=bool(values["assistant_shared"]),
        actions_port=values["actions_port"],
        database_url=values["database_url"] or f"sqlite+aiosqlite:///{home / 'haven.db'}",
        session_secret=Secret(values["session_secret"] or made["session"]),
        loopback_secret=Secret(values["loopback_secret"] or made["loopback"]),
        allowed_origins=frozenset(values["allowed_origins"].split()),
        turn_budget=values["turn_budget"],
        quiet_ms=tuple(round(1000 * seconds) for seconds in values["quiet_seconds"]),
        second_dose_ms=round(1000 * values["second_dose_seconds"]),
        resend_ms=round(1000 * values["resend_seconds"]),
        session_days=values["session_days"],
        trusted_proxies=values["trusted_proxies"],
        secure_cookies=bool(values["secure_cookies"]),
        oidc_issuer=values["oidc_issuer"],
        oidc_client=values["oidc_client"],
        oidc_secret=Secret(values["oidc_secret"]),
        oidc_redirect=values["oidc_redirect"],
        on_call=Secret(values["on_call"]),
        on_call_danger=values["on_call_danger"],
        on_call_waiting=values["on_call_waiting"],
        on_call_again=values["on_call_again"],
        proof_seconds=values["proof_seconds"],
        metrics_token=Secret(values["metrics_token"]),
        log=values["log"],
        number_secret=Secret(values["number_secret"] or made["numbers"]),
        record_keys=tuple(Secret(key) for key in (values["record_keys"] or made["record"]).split()),
        sms_account=values["sms_account"],
        sms_tokens=tuple(Secret(token) for token in values["sms_tokens"].split()),
        sms_from=values["sms_from"],
        sms_addresses=tuple(address.rstrip("/") for address in values["sms_addresses"].split()),
        sms_api=values["sms_api"].rstrip("/"),
        sms_discreet=bool(values["sms_discreet"]),
        sms_pause=values["sms_pause"],
    )


def _values(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {setting.variable: setting for setting in SETTINGS}
    faults = [
        f"{name} is not a setting of Haven; see docs/running.md for the list."
        for name in sorted(environ)
        if name.startswith("HAVEN_") and name not in known
    ]
    values: dict[str, Any] = {}
    for variable, setting in known.items():
        raw = environ.get(variable, setting.default)
        try:
            values[setting.name] = setting.kind(raw)
        except ValueError:
            faults.append(f"{variable} has value {raw!r}; it needs {setting.kind.__name__.lower()}: {setting.help}.")
    faults += _half_set_up(values) + _weak(values)
    if any(len(key) < SHORTEST_KEY for key in values.get("record_keys", "").split()):
        faults.append(f"HAVEN_RECORD_KEYS holds a key that is too short: {SHORTEST_KEY} random characters at least.")
    if faults:
        raise SettingsError(faults)
    return values


def _half_set_up(values: Mapping[str, Any]) -> list[str]:
    """Text messages need four settings: with some of them only, texts would come in and never be answered."""
    needed = ("sms_account", "sms_tokens", "sms_from", "sms_addresses")
    missing = [f"HAVEN_{name.upper()}" for name in needed if not values.get(name)]
    if len(missing) in (0, len(needed)):
        return []
    return [f"{name} is missing: text messages need it; see docs/sms.md." for name in missing]


def _weak(values: Mapping[str, Any]) -> list[str]:
    """A secret that somebody chose must not be guessable; one that is empty is made."""
    chosen = ("session_secret", "loopback_secret", "number_secret", "metrics_token")
    return [f"HAVEN_{name.upper()} has fewer than {LEAST_SECRET} characters; give it more, or leave it empty."
            for name in chosen if 0 < len(values.get(name, "")) < LEAST_SECRET]


def _must_be_private(path: Path) -> None:
    """Secrets that others on this machine can read are none. Raises SettingsError."""
    if path.exists() and path.stat().st_mode & 0o077:
        raise SettingsError([f"{path} can be read by others on this machine, who could then open every conversation. "
                             f"Run: chmod 600 {path}"])


def _folder(value: str) -> Path:
    path = Path(value)
    return path if path.is_absolute() else ROOT / path


def add_record_key(home: Path) -> None:
    """Put a new key in front of those that were made for the record; the others still read."""
    with _changing(home / "secrets.json") as kept:
        kept["record"] = f"{secrets.token_urlsafe(32)} {kept['record']}"


def retire_record_keys(home: Path) -> int:
    """Keep the first of the keys that were made for the record; how many went."""
    with _changing(home / "secrets.json") as kept:
        first, *old = kept["record"].split()
        kept["record"] = first
    return len(old)


@contextmanager
def _changing(path: Path) -> Iterator[dict[str, str]]:
    with open(path.with_name(".secrets.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _kept(path)
        yield kept
        _place(path, json.dumps(kept))


def _secrets(path: Path) -> dict[str, str]:
    """The secrets made on first run, with owner-only access; one that is there is never overwritten."""
    kept = _kept(path)
    if all(name in kept for name in MADE_SECRETS):
        return kept
    with _changing(path) as kept:  # the three processes may start at the same moment
        kept |= {name: secrets.token_urlsafe(32) for name in MADE_SECRETS if name not in kept}
    return kept


def _kept(path: Path) -> dict[str, str]:
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def _place(path: Path, text: str) -> None:
    """Write the file whole or not at all: a crash in between must not cost a secret."""
    whole = path.with_name(".secrets.new")
    whole.unlink(missing_ok=True)
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    whole.rename(path)
