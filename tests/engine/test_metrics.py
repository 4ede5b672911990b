"""What an engine's metrics say of what it did and of what stands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.core import Metric

from engine.domain.errors import ChainUnavailableError
from engine.domain.order import submitted
from engine.domain.units import Lamports, Mint, Nanos, PositionId, Signature, lamports, seconds
from engine.domain.urgency import ExitReason
from engine.metrics.standing import REMEMBERED, OrderBook, Portfolio
from engine.metrics.wallet import MAX_AGE
from tests.doubles import FEE, no_route
from tests.doubles_store import MemoryStore
from tests.engine.metered import BONK, REST_TIMEOUT, Metered, metered
from tests.factories import NOW, a_position, a_tick, an_attempt, an_exit

WIF = Mint("wif")
FEE_SOL = FEE / 1_000_000_000


@pytest.fixture
def rig() -> Iterator[Metered]:
    """A started engine."""
    with metered() as rig:
        yield rig


def test_an_exit_is_measured_from_its_tick_to_its_landing(rig: Metered) -> None:
    """Each span is between the times that the records themselves have."""
    rig.open()
    rig.price("0.7", age=0.03)
    rig.advance(3)
    figures = rig.figures()
    for name, span in (
        ("tick_to_decision_seconds", 0.03),
        ("decision_to_sent_seconds", 0.0),
        ("sent_to_landed_seconds", 0.5),
    ):
        assert figures[f"ripcord_{name}_count", "stop_loss"] == 1
        assert figures[f"ripcord_{name}_sum", "stop_loss"] == pytest.approx(span)
    assert figures["ripcord_tick_age_seconds_sum", "test"] == pytest.approx(0.03)


def test_orders_attempts_fees_and_slippage_are_counted(rig: Metered) -> None:
    """By type, reason and outcome; the fees are the chain's."""
    rig.open()
    rig.price("0.75")
    rig.advance(3)
    figures = rig.figures()
    for kind, reason in (("entry", "entry"), ("exit", "stop_loss")):
        assert figures["ripcord_orders_total", "raised", reason, kind] == 1
        assert figures["ripcord_orders_total", "filled", reason, kind] == 1
        assert figures["ripcord_fees_sol_total", kind] == pytest.approx(FEE_SOL)
    assert {what: figures["ripcord_attempts_total", what] for what in ("signed", "sent", "landed")} == {
        "signed": 2,
        "sent": 2,
        "landed": 2,
    }
    assert figures["ripcord_slippage_bps_bucket", "0.0", "stop_loss", "exit"] == 1
    assert figures["ripcord_positions_closed_total", "stop_loss"] == 1


def test_an_exit_that_fails_for_good_shows_its_retries_and_its_alert(rig: Metered) -> None:
    """Every failure is counted by its kind, every attempt but the first is a retry, and the alert stays open."""
    rig.open()
    tries = rig.engine.policies.urgent.max_attempts
    rig.venue.fail(*[no_route()] * tries)
    rig.price("0.7")
    rig.advance(60)
    figures = rig.figures()
    assert figures["ripcord_attempt_failures_total", "refused", "exit"] == tries
    assert figures["ripcord_order_retries_total", "stop_loss", "exit"] == tries - 1
    assert figures["ripcord_orders_total", "cancelled", "stop_loss", "exit"] == 1
    assert figures["ripcord_positions_needing_action_total",] == 1
    assert figures["ripcord_alerts_total", "critical", "exit_failed_critical"] == 1
    assert figures["ripcord_alerts_open", "critical"] == 1


def test_an_alert_that_is_resolved_is_not_open(rig: Metered) -> None:
    """A person who releases the position settles what it had raised."""
    position = rig.open()
    rig.venue.fail(*[no_route()] * rig.engine.policies.urgent.max_attempts)
    rig.price("0.7")
    rig.advance(60)
    rig.engine.release(position)
    rig.rest()
    assert ("ripcord_alerts_open", "critical") not in rig.figures()


