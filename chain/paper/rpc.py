"""A way to the cluster that leads nothing there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chain.node.rpc import Provider, Rpc
from engine.domain.errors import EngineError

_READS = ("get", "is", "simulate")
"""How the names of all methods begin that change nothing; what remains sends, or asks for an airdrop."""


class NothingIsSentError(EngineError):
    """Something tried to change the chain through a connection that is for reading: a mistake in the program."""


class ReadOnlyRpc(Rpc):
    """Another `Rpc`, less every method that could change the chain.

    Whatever is made for paper takes this type: that nothing is sent does not depend on how it is written.
    """

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    @property
    def providers(self) -> Sequence[Provider]:
        """Those of the other one, for reading."""
        return [_ReadOnlyProvider(provider) for provider in self._rpc.providers]

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the ``result`` of *method*; see `Rpc.call`.

        Raises:
            NothingIsSentError: it could change the chain; nobody was asked.
        """
        _check_reads(method)
        return self._rpc.call(method, params)

    def close(self) -> None:
        """Close the connections."""
        self._rpc.close()


@dataclass(frozen=True, slots=True)
class _ReadOnlyProvider:
    provider: Provider

    @property
    def name(self) -> str:
        return self.provider.name

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        _check_reads(method)
        return self.provider.call(method, params)


def _check_reads(method: str) -> None:
    if not method.startswith(_READS):
        raise NothingIsSentError(f"{method} was called on paper, where nothing is sent")
