"""Solana's JSON-RPC, raw.

Answers stay plain JSON: a typed client library refuses what it does not know yet, and a node may begin to answer
with something new on any day.
"""

from __future__ import annotations

import itertools
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import httpx
from solders.hash import Hash, ParseHashError

from chain.http.client import ANSWER_TIMEOUT, CONNECT_TIMEOUT, READ_TIMEOUT, HttpClient, HttpError, OnCall
from chain.values import text, whole_number
from engine.domain.errors import ChainUnavailableError

OK = 200
GENESIS = "getGenesisHash"
_EXCERPT = 300


class RpcError(ChainUnavailableError):
    """The node, or a gateway before it, answered with an error.

    Attributes:
        code: the JSON-RPC error code. Gateways reuse the node's codes for their own troubles.
        data: whatever came with it; of a failed simulation its ``err`` and ``logs``.
        status: the HTTP status; with any other than 200 the code says nothing of what was asked.
    """

    def __init__(self, method: str, code: int, message: str, data: Any = None, *, status: int = OK) -> None:
        super().__init__(f"{method} failed with {code}: {message[:_EXCERPT]}")
        self.code = code
        self.data = data
        self.status = status


class Caller(Protocol):
    """Whatever can be asked."""

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the ``result`` of *method*; see `Rpc.call`."""


class Provider(Caller, Protocol):
    """One provider, asked by itself."""

    @property
    def name(self) -> str:
        """How errors call it; holds no key."""


class Rpc(ABC):
    """Solana, through one provider or several. Safe to share between threads."""

    def __init__(self) -> None:
        self._landed_slot = 0
        self._lock = threading.Lock()

    @property
    @abstractmethod
    def providers(self) -> Sequence[Provider]:
        """Those that answer `call`, each to be asked by itself: a proof may need the word of more than one."""

    @abstractmethod
    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the ``result`` of *method*, which must be one that may be asked twice.

        Raises:
            RpcError: the node answered with an error.
            ChainUnavailableError: it did not answer, or with something that is not JSON-RPC.
        """

    def broadcast(self, method: str, params: Sequence[Any]) -> None:
        """Ask *method* of everyone there is, and return once one has done it.

        Raises:
            RpcError: nobody did, and a node said why.
            ChainUnavailableError: nobody answered.
        """
        self.call(method, params)

    def note_landing(self, slot: int) -> None:
        """Take up that a transaction of the wallet is known to have landed in *slot*; see `check_fresh`."""
        with self._lock:
            self._landed_slot = max(self._landed_slot, slot)

    @property
    def landed_slot(self) -> int:
        """The slot of the wallet's newest known transaction; 0 where none is known."""
        with self._lock:
            return self._landed_slot

    def check_fresh(self, method: str, result: Any) -> None:
        """Check that *method*'s *result* is from no node that lags behind what the wallet is known to have done.

        A provider answers with one of many nodes. One that has not come as far as the wallet's newest transaction
        shows balances of before it, and fails to sell what that transaction bought.

        Raises:
            ChainUnavailableError: it is; or it does not say of which slot it is.
        """
        landed = self.landed_slot
        if not landed:
            return
        with understood(method):
            behind = landed - whole_number(result["context"]["slot"])
        if behind > 0:
            raise ChainUnavailableError(
                f"{method}: the node that answered is {behind} slots behind the wallet: it proves nothing"
            )

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""


class RpcClient(Rpc):
    """Calls one node, or one provider's pool of nodes.

    Args:
        url: of the node; may hold a provider's key.
        headers: sent with every call.
        connect_timeout: seconds to reach the node.
        read_timeout: seconds of silence after which an answer is given up.
        answer_timeout: seconds after which an answer that has begun is given up.
        on_call: told of each call; see `HttpClient`.
        transport: stands in for the network in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        answer_timeout: float = ANSWER_TIMEOUT,
        on_call: OnCall | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__()
        self._http = HttpClient(
            url,
            name="the Solana RPC",
            headers=headers,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            answer_timeout=answer_timeout,
            on_call=on_call,
            transport=transport,
        )
        self._ids = itertools.count(1)

    @property
    def name(self) -> str:
        """How errors call it: by its host, never by its URL."""
        return self._http.server

    @property
    def providers(self) -> Sequence[Provider]:
        """Itself."""
        return (self,)

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the ``result`` of *method*.

        Raises:
            RpcError: the node answered with an error.
            ChainUnavailableError: it did not answer, or with something that is not JSON-RPC.
        """
        request_id = next(self._ids)
        try:
            asked = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
            answer = self._http.post("", asked, operation=method)
        except HttpError as error:
            raise ChainUnavailableError(f"{method}: {error}") from error
        body = answer.body if isinstance(answer.body, dict) else {}
        if body.get("error") is not None or answer.status != OK:
            raise _rpc_error(method, answer.status, body.get("error"))
        if "result" not in body or body.get("id") != request_id:
            raise ChainUnavailableError(f"{method}: the Solana RPC answered with something that is no answer to it")
        return body["result"]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _rpc_error(method: str, status: int, error: Any) -> RpcError:
    match error:
        case {"code": int(code), "message": str(message)}:
            return RpcError(method, code, message, error.get("data"), status=status)
        case _:
            return RpcError(method, status, f"HTTP {status} {str(error or '')[:_EXCERPT]}".strip(), status=status)


def genesis_hash(rpc: Caller) -> str:
    """Return the base58 hash of the cluster's first block, which is the cluster's name.

    Raises:
        ChainUnavailableError: the node could not be asked.
    """
    result = rpc.call(GENESIS)
    with understood(GENESIS):
        return str(_hash(result))


def latest_blockhash(rpc: Rpc) -> tuple[Hash, int]:
    """Return the newest confirmed blockhash and the last block height, inclusive, at which it can be used.

    Raises:
        ChainUnavailableError: the node could not be asked.
    """
    method = "getLatestBlockhash"
    result = rpc.call(method, [{"commitment": "confirmed"}])
    with understood(method):
        value = result["value"]
        return _hash(value["blockhash"]), whole_number(value["lastValidBlockHeight"])


def _hash(value: object) -> Hash:
    try:
        return Hash.from_string(text(value))
    except ParseHashError as error:
        raise ValueError(f"{value!r} is no hash") from error


@contextmanager
def understood(method: str) -> Iterator[None]:
    """Turn a failure to read *method*'s answer into the error of the port.

    Raises:
        ChainUnavailableError: the answer did not have the shape that Solana documents.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise ChainUnavailableError(
            f"{method}: the Solana RPC's answer has an unknown shape ({type(error).__name__}: {error})"
        ) from error