def test_the_queue_is_shown_by_rank_and_state(rig: Metered) -> None:
    """Three swaps hang: two exits of five wait for a slot, and the oldest for as long as that takes."""
    mints = [Mint(f"mint{number}") for number in range(5)]
    for mint in mints:
        rig.open(mint)
    rig.chain.outcomes.extend(["hold"] * 10)
    for mint in mints:
        rig.price("0.7", mint)
    rig.advance(1)
    figures = rig.figures()
    assert figures["ripcord_queue_depth", "in_flight", "stop_loss"] == 3
    assert figures["ripcord_queue_depth", "queued", "stop_loss"] == 2
    assert figures["ripcord_queue_oldest_seconds", "stop_loss"] == pytest.approx(1)
    rig.chain.outcomes.clear()
    rig.chain.release()
    rig.advance(3)
    figures = rig.figures()
    assert "ripcord_queue_depth" not in rig.names()
    assert figures["ripcord_queue_wait_seconds_count", "stop_loss"] == 5
    assert figures["ripcord_queue_wait_seconds_sum", "stop_loss"] >= 2


def test_an_order_that_waits_for_its_next_attempt_is_not_queued(rig: Metered) -> None:
    """What is not due yet asks nothing of the executors."""
    rig.open()
    rig.venue.fail(*[no_route()] * 2)
    rig.price("0.7")
    assert rig.figures()["ripcord_queue_depth", "waiting", "stop_loss"] == 1


def test_profit_and_loss_follow_price_and_fills(rig: Metered) -> None:
    """What is held is valued at the newest price, and a fill moves it over to what is realized."""
    position = rig.open()
    rig.price("1.25")
    assert rig.figures()["ripcord_unrealized_pnl_sol", BONK] == pytest.approx(0.25)
    rig.engine.exit(position)
    rig.advance(3)
    figures = rig.figures()
    assert figures["ripcord_realized_profit_sol_total", "manual"] == pytest.approx(0.25)
    assert "ripcord_unrealized_pnl_sol" not in rig.names()


def test_a_mint_goes_with_its_last_position(rig: Metered) -> None:
    """However many tokens come and go, a scrape names those that are held now, and nothing else grows."""
    rig.open(WIF)
    rig.price("1", WIF)
    sizes = []
    for number in range(20):
        mint = Mint(f"mint{number}")
        rig.open(mint)
        rig.price("1.1", mint)
        assert rig.figures()["ripcord_ticks_total", mint, "test"] == 1
        rig.price("0.7", mint)
        rig.advance(3)
        sizes.append(len(rig.figures()))
    figures = rig.figures()
    assert sizes[-1] == sizes[-8], "by then every kind of order has come up"
    assert {key[1] for key in figures if key[0] == "ripcord_positions_open"} == {WIF}
    assert not [key for key in figures if any(value.startswith("mint") for value in key[1:])]


def test_ticks_of_a_mint_that_nobody_guards_are_not_named(rig: Metered) -> None:
    """A source may tell of anything: it all counts as one."""
    for number in range(5):
        rig.price("1", Mint(f"stranger{number}"))
    assert rig.figures()["ripcord_ticks_total", "other", "test"] == 5


def test_prices_that_are_refused_or_doubtful_are_counted(rig: Metered) -> None:
    """By source, and by what is wrong."""
    rig.open()
    rig.price("1")
    rig.price("-1")
    rig.price("1.9")
    figures = rig.figures()
    assert figures["ripcord_prices_rejected_total", "not_positive", "test"] == 1
    assert figures["ripcord_prices_held_total", "test"] == 1
    assert figures["ripcord_ticks_total", BONK, "test"] == 1


def test_the_age_of_the_newest_price_grows_while_no_other_comes(rig: Metered) -> None:
    """A source that falls silent shows before any alert does."""
    rig.open()
    rig.price("1")
    rig.advance(4)
    assert rig.figures()["ripcord_last_tick_age_seconds", BONK] == pytest.approx(4)


