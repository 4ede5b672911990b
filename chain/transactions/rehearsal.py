"""A swap before it is signed: simulated on the node, and what would go wrong explained."""

from __future__ import annotations

import base64
from dataclasses import replace

from solders.message import MessageV0

from chain.failures import blames_freeze, blames_tokens, explain, raised
from chain.node.rpc import Rpc, understood
from chain.tokens.accounts import Tokens
from chain.tokens.closing import CANNOT_CLOSE, failed_to_close
from chain.tokens.risks import frozen_sentence
from chain.transactions.assembly import MAX_COMPUTE_UNITS, programs_of, unsigned
from chain.values import array, text, transaction_error, whole_number
from engine.domain.errors import INSUFFICIENT_TOKENS, FailureKind
from engine.domain.swap import Side, SwapFailure, SwapRequest


class Rehearsal:
    """Simulates the transactions of one wallet. Safe to share between threads; blocks.

    Args:
        rpc: of the node that simulates.
        tokens: what the wallet holds.
        wallet: base58 address that pays.
        swap_program: base58 address of the program whose errors are a swap's.
    """

    def __init__(self, rpc: Rpc, tokens: Tokens, *, wallet: str, swap_program: str) -> None:
        self._rpc = rpc
        self._tokens = tokens
        self._wallet = wallet
        self._swap_program = swap_program

    def compute_units(self, request: SwapRequest, message: MessageV0, *, closes: bool) -> int:
        """Return the compute units that *message* would use; it is simulated unsigned, on its own blockhash.

        Raises:
            SwapError: it would fail; code `CANNOT_CLOSE` where it *closes* an account last, and only that would fail.
        """
        method = "simulateTransaction"
        config = {
            "encoding": "base64",
            "sigVerify": False,
            "replaceRecentBlockhash": False,
            "commitment": "processed",
        }
        result = self._rpc.call(method, [base64.b64encode(bytes(unsigned(message))).decode(), config])
        with understood(method):
            value = result["value"]
            error = transaction_error(value["err"])
            logs = [text(line) for line in array(value.get("logs") or [])]
            used = whole_number(value.get("unitsConsumed") or MAX_COMPUTE_UNITS)
        if error is None:
            return used
        self._rpc.check_fresh(method, result)
        programs = programs_of(message)
        failure = explain(error, programs=programs, logs=logs, swap_program=self._swap_program)
        if closes and failed_to_close(error, message):
            raise raised(replace(failure, code=CANNOT_CLOSE))
        if blames_freeze(error, programs=programs, logs=logs):
            raise raised(self._frozen(request, failure))
        raise raised(self._judged(request, failure, blames_tokens(error, programs=programs, logs=logs)))

    def _frozen(self, request: SwapRequest, failure: SwapFailure) -> SwapFailure:
        """Return *failure*, made sure of whose account is frozen: a sale may find a way round a market's."""
        sentence = frozen_sentence(self._tokens.holdings(self._wallet, request.mint))
        if sentence is not None:
            return replace(failure, message=f"{sentence} ({failure.message})")
        if request.side is Side.SELL:
            message = f"an account of the market is frozen, not the wallet's ({failure.message})"
            return replace(failure, kind=FailureKind.REFUSED, message=message)
        return failure

    def _judged(self, request: SwapRequest, failure: SwapFailure, short_of_tokens: bool) -> SwapFailure:
        """Return *failure*, made sure of whether it was the wallet that was short of tokens.

        A token program's "insufficient funds" may as well be a pool's, and must not end a stop loss; and a wallet
        without the tokens may fail in many ways, of which none is worth a retry.
        """
        if failure.kind not in {FailureKind.REFUSED, FailureKind.PERMANENT}:
            return failure
        if request.side is Side.SELL:
            held = self._tokens.balance(self._wallet, request.mint)
            if held < request.amount:
                message = f"the wallet holds {held} raw units of {request.mint}, the order sells {request.amount}"
                return replace(
                    failure,
                    kind=FailureKind.PERMANENT,
                    message=f"{message} ({failure.message})",
                    code=INSUFFICIENT_TOKENS,
                )
        if short_of_tokens:
            message = f"the market was short of tokens, not the wallet ({failure.message})"
            return replace(failure, kind=FailureKind.REFUSED, message=message)
        return failure
