"""Several RPC endpoints as one: reads go to the first that is fit, what is sent goes to all of them.

Health is judged from the calls themselves: an endpoint that does not answer, or answers as one that is unfit, rests,
and the same call goes to the next. What calls cannot show is lag, so somebody must call `Endpoints.check` every few
seconds; it also finds out that an endpoint is back, or down, before a call has to.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from threading import Semaphore
from typing import Any

import structlog

from chain.failures import Blame, blame, was_processed
from chain.http.circuit import Circuit, in_turn
from chain.node.endpoint import Endpoint
from chain.node.rpc import Provider, Rpc, RpcClient, RpcError
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.domain.units import Nanos, seconds
from engine.ports import Clock

MAX_LAG_SLOTS = 20
"""Four seconds. Behind finality (32 slots) an endpoint could not prove either that a transaction is dead."""
REST = seconds(10)
_UNANSWERED_SENDS = 4
"""How many sends to one endpoint may wait for its answer: a silent one must not take all the threads."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """How an endpoint was found by `Endpoints.check`."""

    name: str
    slot: int | None
    """Its newest slot at `processed`; None where it did not tell."""
    lag: int | None
    """Slots behind the furthest endpoint."""
    problem: str | None
    """Why reads avoid it; None where they do not."""


class _Target:
    """An endpoint that transactions are sent to."""

    def __init__(self, client: RpcClient) -> None:
        self.client = client
        self.waiting = Semaphore(_UNANSWERED_SENDS)

    def reserve(self) -> bool:
        """Return whether one more send may wait for its answer; the sending releases it."""
        return self.waiting.acquire(blocking=False)


class Endpoints(Rpc):
    """Several endpoints as one.

    Args:
        clients: of the endpoints that answer, the preferred one first.
        clock: tells when a rest is over.
        senders: of further endpoints that only take sendTransaction, such as Jito's or tx.jup.ag. Most of these want
            a tip in the transaction, which is whoever assembles it to put in.
        genesis: what every one of *clients* must say that its cluster is; None where any will do.
        max_lag_slots: an endpoint further than this behind the furthest is not asked.
        rest: how long an endpoint that failed is left alone.
    """

    def __init__(
        self,
        clients: Sequence[RpcClient],
        *,
        clock: Clock,
        senders: Sequence[RpcClient] = (),
        genesis: str | None = None,
        max_lag_slots: int = MAX_LAG_SLOTS,
        rest: Nanos = REST,
    ) -> None:
        super().__init__()
        if not clients:
            raise BadInputError("There is no RPC endpoint: give the URL of one at least")
        self._endpoints = [Endpoint(client, Circuit(clock, rest), genesis) for client in clients]
        self._max_lag = max_lag_slots
        self._targets = [_Target(client) for client in (*clients, *senders)]
        # Threads are started when the first transaction is sent. A send must not wait for an endpoint that is silent.
        self._threads = ThreadPoolExecutor(_UNANSWERED_SENDS * len(self._targets), thread_name_prefix="send")

    @property
    def providers(self) -> Sequence[Provider]:
        """The endpoints that answer, the preferred one first. One that rests refuses at once."""
        return tuple(self._endpoints)

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the ``result`` of *method* from the first endpoint that is fit and gives one.

        What an endpoint says that lags counts only where no other one says better: an answer of before the wallet's
        newest transaction, and a simulation that does not know its blockhash.
        """
        stale: list[Any] = []
        failures: list[ChainUnavailableError] = []
        for endpoint in in_turn([e for e in self._endpoints if e.lag <= self._max_lag], _circuit_of):
            try:
                result = endpoint.ask(method, params)
            except ChainUnavailableError as error:
                if blame(error) is Blame.NONE:
                    raise
                failures.append(error)
                continue
            if not _is_of_a_laggard(result, self.landed_slot):
                return result
            stale.append(result)
        if stale:
            return stale[0]
        raise failures[0]

    def broadcast(self, method: str, params: Sequence[Any]) -> None:
        """Ask *method* of every endpoint at once, those that rest included; return once one has done it."""
        sends = [self._threads.submit(_send, target, method, params) for target in self._targets if target.reserve()]
        if not sends:
            raise ChainUnavailableError(f"{method}: no endpoint has answered what was sent to it before")
        failures: list[ChainUnavailableError] = []
        for send in as_completed(sends):
            try:
                return send.result()
            except ChainUnavailableError as error:
                failures.append(error)
        # A node's own word says more than that another one was silent.
        raise next((error for error in failures if isinstance(error, RpcError)), failures[0])

    def check(self) -> list[EndpointHealth]:
        """Ask every endpoint how it is and how far it has come, and take it up; blocks for as long as they do."""
        slots, problems = {}, {}
        for endpoint in self._endpoints:
            try:
                slots[endpoint] = endpoint.newest_slot()
            except ChainUnavailableError as error:
                problems[endpoint] = str(error)
        furthest = max(slots.values(), default=0)
        for endpoint, slot in slots.items():
            endpoint.lag = furthest - slot
            if endpoint.lag > self._max_lag:
                problems[endpoint] = f"{endpoint.lag} slots behind, at most {self._max_lag} are allowed"
                log.warning("endpoint_lags", endpoint=endpoint.name, slots=endpoint.lag)
        return [
            EndpointHealth(
                name=endpoint.name,
                slot=slots.get(endpoint),
                lag=endpoint.lag if endpoint in slots else None,
                problem=problems.get(endpoint),
            )
            for endpoint in self._endpoints
        ]

    def close(self) -> None:
        """Close the connections; what is on its way may be cut off."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for target in self._targets:
            target.client.close()


def joined(
    clients: Sequence[RpcClient],
    *,
    clock: Clock,
    senders: Sequence[RpcClient] = (),
    genesis: str | None = None,
    max_lag_slots: int = MAX_LAG_SLOTS,
) -> Rpc:
    """Return *clients* and *senders* as one; a single client of any cluster as it is, with nothing around it.

    Raises:
        BadInputError: there is none.
    """
    if len(clients) == 1 and not senders and genesis is None:
        return clients[0]
    return Endpoints(clients, clock=clock, senders=senders, genesis=genesis, max_lag_slots=max_lag_slots)


def _circuit_of(endpoint: Endpoint) -> Circuit:
    return endpoint.circuit


def _is_of_a_laggard(result: Any, landed_slot: int) -> bool:
    match result:
        case {"value": {"err": "BlockhashNotFound"}}:
            return True
        case {"context": {"slot": int(slot)}}:
            return slot < landed_slot
        case _:
            return False


def _send(target: _Target, method: str, params: Sequence[Any]) -> None:
    try:
        target.client.call(method, params)
    except ChainUnavailableError as error:
        if was_processed(error):
            return
        log.info("send_declined", endpoint=target.client.name, error=str(error))
        raise
    finally:
        target.waiting.release()
