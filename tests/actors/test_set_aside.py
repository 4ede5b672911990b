"""What fails again and again harms only itself, and a person hears of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.failures import LIMIT, REST
from actors.mailbox import FLOOD, Mailbox
from actors.position import PositionActor
from actors.router import OrderRouter
from actors.system import FEED, ROUTER, position_name
from engine.domain.errors import FailureKind
from engine.domain.order import OrderStatus
from engine.domain.position import PositionStatus
from engine.domain.swap import SignatureStatus, SwapFailure
from engine.domain.units import Mint
from engine.messages.orders import SubmitOrder
from engine.messages.prices import Tick, TickObserved, WatchMint
from tests.actors.rig import BONK, Rig

WIF = Mint("wif")


class Poison(BaseException):
    """Stands for whatever nobody thought of."""


@pytest.fixture
def rig() -> Rig:
    """Return a rig that runs."""
    return Rig().start()


def poisoned(monkeypatch: pytest.MonkeyPatch, actor: type[Any], method: str, *, when: Any) -> list[tuple[Any, ...]]:
    """Let *method* of *actor* raise where *when* says so of its arguments; return what it raised at."""
    real = getattr(actor, method)
    met: list[tuple[Any, ...]] = []

    def fragile(self: Any, *arguments: Any) -> Any:
        if when(self, *arguments):
            met.append(arguments)
            raise Poison
        return real(self, *arguments)

    monkeypatch.setattr(actor, method, fragile)
    return met


def kinds(rig: Rig) -> list[str]:
    """Return what the unresolved alerts are about."""
    return [alert.alert_type for alert in rig.store.alerts(unresolved_only=True)]


def test_a_verdict_that_nobody_can_handle_costs_its_order_alone(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A poisoned verdict is set aside after three tries; the engine runs on, and another position is sold."""
    bonk, wif = rig.open(BONK), rig.open(WIF)
    met = poisoned(monkeypatch, OrderRouter, "_landed", when=lambda _, attempt, *__: attempt.mint == BONK)
    rig.price("0.8", BONK)
    rig.advance(40)
    assert len(met) == LIMIT
    assert kinds(rig) == ["message_failed"]
    rig.price("0.8", WIF)
    rig.advance(2)
    assert rig.position(wif.id).status is PositionStatus.CLOSED
    assert rig.position(bonk.id).status is PositionStatus.EXIT_PENDING
    assert "engine.failed" not in rig.bus.subjects()


def test_a_transaction_that_cannot_be_read_hides_no_other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What landed and makes no sense stays watched and becomes an alert; the sale beside it is booked at once."""
    bonk, wif = rig.open(BONK), rig.open(WIF)
    poisoned(monkeypatch, type(rig.chain), "fill", when=lambda _, __, mint: mint == BONK)
    rig.price("0.8", BONK)
    rig.price("0.8", WIF)
    rig.advance(5)
    assert rig.position(wif.id).status is PositionStatus.CLOSED
    rig.advance(95)
    assert rig.position(bonk.id).status is PositionStatus.EXIT_PENDING
    alerts = [alert for alert in rig.store.alerts() if alert.alert_type == "attempt_unknown"]
    assert any("Poison" in alert.message for alert in alerts)
    assert rig.sold_on_chain() == bonk.entry_amount_tokens + wif.entry_amount_tokens


@pytest.mark.parametrize("outcome", ["land", "revert"])
def test_a_status_that_the_transaction_contradicts_is_not_believed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    """A node that calls a sale failed, or a failure a sale, decides nothing; once it tells the truth, that counts."""
    position, statuses = rig.open(), rig.chain.statuses
    lie = None if outcome == "revert" else slipped_failure()

    def lying(*arguments: Any, **named: Any) -> list[SignatureStatus | None]:
        return [status and replace(status, failure=lie) for status in statuses(*arguments, **named)]

    with monkeypatch.context() as gateway:
        gateway.setattr(rig.chain, "statuses", lying)
        rig.chain.outcomes.extend([outcome] * 8)
        rig.price("0.8")
        rig.advance(3)
        (order,) = rig.exits(position)
        assert order.status is OrderStatus.CONFIRMING
        assert rig.position(position.id).sold_tokens == 0
    rig.chain.outcomes.clear()
    rig.advance(60)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
    assert rig.position(position.id).fees == rig.paid()


def test_a_block_that_is_processed_and_no_more_decides_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that no majority has voted for may vanish: what is in it counts once it is confirmed."""
    position, statuses = rig.open(), rig.chain.statuses

    def early(*arguments: Any, **named: Any) -> list[SignatureStatus | None]:
        return [status and replace(status, confirmation="processed") for status in statuses(*arguments, **named)]

    with monkeypatch.context() as node:
        node.setattr(rig.chain, "statuses", early)
        rig.price("0.8")
        rig.advance(3)
        assert [order.status for order in rig.exits(position)] == [OrderStatus.CONFIRMING]
        assert rig.position(position.id).sold_tokens == 0
    rig.advance(3)
    assert rig.position(position.id).status is PositionStatus.CLOSED


def slipped_failure() -> SwapFailure:
    """Return the failure that a lying node tells of."""
    return SwapFailure(kind=FailureKind.REFUSED, message="it failed", code="SLIPPAGE")