@pytest.mark.parametrize(
    ("event", "data", "figure"),
    [
        ("actor_restarted", {"actor": "position:pos-1"}, ("ripcord_actor_restarts_total", "position")),
        (
            "message_failed",
            {"actor": "router", "message": "Drain", "error": "boom"},
            ("ripcord_messages_failed_total", "router"),
        ),
        (
            "price_source_down",
            {"source": "pools", "error": "gone"},
            ("ripcord_price_source_failures_total", "pools"),
        ),
        ("guard_failed", {"actor": "position:pos-1"}, ("ripcord_engine_events_total", "guard_failed")),
    ],
)
def test_events_of_the_engine_are_counted(
    rig: Metered, event: str, data: dict[str, str], figure: tuple[str, ...]
) -> None:
    """Actors by their kind: there are as many names as positions."""
    rig.bus.publish(f"engine.{event}", data)
    assert rig.figures()[figure] == 1


def test_a_lost_lease_shows(rig: Metered) -> None:
    """It is held from the start, and not once another engine has it."""
    assert rig.figures()["ripcord_lease_held",] == 1
    rig.bus.publish("engine.lease_lost", {"wallet": "wallet", "error": "taken"})
    assert rig.figures()["ripcord_lease_held",] == 0


def test_after_the_end_nothing_is_counted() -> None:
    """The figures can still be read, without the lease."""
    with metered() as rig:
        rig.open()
    rig.bus.publish("engine.actor_restarted", {"actor": "router"})
    figures = rig.figures()
    assert ("ripcord_actor_restarts_total", "router") not in figures
    assert figures["ripcord_positions_opened_total",] == 1
    assert figures["ripcord_lease_held",] == 0


def test_an_engine_that_starts_again_shows_what_stands() -> None:
    """Positions, orders and alerts of the store are there before anything happens; what was realized is not news."""
    store = MemoryStore()
    with metered(store) as first:
        first.open()
        first.open(WIF)
        first.chain.outcomes.append("hold")
        first.price("0.7", WIF)
    with metered(store) as again:
        figures = again.figures()
        assert figures["ripcord_positions_open", BONK] == 1
        assert figures["ripcord_queue_depth", "in_flight", "stop_loss"] == 1
        assert not [key for key in figures if key[0].startswith(("ripcord_realized", "ripcord_orders"))]


def test_each_engine_has_figures_of_its_own(rig: Metered) -> None:
    """Two engines in one process share no registry."""
    rig.open()
    with metered() as other:
        assert other.figures()["ripcord_positions_opened_total",] == 0


def test_a_scrape_is_text_that_prometheus_reads(rig: Metered) -> None:
    """With its content type, and without the moments at which series were made."""
    rig.open()
    exposed, media_type = rig.engine.metrics.exposition()
    text = exposed.decode()
    assert media_type.startswith("text/plain; version=")
    assert "# TYPE ripcord_orders_total counter" in text
    assert "_created" not in text


# Nobody waits --------------------------------------------------------------------------------------------


def test_a_scrape_that_hangs_blocks_no_actor(rig: Metered) -> None:
    """While one is under way an exit goes from its tick to its fill."""
    position = rig.open()
    begun, go_on = threading.Event(), threading.Event()

    class Slow:
        def collect(self) -> Iterator[Metric]:
            begun.set()
            go_on.wait(REST_TIMEOUT)
            return iter(())

    rig.engine.metrics.registry.register(Slow())
    scrape = threading.Thread(target=rig.figures)
    scrape.start()
    assert begun.wait(REST_TIMEOUT)
    rig.price("0.7")
    rig.advance(3)
    closed = rig.store.position(position)
    go_on.set()
    scrape.join(REST_TIMEOUT)
    assert closed is not None
    assert closed.closed


