"""Whether the trained assistant's file is the one that was trained and stays in its own folder; for `run` and `ask`."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path, PurePosixPath

from haven.errors import HavenError

MOST_BYTES = 1 << 30  # unpacked; a model of ours has some 30 MB


class CannotStart(HavenError):
    """The stack cannot start; the text says what to do."""


def must_be_ours(models: Path) -> None:
    """Check checksum and contents before Rasa unpacks it. Raises CannotStart with what to do."""
    archive = models / "haven.tar.gz"
    if not archive.is_file():
        raise CannotStart("There is no trained assistant in models/. Run: bin/haven train")
    if sha256(archive) != _stamped(models / "haven.json"):
        raise CannotStart(f"{archive} is not the file that was trained here: its checksum is not the one in "
                          "haven.json. Somebody changed it, or a copy broke. Run: bin/haven train --force")
    for fault in faults_in(archive):
        raise CannotStart(f"{archive} is no model: {fault}. Run: bin/haven train --force")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def faults_in(archive: Path) -> list[str]:
    """What an archive must not hold: ways out of its folder, links, devices, more than a disk can take."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = tar.getmembers()
    except (tarfile.TarError, OSError, EOFError) as error:
        return [f"it cannot be read ({type(error).__name__})"]
    faults = [f"it holds {member.name!r}" for member in members if not _stays_inside(member)]
    if sum(member.size for member in members) > MOST_BYTES:
        faults.append("it is far too large")
    return faults


def _stays_inside(member: tarfile.TarInfo) -> bool:
    path = PurePosixPath(member.name)
    return (member.isfile() or member.isdir()) and not path.is_absolute() and ".." not in path.parts \
        and "\\" not in member.name


def _stamped(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