def test_what_was_set_aside_is_tried_again_once_its_cause_may_be_gone(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a rest the verdict is handled, the sale booked once, and the alert resolved."""
    position = rig.open()
    with monkeypatch.context() as poison:
        poisoned(poison, OrderRouter, "_landed", when=lambda _, attempt, *__: attempt.mint == BONK)
        rig.price("0.8")
        rig.advance(40)
    assert kinds(rig) == ["message_failed"]
    rig.advance(REST / 1e9)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == position.entry_amount_tokens
    assert kinds(rig) == []


def test_an_order_that_cannot_be_taken_up_does_not_keep_the_others_waiting(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A router that starts anew goes on with every other order, tells of that one, and takes it up when it can."""
    bonk, wif = rig.open(BONK), rig.open(WIF)
    rig.chain.outcomes.extend(["hold"] * 2)
    rig.price("0.8", BONK)
    rig.price("0.8", WIF)
    rig.advance(1)
    with monkeypatch.context() as poison:
        poisoned(poison, OrderRouter, "_take_up", when=lambda _, order: order.mint == BONK)
        rig.system.reference(ROUTER).stop(block=False)
        rig.advance(10)
        assert kinds(rig) == ["message_failed"]
        rig.chain.release("land")
        rig.advance(20)
        assert rig.position(wif.id).status is PositionStatus.CLOSED
    rig.advance(2 * REST / 1e9)
    assert rig.position(bonk.id).status is PositionStatus.CLOSED
    assert rig.sold_on_chain() == bonk.entry_amount_tokens + wif.entry_amount_tokens
    assert "engine.failed" not in rig.bus.subjects()


def test_a_guard_that_cannot_be_set_up_is_set_aside_and_said(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A position whose actor dies at every start does not end the engine: the other one is still sold at its stop."""
    bonk, wif = rig.open(BONK), rig.open(WIF)
    poisoned(monkeypatch, PositionActor, "_catch_up", when=lambda actor: actor.position.id == bonk.id)
    rig.system.reference(position_name(bonk.id)).stop(block=False)
    rig.advance(10)
    (alert,) = [a for a in rig.store.alerts() if a.alert_type == "guard_failed"]
    assert bonk.id in alert.message
    assert alert.requires_action
    rig.price("0.8", WIF)
    rig.advance(2)
    assert rig.position(wif.id).status is PositionStatus.CLOSED
    assert "engine.failed" not in rig.bus.subjects()


def test_a_price_that_cannot_be_handled_is_followed_by_one_that_can(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices are never set aside: three failures in a row are an alert, and the stop fires at the next good one."""
    position = rig.open()
    with monkeypatch.context() as poison:
        met = poisoned(poison, PositionActor, "_decide", when=lambda *_: True)
        for price in ("0.99", "0.98", "0.97", "0.96"):
            rig.price(price)
    assert len(met) == LIMIT + 1
    assert kinds(rig) == ["message_failed"]
    rig.price("0.8")
    rig.advance(2)
    assert rig.position(position.id).status is PositionStatus.CLOSED
    assert kinds(rig) == []


def test_a_look_at_the_actors_that_fails_is_not_the_last_one(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """An actor that cannot be started at the first try is started at the next."""
    position = rig.open()
    spawn, left = rig.system.spawn, 1

    def fragile(name: str, *arguments: Any, **named: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Poison
        spawn(name, *arguments, **named)

    monkeypatch.setattr(rig.system, "spawn", fragile)
    rig.system.reference(position_name(position.id)).stop(block=False)
    rig.advance(0.6)
    assert not rig.system.alive(position_name(position.id))
    rig.advance(0.5)
    assert rig.system.alive(position_name(position.id))


def test_a_flood_of_prices_does_not_fill_the_memory(rig: Rig) -> None:
    """Of ten thousand unread ticks a thousand stay, the newest among them, and no other message is lost."""
    mailbox = rig.system.reference(FEED).actor_inbox
    assert isinstance(mailbox, Mailbox)
    for number in range(10 * FLOOD):
        mint = (BONK, WIF)[number % 2]
        tick = Tick(mint=mint, price=1 + number / 1e6, source="test", observed_at=rig.clock.now())
        rig.system.tell(FEED, TickObserved(tick=tick))
        if number % FLOOD == 0:
            rig.system.tell(FEED, WatchMint(mint=Mint(f"mint-{number}")))
    left = [mailbox.get().message for _ in range(len(mailbox))]
    ticks = [message.tick for message in left if isinstance(message, TickObserved)]
    assert len(ticks) <= FLOOD
    assert max(tick.price for tick in ticks if tick.mint == WIF) == 1 + (10 * FLOOD - 1) / 1e6
    assert len([m for m in left if isinstance(m, WatchMint)]) == 10


def test_a_late_word_of_an_order_that_was_taken_up_meanwhile_is_not_a_second_sale(rig: Rig) -> None:
    """An order that the router found in the store, and carried out, is not queued when the word of it comes at last."""
    position = rig.open()
    rig.price("0.8")
    rig.advance(2)
    (order,) = rig.exits(position)
    rig.system.tell(ROUTER, SubmitOrder(order=replace(order, status=OrderStatus.PENDING)))
    rig.advance(5)
    assert rig.sold_on_chain() == position.entry_amount_tokens
