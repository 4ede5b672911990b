"""JSON-RPC 2.0 envelopes, as Agave's server understands and writes them."""

from __future__ import annotations

import json
from typing import Any

from chain.simulated.rpc_errors import INVALID_REQUEST, PARSE_ERROR, RpcError, invalid_params


def parse(body: bytes | str) -> Any:
    """Return the JSON of a request or batch.

    Raises:
        RpcError: -32700 where it is no JSON, -32600 for an empty batch.
    """
    try:
        request = json.loads(body)
    except ValueError as error:
        raise RpcError(PARSE_ERROR, "Parse error") from error
    if request == []:
        raise RpcError(INVALID_REQUEST, "Invalid request")
    return request


def method_of(request: Any) -> str:
    """Return the method that *request* calls.

    Raises:
        RpcError: -32600; it is no JSON-RPC 2.0 request.
    """
    sound = (
        isinstance(request, dict)
        and request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and isinstance(request.get("id"), str | int | float | None)
    )
    if not sound:
        raise RpcError(INVALID_REQUEST, "Invalid request")
    method: str = request["method"]
    return method


def params_of(request: dict[str, Any]) -> list[Any]:
    """Return the positional parameters of *request*.

    Raises:
        RpcError: -32602; they are named.
    """
    params = request.get("params")
    if params is not None and not isinstance(params, list):
        raise invalid_params("Invalid params: invalid type: map, expected a sequence.")
    return params or []


def success(request: dict[str, Any], result: Any) -> dict[str, Any] | None:
    """Return the answer to *request*, or None where it is a notification and wants none."""
    return {"jsonrpc": "2.0", "result": result, "id": request["id"]} if "id" in request else None


def failure(request: Any, error: RpcError) -> dict[str, Any] | None:
    """Return the error answer to *request*, or None where it is a notification and wants none."""
    answer = {"jsonrpc": "2.0", "error": error.to_json(), "id": None}
    if error.code in (PARSE_ERROR, INVALID_REQUEST) and not _has_id(request):
        return answer
    return {**answer, "id": request["id"]} if _has_id(request) else None


def _has_id(request: Any) -> bool:
    return isinstance(request, dict) and isinstance(request.get("id", request), str | int | float | None)
