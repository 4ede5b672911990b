"""The whole engine on the embedded cluster: real actors, real HTTP, real transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chain.audit import read_ledger
from chain.simulated.tokens import Token
from engine.audit import audit
from engine.clock import ManualClock
from engine.config import JupiterSection, Settings
from engine.domain.errors import BadInputError, CommandRefusedError
from engine.domain.order import Order, OrderKind, OrderStatus
from engine.domain.plan import PRESETS, ExitPlan, TakeProfit
from engine.domain.position import Position, PositionStatus
from engine.domain.units import Mint, Nanos, OrderId, PositionId, RawAmount, lamports, seconds
from engine.ids import CountedIds
from engine.messages.prices import Tick
from engine.simulation import FastForward, Simulation

FUNDS = lamports("50")
NO_SUCH_MINT = Mint("9vMJfxuKxXBoEa7rM12mYLMwTacLMLDJqHozw96WQL8i")
PLAN = ExitPlan(stop_loss_pct=Decimal(20), take_profits=(TakeProfit(gain_pct=Decimal(25), sell_pct=Decimal(33)),))


class Live:
    """A running simulation that a test drives."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.engine = simulation.engine
        self.store = simulation.store
        self.world = simulation.world
        self.time = FastForward(simulation)

    def token(self, symbol: str = "BONK", *, decimals: int = 6, price: str = "0.001", **options: Any) -> Token:
        """Create a token with a deep market."""
        return self.world.create_token(
            symbol, decimals=decimals, price=Decimal(price), depth_sol=Decimal(100_000), **options
        )

    def advance(self, span: float) -> None:
        """Let *span* seconds pass."""
        self.time.until(Nanos(self.simulation.clock.now() + seconds(span)))

    def open(self, token: Token, *, spend: str = "1", plan: ExitPlan = PLAN) -> Position:
        """Open a position and return it."""
        order = self.engine.open_position(token.address, lamports(spend), plan, symbol=token.symbol)
        self.advance(3)
        return self.position(order.position_id)

    def price(self, token: Token, price: str, *, settle: float = 3) -> None:
        """Move the market, let the engine see it, and let time pass."""
        self.world.set_price(token.address, Decimal(price))
        now = self.simulation.clock.now()
        self.engine.observe(Tick(mint=token.address, price=float(price), source="test", observed_at=now))
        self.advance(settle)

    def position(self, position_id: PositionId) -> Position:
        """Return a position from the store."""
        position = self.store.position(position_id)
        assert position is not None
        return position

    def exits(self, position: Position) -> list[Order]:
        """Return the exit orders of a position."""
        return [o for o in self.store.orders(position_id=position.id) if o.kind is OrderKind.EXIT]

    def agrees(self) -> None:
        """Assert that the database and the chain agree to the lamport."""
        ledger = read_ledger(self.world.rpc_url, self.simulation.wallet.address)
        assert audit(self.store, ledger, funds=FUNDS).differences == ()


@contextmanager
def running(folder: Path, settings: Settings) -> Iterator[Live]:
    """Run a simulation on a manual clock."""
    simulation = Simulation(
        clock=ManualClock(),
        settings=settings,
        ids=CountedIds(),
        database=folder / "engine.db",
        funds=FUNDS,
        poll_prices=False,
    )
    with simulation:
        live = Live(simulation)
        live.time.rest()
        yield live


