"""The chain as a paper wallet sees it: the real one, and on top of it what its own transactions would have moved."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from solders.transaction import VersionedTransaction

from chain.failures import explain
from chain.fills import account_keys, fill_of, tokens_of
from chain.ledger import SolanaChain
from chain.node.rpc import understood
from chain.paper.rpc import ReadOnlyRpc
from chain.paper.simulation import Simulator
from chain.transactions.rules import NOT_AS_ORDERED
from engine.domain.errors import INSUFFICIENT_TOKENS, ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import Fill, SignatureStatus, SwapFailure, TokenInfo
from engine.domain.units import SOL_MINT, Lamports, Mint, RawAmount, Signature, sol
from engine.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of a transaction when it was simulated."""

    status: SignatureStatus
    fill: Fill
    """Without its tokens."""
    tokens: Mapping[Mint, int]
    """Raw units that came to the wallet, by mint; negative where they left it."""

    @property
    def lamports(self) -> int:
        """How the wallet's own lamports changed."""
        return _lamports(self.fill)

    def failed(self, failure: SwapFailure) -> _Outcome:
        """Return the same as reverted because of *failure*: the fee alone was paid."""
        return replace(
            self, status=replace(self.status, failure=failure), fill=replace(self.fill, sol=0, rent=0), tokens={}
        )


