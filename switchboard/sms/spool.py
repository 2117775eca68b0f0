"""Keeps texts while the record cannot: on the disk, in a reserve when the disk is full. Part of the switchboard."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from switchboard.numbers import Vault
from switchboard.records.keyring import Unreadable
from switchboard.sms.incoming import Incoming
from switchboard.sms.reserve import Reserve

logger = logging.getLogger(__name__)

MAX_IN_MEMORY = 10_000


@dataclass(frozen=True)
class Kept:
    """A text that waits, what was already said to it, when it came, and where it stands (nowhere: in memory)."""

    incoming: Incoming
    said: tuple[str, ...]
    at: int
    where: Path | tuple[int, str] | None = None


class Spool:
    """A folder of encrypted texts, each on the disk before it is acknowledged."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault
        self._reserve = Reserve(folder)
        self._memory: dict[str, Kept] = {}

    def prepare(self) -> None:
        """Take the room of the reserve. Raises OSError where there is none."""
        self._reserve.make()

    def keep(self, incoming: Incoming, said: list[str]) -> None:
        """Write one text and what was already said to it. Raises OSError where neither folder nor reserve takes it."""
        self._write(Kept(incoming, tuple(said), time.time_ns()))

    def keep_in_memory(self, incoming: Incoming, said: list[str]) -> bool:
        """The last resort, for a text that was answered and has no second try; whether there was room."""
        if len(self._memory) >= MAX_IN_MEMORY:
            return False
        self._memory[incoming.sid] = Kept(incoming, tuple(said), time.time_ns())
        return True

    def settle(self) -> None:
        """Put on the disk what is in memory alone, now that it may take it again."""
        with suppress(OSError):
            for sid, kept in list(self._memory.items()):
                self._write(kept)
                del self._memory[sid]

    def holds_any(self) -> bool:
        """Whether a text waits here."""
        return bool(self._memory) or any(self._folder.glob("*.text")) or self._reserve.holds_any()

    def kept(self) -> list[Kept]:
        """What waits, oldest first; what cannot be read is put aside and named in the log."""
        return sorted([*self._in_files(), *self._in_reserve(), *self._memory.values()], key=lambda kept: kept.at)

    def let_go(self, kept: Kept) -> None:
        """Remove a text that is in the record."""
        if kept.where is None:
            self._memory.pop(kept.incoming.sid, None)
        elif isinstance(kept.where, Path):
            kept.where.unlink(missing_ok=True)
        else:
            self._reserve.let_go(*kept.where)

    # -- on the disk ----------------------------------------------------------------------------------------------

    def _write(self, kept: Kept) -> None:
        whole = self._locked(kept)
        try:
            self._write_file(hashlib.sha256(kept.incoming.sid.encode()).hexdigest(), whole)
        except OSError as error:
            self._reserve.keep(whole)
            logger.warning("the disk takes no file (%s): a text is kept in the reserve", type(error).__name__)

    def _write_file(self, name: str, whole: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._folder / f"{name}.new"
        try:
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
                handle.write(whole)
                handle.flush()
                os.fsync(handle.fileno())
            new.rename(self._folder / f"{name}.text")
        finally:
            new.unlink(missing_ok=True)
        _sync(self._folder)  # else the name itself may be lost with the power

    def _in_files(self) -> Iterator[Kept]:
        for path in self._folder.glob("*.text"):
            try:
                yield self._opened(path.read_text(), path.stat().st_mtime_ns, path)
            except FileNotFoundError:
                continue  # another switchboard took it up
            except (Unreadable, ValueError, KeyError, TypeError):
                logger.error("a kept text cannot be read; it is put aside as %s", path.with_suffix(".bad").name)
                path.rename(path.with_suffix(".bad"))

    def _in_reserve(self) -> Iterator[Kept]:
        for slot, whole in self._reserve.kept():
            try:
                yield self._opened(whole, 0, (slot, whole))
            except (Unreadable, ValueError, KeyError, TypeError):
                self._put_aside(slot, whole)

    def _put_aside(self, slot: int, whole: str) -> None:
        name = f"reserve-{hashlib.sha256(whole.encode()).hexdigest()[:16]}.bad"
        with suppress(OSError):  # no room yet: it stays in its slot
            (self._folder / name).write_text(whole)
            self._reserve.let_go(slot, whole)
            logger.error("a text in the reserve cannot be read; it is put aside as %s", name)

    def _locked(self, kept: Kept) -> str:
        whole = {"incoming": asdict(kept.incoming), "said": kept.said, "at": kept.at}
        return self._vault.lock(json.dumps(whole, ensure_ascii=False))

    def _opened(self, whole: str, at: int, where: Path | tuple[int, str]) -> Kept:
        raw: dict[str, Any] = json.loads(self._vault.open(whole))
        return Kept(Incoming(**raw["incoming"]), tuple(raw["said"]), int(raw.get("at", at)), where)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
