"""The chain as the engine reads and writes it: the `Chain` port over one RPC provider."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from chain.failures import explain, was_processed
from chain.fills import fill_of
from chain.rpc import RpcClient, understood
from chain.tokens import Tokens
from chain.values import array, text, transaction_error, whole_number
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import Fill, SignatureStatus, TokenInfo
from engine.domain.units import Lamports, Mint, RawAmount, Signature

_LEVELS = {"processed", "confirmed", "finalized"}
_LATEST_TRANSACTION_VERSION = 1
"""Without it a node refuses to show any transaction of that version."""


class SolanaChain:
    """The `Chain` port. Safe to share between threads.

    Args:
        rpc: of the provider to ask.
        wallet: base58 address whose balances and fills are meant.
    """

    def __init__(self, rpc: RpcClient, wallet: str) -> None:
        self._rpc = rpc
        self._wallet = wallet
        self._tokens = Tokens(rpc)
        self._finalized_slot = 0
        self._lock = threading.Lock()

    def send(self, raw: bytes) -> None:
        """Hand the signed transaction *raw* to the network; see `Chain.send`.

        The node neither simulates nor repeats it: the simulation was before the signature, and whoever watches the
        signature repeats the bytes. That the node has the transaction already is a success.
        """
        config = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
        try:
            self._rpc.call("sendTransaction", [base64.b64encode(raw).decode(), config])
        except ChainUnavailableError as error:
            if was_processed(error):
                return
            # Whatever the node says: the bytes left us, so only the chain can tell whether they land.
            raise SwapError(FailureKind.TRANSIENT, str(error), code="send") from error

    def statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """Return what the node knows of each of *signatures*; see `Chain.statuses`.

        A provider answers with one of many nodes, and one that lags behind does not know the newest transactions.
        With *search_history*, "not known" therefore counts only from a node that has come as far as the one that
        last told the finalized height; see `finalized_height`.
        """
        method = "getSignatureStatuses"
        if not signatures:
            return []
        with self._lock:
            finalized_slot = self._finalized_slot
        result = self._rpc.call(method, [list(signatures), {"searchTransactionHistory": search_history}])
        with understood(method):
            found = [_status(item) for item in array(result["value"])]
            if len(found) != len(signatures):
                raise ValueError(f"{len(found)} statuses for {len(signatures)} signatures")
            behind = finalized_slot - whole_number(result["context"]["slot"])
        if search_history and behind > 0 and None in found:
            raise ChainUnavailableError(f"{method}: the node that answered is {behind} slots behind: it proves nothing")
        return found

    def finalized_height(self) -> int:
        """Return the height of the newest block that can no longer be rolled back.

        From getEpochInfo, which gives height and slot of one node in one answer, where getBlockHeight gives no slot
        to hold other nodes against.
        """
        method = "getEpochInfo"
        result = self._rpc.call(method, [{"commitment": "finalized"}])
        with understood(method):
            height, slot = whole_number(result["blockHeight"]), whole_number(result["absoluteSlot"])
        with self._lock:
            self._finalized_slot = max(self._finalized_slot, slot)
        return height

    def fill(self, signature: Signature, mint: Mint) -> Fill | None:
        """Return what transaction *signature* moved of *mint* and SOL; see `Chain.fill`."""
        method = "getTransaction"
        config = {
            "encoding": "json",
            "commitment": "confirmed",
            "maxSupportedTransactionVersion": _LATEST_TRANSACTION_VERSION,
        }
        result = self._rpc.call(method, [signature, config])
        if result is None:
            return None
        with understood(method):
            fill = fill_of(result, wallet=self._wallet, mint=mint)
            if fill.signature != signature:
                raise ValueError(f"it is of transaction {fill.signature}, not {signature}")
        self._rpc.note_landing(fill.slot)
        return fill

    def token(self, mint: Mint) -> TokenInfo:
        """Return what the chain says of *mint*, read once; see `Chain.token`."""
        return self._tokens.info(mint)

    def token_balance(self, mint: Mint) -> RawAmount:
        """Return how much of *mint* the wallet holds, over all of its accounts and either token program."""
        return self._tokens.balance(self._wallet, mint)

    def sol_balance(self) -> Lamports:
        """Return the wallet's lamports; SOL that is wrapped does not count."""
        method = "getBalance"
        result = self._rpc.call(method, [self._wallet, {"commitment": "confirmed"}])
        self._rpc.check_fresh(method, result)
        with understood(method):
            return Lamports(whole_number(result["value"]))


def _status(item: Mapping[str, Any] | None) -> SignatureStatus | None:
    if item is None:
        return None
    # Nodes without confirmationStatus say the same by counting to null.
    rooted = item["confirmations"] is None
    level = item.get("confirmationStatus")
    confirmation = ("finalized" if rooted else "processed") if level is None else text(level)
    if confirmation not in _LEVELS:
        raise ValueError(f"{confirmation!r} is no level of confirmation")
    error = transaction_error(item["err"])
    return SignatureStatus(
        slot=whole_number(item["slot"]),
        confirmation=confirmation,
        failure=None if error is None else explain(error),
    )
