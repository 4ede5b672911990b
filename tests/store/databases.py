"""Databases of SQLite with sales in them, and whether they tell one story of these."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from chain.audit import LedgerEntry, WalletLedger
from engine.audit import audit
from engine.domain.guarding import RaiseExit, exit_filled, exit_order
from engine.domain.order import AttemptStatus
from engine.domain.position import Position
from engine.domain.retry import RetryPolicies
from engine.domain.units import Lamports, OrderId, PositionId, RawAmount
from engine.domain.urgency import ExitReason
from engine.ports import Record
from engine.store import schema
from engine.store.sql import SqlStore
from engine.store.sqlite import SqliteBackend
from tests.factories import MINT, NOW, a_fill, a_position, an_attempt, an_event, in_flight

FUNDS = Lamports(10**12)
PIECE = 10
"""Raw tokens that each sale sells."""


def guarded(name: str = "position-1") -> Position:
    """Return a position that was never bought here, so that its sales alone are transactions."""
    return a_position(id=PositionId(name), entry_order_id=None)


def sales(position: Position) -> Iterator[tuple[Record, ...]]:
    """Yield all that one commit writes for each sale of a piece of *position*, one after the other."""
    for number in range(1, position.entry_amount_tokens // PIECE):
        action = RaiseExit(reason=ExitReason.MANUAL, sell_pct=Decimal(10), amount=RawAmount(PIECE))
        position, order = exit_order(position, action, OrderId(f"{position.id}-{number}"), RetryPolicies(), NOW)
        order = in_flight(order)
        attempt = an_attempt(order, signature=order.tx_signature, status=AttemptStatus.LANDED)
        fill = a_fill(order, sol=1_000 + number, slot=number, time=NOW)
        position, order, _ = exit_filled(position, order, fill, NOW)
        yield position, order, attempt, fill, an_event(order)


def differences(database: Path) -> tuple[str, ...]:
    """Return where the records in *database* do not fit together, were the chain as its fills say."""
    store = SqlStore(database)
    try:
        fills = store.fills()
        entries = {
            str(fill.signature): LedgerEntry(
                signature=fill.signature,
                lamports=fill.sol - fill.fee - fill.rent,
                tokens={MINT: fill.tokens},
                fee=fill.fee,
                failed=False,
            )
            for fill in fills
        }
        held = FUNDS + sum(entry.lamports for entry in entries.values())
        return audit(store, WalletLedger(lamports=held, entries=entries), funds=FUNDS).differences
    finally:
        store.close()


def traded(database: Path, *, name: str = "position-1", pieces: int = 3, **belongs: str) -> Path:
    """Make *database* with *pieces* sales of a position in it, which *belongs* to a profile and genesis."""
    store = SqlStore(database)
    store.belong(profile=belongs.get("profile"), genesis=belongs.get("genesis"))
    position = guarded(name)
    store.commit(position)
    for _, records in zip(range(pieces), sales(position), strict=False):
        store.commit(*records)
    store.close()
    return database


def missing_update(database: Path) -> None:
    """Take the newest sale back from the position in *database*, as no commit would leave it."""
    store = SqlStore(database)
    (position,) = store.positions()
    store.commit(replace(position, sold_tokens=RawAmount(position.sold_tokens - PIECE)))
    store.close()


def at_revision(database: Path, newest: str) -> None:
    """Make *database* without records, as the Ripcord did whose newest revision was that."""
    migrations = database.parent / "older"
    shutil.copytree(schema.MIGRATIONS, migrations, ignore=shutil.ignore_patterns("__pycache__"))
    for number in schema.revisions():
        if number > newest:
            (migrations / "versions" / f"v{number}.py").unlink()
    backend = SqliteBackend(database)
    with backend.begin_migration() as connection:
        schema.upgrade(connection, str(database), refuse_beside_an_engine=lambda: None, migrations=migrations)
    backend.close()
    shutil.rmtree(migrations)
