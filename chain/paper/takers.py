"""Whose account a paper swap is built and simulated for.

A simulation needs no signature, so anybody's account will do as the taker: the wallet itself where it has on chain what
the swap gives, and otherwise an account that has it and stands in for the wallet.
"""

from __future__ import annotations

from collections.abc import Sequence

from solders.pubkey import Pubkey

from chain.node.rpc import understood
from chain.paper.accounts import check_address, read_accounts
from chain.paper.rpc import ReadOnlyRpc
from chain.tokens.accounts import Tokens
from chain.transactions.rules import own_accounts
from chain.values import array, text, whole_number
from engine.domain.entries import SOL_RESERVE
from engine.domain.errors import FailureKind, SwapError
from engine.domain.swap import Side, SwapRequest
from engine.domain.units import SOL_MINT, Mint, lamports, sol

STAND_IN_RESERVE = lamports("0.1")
"""Lamports that a stand-in must have to spare for fees and rent."""
_LARGEST = "getTokenLargestAccounts"


class Takers:
    """Finds takers. Safe to share between threads.

    Args:
        rpc: of the cluster.
        wallet: base58 address of the paper wallet.
        buyer: base58 address of an account with SOL that stands in for purchases; where it has too little, or
            none is named, one is looked for among the largest holders of wrapped SOL.

    Raises:
        BadInputError: *buyer* is no address.
    """

    def __init__(self, rpc: ReadOnlyRpc, wallet: str, *, buyer: str | None = None) -> None:
        if buyer is not None:
            check_address(buyer, "account that stands in for purchases")
        self._rpc = rpc
        self._tokens = Tokens(rpc)
        self._wallet = wallet
        self._buyer = buyer

    def of(self, request: SwapRequest) -> str:
        """Return the base58 address of an account that could do *request* on chain now.

        Raises:
            SwapError: refused; none was found.
            ChainUnavailableError: the chain could not be read.
        """
        return self._seller(request.mint, request.amount) if request.side is Side.SELL else self._payer(request.amount)

    def _seller(self, mint: Mint, amount: int) -> str:
        if self._tokens.balance(self._wallet, mint) >= amount and self._funded([self._wallet], SOL_RESERVE):
            return self._wallet
        for taker in self._funded(self._holders(mint, amount), STAND_IN_RESERVE):
            return taker
        raise SwapError(
            FailureKind.REFUSED,
            f"nobody can stand in for the paper wallet to sell {amount} raw units of {mint}: none of its largest "
            f"holders is a plain wallet with so many and {sol(STAND_IN_RESERVE)} SOL for fees; sell fewer at a time",
        )

    def _payer(self, spent: int) -> str:
        if self._funded([self._wallet], spent + SOL_RESERVE):
            return self._wallet
        needed = spent + STAND_IN_RESERVE
        if self._buyer is not None and self._funded([self._buyer], needed):
            return self._buyer
        for taker in self._funded(self._holders(SOL_MINT, 1), needed):
            return taker
        raise SwapError(
            FailureKind.REFUSED,
            f"nobody can stand in for the paper wallet to spend {sol(spent)} SOL: name any wallet that holds "
            f"{sol(needed)} SOL",
        )

    def _holders(self, mint: Mint, amount: int) -> list[str]:
        """Return who holds at least *amount* raw units of *mint* where a swap would take them, the largest first.

        Left out is what no person signs for: the vaults of programs, whose owners are off the Ed25519 curve.
        """
        result = self._rpc.call(_LARGEST, [mint, {"commitment": "confirmed"}])
        with understood(_LARGEST):
            listed = [
                text(each["address"]) for each in array(result["value"]) if whole_number(each["amount"]) >= amount
            ]
        found = []
        for address, account in zip(listed, read_accounts(self._rpc, listed), strict=True):
            holding = None if account is None else account.holding
            if holding is None or holding.frozen or holding.cpi_guarded or holding.amount < amount:
                continue
            if Pubkey.from_string(holding.owner).is_on_curve() and address in own_accounts(holding.owner, mint):
                found.append(holding.owner)
        return found

    def _funded(self, addresses: Sequence[str], needed: int) -> list[str]:
        """Return those of *addresses* that can pay *needed* lamports."""
        accounts = zip(addresses, read_accounts(self._rpc, addresses), strict=True)
        return [address for address, account in accounts if account and account.plain and account.lamports >= needed]
