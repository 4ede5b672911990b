"""Several hosts of Jupiter's APIs as one: the first that can be asked is.

Another host is asked where this one is down, limits us or refuses our key, and never where it answered: "no route" is
the same everywhere. What a host quoted, the same host builds, because a quote means nothing to another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import structlog

from chain.http.circuit import Circuit, in_turn
from chain.http.client import HttpClient
from chain.jupiter.build import BLOCKHASH_SLOTS, JupiterBuild, SwapApi
from chain.jupiter.errors import JupiterError, KeyRefusedError, Problem, RateLimitedError
from chain.node.rpc import Rpc
from chain.transactions.assembly import SwapInstructions
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.swap import SwapRequest
from engine.domain.units import Nanos, seconds
from engine.ports import Clock

REST = seconds(30)
_ANOTHER_MAY_DO = {Problem.UPSTREAM_DOWN, Problem.RATE_LIMITED, Problem.KEY_REFUSED}

T = TypeVar("T")

log = structlog.get_logger(__name__)


class _Host:
    """One of Jupiter's APIs on one host."""

    def __init__(self, name: str, api: SwapApi, circuit: Circuit) -> None:
        self.name = name
        self.api = api
        self.circuit = circuit
        self.key_refused = False

    def worked(self) -> None:
        self.circuit.worked()
        self.key_refused = False

    def failed(self, error: JupiterError) -> None:
        if isinstance(error, RateLimitedError):
            # Our own count refused it: an exit may still ask.
            if error.asked:
                self.circuit.failed(error.reset_at)
            return
        self.circuit.failed()
        self.key_refused = isinstance(error, KeyRefusedError)


class HostAnswer(dict[str, Any]):
    """A quote, verbatim, that knows which host gave it."""

    def __init__(self, answer: Mapping[str, Any], host: _Host) -> None:
        super().__init__(answer)
        self.host = host


@dataclass(frozen=True, slots=True, kw_only=True)
class HostHealth:
    """How a host does, for whoever tells a person."""

    name: str
    rests_until: Nanos | None
    """When it is asked again; None where it is asked now."""
    key_refused: bool
    """Whether it refused the key when last asked: only a person can change that."""


class JupiterHosts:
    """The `SwapApi` over several others. Safe to share between threads.

    Args:
        apis: by the name that their quotes are marked with; the preferred one first.
        clock: tells when a rest is over.
        rest: how long a host that failed is left alone.

    Raises:
        BadInputError: there is none.
    """

    name = "jupiter"

    def __init__(self, apis: Mapping[str, SwapApi], *, clock: Clock, rest: Nanos = REST) -> None:
        if not apis:
            raise BadInputError("There is no host of Jupiter's API: name one at least")
        self._hosts = [_Host(name, api, Circuit(clock, rest)) for name, api in apis.items()]

    def ask(self, request: SwapRequest) -> dict[str, Any]:
        """Return the quote of the first host that can be asked.

        Raises:
            SwapError: that host has none; or no host could be asked, and why.
        """
        failures: list[JupiterError] = []
        for host in in_turn(self._hosts, _circuit_of):
            try:
                return HostAnswer(self._of_host(host, lambda api: api.ask(request)), host)
            except JupiterError as error:
                if error.problem not in _ANOTHER_MAY_DO:
                    raise
                failures.append(error)
        # While any host may be back, a refused key is no reason to give the order up.
        raise next((error for error in failures if error.kind is FailureKind.TRANSIENT), failures[0])

    def instructions(self, answer: Mapping[str, Any]) -> SwapInstructions:
        """Return the instructions of the swap that *answer* quoted, from the host that quoted it.

        Raises:
            SwapError: there are none. Another host has to be asked for a new quote.
        """
        if not isinstance(answer, HostAnswer):
            raise SwapError(FailureKind.REFUSED, "the quote is not of one of these hosts: quote again")
        return self._of_host(answer.host, lambda api: api.instructions(answer))

    def health(self) -> list[HostHealth]:
        """Return how each host does."""
        return [
            HostHealth(name=host.name, rests_until=host.circuit.rests_until, key_refused=host.key_refused)
            for host in self._hosts
        ]

    def _of_host(self, host: _Host, ask: Callable[[SwapApi], T]) -> T:
        try:
            answer = ask(host.api)
        except JupiterError as error:
            if error.problem in _ANOTHER_MAY_DO:
                host.failed(error)
                log.warning("jupiter_host_failed", host=host.name, problem=error.problem, error=str(error))
            else:
                host.worked()
            raise
        host.worked()
        return answer


def swap_api(
    version: Literal["v2", "v1"],
    *,
    http: HttpClient,
    base_url: str,
    rpc: Rpc,
    wallet: str,
    max_accounts: int | None = None,
    blockhash_slots: int = BLOCKHASH_SLOTS,
) -> SwapApi:
    """Return *version* of Jupiter's API on one host.

    Args:
        version: v2 is Jupiter's current one; v1 goes through jupiter-python-sdk.
        http: to *base_url*; see `chain.jupiter.build.jupiter_http`.
        base_url: such as ``https://api.jup.ag``; of a host that only serves v1 it may hold a key.
        rpc: for lookup tables and the blockhash of v1.
        wallet: base58 address that pays and signs.
        max_accounts: how many accounts a route may touch; None is Jupiter's own limit.
        blockhash_slots: for how many slots an attempt over v2 can land; v1 leaves a blockhash its whole life.
    """
    if version == "v2":
        return JupiterBuild(http, taker=wallet, max_accounts=max_accounts, blockhash_slots=blockhash_slots)
    # The SDK takes most of a second to import.
    from chain.jupiter.sdk import JupiterSdk

    return JupiterSdk(http, base_url=base_url, taker=wallet, rpc=rpc, max_accounts=max_accounts)


def venue_of(answer: Mapping[str, Any], api: SwapApi) -> str:
    """Return which API, on which host, gave *answer* to *api*."""
    return answer.host.name if isinstance(answer, HostAnswer) else api.name


def _circuit_of(host: _Host) -> Circuit:
    return host.circuit
