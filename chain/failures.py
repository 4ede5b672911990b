"""What an on-chain or RPC error means. The one home of that knowledge; Jupiter's HTTP errors have `jupiter_errors`.

An instruction's error number means nothing without its program: 6001 is slippage to Jupiter and something else to
the pool that it calls. Where the program comes from, best first:

1. the logs: the first ``Program X failed`` is the innermost program, and a failed call cannot be caught;
2. the programs of our own message, by the index of the failing instruction;
3. nothing at all: getSignatureStatuses gives the index and the number alone. Those transactions are our own
   swaps through Jupiter, so 6001 is read as Jupiter's. A pool's own 6001 is then mistaken for slippage, which costs
   a retry a wider tolerance and nothing else. Any other number may be anybody's (the wallet's want of tokens as
   well as a pool's), so it is no more than refused: the simulation of the next attempt has logs and will tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Any

from chain.node.rpc import OK, RpcError
from chain.programs import JUPITER, SYSTEM, TOKEN, TOKEN_2022
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import SwapFailure

MARKER_IN_USE = "MARKER_IN_USE"
"""Code of an attempt that failed because another attempt of its order had already succeeded."""

_SLIPPAGE = 6001
_INVALID_REQUEST_CODES = {-32700, -32600, -32601, -32602}
_INVALID_TRANSACTION_CODES = {-32003, -32006, -32013}
"""A signature, or what a precompiled program was to verify, is wrong."""
_PREFLIGHT_FAILURE = -32002
_UNFIT_CODES = {-32005, -32603, 429}
"""The node is behind or in trouble; some gateways write their 429 with HTTP 200."""
_LACKING_CODES = {-32601, -32001, -32004, -32007, -32008, -32009, -32010, -32011, -32014, -32016, -32019, -32021}
"""The node has no such method, or not that piece of the chain; another one may. Names: jsonrpc codes of Agave."""
_FAILED = re.compile(r"^Program (\S+) failed")

_TOO_LITTLE_SOL = "the wallet has too little SOL for the fee and the rent: send it SOL, then retry"
_TOO_FEW_TOKENS = "the wallet holds fewer tokens than the order sells"
_FROZEN = "a token account of the swap is frozen by the token's issuer"
_NON_TRANSFERABLE = "the token's issuer made it non-transferable: nobody can buy or sell it"
_CPI_GUARD = "CPI Guard is on at the wallet's token account: switch it off with spl-token disable-cpi-guard, then retry"
_PAUSED = "the token's issuer has paused all transfers: nothing can be sold until they are resumed"

_CUSTOM: Mapping[tuple[str, int], tuple[FailureKind, str]] = {
    (JUPITER, _SLIPPAGE): (FailureKind.SLIPPAGE, "the price left the slippage tolerance"),
    (JUPITER, 6024): (FailureKind.PERMANENT, _TOO_FEW_TOKENS),
    (TOKEN, 1): (FailureKind.PERMANENT, _TOO_FEW_TOKENS),
    (TOKEN_2022, 1): (FailureKind.PERMANENT, _TOO_FEW_TOKENS),
    (TOKEN, 17): (FailureKind.PERMANENT, _FROZEN),
    (TOKEN_2022, 17): (FailureKind.PERMANENT, _FROZEN),
    (TOKEN_2022, 37): (FailureKind.PERMANENT, _NON_TRANSFERABLE),
    (TOKEN_2022, 42): (FailureKind.PERMANENT, _CPI_GUARD),
    (TOKEN_2022, 67): (FailureKind.TRANSIENT, _PAUSED),
    (SYSTEM, 1): (FailureKind.PERMANENT, _TOO_LITTLE_SOL),
}
_SHORT_OF_TOKENS = frozenset({(JUPITER, 6024), (TOKEN, 1), (TOKEN_2022, 1)})
_ACCOUNT_FROZEN = frozenset({(TOKEN, 17), (TOKEN_2022, 17)})

_TRANSACTION: Mapping[str, tuple[FailureKind, str]] = {
    "AccountNotFound": (FailureKind.PERMANENT, _TOO_LITTLE_SOL),
    "InsufficientFundsForFee": (FailureKind.PERMANENT, _TOO_LITTLE_SOL),
    "InsufficientFundsForRent": (FailureKind.PERMANENT, _TOO_LITTLE_SOL),
    "InvalidAccountForFee": (FailureKind.PERMANENT, "the wallet's account cannot pay fees: it is not a plain wallet"),
    "BlockhashNotFound": (FailureKind.TRANSIENT, "the node does not know the blockhash: it expired or the node lags"),
    "AccountInUse": (FailureKind.TRANSIENT, "an account of the swap was busy"),
    "ClusterMaintenance": (FailureKind.TRANSIENT, "the cluster is under maintenance"),
    "WouldExceedMaxBlockCostLimit": (FailureKind.TRANSIENT, "the block was full"),
    "WouldExceedMaxVoteCostLimit": (FailureKind.TRANSIENT, "the block was full"),
    "WouldExceedMaxAccountCostLimit": (FailureKind.TRANSIENT, "the block was full for an account of the swap"),
    "WouldExceedAccountDataBlockLimit": (FailureKind.TRANSIENT, "the block was full"),
}


def explain(
    error: object,
    *,
    programs: Sequence[str] = (),
    logs: Sequence[str] | None = None,
    swap_program: str = JUPITER,
) -> SwapFailure:
    """Return what *error* means for an attempt of ours.

    Args:
        error: a TransactionError as RPC nodes give it: a name, or an object such as
            ``{"InstructionError": [2, {"Custom": 6001}]}``.
        programs: the programs of the transaction's instructions, in order, where they are known.
        logs: the transaction's logs, where they are known.
        swap_program: base58 address of the program that swaps; its numbers are read as Jupiter's.
    """
    match error:
        case {"InstructionError": [int(index), {"Custom": int(code)}]}:
            return _custom(index, code, _failing_program(index, programs, logs or ()), swap_program)
        case {"InstructionError": [int(index), detail]}:
            name = _name(detail)
            return _refused(f"instruction {index} of the swap failed: {name}", name)
        case _:
            name = _name(error)
            kind, message = _TRANSACTION.get(name, (FailureKind.REFUSED, "the transaction failed"))
            return SwapFailure(kind=kind, message=f"{message} ({name})", code=name)


def blames_tokens(error: object, *, programs: Sequence[str] = (), logs: Sequence[str] | None = None) -> bool:
    """Return whether *error* says that an account was short of tokens; whose account, it does not say."""
    return _is_one_of(_SHORT_OF_TOKENS, error, programs, logs or ())


def blames_freeze(error: object, *, programs: Sequence[str] = (), logs: Sequence[str] | None = None) -> bool:
    """Return whether *error* says that a token account is frozen; whose account, it does not say."""
    return _is_one_of(_ACCOUNT_FROZEN, error, programs, logs or ())


class Blame(Enum):
    """What an error says of the endpoint that gave it."""

    NONE = "none"
    """The answer is about what was asked: any other endpoint would give the same."""
    LACKS = "lacks"
    """This endpoint cannot answer that question; another one may."""
    UNFIT = "unfit"
    """This endpoint is down, behind, or refuses us: it should be left alone for a while."""


def blame(error: ChainUnavailableError) -> Blame:
    """Return what *error* of a call says of the endpoint that was asked."""
    if not isinstance(error, RpcError) or error.status != OK or error.code in _UNFIT_CODES:
        return Blame.UNFIT
    return Blame.LACKS if error.code in _LACKING_CODES else Blame.NONE


def of_rpc(error: ChainUnavailableError) -> SwapFailure:
    """Return what *error* means for a swap that is not sent yet."""
    if not isinstance(error, RpcError) or error.status != OK:
        return SwapFailure(kind=FailureKind.TRANSIENT, message=str(error), code="rpc")
    code = str(error.code)
    if error.code in _INVALID_REQUEST_CODES | _INVALID_TRANSACTION_CODES:
        return _refused(f"the Solana RPC would not take the transaction: {error}", code)
    if error.code == _PREFLIGHT_FAILURE and (cause := _preflight_cause(error)) is not None:
        return explain(cause, logs=_lines(error.data.get("logs")))
    return SwapFailure(kind=FailureKind.TRANSIENT, message=str(error), code=code)


def was_processed(error: ChainUnavailableError) -> bool:
    """Return whether a node refused a transaction only because it has it already."""
    return isinstance(error, RpcError) and error.status == OK and _preflight_cause(error) == "AlreadyProcessed"


@contextmanager
def asking() -> Iterator[None]:
    """Turn a node that cannot be asked into a venue's own error: nothing was signed."""
    try:
        yield
    except ChainUnavailableError as error:
        raise raised(of_rpc(error)) from error


