"""The chain as the engine reads and writes it: the `Chain` port over Solana's RPC."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain.failures import explain, was_processed
from chain.fills import fill_of
from chain.node.rpc import Caller, Provider, Rpc, understood
from chain.tokens.accounts import Tokens
from chain.values import array, text, transaction_error, whole_number
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import Fill, SignatureStatus, TokenInfo
from engine.domain.units import Lamports, Mint, RawAmount, Signature

_LEVELS = {"processed", "confirmed", "finalized"}
_LATEST_TRANSACTION_VERSION = 1
"""Without it a node refuses to show any transaction of that version."""


_WITNESSES = 2
"""Providers that must say that a signature is not known, where so many are configured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finalized:
    """The furthest finalized slot and height that any node has told."""

    slot: int
    height: int


class SolanaChain:
    """The `Chain` port. Safe to share between threads.

    Args:
        rpc: the provider to ask, or several.
        wallet: base58 address whose balances and fills are meant.
    """

    def __init__(self, rpc: Rpc, wallet: str) -> None:
        self._rpc = rpc
        self._wallet = wallet
        self._tokens = Tokens(rpc)
        self._finalized = _Finalized(slot=0, height=0)
        self._lock = threading.Lock()

    def send(self, raw: bytes) -> None:
        """Hand the signed transaction *raw* to the network, through every endpoint; see `Chain.send`.

        The node neither simulates nor repeats it: the simulation was before the signature, and whoever watches the
        signature repeats the bytes. That the node has the transaction already is a success.
        """
        config = {"encoding": "base64", "skipPreflight": True, "maxRetries": 0}
        try:
            self._rpc.broadcast("sendTransaction", [base64.b64encode(raw).decode(), config])
        except ChainUnavailableError as error:
            if was_processed(error):
                return
            # Whatever the node says: the bytes left us, so only the chain can tell whether they land.
            raise SwapError(FailureKind.TRANSIENT, str(error), code="send") from error

    def statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """Return what the chain knows of each of *signatures*; see `Chain.statuses`.

        A provider answers with one of many nodes, and one that lags behind does not know the newest transactions.
        With *search_history*, "not known" therefore counts only from a node that has come as far as the one that
        last told the finalized height; see `finalized_height`. Where several providers are configured, two of them
        must say so, and be past that height themselves; what any of them knows is known.

        Raises:
            ChainUnavailableError: also where "not known" is not proven by so many.
        """
        if not signatures:
            return []
        if not search_history:
            return _statuses(self._rpc, signatures, search_history=False)[0]
        with self._lock:
            bar = self._finalized
        found: list[SignatureStatus | None] = [None] * len(signatures)
        missing, doubts = min(_WITNESSES, len(self._rpc.providers)), []
        for provider in self._rpc.providers:
            try:
                told, doubt = self._testimony(provider, signatures, bar)
            except ChainUnavailableError as error:
                doubts.append(str(error))
                continue
            found = [known or new for known, new in zip(found, told, strict=True)]
            if doubt:
                doubts.append(doubt)
            else:
                missing -= 1
            if missing == 0 or None not in found:
                return found
        raise ChainUnavailableError(f"that the chain does not know a signature is not proven: {'; '.join(doubts)}")

    def _testimony(
        self, provider: Provider, signatures: Sequence[Signature], bar: _Finalized
    ) -> tuple[list[SignatureStatus | None], str]:
        """Return what *provider* knows of *signatures*, and why its "not known" proves nothing; empty where it does."""
        doubt = ""
        if len(self._rpc.providers) > 1:
            height, _ = _height_and_slot(provider, "confirmed")
            if height < bar.height:
                doubt = f"{provider.name} is {bar.height - height} blocks behind"
        found, slot = _statuses(provider, signatures, search_history=True)
        if slot < bar.slot:
            doubt = f"the node that answered is {bar.slot - slot} slots behind"
        return found, doubt

    def finalized_height(self) -> int:
        """Return the height of the newest block that can no longer be rolled back.

        From getEpochInfo, which gives height and slot of one node in one answer, where getBlockHeight gives no slot
        to hold other nodes against.
        """
        height, slot = _height_and_slot(self._rpc, "finalized")
        with self._lock:
            last = self._finalized
            self._finalized = _Finalized(slot=max(last.slot, slot), height=max(last.height, height))
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
        """Return what the chain says of *mint* and of the wallet's accounts of it; see `Chain.token`."""
        return self._tokens.info(mint, self._wallet)

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


def _height_and_slot(rpc: Caller, commitment: str) -> tuple[int, int]:
    """Return height and slot of the newest block of *commitment*, of one node and one moment."""
    method = "getEpochInfo"
    result = rpc.call(method, [{"commitment": commitment}])
    with understood(method):
        return whole_number(result["blockHeight"]), whole_number(result["absoluteSlot"])


def _statuses(
    rpc: Caller, signatures: Sequence[Signature], *, search_history: bool
) -> tuple[list[SignatureStatus | None], int]:
    """Return what a node knows of each of *signatures*, and the slot that it has come to."""
    method = "getSignatureStatuses"
    result = rpc.call(method, [list(signatures), {"searchTransactionHistory": search_history}])
    with understood(method):
        found = [_status(item) for item in array(result["value"])]
        if len(found) != len(signatures):
            raise ValueError(f"{len(found)} statuses for {len(signatures)} signatures")
        return found, whole_number(result["context"]["slot"])


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
