"""What must hold once the faults are over and nothing is due any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actors.position import PositionActor
from actors.system import position_name
from engine.domain.alert import Alert, AlertStatus
from engine.domain.exits import still, triggered
from engine.domain.order import AttemptStatus, Order, OrderKind, OrderStatus
from engine.domain.position import DUST, Position
from engine.domain.swap import Fill
from engine.domain.units import Lamports, Nanos, Signature, whole
from engine.domain.urgency import ExitReason
from tests.doubles import FakeMarket
from tests.simulation.chain import SimulatedChain
from tests.simulation.process import Process
from tests.simulation.store import SimulatedStore
from tests.simulation.watch import Watch, stop_touched

_UNRESOLVED = (AttemptStatus.SIGNED, AttemptStatus.SENT)


def unsettled(store: SimulatedStore, chain: SimulatedChain) -> list[str]:
    """Return what is still to come: a run is over when there is none of it."""
    return [
        *(f"order {order.id} is {order.status}" for order in store.orders(unfinished_only=True)),
        *(f"attempt {attempt.signature} is {attempt.status}" for attempt in store.attempts(unresolved_only=True)),
        *(
            f"{p.id} waits for {p.active_exit.order_id}"
            for p in store.positions()
            if p.active_exit and not p.needs_action
        ),
        *(f"{p.id} wants {p.wanted_exit.reason}" for p in store.positions() if p.wanted_exit),
        *(f"the marker of {order.id} holds rent" for order in store.markers()),
        *(["a transaction is on its way"] if chain.busy else []),
    ]


class Oracle:
    """Compares the end of a run with the truth."""

    def __init__(
        self,
        store: SimulatedStore,
        chain: SimulatedChain,
        market: FakeMarket,
        watch: Watch,
        *,
        funds: Lamports,
        delivered: Iterable[Alert],
    ) -> None:
        self._store = store
        self._chain = chain
        self._market = market
        self._watch = watch
        self._funds = funds
        self._delivered = {alert.dedupe_key for alert in delivered}

    def differences(self, process: Process, now: Nanos) -> list[str]:
        """Return a sentence for everything that is not as it must be."""
        return [
            *self._of_ledger(),
            *self._of_alerts(),
            *(line for order in self._store.orders() for line in self._of_order(order)),
            *(line for position in self._store.positions() for line in self._of_position(position, process, now)),
        ]

    def _of_ledger(self) -> Iterator[str]:
        """Yield where the fills are not what the chain moved, to the lamport."""
        fills = {fill.signature: fill for fill in self._store.fills()}
        for signature in fills.keys() ^ self._chain.landed.keys():
            where = "in the store" if signature in fills else "on chain"
            yield f"{signature} is only {where}"
        for signature in sorted(fills.keys() & self._chain.landed.keys()):
            fill, truth = fills[signature], self._chain.landed[signature].fill
            if _figures(fill) != _figures(truth):
                yield f"{signature} is stored as {fill}, and on chain it is {truth}"
        booked = self._funds + sum(fill.sol - fill.fee - fill.rent for fill in fills.values())
        if booked != self._chain.lamports:
            yield f"the wallet holds {self._chain.lamports} lamports, and by the store {booked}"
        if any(self._chain.markers.values()):
            yield f"rent was left behind in {self._chain.markers}"

    def _of_alerts(self) -> Iterator[str]:
        alerts = {alert.dedupe_key: alert for alert in self._store.alerts() if alert.alert_type != "price_blind"}
        failed = {f"order_failed_{order.id}" for order in self._store.orders() if self._failed_for_good(order)}
        raised = {key for key in alerts if key.startswith("order_failed_")}
        for key in sorted(failed ^ raised):
            yield f"{key}: failed {key in failed}, alert {key in raised}"
        for alert in alerts.values():
            position = alert.position_id and self._store.position(alert.position_id)
            if not alert.requires_action:
                continue
            if alert.dedupe_key not in self._delivered:
                yield f"{alert.dedupe_key} asks for action, and nobody was told"
            if position and position.active_exit is None and alert.status is not AlertStatus.RESOLVED:
                yield f"{alert.dedupe_key} asks for action on {position.id}, which is {position.status}"

    def _failed_for_good(self, order: Order) -> bool:
        notes = [event.note for event in self._store.history(order.id)]
        return order.kind is not OrderKind.RECLAIM and "failed for good" in notes

    def _of_order(self, order: Order) -> Iterator[str]:
        fills = self._store.fills(order.id)
        fees = sum(fill.fee for fill in fills)
        if order.kind is not OrderKind.RECLAIM and order.fees != fees:
            yield f"order {order.id} cost {fees} lamports, and says {order.fees}"
        moved = [fill.signature for fill in fills if fill.tokens]
        if order.kind is not OrderKind.RECLAIM and (len(moved) == 1) != (order.status is OrderStatus.FILLED):
            yield f"order {order.id} is {order.status}, and moved tokens with {moved}"

    def _of_position(self, position: Position, process: Process, now: Nanos) -> Iterator[str]:
        orders = self._store.orders(position_id=position.id)
        fills = [fill for order in orders for fill in self._store.fills(order.id)]
        exits = [fill for fill in fills if fill.tokens < 0]
        sold = -sum(fill.tokens for fill in exits)
        if not sold == position.sold_tokens == self._watch.sold[position.id]:
            truth = self._watch.sold[position.id]
            yield f"{position.id} says it sold {position.sold_tokens}; its fills {sold}; the chain {truth}"
        if position.fees != sum(fill.fee for fill in fills):
            yield f"{position.id} says fees of {position.fees}, and its fills {sum(fill.fee for fill in fills)}"
        pnl = sum(fill.sol for fill in exits) - position.entry_amount_sol * sold // position.entry_amount_tokens
        if pnl != position.realized_pnl:
            yield f"{position.id} realized {pnl} lamports, and says {position.realized_pnl}"
        rest = position.entry_amount_tokens - sold
        if position.closed != (whole(rest, position.decimals) <= DUST):
            yield f"{position.id} is {position.status} with {rest} raw units left"
        if not position.closed:
            yield from self._of_guard(position, process, now)

    def _of_guard(self, position: Position, process: Process, now: Nanos) -> Iterator[str]:
        actor = process.scheduler.by_name.get(position_name(position.id))
        if not isinstance(actor, PositionActor) or actor.actor_stopped.is_set():
            yield f"{position.id} has no actor"
            return
        held = actor.position
        for name in ("status", "sold_tokens", "active_exit", "wanted_exit", "needs_action", "levels_taken", "fees"):
            actual, stored = getattr(held, name), getattr(position, name)
            if actual != stored:
                yield f"{position.id} is stored with {name} {stored}, and its actor says {actual}"
        price = float(self._market.prices[position.mint])
        if held.last_price != price:
            yield f"{position.id} stands at {held.last_price}, and the market at {price}"
        if position.needs_action:
            yield from self._of_failed_exit(position)
            if stop_touched(position, price) and position.exit_reason not in (
                ExitReason.STOP_LOSS,
                ExitReason.EMERGENCY,
            ):
                yield f"{position.id} waits for a person about {position.exit_reason} below its stop"
        elif stop_touched(position, price):
            yield f"{position.id} is left unsold at {price}, below its stop"
        elif (at := held.last_price_at) and (reason := triggered(held, still(price, at), at)):
            yield f"{position.id} is left unsold at {price}, which was a reason to leave: {reason}"

    def _of_failed_exit(self, position: Position) -> Iterator[str]:
        order = self._store.exit_of(position)
        if order is None or order.status is not OrderStatus.CANCELLED:
            yield f"{position.id} asks for action on {order}"
            return
        alert = _standing(self._store.alerts(unresolved_only=True), order)
        if alert is None or not alert.requires_action:
            yield f"{position.id} asks for action, and no alert says so: {alert}"


def _standing(alerts: list[Alert], order: Order) -> Alert | None:
    return next((alert for alert in alerts if alert.dedupe_key == f"order_failed_{order.id}"), None)


def _figures(fill: Fill) -> tuple[Signature, int, int, int, int, int]:
    return fill.signature, fill.tokens, fill.sol, fill.fee, fill.rent, fill.slot
