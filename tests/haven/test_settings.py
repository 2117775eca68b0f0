"""haven.settings: one table, every fault named, secrets made once and kept from others."""

from __future__ import annotations

import stat

import pytest

from haven.errors import SettingsError
from haven.settings import Secret, load_settings


def test_defaults(tmp_path):
    """With nothing but a home everything has a value, and the record is SQLite in that home."""
    settings = load_settings({"HAVEN_HOME": str(tmp_path)})

    assert settings.host == "127.0.0.1"
    assert settings.database_url.endswith(f"{tmp_path}/haven.db")


def test_every_fault_at_once(tmp_path):
    """An unknown setting and a value of the wrong kind are named together, with the value."""
    with pytest.raises(SettingsError) as caught:
        load_settings({"HAVEN_HOME": str(tmp_path), "HAVEN_PROT": "1", "HAVEN_PORT": "eighty"})

    assert len(caught.value.faults) == 2
    assert "HAVEN_PROT" in str(caught.value)
    assert "'eighty'" in str(caught.value)


def test_secrets_are_made_once(tmp_path):
    """Secrets are made on the first start, stay the same, and only their owner can read them."""
    first, second = (load_settings({"HAVEN_HOME": str(tmp_path)}) for _ in range(2))

    assert first.session_secret == second.session_secret != first.loopback_secret
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_secret_hides_itself(tmp_path):
    """A secret does not show in the settings' own text."""
    settings = load_settings({"HAVEN_HOME": str(tmp_path), "HAVEN_SESSION_SECRET": "kingfisher"})

    assert settings.session_secret == "kingfisher"
    assert "kingfisher" not in repr(settings)
    assert repr(Secret("x")) == "Secret('...')"
