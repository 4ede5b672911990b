"""Whether the database and the chain tell the same story, to the lamport."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chain.audit import LedgerEntry, WalletLedger
from engine.domain.order import OrderKind
from engine.domain.position import Position, cost_of, lost_tokens
from engine.domain.swap import Fill
from engine.domain.units import Lamports, Signature
from engine.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was compared, and every difference in a sentence."""

    transactions: int
    lamports: int
    differences: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return not self.differences


def audit(store: Store, ledger: WalletLedger, *, funds: Lamports) -> Audit:
    """Compare every order, fill and position in *store* with the *ledger* of a wallet that began with *funds*."""
    fills = {fill.signature: fill for fill in store.fills()}
    ours = {Signature(signature): entry for signature, entry in ledger.entries.items() if entry.fee}
    differences = [
        *_of_transactions(store, fills, ours),
        *_of_balance(list(fills.values()), ledger, funds),
        *(line for position in store.positions() for line in _of_position(store, position)),
    ]
    return Audit(transactions=len(ours), lamports=ledger.lamports, differences=tuple(differences))


def _of_transactions(store: Store, fills: dict[Signature, Fill], ours: dict[Signature, LedgerEntry]) -> Iterator[str]:
    attempts = {attempt.signature: attempt for attempt in store.attempts()}
    for signature in ours.keys() - fills.keys():
        yield f"transaction {signature} is on chain and not in the database"
    for signature in ours.keys() - attempts.keys():
        yield f"transaction {signature} is on chain and was never recorded as an attempt"
    for signature, fill in fills.items():
        entry = ours.get(signature)
        if entry is None:
            yield f"fill {signature} is in the database and not on chain"
            continue
        if fill.sol - fill.fee - fill.rent != entry.lamports:
            yield (
                f"transaction {signature} changed the wallet by {entry.lamports} lamports, and the database says "
                f"{fill.sol - fill.fee - fill.rent}"
            )
        moved = entry.tokens.get(attempts[signature].mint, 0) if signature in attempts else None
        if moved != fill.tokens:
            yield f"transaction {signature} moved {moved} raw tokens, and the database says {fill.tokens}"


def _of_balance(fills: list[Fill], ledger: WalletLedger, funds: Lamports) -> Iterator[str]:
    expected = funds + sum(fill.sol - fill.fee - fill.rent for fill in fills)
    if expected != ledger.lamports:
        yield f"the wallet holds {ledger.lamports} lamports, and by the database it should hold {expected}"


def _of_position(store: Store, position: Position) -> Iterator[str]:
    orders = store.orders(position_id=position.id)
    exits = [fill for order in orders if order.kind is OrderKind.EXIT for fill in store.fills(order.id)]
    sold, brought = -sum(fill.tokens for fill in exits), sum(fill.sol for fill in exits)
    fees = sum(fill.fee for order in orders for fill in store.fills(order.id))
    if sold != position.sold_tokens or sold > position.entry_amount_tokens:
        yield f"position {position.id} sold {sold} of {position.entry_amount_tokens}, and says {position.sold_tokens}"
    pnl = brought - cost_of(position, 0, sold + lost_tokens(position, sold, closed=position.closed))
    if pnl != position.realized_pnl:
        yield f"position {position.id} realized {pnl} lamports by its fills, and says {position.realized_pnl}"
    if fees != position.fees:
        yield f"position {position.id} paid {fees} lamports in fees, and says {position.fees}"
