"""The whole engine on paper: real actors, real HTTP, live prices, and not one transaction on the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import pytest

from chain.audit import read_ledger
from chain.simulated.prices.generated import scripted
from chain.simulated.tokens import Token, amount
from engine.app import Engine
from engine.clock import ManualClock
from engine.config import Settings
from engine.domain.order import AttemptStatus, OrderKind, OrderStatus
from engine.domain.plan import ExitPlan, TakeProfit
from engine.domain.position import Position, PositionStatus
from engine.domain.swap import PreparedSwap, SignedSwap
from engine.domain.units import Lamports, Mint, Nanos, PositionId, RawAmount, lamports, seconds
from engine.ids import CountedIds
from engine.messages.prices import Tick
from engine.ports import Signer
from engine.simulation import FastForward, Replay, Simulation
from engine.wiring import Ports
from tests.chain.paper import STAND_IN, STAND_IN_FUNDS, Api, Line, connected, nothing_was_sent

FUNDS = lamports("50")
PLAN = ExitPlan(stop_loss_pct=Decimal(20), take_profits=(TakeProfit(gain_pct=Decimal(25), sell_pct=Decimal(33)),))
PLENTY = 10**15


class _Interrupted:
    """A signer before whose next signatures something happens, once each."""

    def __init__(self, signer: Signer, before: list[Callable[[], None]]) -> None:
        self._signer = signer
        self._before = before

    @property
    def address(self) -> str:
        """The other one's."""
        return self._signer.address

    def sign(self, swap: PreparedSwap) -> SignedSwap:
        """Let the next thing happen, and sign."""
        if self._before:
            self._before.pop(0)()
        return self._signer.sign(swap)


class PaperSimulation(Simulation):
    """An engine whose wallet has nothing on the cluster."""

    def __init__(self, folder: Path, *, api: Api = "v2") -> None:
        super().__init__(
            clock=ManualClock(),
            settings=Settings(),
            ids=CountedIds(),
            database=folder / "paper.db",
            funds=Lamports(0),
            poll_prices=False,
        )
        self._api = api
        self._resources = ExitStack()
        self._line: Line
        self.before_signing: list[Callable[[], None]] = []

    def _connected(self) -> Ports:
        self._line = self._resources.enter_context(connected(self.world, self.clock))
        return self._on_paper(super()._connected())

    def _on_paper(self, ports: Ports) -> Ports:
        paper = self._line.ports(
            store=self.store, ids=ports.ids, wallet=self.wallet.address, funds=FUNDS, api=self._api
        )
        signer = _Interrupted(paper.signer, self.before_signing)
        return replace(ports, venue=paper.venue, signer=signer, chain=paper.chain)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        self._resources.close()

    def restart(self, *, away: float = 0) -> None:
        """Let a new engine take over after *away* seconds: what the ports of the old one remember is lost."""
        self.engine.stop(timeout=0)
        self.engine.system.activity.wait_idle(5)
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(seconds(away))
        ports = self._on_paper(self.engine.ports)
        self.engine = Engine(ports, self.engine.settings, max_price_age=None, check_interval=None)
        self.engine.start()

    def token(self) -> Token:
        """Create a token of which somebody else has plenty."""
        token = self.world.create_token("BONK", decimals=6, price=Decimal("0.001"), depth_sol=Decimal(100_000))
        self.world.fund(str(STAND_IN), tokens={token.address: PLENTY})
        return token

    def price(self, token: Token, price: str, *, settle: float = 3) -> None:
        """Move the market, let the engine see it, and let *settle* seconds pass."""
        self.world.set_price(token.address, Decimal(price))
        now = self.clock.now()
        self.engine.observe(Tick(mint=token.address, price=float(price), source="test", observed_at=now))
        FastForward(self).until(Nanos(now + seconds(settle)))

    def open(self, token: Token, spend: str = "10") -> Position:
        """Open a position and return it."""
        order = self.engine.open_position(token.address, lamports(spend), PLAN, symbol=token.symbol)
        FastForward(self).until(Nanos(self.clock.now() + seconds(3)))
        return self.position(order.position_id)

    def position(self, position_id: PositionId) -> Position:
        """Return a position from the store."""
        position = self.store.position(position_id)
        assert position is not None
        return position

    def balances(self, mint: Mint) -> tuple[Lamports, RawAmount]:
        """Return what the wallet holds by its ports."""
        return self.engine.ports.chain.sol_balance(), self.engine.ports.chain.token_balance(mint)

    def booked(self, mint: Mint) -> tuple[int, int]:
        """Return what the wallet should hold by its fills, of which all are of *mint*."""
        fills = self.store.fills()
        moved = sum(fill.sol - fill.fee - fill.rent for fill in fills)
        return FUNDS + moved, sum(fill.tokens for fill in fills)

    def check_cluster_untouched(self, token: Token) -> None:
        """Assert that neither the wallet nor who stood in for it did anything on the cluster."""
        ledger = read_ledger(self.world.rpc_url, self.wallet.address)
        assert (ledger.entries, ledger.lamports) == ({}, 0)
        assert nothing_was_sent(self.world)
        account = self.world.bank.account(STAND_IN)
        assert account is not None
        assert account.lamports == STAND_IN_FUNDS
        assert amount(self.world.bank, token.account_of(STAND_IN)) == PLENTY