def raised(failure: SwapFailure) -> SwapError:
    """Return *failure* as the error of the ports."""
    return SwapError(failure.kind, failure.message, code=failure.code)


def _custom(index: int, code: int, program: str, swap_program: str) -> SwapFailure:
    if (index, code) == (0, 0) and program in {SYSTEM, ""}:
        # Our marker is the only first instruction that can fail with a number: the others set the compute budget.
        return _refused("another attempt of this order has already succeeded", MARKER_IN_USE)
    if not program and code == _SLIPPAGE:
        program = JUPITER
    if known := _CUSTOM.get((JUPITER if program == swap_program else program, code)):
        kind, message = known
        return SwapFailure(kind=kind, message=f"{message} (error {code} of {program})", code=str(code))
    where = program or "an unknown program"
    return _refused(f"instruction {index} of the swap failed with error {code} of {where}", str(code))


def _is_one_of(known: frozenset[tuple[str, int]], error: object, programs: Sequence[str], logs: Sequence[str]) -> bool:
    match error:
        case {"InstructionError": [int(index), {"Custom": int(code)}]}:
            return (_failing_program(index, programs, logs), code) in known
        case _:
            return False


def _failing_program(index: int, programs: Sequence[str], logs: Sequence[str]) -> str:
    for line in logs:
        if found := _FAILED.match(line):
            return found[1]
    return programs[index] if index < len(programs) else ""


def _preflight_cause(error: RpcError) -> Any:
    return error.data.get("err") if isinstance(error.data, dict) else None


def _lines(logs: object) -> list[str]:
    """Return those of *logs* that are lines: it came with an error, where anything may stand."""
    return [line for line in logs if isinstance(line, str)] if isinstance(logs, list) else []


def _name(error: object) -> str:
    match error:
        case str(name):
            return name
        case dict() if len(error) == 1:
            return str(next(iter(error)))
        case _:
            return str(error)


def _refused(message: str, code: str) -> SwapFailure:
    return SwapFailure(kind=FailureKind.REFUSED, message=message, code=code)
