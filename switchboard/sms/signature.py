"""Whether a request comes from Twilio: its signature over address and fields. Part of the switchboard."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator, get_signature_algorithm

MAX_FIELDS = 200  # Twilio sends some thirty; more is somebody else


class Fields:
    """The fields of a form as they came: blank ones and repeated ones kept, since the signature covers them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    @classmethod
    def read(cls, body: bytes) -> Fields | None:
        """The fields of a raw body, or None if it is no form."""
        try:
            return cls(parse_qsl(body.decode("utf-8", "strict"), keep_blank_values=True, strict_parsing=bool(body),
                                 encoding="utf-8", errors="strict", max_num_fields=MAX_FIELDS))
        except ValueError:
            return None

    def get(self, name: str) -> str:
        """The first value of a field, or an empty text."""
        return next((value for key, value in self._pairs if key == name), "")

    def getall(self, name: str) -> list[str]:
        """Every value of a field; the name that the validator asks for."""
        return [value for key, value in self._pairs if key == name]

    def __iter__(self) -> Iterator[str]:
        return iter({key for key, _ in self._pairs})

    def __len__(self) -> int:
        return len(self._pairs)


class Signatures:
    """Checks signatures against the addresses and tokens of the settings, never against a request's own headers."""

    def __init__(self, addresses: tuple[str, ...], tokens: tuple[str, ...]) -> None:
        self._addresses = addresses
        self._validators = [RequestValidator(token) for token in tokens]

    def are_good(self, path: str, fields: Fields, signature: str, settings: str = "") -> bool:
        """Whether any token signed this for any of our addresses.

        `path` is path and query as received, `settings` the header that names another algorithm.
        """
        if not signature or not signature.isascii():
            return False
        algorithm = get_signature_algorithm(settings)
        return any(validator.validate(address + path, fields, signature, algorithm)
                   for address in self._addresses for validator in self._validators)