@contextmanager
def running(folder: Path, *, api: Api = "v2") -> Iterator[PaperSimulation]:
    """Run an engine on paper."""
    with PaperSimulation(folder, api=api) as simulation:
        FastForward(simulation).rest()
        yield simulation


@pytest.mark.parametrize("api", ["v2", "v1"])
def test_a_replay_runs_on_paper_from_entry_to_close(tmp_path: Path, api: Api) -> None:
    """Bought, partly sold at its target, closed at its stop: all of it in the books, none of it on the cluster."""
    with running(tmp_path, api=api) as paper:
        token = paper.token()
        path = scripted([(0, 0.001), (20, 0.0013), (60, 0.0007)]).starting(at=paper.clock.now())
        closed = Replay(paper, path, token).run(lamports("10"), PLAN, token.symbol)
        assert closed.status is PositionStatus.CLOSED
        exits = [order for order in paper.store.orders() if order.kind is OrderKind.EXIT]
        assert [order.status for order in exits] == [OrderStatus.FILLED, OrderStatus.FILLED]
        fills = [fill for order in exits for fill in paper.store.fills(order.id)]
        assert closed.entry_amount_tokens == closed.sold_tokens == -sum(fill.tokens for fill in fills)
        assert closed.final_pnl == sum(fill.sol for fill in fills) - lamports("10")
        assert closed.fees == sum(fill.fee for fill in paper.store.fills()) > 0
        assert paper.balances(token.address) == paper.booked(token.address)
        paper.check_cluster_untouched(token)


def test_a_restart_keeps_the_paper_balances(tmp_path: Path) -> None:
    """They are in the store: a second engine holds what the first one bought, and its stop sells that."""
    with running(tmp_path) as paper:
        token = paper.token()
        position = paper.open(token)
        before = paper.balances(token.address)
        assert before[1] == position.entry_amount_tokens > 0
        paper.restart()
        assert paper.balances(token.address) == before == paper.booked(token.address)
        paper.price(token, "0.0007")
        assert paper.position(position.id).status is PositionStatus.CLOSED
        assert paper.balances(token.address) == paper.booked(token.address)
        assert paper.balances(token.address)[1] == 0
        paper.check_cluster_untouched(token)


