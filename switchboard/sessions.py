"""Visitors' sessions: a signed token that names one conversation and ends by itself. Used by the switchboard."""

from __future__ import annotations

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from haven.errors import HavenError


class BadToken(HavenError):
    """The token is missing, forged or for something else."""


class ExpiredToken(HavenError):
    """The token was good once."""


class Sessions:
    """Gives out and reads tokens; nobody can make or guess one without the secret."""

    def __init__(self, secret: str, *, days: int) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt="visitor session")
        self.seconds = days * 86_400

    def token_for(self, conversation_id: str) -> str:
        return str(self._serializer.dumps(conversation_id))

    def conversation_of(self, header: str | None) -> str:
        """The conversation an Authorization header speaks for. Raises BadToken or ExpiredToken."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise BadToken("Start a conversation first.")
        try:
            conversation_id = self._serializer.loads(token.strip(), max_age=self.seconds)
        except SignatureExpired as error:
            raise ExpiredToken("This chat has ended. Start a new one.") from error
        except BadSignature as error:
            raise BadToken("This token is not one of ours.") from error
        if not isinstance(conversation_id, str):
            raise BadToken("This token is not one of ours.")
        return conversation_id
