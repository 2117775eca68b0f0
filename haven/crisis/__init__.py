"""Recognising danger in what visitors type: `Guard`, `Assessment`, `Turn`; runs in switchboard and assistant."""

from haven.crisis.guard import Guard
from haven.crisis.values import Assessment, Turn

__all__ = ["Assessment", "Guard", "Turn"]
