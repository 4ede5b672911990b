"""The ways in which people write a keypair of 64 bytes: the private key, then the public one.

Rule of this file: what is wrong is returned and not raised, because the frames of an error would hold the text.
"""

from __future__ import annotations

import json
import re
from typing import Any

import base58

from chain.keys.secret import Secret

KEYPAIR_LENGTH = 64
_SEED_LENGTH = 32
_LONGEST_BASE58 = 256
"""Characters; 64 bytes are at most 88, and decoding takes time that grows with the square."""
_KEY_LIKE = re.compile(r"\s*(\[.*|[A-Za-z0-9+/=_-]{40,})\s*", re.DOTALL)


def keypair_in_array(text: bytes) -> Secret | None:
    """Return the bytes of a JSON array of 64 numbers, as Solana's command line writes it; None where it is none."""
    try:
        numbers: Any = json.loads(text)
        secret = bytearray(numbers) if isinstance(numbers, list) else bytearray()
    except (TypeError, ValueError, RecursionError):
        return None
    return Secret(secret) if len(secret) == KEYPAIR_LENGTH else None


def keypair_in_text(text: bytes) -> Secret | str:
    """Return the bytes of a JSON array, or of base58 as wallets export it; otherwise what is wrong, after "it"."""
    if text.lstrip().startswith(b"["):
        return keypair_in_array(text) or "is not a JSON array of 64 numbers"
    secret = _base58(text)
    if secret is None:
        return "is neither base58 nor a JSON array of 64 numbers"
    if len(secret) == _SEED_LENGTH:
        return "holds 32 bytes, a seed or an address: export the whole keypair, which is 64 bytes"
    return Secret(secret) if len(secret) == KEYPAIR_LENGTH else f"holds {len(secret)} bytes, and a keypair has 64"


def looks_like_a_key(text: str) -> bool:
    """Return whether *text* could be a key in some encoding, so that it must not be repeated to anybody."""
    return _KEY_LIKE.fullmatch(text) is not None


def _base58(text: bytes) -> bytearray | None:
    stripped = text.strip()
    if not 0 < len(stripped) <= _LONGEST_BASE58:
        return None
    try:
        return bytearray(base58.b58decode(stripped))
    except ValueError:
        return None
