"""Starts the assistant: `python -m assistant.serve run ...` is `python -m rasa run ...` with our changes to Rasa."""

from __future__ import annotations

from assistant import patches


def main() -> None:
    """Rasa's own command line."""
    patches.apply()
    from rasa.__main__ import main as rasa  # only now: the changes come before Rasa

    rasa()


if __name__ == "__main__":
    main()
