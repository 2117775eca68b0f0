"""How a stored message reads as a text: who speaks first, in the carriers' alphabet, whole. Part of the switchboard."""

from __future__ import annotations

from haven.gsm import narrowed, split, without_typography
from switchboard.conversations import Message
from switchboard.texts import Texts


class Wording:
    """Words messages for phones. The same message always gives the same text: it is looked up by it."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def parts(self, message: Message) -> list[str]:
        """The texts a message goes out as: one, unless it is longer than carriers take."""
        if message.author == "staff":
            by = self._texts.plain("sms_by_staff", message.language, channel="sms", name=message.name or "")
            said = without_typography(message.text)  # a person's own letters stay as they wrote them
        else:
            by = self._texts.plain("sms_by_bot", message.language, channel="sms")
            said = narrowed(f"{message.text}{self._way_back(message)}")
        return split(f"{narrowed(by)} {said}")

    def _way_back(self, message: Message) -> str:
        """What stands for the button under "you are still in line"."""
        if message.response != "waiting_still":
            return ""
        return "\n" + self._texts.plain("resume_bot", message.language, channel="sms")