@pytest.fixture(params=["v2", "v1"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """Return a running engine, over either of Jupiter's APIs."""
    with running(tmp_path, Settings(jupiter=JupiterSection(api=request.param))) as live:
        yield live


@pytest.mark.parametrize("decimals", [0, 5, 6, 9])
def test_a_position_lives_from_entry_to_close_with_its_own_decimals(live: Live, decimals: int) -> None:
    """Bought, partly sold at its target, closed at its stop; all amounts from the chain, to the lamport."""
    token = live.token(decimals=decimals, price="0.01", token_2022=decimals == 5)
    position = live.open(token, spend="10")
    assert position.decimals == decimals
    assert 0.998 < position.entry_amount_tokens / (1_000 * 10**decimals) <= 1
    live.price(token, "0.0126")
    partly = live.position(position.id)
    assert partly.status is PositionStatus.PARTIAL_EXIT
    assert partly.sold_tokens == position.entry_amount_tokens * 33 // 100
    live.price(token, "0.0079")
    closed = live.position(position.id)
    assert closed.status is PositionStatus.CLOSED
    assert closed.sold_tokens == position.entry_amount_tokens
    assert closed.final_pnl == sum(f.sol for o in live.exits(position) for f in live.store.fills(o.id)) - lamports("10")
    live.agrees()


def test_slippage_on_chain_fails_an_attempt_and_the_retry_tolerates_more(live: Live) -> None:
    """An attempt that the market outruns reverts with 6001, costs its fee alone, and is retried with 300 bps."""
    token = live.token()
    position = live.open(token)
    live.world.market(token.address).drift_after_quote(-200)
    live.price(token, "0.00079", settle=10)
    (order,) = live.exits(position)
    assert (order.status, order.attempt_count) == (OrderStatus.FILLED, 2)
    first, second = live.store.attempts(order.id)
    assert (first.status, first.slippage_bps, second.slippage_bps) == ("reverted", 150, 300)
    assert first.failure is not None
    assert first.failure.code == "6001"
    assert live.position(position.id).fees == sum(f.fee for o in live.store.orders() for f in live.store.fills(o.id))
    live.agrees()


def test_an_exit_that_fails_for_good_is_retried_by_a_person(live: Live) -> None:
    """No route three times: CANCELLED and alerted; when the route is back, Retry sells and resolves the alert."""
    token = live.token()
    position = live.open(token)
    live.world.market(token.address).halt()
    live.price(token, "0.0013", settle=60)
    (failed,) = live.exits(position)
    assert failed.status is OrderStatus.CANCELLED
    assert live.position(position.id).needs_action
    assert [a.alert_type for a in live.store.alerts(unresolved_only=True)] == ["exit_failed_critical"]
    live.world.market(token.address).resume()
    live.engine.retry(failed.id)
    live.advance(3)
    assert live.position(position.id).status is PositionStatus.PARTIAL_EXIT
    assert live.store.alerts(unresolved_only=True) == []
    live.agrees()


def test_an_emergency_exit_of_all_closes_every_position(live: Live) -> None:
    """Every open position is sold at once; the closed ones are left alone."""
    tokens = [live.token(symbol) for symbol in ("A", "B", "C", "D", "E")]
    positions = [live.open(token) for token in tokens]
    live.price(tokens[0], "0.0007")
    outcomes = live.engine.emergency_exit_all()
    assert set(outcomes) == {p.id for p in positions[1:]}
    live.advance(10)
    assert {live.position(p.id).status for p in positions} == {PositionStatus.CLOSED}
    live.agrees()


def test_tokens_the_wallet_holds_already_can_be_guarded(live: Live) -> None:
    """A guard on held tokens takes its cost from the given price, and its stop sells them."""
    token = live.token()
    live.world.fund(live.simulation.wallet.address, tokens={token.address: 5_000_000})
    position = live.engine.guard(token.address, PLAN, price=Decimal("0.001"), symbol="HELD")
    live.advance(1)
    assert (position.entry_amount_tokens, position.entry_amount_sol) == (5_000_000, lamports("0.005"))
    live.price(token, "0.00079")
    assert live.position(position.id).status is PositionStatus.CLOSED


def test_a_token_that_takes_a_fee_of_transfers_is_guarded_by_what_arrived(live: Live) -> None:
    """Of a Token-2022 mint with a transfer fee the position is what reached the wallet, and it sells out."""
    token = live.token(token_2022=True, transfer_fee_bps=200)
    position = live.open(token)
    assert position.entry_amount_tokens < 985_000_000
    live.price(token, "0.0001")
    assert live.position(position.id).status is PositionStatus.CLOSED
    live.agrees()


def _unknown_mint(live: Live) -> object:
    return live.engine.open_position(NO_SUCH_MINT, lamports("1"), PLAN)


def _not_an_address(live: Live) -> object:
    return live.engine.open_position(Mint("not a mint"), lamports("1"), PLAN)


def _too_much(live: Live) -> object:
    return live.engine.open_position(live.token().address, lamports("1000"), PLAN)


def _nothing(live: Live) -> object:
    return live.engine.open_position(live.token().address, lamports("0"), PLAN)


def _no_tokens(live: Live) -> object:
    return live.engine.guard(live.token().address, PLAN, price=Decimal(1))


def _too_many_tokens(live: Live) -> object:
    token = live.token()
    live.world.fund(live.simulation.wallet.address, tokens={token.address: 5})
    return live.engine.guard(token.address, PLAN, price=Decimal(1), amount=RawAmount(6))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (_unknown_mint, NO_SUCH_MINT),
        (_not_an_address, "not a mint"),
        (_too_much, "the wallet holds 50 SOL, and an entry of 1000 SOL needs"),
        (_nothing, "buys nothing"),
        (_no_tokens, "the wallet holds no "),
        (_too_many_tokens, "name an amount above 0 and up to what it holds"),
    ],
)
def test_bad_input_is_refused_in_a_sentence_and_leaves_nothing(
    tmp_path: Path, command: Callable[[Live], object], sentence: str
) -> None:
    """A mint without an account, a wallet without tokens or SOL: one sentence, no order, no position, no swap."""
    with running(tmp_path, Settings()) as live:
        with pytest.raises(BadInputError, match=sentence):
            command(live)
        live.advance(3)
        assert live.store.orders() == []
        assert live.store.positions() == []


def test_commands_for_what_is_not_there_say_so(tmp_path: Path) -> None:
    """An unknown position or order, or one that is closed, is named with its state."""
    with running(tmp_path, Settings()) as live:
        token = live.token()
        position = live.open(token)
        live.price(token, "0.0007")
        with pytest.raises(CommandRefusedError, match=f"position {position.id} is closed"):
            live.engine.exit(position.id)
        with pytest.raises(CommandRefusedError, match="position nobody is not known"):
            live.engine.exit(PositionId("nobody"))
        with pytest.raises(CommandRefusedError, match="order nothing is not known"):
            live.engine.retry(OrderId("nothing"))
        with pytest.raises(CommandRefusedError, match="is not known: only a queued order"):
            live.engine.cancel(OrderId("nothing"))


def test_an_engine_that_stops_and_starts_again_guards_on(tmp_path: Path) -> None:
    """What was open is taken up from the database: the stop fires in the second engine."""
    with running(tmp_path, Settings()) as live:
        token = live.token()
        position = live.open(token)
        live.engine.stop(timeout=1)
        live.engine.system.activity.wait_idle(5)
        again = type(live.engine)(live.engine.ports, live.engine.settings, max_price_age=None, check_interval=None)
        live.simulation.engine = live.engine = again
        again.start()
        live.time.rest()
        live.price(token, "0.0007")
        assert live.position(position.id).status is PositionStatus.CLOSED
        live.agrees()


def test_the_presets_open_positions(tmp_path: Path) -> None:
    """Each preset guards a position as it is."""
    with running(tmp_path, Settings()) as live:
        for name, plan in PRESETS.items():
            assert live.open(live.token(name), plan=plan).plan == plan