@pytest.mark.parametrize(
    ("away", "outcomes"),
    [(0, [AttemptStatus.LANDED]), (200, [AttemptStatus.EXPIRED, AttemptStatus.LANDED])],
    ids=["its bytes may still land", "they are dead"],
)
def test_an_exit_whose_verdict_was_lost_is_filled_once(
    tmp_path: Path, away: float, outcomes: list[AttemptStatus]
) -> None:
    """The engine stops between sending and verdict: the next one simulates the bytes anew, or tries the order anew."""
    with running(tmp_path) as paper:
        token = paper.token()
        position = paper.open(token)
        paper.price(token, "0.0007", settle=0)
        (order,) = paper.store.orders(unfinished_only=True)
        assert order.status is OrderStatus.CONFIRMING
        assert paper.balances(token.address)[1] == 0
        paper.restart(away=away)
        assert paper.balances(token.address)[1] == position.entry_amount_tokens
        FastForward(paper).until(Nanos(paper.clock.now() + seconds(30)))
        assert [attempt.status for attempt in paper.store.attempts(order.id)] == outcomes
        assert paper.position(position.id).sold_tokens == position.entry_amount_tokens
        assert paper.balances(token.address) == paper.booked(token.address)
        assert paper.balances(token.address)[1] == 0


def test_attempts_on_paper_carry_no_marker_and_leave_no_rent_behind(tmp_path: Path) -> None:
    """No reclaim is ever ordered for what was never created."""
    with running(tmp_path) as paper:
        token = paper.token()
        paper.open(token)
        paper.price(token, "0.0007")
        FastForward(paper).until(Nanos(paper.clock.now() + seconds(600)))
        assert {attempt.status for attempt in paper.store.attempts()} == {AttemptStatus.LANDED}
        assert [attempt.marker_rent for attempt in paper.store.attempts()] == [0, 0]
        assert {order.kind for order in paper.store.orders()} == {OrderKind.ENTRY, OrderKind.EXIT}


def test_slippage_between_building_and_sending_reverts_on_paper_and_is_retried(tmp_path: Path) -> None:
    """The simulation that stands for landing fails with 6001, costs its fee, and the next attempt tolerates more."""
    with running(tmp_path) as paper:
        token = paper.token()
        position = paper.open(token)
        paper.before_signing.append(lambda: paper.world.set_price(token.address, Decimal("0.00076")))
        paper.price(token, "0.00079")
        FastForward(paper).until(Nanos(paper.clock.now() + seconds(10)))
        (order,) = [order for order in paper.store.orders() if order.kind is OrderKind.EXIT]
        assert (order.status, order.attempt_count) == (OrderStatus.FILLED, 2)
        first, second = paper.store.attempts(order.id)
        assert first.failure is not None
        assert (first.status, first.failure.code, second.slippage_bps) == (AttemptStatus.REVERTED, "6001", 300)
        reverted, sold = paper.store.fills(order.id)
        assert (reverted.tokens, reverted.sol) == (0, 0)
        assert reverted.fee > 0
        assert sold.tokens == -position.entry_amount_tokens
        assert paper.balances(token.address) == paper.booked(token.address)


def test_what_nobody_holds_cannot_be_sold_on_paper_and_the_alert_says_so(tmp_path: Path) -> None:
    """The exit fails for good with one sentence; once somebody holds enough again, a retry sells."""
    with running(tmp_path) as paper:
        token = paper.token()
        position = paper.open(token)
        paper.world.freeze(str(STAND_IN), token.address)
        paper.price(token, "0.0007")
        FastForward(paper).until(Nanos(paper.clock.now() + seconds(60)))
        (alert,) = paper.store.alerts(unresolved_only=True)
        assert f"nobody can stand in for the paper wallet to sell {position.entry_amount_tokens} raw units" in (
            alert.message
        )
        (failed,) = [order for order in paper.store.orders() if order.kind is OrderKind.EXIT]
        paper.world.thaw(str(STAND_IN), token.address)
        paper.engine.retry(failed.id)
        FastForward(paper).until(Nanos(paper.clock.now() + seconds(3)))
        assert paper.position(position.id).status is PositionStatus.CLOSED
