"""What must hold after every run, by the chain's own ledger."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from chain.audit import WalletLedger
from engine.audit import audit
from engine.domain.order import AttemptStatus, Order, OrderKind
from engine.domain.units import Mint, Nanos
from engine.ports import Store
from tests.crash.engine import asks_for_a_person, unsettled
from tests.crash.plan import AMOUNT, FUNDS, POSITION, Plan

FEWEST_ATTEMPTS = 3
"""What an order has at the least; an engine that dies with one costs one."""


def sales(ledger: WalletLedger, mint: Mint) -> list[int]:
    """Return the raw tokens of each transaction that sold some."""
    moved = [entry.tokens.get(str(mint), 0) for entry in ledger.entries.values()]
    return [-tokens for tokens in moved if tokens < 0]


def rivals(store: Store) -> Iterator[str]:
    """Yield a sentence where more than one exit is unfinished now; to be asked between two engines."""
    unfinished = [order.id for order in store.orders(unfinished_only=True) if order.kind is OrderKind.EXIT]
    if len(unfinished) > 1:
        yield f"position {POSITION} has the unfinished exits {', '.join(unfinished)}"


def breaches(store: Store, ledger: WalletLedger, mint: Mint, *, height: int) -> Iterator[str]:
    """Yield a sentence for everything that is not as it must be, once a run is over.

    Args:
        store: what the engines left.
        ledger: what the wallet did on chain.
        mint: of the position.
        height: the newest block's.
    """
    yield from _of_the_sale(store, sum(sales(ledger, mint)))
    yield from audit(store, ledger, funds=FUNDS).differences
    yield from (f"{left} although the engine ended" for left in unsettled(store))
    yield from rivals(store)
    yield from _of_exits(store)
    yield from _of_attempts(store, ledger, height)


def unexplained(plan: Plan, store: Store, *, kills: int) -> Iterator[str]:
    """Yield a sentence where a person is asked for although nothing stood in the way of the exit."""
    if not plan.faults and kills < FEWEST_ATTEMPTS and asks_for_a_person(store, POSITION):
        yield f"a person is asked for, and nothing went wrong: {'; '.join(alert.message for alert in store.alerts())}"


def _of_the_sale(store: Store, sold: int) -> Iterator[str]:
    position = store.position(POSITION)
    if sold > AMOUNT:
        yield f"SOLD TWICE: {sold} raw tokens were sold of a position of {AMOUNT}"
    if position is None or (position.closed and sold != AMOUNT):
        yield f"position {POSITION} is closed, and {sold} of its {AMOUNT} raw tokens were sold"
    if position is not None and not position.closed and not asks_for_a_person(store, POSITION):
        yield f"NOT SOLD: {sold} of {AMOUNT} raw tokens, although the price is beyond the exit and nobody is alerted"
    if position is not None and position.closed and asks_for_a_person(store, POSITION):
        yield f"position {POSITION} is closed, and an alert still asks for action on it"


def _of_exits(store: Store) -> Iterator[str]:
    """Yield where an exit began before the one before it was over."""
    exits = [order for order in store.orders(position_id=POSITION) if order.kind is OrderKind.EXIT]
    for earlier, later in itertools.pairwise(exits):
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
