"""The errors that Haven raises on purpose; every process words them at its own edge."""

from __future__ import annotations


class HavenError(Exception):
    """Something Haven can name; its text is a sentence a person can act on."""


class ContentError(HavenError):
    """The content under data/ has faults; `faults` lists every one."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(f"{len(faults)} fault(s) in the content:\n" + "\n".join(faults))


class SettingsError(HavenError):
    """A setting is missing or cannot be used; `faults` lists every one."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class EncoderError(HavenError):
    """The sentence encoder's files are missing or not the ones that were published."""
