"""A user's `.creds` file: the JWT that says who it is, and the seed that proves it.

https://docs.nats.io/using-nats/developer/connecting/creds
"""

from __future__ import annotations

import base64
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.domain.errors import BadInputError

_NOT_THE_OWNER = stat.S_IRWXG | stat.S_IRWXO
_BLOCK = re.compile(r"-{3,}BEGIN ([A-Z ]+)-{3,}\s*(\S+)\s*-{3,}END [A-Z ]+-{3,}")
_JWT, _SEED = "NATS USER JWT", "USER NKEY SEED"
_PREFIX, _CHECK = 2, 2
"""Bytes before and after the 32 of a seed, as it is encoded: https://github.com/nats-io/nkeys#encoding."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs in."""

    jwt: bytes = field(repr=False)
    key: Ed25519PrivateKey = field(repr=False)

    def sign(self, nonce: str) -> bytes:
        """Return the signature of the server's *nonce*, in base64."""
        return base64.b64encode(self.key.sign(nonce.encode()))


def read_credentials(path: Path) -> Credentials:
    """Read the file at *path*.

    Raises:
        BadInputError: it cannot be read, is no such file, or can be read by other users.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = "" if mode & _NOT_THE_OWNER else path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise BadInputError(f"nats.credentials_file {path} cannot be read: {error.strerror}") from None
    if mode & _NOT_THE_OWNER:
        raise BadInputError(f"{path} can be read by other users (mode {mode:04o}): run chmod 600 {path}")
    blocks = dict(_BLOCK.findall(text))
    try:
        encoded = blocks[_SEED]
        seed = base64.b32decode(encoded + "=" * (-len(encoded) % 8))[_PREFIX:-_CHECK]
        return Credentials(jwt=blocks[_JWT].encode(), key=Ed25519PrivateKey.from_private_bytes(seed))
    except (KeyError, ValueError):
        raise BadInputError(f"nats.credentials_file {path} is no .creds file: nsc generate creds makes one") from None
