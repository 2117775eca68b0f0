"""A disk of a few megabytes that can really be full, for tests; mounting one needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1 << 20


class SmallDisk:
    """A mounted file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave not a byte."""
        with open(self._ballast, "ab", buffering=0) as handle:
            for size in (MIB, 4096, 1):
                try:
                    while handle.write(b"x" * size) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(kind: str, folder: Path, *, mib: int = 8) -> Iterator[SmallDisk]:
    """A tmpfs, or an ext4 in a file; skips the test where none can be mounted."""
    folder.mkdir()
    if kind == "tmpfs":
        how = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(folder)]
    else:
        image = folder.with_suffix(".img")
        image.write_bytes(b"\0" * mib * MIB)
        _run(["mkfs.ext4", "-q", "-m", "0", str(image)])
        how = ["mount", "-o", "loop", str(image), str(folder)]
    _run(how)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is not installed here")
    if done.returncode:
        pytest.skip(f"no small disk can be made here: {done.stderr.strip() or command[0]}")
