"""One RPC endpoint of several: how it does, and of which cluster it is.

An endpoint of another cluster would prove falsehoods: it knows none of our signatures, however far it has come. Each
one therefore names its cluster before its first answer counts, also where it was down when the engine started.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog

from chain.failures import Blame, blame
from chain.http.circuit import Circuit
from chain.node.rpc import GENESIS, Rpc, RpcClient, RpcError, genesis_hash, understood
from chain.values import whole_number
from engine.domain.errors import BadInputError, ChainUnavailableError

log = structlog.get_logger(__name__)


class WrongClusterError(ChainUnavailableError):
    """The endpoint belongs to another cluster: nothing that it says counts."""


class Endpoint:
    """One endpoint of several, and how it does.

    Attributes:
        circuit: whether it rests.
        lag: slots behind the furthest endpoint, when last compared.
    """

    def __init__(self, client: RpcClient, circuit: Circuit, genesis: str | None) -> None:
        self.circuit = circuit
        self.lag = 0
        self._client = client
        self._unproven_genesis = genesis

    @property
    def name(self) -> str:
        """How errors call it; holds no key."""
        return self._client.name

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the ``result`` of *method* from this endpoint; see `Rpc.call`.

        Raises:
            ChainUnavailableError: it rests after a failure: it is not asked.
        """
        if self.circuit.rests_until is not None:
            raise ChainUnavailableError(f"{method}: {self.name} rests after a failure")
        return self.ask(method, params)

    def ask(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Do as `call`, though it rest."""
        try:
            if method != GENESIS:
                self._prove_genesis()
            result = self._client.call(method, params)
        except ChainUnavailableError as error:
            if blame(error) is Blame.UNFIT:
                self.circuit.failed()
                log.warning("endpoint_rests", endpoint=self.name, error=str(error))
            raise
        self.circuit.worked()
        return result

    def _prove_genesis(self) -> None:
        expected = self._unproven_genesis
        if expected is None:
            return
        found = genesis_hash(self._client)
        if found != expected:
            raise WrongClusterError(f"{self.name} is of the cluster {found}, not {expected}: it is not asked")
        self._unproven_genesis = None

    def newest_slot(self) -> int:
        """Return the endpoint's newest slot at `processed`, if it counts itself healthy.

        Raises:
            ChainUnavailableError: it does not, or it could not be asked.
        """
        try:
            self.ask("getHealth")
        except RpcError as error:
            # Some providers do not serve it; what they serve is judged then.
            if blame(error) is Blame.UNFIT:
                raise
        slot = self.ask("getSlot", [{"commitment": "processed"}])
        with understood("getSlot"):
            return whole_number(slot)


def check_cluster(rpc: Rpc, expected: str | None) -> str:
    """Check that every endpoint of *rpc* belongs to one cluster, and return that cluster's genesis hash.

    An endpoint that cannot be asked now is not held against the others: `Endpoints` asks it before it believes it.

    Args:
        rpc: the endpoints.
        expected: the genesis hash of the cluster that the profile trades on; None where any will do.

    Raises:
        BadInputError: one of them belongs to another cluster.
        ChainUnavailableError: none of them could be asked.
    """
    failures: list[ChainUnavailableError] = []
    agreed, by = expected, "the profile"
    for provider in rpc.providers:
        try:
            found = genesis_hash(provider)
        except ChainUnavailableError as error:
            failures.append(error)
            continue
        if agreed is None:
            agreed, by = found, provider.name
        if found != agreed:
            raise BadInputError(
                f"{provider.name} is of the cluster with genesis hash {found}, {by} is of {agreed}: "
                "give the URL of an endpoint of that cluster, or choose the profile of the other"
            )
    if agreed is None or len(failures) == len(rpc.providers):
        raise failures[0]
    return agreed
