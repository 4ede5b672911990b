"""The bearer token: made once, kept in a file that its owner alone can read, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from chain.keys.files import write_private
from engine.config.secrets import secret_file
from engine.domain.errors import BadInputError

_BYTES = 32
"""256 bits, of the system's own generator."""
_SHORTEST = 43
"""Characters that 256 bits take in base64."""


class ApiToken:
    """Who has it may use the API. Only a digest of it is kept, so that nothing can show it."""

    __slots__ = ("_digest",)

    def __init__(self, secret: str) -> None:
        """Take *secret*.

        Raises:
            BadInputError: it is too short to hold 256 bits.
        """
        if len(secret) < _SHORTEST:
            raise BadInputError(f"an API token has at least {_SHORTEST} characters: remove its file for a new one")
        self._digest = hashlib.sha256(secret.encode()).digest()

    def matches(self, given: str) -> bool:
        """Return whether *given* is the token, in a time that does not depend on where it differs."""
        digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).digest()
        return hmac.compare_digest(digest, self._digest)

    @property
    def name(self) -> str:
        """Eight hex digits that tell this token from another one, and nobody what it is."""
        return hashlib.sha256(b"name of " + self._digest).hexdigest()[:8]


def token_at(path: Path) -> ApiToken:
    """Return the token in the file at *path*; the first time, one is made.

    Raises:
        BadInputError: the file cannot be read or written, can be read by other users, or holds no token.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, f"{secrets.token_urlsafe(_BYTES)}\n".encode(), overwrite=False)
    try:
        return ApiToken(secret_file(path).get_secret_value())
    except BadInputError as error:
        raise BadInputError(f"api.token_file: {error}") from None
