"""Finding a secret in what a program leaves behind, in whatever way it is written there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import base58
from solders.keypair import Keypair

_PIECE = 16
"""Bytes; half a seed. What is cut off in the middle is still found."""
_BASE58_PIECE = 20
_WHITESPACE = b" \t\r\n"


@dataclass(frozen=True)
class Canary:
    """A secret that must not sing.

    Attributes:
        name: what a test calls it.
        secret: the bytes that nobody may see.
        wholes: these bytes, and longer ones that begin with them, as base58 writes each anew.
    """

    name: str
    secret: bytes
    wholes: tuple[bytes, ...]

    @classmethod
    def of_keypair(cls, name: str, keypair: Keypair) -> Canary:
        """Return the canary of a keypair: its seed, alone or with the public key behind it."""
        return cls(name, bytes(keypair)[:32], (bytes(keypair)[:32], bytes(keypair)))

    @classmethod
    def of_text(cls, name: str, text: str) -> Canary:
        """Return the canary of a key that is text."""
        return cls(name, text.encode(), (text.encode(),))

    def found_in(self, content: bytes | str) -> list[str]:
        """Return the encodings in which the secret, or half of it, is in *content*."""
        raw = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        forms = (raw, raw.translate(None, _WHITESPACE), raw.lower())
        return sorted({name for name, needle in self._needles if any(needle in form for form in forms)})

    @cached_property
    def _needles(self) -> list[tuple[str, bytes]]:
        pieces = (self.secret[:_PIECE], self.secret[-_PIECE:])
        found = [needle for piece in pieces for needle in _written(piece)]
        for whole in self.wholes:
            text = base58.b58encode(whole)
            found += [("base58", text[:_BASE58_PIECE]), ("base58", text[-_BASE58_PIECE:])]
        return found


def _written(piece: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", piece
    yield "raw", piece.decode("latin-1").encode()
    yield "hex", piece.hex().encode()
    yield "array", json.dumps(list(piece), separators=(",", ":"))[1:-1].encode()
    yield "python", repr(piece)[2:-1].encode()
    yield "json", json.dumps(piece.decode("latin-1"))[1:-1].encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            # The characters at either end hold bits of the neighbours as well.
            first, last = (offset * 8 + 5) // 6, (offset + len(piece)) * 8 // 6
            yield "base64", encode(bytes(offset) + piece)[first:last]
