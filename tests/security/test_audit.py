"""The audit of dependencies: a new finding fails, an accepted one has a reason and an end, silence is no safety."""

from __future__ import annotations

import importlib.util
from datetime import date, timedelta
from typing import Any

import yaml

from haven.settings import ROOT

_spec = importlib.util.spec_from_file_location("audit", ROOT / "requirements" / "audit.py")
assert _spec and _spec.loader
audit = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(audit)

ACCEPTED = yaml.safe_load((ROOT / "requirements" / "accepted.yml").read_text(encoding="utf-8"))["accepted"]
FOUND = {"name": "sanic", "version": "1.0", "vulns": [
    {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1001"], "fix_versions": ["1.1"]}]}


def entry(**values: Any) -> dict[str, Any]:
    return {"package": "sanic", "version": "1.0", "findings": ["CVE-2026-1001"], "reason": "why", "until": date.max,
            **values}


def test_a_new_finding_is_named_with_what_fixes_it():
    """Nobody accepted it, or for another version, package or id: it is a fault."""
    for accepted in ([], [entry(version="1.1")], [entry(package="rasa")], [entry(findings=["CVE-2026-1002"])]):
        (said,) = audit.new_findings([FOUND], accepted)
        assert "sanic 1.0 has PYSEC-2026-1 (fixed in 1.1)" in said
    assert not list(audit.new_findings([FOUND], [entry()]))


def test_a_new_advisory_for_a_package_that_is_listed():
    """What was accepted covers the advisories it names: the next one for the same pin fails."""
    for row in ACCEPTED:
        known = [{"id": name, "fix_versions": []} for name in row["findings"]]
        new = {"id": "PYSEC-2999-1", "aliases": ["CVE-2999-12345"], "fix_versions": []}
        found = {"name": row["package"], "version": row["version"], "vulns": [*known, new]}
        (said,) = audit.new_findings([found], ACCEPTED)
        assert f"{row['package']} {row['version']} has PYSEC-2999-1" in said


def test_what_is_accepted_has_a_reason_and_an_end():
    """The list that is checked in is whole today; an entry without reason or ids, or past its day, is a fault."""
    assert not list(audit.faults_of(ACCEPTED, date.today()))
    assert list(audit.faults_of([entry(reason="")], date.today()))
    for findings in ([], ["any"], "any", ["CVE-2026-1001", "all"]):
        assert list(audit.faults_of([entry(findings=findings)], date.today()))
    assert list(audit.faults_of([entry(until=date.today() - timedelta(days=1))], date.today()))


def test_only_pins_of_the_assistant_are_accepted():
    """No finding of what faces outside is accepted, and no entry outlives its pin."""
    pins = {name: (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").lower()
            for name in ("switchboard", "assistant")}
    for row in ACCEPTED:
        pin = f"\n{row['package']}=={row['version']} "
        assert pin in pins["assistant"], row["package"]
        assert pin not in pins["switchboard"], row["package"]


def test_who_could_not_be_asked_is_not_called_safe(monkeypatch, capsys):
    """Without the advisories the audit passes, and says that this proves nothing; a finding beside it still fails."""
    monkeypatch.setattr(audit, "_asked", lambda path: [{"name": "x", "version": "1", "skip_reason": "no network"}])
    assert audit.main() == 0
    assert "no proof" in capsys.readouterr().out
    monkeypatch.setattr(audit, "_asked", lambda path: [
        {"name": "x", "version": "1", "skip_reason": "no network"},
        {"name": "y", "version": "1", "vulns": [{"id": "PYSEC-9", "fix_versions": []}]}])
    assert audit.main() == 1
    assert "y 1 has PYSEC-9 (fixed in no version yet)" in capsys.readouterr().out
