"""What must hold once engines have ended, by the chain's own ledger; for one position or for many."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator

from chain.audit import WalletLedger
from engine.audit import audit
from engine.domain.order import AttemptStatus, Order, OrderKind
from engine.domain.units import Lamports, Nanos, PositionId
from engine.ports import Store


def breaches(store: Store, ledger: WalletLedger, *, funds: Lamports, height: int) -> Iterator[str]:
    """Yield a sentence for everything that is not as it must be.

    Args:
        store: what the engines left.
        ledger: what the wallet did on chain.
        funds: lamports that the wallet began with.
        height: the newest block's.
    """
    yield from _of_sales(store, ledger)
    yield from audit(store, ledger, funds=funds).differences
    yield from rivals(store)
    yield from _of_exits(store)
    yield from _of_attempts(store, ledger, height)


def unfinished(store: Store) -> list[str]:
    """Return what is on its way, each in a sentence; none only where there was none at one moment.

    The store is read in several steps. What is written between two of them, such as a new order that takes markers
    over, may hide from each.
    """
    while True:
        before = store.last_event()
        left = list(_on_its_way(store))
        if left or store.last_event() == before:
            return left


def _on_its_way(store: Store) -> Iterator[str]:
    yield from (f"order {order.id} is {order.status}" for order in store.orders(unfinished_only=True))
    yield from (f"attempt {a.signature} is {a.status}" for a in store.attempts(unresolved_only=True))
    yield from (f"the marker of order {order.id} holds rent" for order in store.markers())


def rivals(store: Store) -> Iterator[str]:
    """Yield a sentence for each position that has more than one unfinished exit now."""
    exits: defaultdict[PositionId, list[str]] = defaultdict(list)
    for order in store.orders(unfinished_only=True):
        if order.kind is OrderKind.EXIT:
            exits[order.position_id].append(order.id)
    for position_id, ids in exits.items():
        if len(ids) > 1:
            yield f"position {position_id} has the unfinished exits {', '.join(ids)}"


def asks_for_a_person(store: Store, position_id: PositionId) -> bool:
    """Return whether an alert that is not resolved asks for action on a position."""
    return any(
        alert.requires_action and alert.position_id == position_id for alert in store.alerts(unresolved_only=True)
    )


def sales(store: Store, ledger: WalletLedger) -> Counter[PositionId]:
    """Return how many transactions of the ledger sold tokens of each position."""
    return Counter(position_id for position_id, tokens in _sold(store, ledger) if tokens)


def _sold(store: Store, ledger: WalletLedger) -> Iterator[tuple[PositionId, int]]:
    """Yield what each recorded exit attempt sold on chain, in raw tokens; the audit names what was not recorded."""
    orders = {order.id: order for order in store.orders()}
    for attempt in store.attempts():
        order, entry = orders[attempt.order_id], ledger.entries.get(str(attempt.signature))
        if order.kind is OrderKind.EXIT and entry is not None:
            yield order.position_id, -entry.tokens.get(str(attempt.mint), 0)


def _of_sales(store: Store, ledger: WalletLedger) -> Iterator[str]:
    sold: Counter[PositionId] = Counter()
    for position_id, tokens in _sold(store, ledger):
        sold[position_id] += tokens
    for position in store.positions():
        bought, gone = position.entry_amount_tokens, sold[position.id]
        if gone > bought:
            yield f"SOLD TWICE: {gone} raw tokens were sold of position {position.id} of {bought}"
        if position.closed and gone != bought:
            yield f"position {position.id} is closed, and {gone} of its {bought} raw tokens were sold"
        if position.closed and asks_for_a_person(store, position.id):
            yield f"position {position.id} is closed, and an alert still asks for action on it"


def _of_exits(store: Store) -> Iterator[str]:
    """Yield where an exit began before the one before it was over."""
    exits: defaultdict[PositionId, list[Order]] = defaultdict(list)
    for order in store.orders():
        if order.kind is OrderKind.EXIT:
            exits[order.position_id].append(order)
    for earlier, later in itertools.chain.from_iterable(map(itertools.pairwise, exits.values())):
        ended = _ended_at(store, earlier)
        if ended is None or ended > later.created_at:
            yield f"exit {later.id} began at {later.created_at}, and {earlier.id} before it ended at {ended}"


def _ended_at(store: Store, order: Order) -> Nanos | None:
    return store.history(order.id)[-1].at if order.finished else None


def _of_attempts(store: Store, ledger: WalletLedger, height: int) -> Iterator[str]:
    """Yield where what an attempt is said to have come to is not what it came to."""
    for attempt in store.attempts():
        entry = ledger.entries.get(str(attempt.signature))
        known = {
            AttemptStatus.LANDED: entry is not None and not entry.failed,
            AttemptStatus.REVERTED: entry is not None and entry.failed,
            AttemptStatus.EXPIRED: entry is None and height > attempt.last_valid_block_height,
        }
        if not known.get(attempt.status, False):
            yield f"attempt {attempt.signature} is {attempt.status}, and on chain at height {height} it is {entry}"
