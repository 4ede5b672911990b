"""The faults of the stand-in for DexScreener."""

from __future__ import annotations

from starlette.requests import Request

from chain.simulated.faults.call import HTTP, Call
from chain.simulated.faults.front import Front

DEXSCREENER = "dexscreener"
"""What every request to DexScreener is named."""


class DexScreenerFront(Front):
    """In front of the stand-in for DexScreener."""

    def call(self, request: Request, body: bytes) -> Call:
        """Return *request* under the server's name: its path names the mints."""
        del request
        return Call(names=frozenset({HTTP, DEXSCREENER}), body=body, clock=self._clock, pause=self._pause)
