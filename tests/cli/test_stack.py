"""cli.stack: the processes get every setting."""

from __future__ import annotations

from cli.stack import environment
from haven.settings import SETTINGS, load_settings


def test_no_setting_is_lost_on_the_way_to_the_processes(tmp_path):
    """Each setting at a value of its own reads the same in a process that was started."""
    values = {setting.variable: f"{setting.name}-{place}" if setting.kind is str else str(7 + place)
              for place, setting in enumerate(SETTINGS)}
    settings = load_settings({**values, "HAVEN_HOME": str(tmp_path), "HAVEN_SECURE_COOKIES": "1"})
    passed = {name: value for name, value in environment(settings).items() if name.startswith("HAVEN_")}
    assert load_settings(passed) == settings
    assert set(passed) == {setting.variable for setting in SETTINGS}