class PaperChain:
    """The `Chain` port on which transactions are simulated and never sent. Safe to share between threads.

    What it is sent it simulates once and remembers. The verdict is there at once and is final. What it does not
    remember, since the process that simulated it is gone, is not known: sent again while it may still land it is
    simulated again, and later it is proven dead like any other, so that its order is tried anew.

    The wallet holds what the chain says, *funds*, and what the fills in *store* moved, together with those that are
    not booked yet. A simulation that would take more than that has reverted, whatever the account has that stands in.

    Args:
        rpc: of the cluster that is read.
        wallet: base58 address whose balances are meant; it need not exist.
        store: the paper engine's own, which holds its fills and of which mint they are.
        funds: lamports that the wallet has on paper beside what it has on chain.
    """

    def __init__(self, rpc: ReadOnlyRpc, wallet: str, *, store: Store, funds: Lamports = Lamports(0)) -> None:
        self._chain = SolanaChain(rpc, wallet)
        self._simulator = Simulator(rpc)
        self._wallet = wallet
        self._store = store
        self._funds = funds
        self._outcomes: dict[Signature, _Outcome] = {}
        self._lock = threading.Lock()
        self._settling = threading.Lock()

    def send(self, raw: bytes) -> None:
        """Simulate the transaction *raw*, unless that was done before; see `Chain.send`.

        One whose blockhash is not valid is dropped without a word, as a node does under ``skipPreflight``.

        Raises:
            SwapError: transient; the node could not be asked.
        """
        transaction = VersionedTransaction.from_bytes(raw)
        signature = Signature(str(transaction.signatures[0]))
        if self._known(signature) is not None:
            return
        try:
            executed = self._simulator.run(transaction)
            if executed is not None:
                self._settle(signature, executed)
        except ChainUnavailableError as error:
            raise SwapError(FailureKind.TRANSIENT, str(error), code="send") from error

    def _settle(self, signature: Signature, executed: Mapping[str, Any]) -> None:
        outcome = self._outcome(executed)
        # One at a time: two that are paid from the same balance must not both find it there.
        with self._settling:
            shortage = None if outcome.status.failure else self._shortage_after(outcome)
            with self._lock:
                self._outcomes.setdefault(signature, outcome if shortage is None else outcome.failed(shortage))

    def _outcome(self, executed: Mapping[str, Any]) -> _Outcome:
        with understood("simulateTransaction"):
            taker = account_keys(executed)[0]
            fill = fill_of(executed, wallet=taker, mint=SOL_MINT)
            error = executed["meta"]["err"]
            mints = tokens_of(executed, taker) - {SOL_MINT} if error is None else set()
            tokens = {mint: fill_of(executed, wallet=taker, mint=mint).tokens for mint in mints}
        failure = None if error is None else explain(error)
        if taker != self._wallet:
            # Which accounts it had before is its own affair: none of their rent is the wallet's.
            fill = replace(fill, rent=0)
            failure = failure and of_stand_in(failure, taker)
        status = SignatureStatus(slot=fill.slot, confirmation="finalized", failure=failure)
        return _Outcome(status=status, fill=replace(fill, tokens=0), tokens=tokens)

    def _shortage_after(self, outcome: _Outcome) -> SwapFailure | None:
        for mint, change in outcome.tokens.items():
            if change < 0 and (shortage := self.shortage(mint=mint, tokens=-change)):
                return shortage
        return self.shortage(lamports=-outcome.lamports) if outcome.lamports < 0 else None

    def shortage(self, *, mint: Mint = SOL_MINT, tokens: int = 0, lamports: int = 0) -> SwapFailure | None:
        """Return why the wallet cannot give *tokens* raw units of *mint*, or *lamports*; None where it can.

        Raises:
            ChainUnavailableError: the chain could not be read.
        """
        if tokens and (held := self.token_balance(mint)) < tokens:
            message = f"the wallet holds {held} raw units of {mint}, the order sells {tokens}"
            return SwapFailure(kind=FailureKind.PERMANENT, message=message, code=INSUFFICIENT_TOKENS)
        if lamports and (left := self.sol_balance()) < lamports:
            message = (
                f"the wallet has too little SOL: it holds {sol(left)}, and the swap takes {sol(lamports)} with its fee"
            )
            return SwapFailure(kind=FailureKind.PERMANENT, message=message)
        return None

    def statuses(
        self, signatures: Sequence[Signature], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        """Return what came of each of *signatures*, from memory, whether or not with *search_history*."""
        del search_history
        outcomes = [self._known(signature) for signature in signatures]
        return [None if outcome is None else outcome.status for outcome in outcomes]

    def finalized_height(self) -> int:
        """Return the cluster's own; see `Chain.finalized_height`."""
        return self._chain.finalized_height()

    def fill(self, signature: Signature, mint: Mint) -> Fill | None:
        """Return what *signature* would have moved of *mint* and SOL; None where it is not remembered."""
        outcome = self._known(signature)
        return None if outcome is None else replace(outcome.fill, tokens=outcome.tokens.get(mint, 0))

    def token(self, mint: Mint) -> TokenInfo:
        """Return what the chain says of *mint*; see `Chain.token`."""
        return self._chain.token(mint)

    def token_balance(self, mint: Mint) -> RawAmount:
        """Return how much of *mint* the wallet holds on chain and on paper together."""
        held = self._chain.token_balance(mint)
        of = {attempt.signature: attempt.mint for attempt in self._store.attempts()}
        booked = {fill.signature: fill for fill in self._store.fills()}
        moved = sum(fill.tokens for signature, fill in booked.items() if of.get(signature) == mint)
        return RawAmount(held + moved + sum(outcome.tokens.get(mint, 0) for outcome in self._unbooked(booked)))

    def sol_balance(self) -> Lamports:
        """Return the lamports that the wallet holds on chain and on paper together."""
        held = self._chain.sol_balance() + self._funds
        booked = {fill.signature: fill for fill in self._store.fills()}
        moved = sum(map(_lamports, booked.values()))
        return Lamports(held + moved + sum(outcome.lamports for outcome in self._unbooked(booked)))

    def _known(self, signature: Signature) -> _Outcome | None:
        with self._lock:
            return self._outcomes.get(signature)

    def _unbooked(self, booked: Mapping[Signature, Fill]) -> list[_Outcome]:
        with self._lock:
            return [outcome for signature, outcome in self._outcomes.items() if signature not in booked]


def of_stand_in(failure: SwapFailure, taker: str) -> SwapFailure:
    """Return *failure* of a swap in which *taker* stood in for the wallet.

    What only a person could mend is then not the wallet's trouble: another account may stand in for the next attempt.
    """
    if failure.kind is not FailureKind.PERMANENT or failure.code in {"", NOT_AS_ORDERED}:
        return failure
    message = f"{taker}, which stands in for the paper wallet, could not do it: {failure.message}"
    return SwapFailure(kind=FailureKind.REFUSED, message=message)


def _lamports(fill: Fill) -> int:
    return fill.sol - fill.fee - fill.rent
