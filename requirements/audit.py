"""`make audit`: asks PyPI's advisories about every pinned package; a finding nobody accepted fails.

Where the advisories cannot be reached the audit says so and passes: nothing was found because nothing was asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
LISTS = ("switchboard.txt", "assistant.txt", "test.txt", "assistant_test.txt", "uv.txt")
SECONDS = 300
ADVISORY = re.compile(r"CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|PYSEC-\d{4}-\d+")


def main() -> int:
    """0: nothing new, or nobody could be asked; 1: a finding or a fault of the list of accepted ones."""
    accepted = yaml.safe_load((FOLDER / "accepted.yml").read_text(encoding="utf-8"))["accepted"]
    packages = [package for name in LISTS for package in _asked(FOLDER / name)]
    told = [package for package in packages if "skip_reason" not in package]
    faults = list(faults_of(accepted, date.today())) + list(new_findings(told, accepted))
    print("\n".join(dict.fromkeys(faults)), end="\n" if faults else "")
    if len(told) < len(packages):
        print(f"audit: {len(packages) - len(told)} of {len(packages)} pins could not be asked about: the advisories "
              "cannot be reached from here, or do not know them. This is no proof that nothing is wrong with them.")
    return 1 if faults else 0


def _asked(path: Path) -> list[dict[str, Any]]:
    """What pip-audit says of one list: packages with `vulns`, or with `skip_reason`; nothing where it cannot ask."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", "-r", str(path), "--no-deps", "--disable-pip", "--format", "json",
             "--progress-spinner", "off", "--timeout", "15"],
            capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [{"name": path.name, "version": "", "skip_reason": f"no answer in {SECONDS} s"}]
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return [{"name": path.name, "version": "", "skip_reason": last}]
    return found


def new_findings(packages: Sequence[Mapping[str, Any]], accepted: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every finding that no entry accepts, in words."""
    for package in packages:
        for found in package.get("vulns", ()):
            names = {found["id"], *found.get("aliases", ())}
            if not any(_accepts(entry, package, names) for entry in accepted):
                fixed = ", ".join(found.get("fix_versions") or ()) or "no version yet"
                yield (f"audit: {package['name']} {package['version']} has {found['id']} (fixed in {fixed}). Lock a "
                       "fixed version, or accept it in requirements/accepted.yml with a reason.")


def _accepts(entry: Mapping[str, Any], package: Mapping[str, Any], names: set[str]) -> bool:
    same = entry["package"] == package["name"] and str(entry["version"]) == package["version"]
    return same and not names.isdisjoint(entry.get("findings") or ())


def faults_of(accepted: Sequence[Mapping[str, Any]], today: date) -> Iterator[str]:
    """Entries that lack a part, that name no single advisory, or whose time is over."""
    for entry in accepted:
        missing = [part for part in ("package", "version", "findings", "reason", "until") if not entry.get(part)]
        if missing:
            yield f"requirements/accepted.yml: {entry.get('package')} lacks {', '.join(missing)}."
        elif not all(ADVISORY.fullmatch(str(name)) for name in entry["findings"]):
            yield f"requirements/accepted.yml: {entry['package']} must name each finding by its id."
        elif entry["until"] < today:
            yield f"requirements/accepted.yml: {entry['package']} was accepted until {entry['until']}: look again."


if __name__ == "__main__":
    sys.exit(main())
