"""What must hold at every moment of a run. It looks at the truth, which the engine cannot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from engine.domain.order import Attempt, AttemptStatus, Order, OrderKind
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.swap import Fill, Side
from engine.domain.units import LAMPORTS_PER_SOL, Mint, Nanos, OrderId, PositionId, RawAmount, Signature, seconds
from engine.domain.urgency import TAKE_PROFITS, ExitReason
from engine.ports import Record
from tests.simulation.chain import Landed, SimulatedChain
from tests.simulation.store import SimulatedStore

_HARMLESS = ("PowerCutError", "DiskFullError", "CommandRefusedError")
WITHDRAWN_WITHIN = seconds(15)
"""Beyond it an attempt at an order that was withdrawn is no accident of two messages that crossed."""
_LIVE = (AttemptStatus.SIGNED, AttemptStatus.SENT)


def entry_price(position: Position) -> Fraction:
    """Return what was paid for *position*, in SOL per whole token."""
    return Fraction(position.entry_amount_sol * 10**position.decimals, position.entry_amount_tokens * LAMPORTS_PER_SOL)


def stop_touched(position: Position, price: float) -> bool:
    """Return whether *price* is at or below the stop of *position*; a rounding's breadth above it is not."""
    return Fraction(price) <= entry_price(position) * (1 - Fraction(position.plan.stop_loss_pct) / 100)


