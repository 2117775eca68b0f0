"""Room on the disk that is taken before it is needed, for the texts that come when the disk is full.

A file of slots, written once. A text is written over one of them, which takes no new block where the file system writes
in place (ext4, XFS, tmpfs; not Btrfs or ZFS). Part of the switchboard.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SLOTS, SLOT_BYTES = 64, 16 * 1024  # the longest text with its guidance, encrypted: some 12 KiB
NAME = "reserve"
EMPTY = b"\0" * SLOT_BYTES


class Reserve:
    """The file. It is read anew and locked each time, since two switchboards may share a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def make(self) -> None:
        """Take the room where it is not taken yet. Raises OSError; then there is no file, rather than half of one."""
        if self._is_whole():
            return
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._path.with_suffix(f".{os.getpid()}")
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
                handle.write(EMPTY * SLOTS)  # written, not only promised: a promised block needs room once it is used
                handle.flush()
                os.fsync(handle.fileno())
            new.rename(self._path)
        finally:
            new.unlink(missing_ok=True)

    def keep(self, whole: str) -> None:
        """Write a text over the first empty slot. Raises OSError where there is none, or no file."""
        raw = whole.encode()
        if len(raw) > SLOT_BYTES:
            raise OSError(errno.EFBIG, "longer than a slot")
        with self._locked() as file:
            slot = next((slot for slot in range(SLOTS) if self._read(file, slot) == ""), None)
            if slot is None:
                raise OSError(errno.ENOSPC, "every slot is taken")
            self._write(file, slot, raw)

    def kept(self) -> Iterator[tuple[int, str]]:
        """What stands in the slots, with their numbers."""
        if not self._is_whole():
            return
        with self._locked() as file:
            found = [(slot, self._read(file, slot)) for slot in range(SLOTS)]
        yield from ((slot, whole) for slot, whole in found if whole)

    def holds_any(self) -> bool:
        """Whether a text stands here; asked before every text, so only the first byte of each slot is read."""
        try:
            with open(self._path, "rb", buffering=0) as file:
                return any(os.pread(file.fileno(), 1, slot * SLOT_BYTES) not in (b"", b"\0") for slot in range(SLOTS))
        except OSError:
            return False

    def let_go(self, slot: int, whole: str) -> None:
        """Empty a slot, where it still holds this: another switchboard may have emptied and filled it."""
        with self._locked() as file:
            if self._read(file, slot) == whole:
                self._write(file, slot, b"")

    def _is_whole(self) -> bool:
        try:
            return self._path.stat().st_size == SLOTS * SLOT_BYTES
        except OSError:
            return False

    @contextmanager
    def _locked(self) -> Iterator[int]:
        file = os.open(self._path, os.O_RDWR)  # never made here: a file without its blocks would keep nothing
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
        finally:
            os.close(file)

    @staticmethod
    def _read(file: int, slot: int) -> str:
        return os.pread(file, SLOT_BYTES, slot * SLOT_BYTES).rstrip(b"\0").decode("ascii", "replace")

    @staticmethod
    def _write(file: int, slot: int, raw: bytes) -> None:
        whole = raw.ljust(SLOT_BYTES, b"\0")
        if os.pwrite(file, whole, slot * SLOT_BYTES) != SLOT_BYTES:
            raise OSError(errno.ENOSPC, "a slot was written in part")
        os.fsync(file)
