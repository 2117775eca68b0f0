"""haven.centre: opening hours that are true, and never "open" by mistake."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from haven.centre import in_words, load_centre

NEW_YORK = ZoneInfo("America/New_York")
FILE = """\
name: Test Centre
hours:
  time_zone: America/New_York
  week:
    monday: ["08:00-12:00", "13:00-17:00"]
    friday: ["22:00-06:00"]
  holidays: [2026-11-30]
"""


@pytest.fixture
def centre(tmp_path):
    (tmp_path / "centre.yml").write_text(FILE, encoding="utf-8")
    return load_centre(tmp_path)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23 08:00", True), ("2026-11-23 11:59", True), ("2026-11-23 12:00", False),
        ("2026-11-23 13:30", True), ("2026-11-23 17:00", False), ("2026-11-24 09:00", False),
        ("2026-11-27 21:59", False), ("2026-11-27 23:00", True), ("2026-11-28 05:59", True),
        ("2026-11-28 06:00", False), ("2026-11-30 09:00", False),
    ],
)
def test_open(centre, moment, is_open):
    """Spans of a day, spans past midnight, days off and closed days are as the file says."""
    assert centre.open_now(datetime.fromisoformat(moment).replace(tzinfo=NEW_YORK)) is is_open


def test_next_opening_skips_holidays(centre):
    """After Friday night the next opening is not the Monday that is a holiday."""
    after = datetime(2026, 11, 28, 7, tzinfo=NEW_YORK)

    assert centre.hours.next_open(after) == datetime(2026, 12, 4, 22, tzinfo=NEW_YORK)
    assert centre.next_open_text("en", after) == "Friday at 10:00 PM"
    assert centre.next_open_text("es", after) == "viernes a las 22:00"


@pytest.mark.parametrize(
    "file",
    [None, "", "name: x", "hours: {}", "hours: {time_zone: Mars/Base, week: {monday: ['00:00-23:59']}}",
     "hours: {time_zone: America/New_York, week: {moonday: ['00:00-23:59']}}", "hours: [1", "hours: 7"],
)
def test_missing_is_not_open(tmp_path, file):
    """Without a readable file a centre is never open and promises no time."""
    if file is not None:
        (tmp_path / "centre.yml").write_text(file, encoding="utf-8")
    centre = load_centre(tmp_path)
    moments = [datetime(2026, 11, day, hour, tzinfo=NEW_YORK) for day in range(22, 29) for hour in range(24)]

    assert not any(centre.open_now(moment) for moment in moments)
    assert centre.next_open_text() is None


def test_midnight_and_noon_in_words():
    """Twelve o'clock reads as people say it."""
    assert in_words(datetime(2026, 11, 23, 0, 5), "en") == "Monday at 12:05 AM"
    assert in_words(datetime(2026, 11, 23, 12, 0), "en") == "Monday at 12:00 PM"