class Watch:
    """Collects every breach as it happens."""

    def __init__(self, store: SimulatedStore, chain: SimulatedChain) -> None:
        self.breaches: list[str] = []
        self.engine_failed = False
        self.sold: Counter[PositionId] = Counter()
        """Raw tokens by the chain, for each position."""
        self._store = store
        self._chain = chain
        self._carried_out: dict[OrderId, Signature] = {}
        self._booked: set[Signature] = set()
        self._seen_orders: set[OrderId] = set()
        self._levels: dict[tuple[PositionId, ExitReason], OrderId] = {}
        self._sold_before: dict[PositionId, RawAmount] = {}
        self._prices: dict[Mint, list[float]] = defaultdict(list)
        self._wanted_since: dict[PositionId, Nanos] = {}

    def breach(self, sentence: str) -> None:
        """Note that something does not hold."""
        self.breaches.append(sentence)

    # Towards the chain --------------------------------------------------------------------------------------

    def sent(self, signature: Signature, raw: bytes, last_valid: int) -> None:
        """Whatever is sent was recorded, with its bytes and its last valid block height."""
        attempt = self._attempt(signature)
        if attempt is None or attempt.raw != raw or attempt.last_valid_block_height != last_valid:
            self.breach(f"{signature} was sent and is recorded as {attempt}")

    def landed(self, landed: Landed) -> None:
        """An order is carried out once, and a position never sells more than it bought."""
        signature = landed.fill.signature
        attempt = self._attempt(signature)
        order = self._store.order(attempt.order_id) if attempt is not None else None
        if order is None:
            self.breach(f"{signature} landed and is of no order")
            return
        if landed.failure is not None:
            return
        if order.id in self._carried_out:
            self.breach(f"order {order.id} was carried out by {self._carried_out[order.id]} and again by {signature}")
        self._carried_out[order.id] = signature
        if landed.body["side"] == Side.SELL:
            position = self._store.position(order.position_id)
            self.sold[order.position_id] -= landed.fill.tokens
            if position is None or self.sold[order.position_id] > position.entry_amount_tokens:
                self.breach(f"{order.position_id} sold {self.sold[order.position_id]} with {signature}: {position}")

    def _attempt(self, signature: Signature) -> Attempt | None:
        return next((a for a in self._store.attempts() if a.signature == signature), None)

    # Towards the store --------------------------------------------------------------------------------------

    def committed(self, records: tuple[Record, ...]) -> None:
        """What is written fits what was written, and the truth."""
        for record in records:
            match record:
                case Order():
                    self._order(record)
                case Attempt():
                    self._attempt_written(record)
                case Fill():
                    self._fill(record)
                case Position():
                    self._position(record)
                case _:
                    pass

    def _order(self, order: Order) -> None:
        if order.kind is not OrderKind.EXIT:
            return
        if not order.finished:
            unfinished = self._store.orders(position_id=order.position_id, unfinished_only=True)
            rivals = [o.id for o in unfinished if o.kind is OrderKind.EXIT]
            if len(rivals) > 1:
                self.breach(f"{order.position_id} has the unfinished exits {rivals}")
        if order.id not in self._seen_orders:
            self._seen_orders.add(order.id)
            self._new_exit(order)

    def _new_exit(self, order: Order) -> None:
        position = self._store.position(order.position_id)
        reason = order.exit_reason
        if position is None or reason is None or order.retry_of is not None:
            return
        seen = self._prices[order.mint]
        if reason is ExitReason.STOP_LOSS and not any(stop_touched(position, price) for price in seen):
            self.breach(f"{order.id} is a stop loss, and no price came near the stop: {seen}")
        if reason in TAKE_PROFITS:
            target = _target(position, position.plan, TAKE_PROFITS.index(reason))
            if not any(Fraction(price) >= target * Fraction(999_999_999, 1_000_000_000) for price in seen):
                self.breach(f"{order.id} takes a profit, and no price came near {float(target)}: {seen}")
            before = self._levels.setdefault((position.id, reason), order.id)
            if before != order.id:
                self.breach(f"{order.id} takes the profit that {before} took")

    def _attempt_written(self, attempt: Attempt) -> None:
        landed = self._chain.landed.get(attempt.signature)
        match attempt.status:
            case AttemptStatus.SIGNED:
                others = [a for a in self._store.attempts(attempt.order_id) if a.status in _LIVE]
                if len(others) > 1 and not all(a.marked for a in others):
                    self.breach(f"{[a.signature for a in others]} are live and do not exclude each other")
                self._signed(attempt)
            case AttemptStatus.EXPIRED:
                if landed or self._chain.may_land(attempt.signature):
                    self.breach(f"{attempt.signature} is called dead, and the chain has it: {landed}")
            case AttemptStatus.LANDED:
                if landed is None or landed.failure is not None:
                    self.breach(f"{attempt.signature} is called landed, and on chain it is {landed}")
            case AttemptStatus.REVERTED:
                if landed is None or landed.failure is None:
                    self.breach(f"{attempt.signature} is called reverted, and on chain it is {landed}")
            case _:
                pass

    def _signed(self, attempt: Attempt) -> None:
        """What is to make way for something more urgent is not tried again."""
        order = self._store.order(attempt.order_id)
        wanted = self._wanted_since.get(order.position_id) if order is not None else None
        if wanted is not None and attempt.created_at - wanted > WITHDRAWN_WITHIN:
            self.breach(f"{attempt.signature} was signed though {attempt.order_id} was to make way for long")

    def _fill(self, fill: Fill) -> None:
        if fill.signature in self._booked:
            self.breach(f"{fill.signature} is booked twice")
        self._booked.add(fill.signature)

    def _position(self, position: Position) -> None:
        before = self._sold_before.get(position.id, 0)
        if not before <= position.sold_tokens <= position.entry_amount_tokens:
            self.breach(f"{position.id} had sold {before}, and now {position.sold_tokens}")
        self._sold_before[position.id] = position.sold_tokens
        if position.wanted_exit is None:
            self._wanted_since.pop(position.id, None)
        else:
            self._wanted_since.setdefault(position.id, position.updated_at)

    # Towards whoever watches --------------------------------------------------------------------------------

    def published(self, subject: str, data: Mapping[str, Any]) -> None:
        """No handler fails by a mistake of the engine's own."""
        if subject == "engine.message_failed" and not str(data["error"]).startswith(_HARMLESS):
            self.breach(f"{data['actor']} failed on {data['message']}: {data['error']}")
        if subject == "engine.failed":
            self.engine_failed = True

    def priced(self, mint: Mint, price: float) -> None:
        """Note a price that was fit to trade on, and told."""
        self._prices[mint].append(price)


def _target(position: Position, plan: ExitPlan, level: int) -> Fraction:
    return entry_price(position) * (1 + Fraction(plan.take_profits[level].gain_pct) / 100)
