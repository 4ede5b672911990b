"""Starting is recovering: what the store and the chain say is taken up before anything new is sent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.system import CONFIRMER, FEED, ROUTER, executor_name
from engine.domain.order import OrderStatus
from engine.domain.plan import TrailingStop
from engine.domain.position import Position, PositionStatus
from engine.domain.units import Nanos, seconds
from engine.messages.orders import CancelOrder, ExitFailed, OrderWithdrawn
from engine.messages.prices import Tick, TickObserved
from engine.messages.swaps import SwapNotSent, SwapSent
from tests.actors.rig import BONK, PLAN, Rig
from tests.doubles import no_route


def killed_and_built_anew(old: Rig, *, after: float = 0.0, unreachable: bool = False) -> Rig:
    """Return a new engine over the store, market and chain of *old*, which dies with all of its mail."""
    new = Rig(store=old.store)
    new.system.ids = old.system.ids
    new.market, new.venue, new.signer, new.chain = old.market, old.venue, old.signer, old.chain
    new.clock.advance_to(Nanos(old.clock.now() + seconds(after)))
    new.chain.unreachable = unreachable
    return new.start()


def test_what_landed_while_the_engine_was_dead_is_booked_and_not_sold_again() -> None:
    """An exit in flight at the crash that landed meanwhile closes its position; nothing more is signed."""
    old = Rig().start()
    position = old.open()
    old.chain.outcomes.append("hold")
    old.price("0.8")
    old.advance(1)
    signed = len(old.signer.signed)
    old.chain.release("land")
    new = killed_and_built_anew(old, after=3600)
    new.advance(1)
    assert new.position(position.id).status is PositionStatus.CLOSED
    assert new.sold_on_chain() == position.entry_amount_tokens
    assert len(new.signer.signed) == signed


def test_a_sibling_of_a_finished_order_is_watched_after_a_crash() -> None:
    """Every recorded signature is resolved, whatever became of its order."""
    old = Rig().start()
    position = old.open()
    old.chain.outcomes.extend(["hold"] * 9)
    old.price("0.8")
    old.advance(4)
    held = dict(old.chain.held)
    first = next(iter(held))
    old.chain.outcomes.clear()
    old.chain.held = {first: held[first]}
    old.chain.release("land")
    old.advance(2)
    assert old.position(position.id).status is PositionStatus.CLOSED
    old.chain.held = {s: body for s, body in held.items() if s != first}
    new = killed_and_built_anew(old)
    new.chain.release("land")
    new.advance(2)
    assert new.store.attempts(unresolved_only=True) == []
    assert new.position(position.id).fees == new.paid()


def test_nothing_is_sent_until_the_chain_was_read() -> None:
    """With a chain that cannot be read the engine waits and says so; a crossed stop is sent as soon as it can be."""
    old = Rig().start()
    position = old.open()
    new = killed_and_built_anew(old, unreachable=True)
    new.price("0.8")
    signed = len(new.signer.signed)
    new.advance(12)
    assert len(new.signer.signed) == signed
    assert [o.status for o in new.exits(position)] == [OrderStatus.PENDING]
    assert new.view(ROUTER)["holding"]
    assert [a.alert_type for a in new.store.alerts(unresolved_only=True)] == ["chain_unreadable"]
    new.chain.unreachable = False
    new.advance(3)
    assert new.position(position.id).status is PositionStatus.CLOSED
    assert new.store.alerts(unresolved_only=True) == []
    assert "engine.recovered" in new.bus.subjects()


def test_a_backoff_goes_on_from_where_it_was() -> None:
    """An order that had ten seconds to wait when the engine died waits the rest of them, not fifteen more."""
    old = Rig().start()
    position = old.open()
    old.venue.fail(no_route(), no_route())
    old.price("1.25")
    old.advance(10)
    (order,) = old.exits(position)
    assert order.attempt_count == 2
    assert order.next_retry_at is not None
    left = (order.next_retry_at - old.clock.now()) / 1e9
    new = killed_and_built_anew(old, after=4)
    new.advance(left - 4 - 0.1)
    assert new.exits(position)[0].attempt_count == 2
    new.advance(1)
    assert new.exits(position)[0].status is OrderStatus.FILLED


def test_a_time_limit_goes_on_from_where_it_was() -> None:
    """A position is held for its limit in all, with the time that the engine was dead."""
    old = Rig().start()
    position = old.open(plan=replace(PLAN, max_hold=seconds(3600)))
    new = killed_and_built_anew(old, after=3500)
    new.price("1")
    new.advance(50)
    assert new.exits(position) == []
    new.advance(60)
    assert new.position(position.id).exit_reason == "time_limit"


def test_a_trailing_stop_remembers_its_peak() -> None:
    """The peak of before the crash counts: a fall from it fires in the new engine."""
    plan = replace(PLAN, take_profits=(), trailing=TrailingStop(activation_pct=Decimal(20), trail_pct=Decimal(10)))
    old = Rig().start()
    position = old.open(plan=plan)
    old.price("1.5")
    new = killed_and_built_anew(old)
    new.price("1.34")
    new.advance(2)
    assert new.position(position.id).exit_reason == "trailing_stop"


def opened() -> tuple[Rig, Position]:
    """Return an engine that compares every minute, with a position whose tokens the wallet holds."""
    rig = Rig()
    rig.compare_every = seconds(60)
    rig.start()
    position = rig.open()
    rig.chain.tokens[BONK] = position.entry_amount_tokens
    rig.advance(120)
    assert rig.store.alerts() == []
    return rig, position


def test_tokens_that_are_gone_are_an_alert_and_no_position_is_written_off() -> None:
    """What the wallet lacks at two looks is CRITICAL; the position stays as it is, and nothing is sent."""
    rig, position = opened()
    rig.chain.tokens[BONK] = 0
    rig.advance(80)
    (alert,) = rig.store.alerts(unresolved_only=True)
    assert (alert.alert_type, alert.severity, alert.requires_action) == ("wallet_short", "critical", True)
    assert rig.position(position.id) == position
    assert rig.exits(position) == []
    rig.chain.tokens[BONK] = position.entry_amount_tokens
    rig.advance(80)
    assert rig.store.alerts(unresolved_only=True) == []


def test_a_node_that_lags_once_alarms_nobody() -> None:
    """A shortage that the second look does not find was a lagging node."""
    rig, position = opened()
    rig.chain.tokens[BONK] = 0
    rig.advance(61)
    rig.chain.tokens[BONK] = position.entry_amount_tokens
    rig.advance(300)
    assert rig.store.alerts() == []


@pytest.mark.parametrize("step", range(1, 60))
def test_a_crash_between_any_two_messages_sells_once(step: int) -> None:
    """Whichever message is the last that the dying engine handles, the stop loss sells everything exactly once."""
    old = Rig().start()
    position = old.open()
    old.market.prices[BONK] = old.market.prices[BONK] * 8 / 10
    tick = Tick(mint=BONK, price=0.8, source="test", observed_at=old.clock.now())
    old.system.tell(FEED, TickObserved(tick=tick))
    for _ in range(step):
        if not old.steps.step():
            at = old.clock.next_at()
            if at is None or at > old.clock.now() + seconds(3):
                break
            old.clock.advance_to(at)
    new = killed_and_built_anew(old)
    new.price("0.79")
    new.advance(10)
    assert new.position(position.id).status is PositionStatus.CLOSED
    assert new.sold_on_chain() == position.entry_amount_tokens
    assert new.position(position.id).fees == new.paid()
    assert new.view(CONFIRMER) == []


def test_a_restarted_confirmer_watches_on() -> None:
    """A confirmer that died with what it watched is told of it as it starts, and the fill is booked at once."""
    rig = Rig().start()
    position = rig.open()
    rig.chain.outcomes.append("hold")
    rig.price("1.25")
    rig.system.reference(CONFIRMER).stop(block=False)
    rig.advance(1)  # the supervisor looks; what is told again in any case comes later
    assert [attempt.order_id for attempt in rig.view(CONFIRMER)] == [rig.exits(position)[0].id]
    rig.chain.release("land")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.PARTIAL_EXIT


def test_a_restarted_confirmer_lets_the_router_begin() -> None:
    """One that died before it had read the chain owed the router an answer, for which nothing is sent."""
    rig = Rig()
    rig.chain.unreachable = True
    rig.start()
    rig.system.reference(CONFIRMER).stop(block=False)
    rig.chain.unreachable = False
    rig.advance(1)
    assert not rig.view(ROUTER)["holding"]


@pytest.mark.parametrize("message", [ExitFailed, OrderWithdrawn])
def test_a_position_that_missed_the_end_of_its_exit_hears_of_it_from_the_store(message: type) -> None:
    """An exit that ended while its position's actor was dead leaves no position pending for ever: the stop fires."""
    rig = Rig().start()
    position = rig.open()
    rig.venue.fail(*[no_route()] * (3 if message is ExitFailed else 1))
    rig.price("1.25")
    rig.advance(1)
    _swallow(rig, message)
    if message is ExitFailed:
        rig.advance(60)
    else:
        rig.ask(ROUTER, CancelOrder(order_id=rig.exits(position)[0].id))
    assert not rig.position(position.id).needs_action
    new = killed_and_built_anew(rig)
    assert new.position(position.id).needs_action == (message is ExitFailed)
    new.price("0.8")
    new.advance(3)
    assert new.position(position.id).status is PositionStatus.CLOSED


