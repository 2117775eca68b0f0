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
    settings = load_settings({"HAVEN_HOME": str(tmp_path), "HAVEN_SESSION_SECRET": "kingfisher at the lake"})

    assert settings.session_secret == "kingfisher at the lake"
    assert "kingfisher" not in repr(settings)
    assert repr(Secret("x")) == "Secret('...')"


def test_secrets_that_others_can_read_stop_the_start(tmp_path):
    """A file of secrets that is open to others is refused with its path and what to do."""
    load_settings({"HAVEN_HOME": str(tmp_path)})
    for mode in (0o640, 0o604, 0o666):
        (tmp_path / "secrets.json").chmod(mode)
        with pytest.raises(SettingsError, match=r"chmod 600 .*secrets\.json"):
            load_settings({"HAVEN_HOME": str(tmp_path)})
    (tmp_path / "secrets.json").chmod(0o600)
    load_settings({"HAVEN_HOME": str(tmp_path)})


def test_a_new_home_is_its_owners_alone(tmp_path):
    """The folder with record, secrets and logs is made for one account, whatever the umask."""
    load_settings({"HAVEN_HOME": str(tmp_path / "home")})

    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["SESSION", "LOOPBACK", "NUMBER"])
def test_a_secret_that_can_be_guessed_is_refused(tmp_path, name):
    """A secret somebody chose has at least 16 characters."""
    with pytest.raises(SettingsError, match=f"HAVEN_{name}_SECRET has fewer than 16"):
        load_settings({"HAVEN_HOME": str(tmp_path), f"HAVEN_{name}_SECRET": "password"})
