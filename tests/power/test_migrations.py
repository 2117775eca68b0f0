"""The power goes in the middle of an upgrade from any version there was."""

from __future__ import annotations

import pytest

from tests.switchboard.records.test_power_cut import VERSIONS, all_or_nothing


@pytest.mark.parametrize("start", ["base", *VERSIONS[:-2]])
def test_power_cut_after_each_statement_of_an_upgrade(tmp_path, start):
    """Killed after any statement, the record is what it was before, and the next start brings it up to date."""
    all_or_nothing(tmp_path, start)