def _swallow(rig: Rig, kind: type) -> None:
    """Lose every message of *kind* that is told."""
    tell = rig.system.tell
    rig.system.tell = lambda name, message: isinstance(message, kind) or tell(name, message)  # type: ignore[method-assign]


def test_a_superseded_exit_is_not_retried_after_a_crash() -> None:
    """A take profit in flight that a stop loss waits for fails after the crash: the stop loss goes, not its retry."""
    old = Rig().start()
    position = old.open()
    old.chain.outcomes.append("hold")
    old.price("1.25")
    old.advance(1)
    old.price("0.8")
    old.advance(1)
    new = killed_and_built_anew(old)
    new.chain.release("revert")
    new.advance(3)
    take_profit, stop = new.exits(position)
    assert (take_profit.status, take_profit.attempt_count) == (OrderStatus.CANCELLED, 1)
    assert (stop.exit_reason, stop.status) == ("stop_loss", OrderStatus.FILLED)


@pytest.mark.parametrize("signed", [False, True])
def test_a_restarted_executor_gives_its_slot_back(*, signed: bool) -> None:
    """What an executor was making when it died is taken up from the store: watched if signed, else tried again."""
    rig = Rig(slots=1).start()
    position = rig.open()
    if signed:
        _swallow(rig, SwapSent)
    else:
        _swallow(rig, SwapNotSent)
        rig.venue.fail(no_route())
    rig.price("0.8")
    rig.advance(1)
    rig.system.reference(executor_name(0)).stop(block=False)
    del rig.system.tell
    rig.advance(5)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
