"""What a node answers when it cannot do what it was asked (codes of Agave's rpc-client-api, custom_error.rs)."""

from __future__ import annotations

from typing import Any

from chain.simulated.transaction_errors import describe

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
PREFLIGHT_FAILURE = -32002
SIGNATURE_VERIFICATION_FAILURE = -32003
NODE_UNHEALTHY = -32005
UNSUPPORTED_TRANSACTION_VERSION = -32015
MIN_CONTEXT_SLOT_NOT_REACHED = -32016
FILTER_TRANSACTION_NOT_FOUND = -32020


class RpcError(Exception):
    """An error answer of the node.

    Attributes:
        code: JSON-RPC error code.
        message: its sentence.
        data: further particulars as JSON, or None where there are none.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """Return the `error` member of a JSON-RPC answer."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body


def invalid_params(message: str) -> RpcError:
    """Return the error of a call with parameters that make no sense."""
    return RpcError(INVALID_PARAMS, message)


def signature_failure() -> RpcError:
    """Return the error of a transaction whose signatures do not fit it."""
    return RpcError(SIGNATURE_VERIFICATION_FAILURE, "Transaction signature verification failure")


def preflight_failure(err: Any, simulation: dict[str, Any] | None = None) -> RpcError:
    """Return the error of a transaction that would fail with *err*.

    Args:
        err: the transaction error in the RPC's JSON.
        simulation: the value that simulateTransaction answers; empty where nothing was executed.
    """
    nothing_ran: dict[str, Any] = {"accounts": None, "logs": [], "returnData": None, "unitsConsumed": 0}
    data = {**(nothing_ran if simulation is None else simulation), "err": err}
    return RpcError(PREFLIGHT_FAILURE, f"Transaction simulation failed: {describe(err)}", data)


def min_context_slot_not_reached(slot: int) -> RpcError:
    """Return the error of a call that asked for a newer state than that of *slot*."""
    data = {"contextSlot": slot}
    return RpcError(MIN_CONTEXT_SLOT_NOT_REACHED, "Minimum context slot has not been reached", data)