def test_a_scrape_waits_for_no_actor_and_shows_what_piles_up(rig: Metered) -> None:
    """The feed hangs: its mail is counted all the same."""
    hung, go_on = threading.Event(), threading.Event()

    def hang(_subject: str, _data: object) -> None:
        hung.set()
        go_on.wait(REST_TIMEOUT)

    end = rig.bus.subscribe("price.*.tick", hang)
    try:
        rig.open()
        for price in ("1", "1.1", "1.2", "1.3"):
            rig.engine.observe(a_tick(float(price), mint=BONK, observed_at=rig.clock.now()))
        assert hung.wait(REST_TIMEOUT)
        figures = rig.figures()
    finally:
        end()
        go_on.set()
    assert figures["ripcord_mailbox_messages", "feed"] == 3
    assert figures["ripcord_mailbox_longest_messages", "feed"] == 3
    assert figures["ripcord_actors", "executor"] == 3
    rig.rest()
    assert rig.figures()["ripcord_mailbox_messages", "feed"] == 0


def test_a_scrape_does_not_wait_for_the_wallet(rig: Metered, monkeypatch: pytest.MonkeyPatch) -> None:
    """The balance is absent until a node has told it, and again when none does."""
    go_on = threading.Event()

    def slow() -> Lamports:
        assert go_on.wait(REST_TIMEOUT)
        return lamports("1.5")

    def dead() -> Lamports:
        raise ChainUnavailableError("no node answers")

    wallet = rig.engine.metrics._wallet
    monkeypatch.setattr(rig.chain, "sol_balance", slow)
    assert "ripcord_wallet_sol" not in rig.names()
    go_on.set()
    wallet.settle(REST_TIMEOUT)
    assert rig.figures()["ripcord_wallet_sol",] == 1.5
    monkeypatch.setattr(rig.chain, "sol_balance", dead)
    assert rig.figures()["ripcord_wallet_sol",] == 1.5, "it was looked up a moment ago"
    rig.advance(MAX_AGE / 1e9)
    rig.figures()
    wallet.settle(REST_TIMEOUT)
    assert "ripcord_wallet_sol" not in rig.names()


# What is remembered --------------------------------------------------------------------------------------


def test_attempts_without_a_verdict_do_not_fill_the_memory() -> None:
    """The oldest is forgotten, and its landing not measured."""
    book = OrderBook()
    order = submitted(an_exit(), NOW)
    book.take(order)
    for number in range(REMEMBERED + 1):
        book.sent(an_attempt(order, signature=Signature(f"sig{number}"), number=2))
    later = Nanos(NOW + seconds(2))
    assert book.verdict(Signature("sig0"), later) is None
    assert book.verdict(Signature("sig1"), later) == ("stop_loss", seconds(2))
    assert book.verdict(Signature("sig1"), later) is None


def test_an_event_that_was_overtaken_changes_nothing() -> None:
    """Two actors tell of orders: what is older than what is known is not news."""
    book = OrderBook()
    pending = an_exit()
    handed = submitted(pending, Nanos(NOW + 5))
    assert book.take(pending) is None
    assert book.take(handed) == 5
    book.take(pending)
    assert book.orders() == [handed]


def test_the_wait_of_a_retry_begins_when_it_is_due() -> None:
    """The pause before it is not the queue's."""
    book = OrderBook()
    waiting = an_exit(attempt_count=1, next_retry_at=Nanos(NOW + 3), updated_at=Nanos(NOW + 1))
    assert book.take(waiting) is None
    assert book.take(submitted(waiting, Nanos(NOW + 7))) == 4


def test_a_position_that_was_never_heard_of_realized_nothing_that_is_news() -> None:
    """What it had realized before counts for the engine that guarded it then."""
    portfolio = Portfolio()
    position = a_position(realized_pnl=lamports(3), exit_reason=ExitReason.TAKE_PROFIT_1)
    assert portfolio.take(position) == 0
    assert portfolio.take(replace(position, realized_pnl=lamports(5))) == lamports(2)
    other = a_position(id=PositionId("position-2"))
    assert portfolio.take(other) == 0
    assert list(portfolio.guarded()[position.mint].positions) == [position.id, other.id]
