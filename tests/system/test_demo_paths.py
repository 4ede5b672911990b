"""The whole demonstration by the other ways in which the same engine can swap."""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from solders.keypair import Keypair

from chain.audit import read_ledger
from chain.simulated.market import Market
from chain.simulated.tokens import Token
from engine.audit import audit
from engine.cli.demo import FUNDS, Stage
from engine.clock import SystemClock
from engine.config import Settings
from engine.connections import Network
from engine.domain.order import AttemptStatus, OrderKind
from engine.domain.units import lamports
from engine.ids import RandomIds
from engine.simulation import Simulation
from engine.wiring import Ports, on_paper
from tests.system.reasons import EVERY_REASON

PLENTY = 10**15
TWICE_AS_FAST = 2.0


class PaperSimulation(Simulation):
    """A demonstration whose wallet has nothing on the cluster: others hold what it trades on paper."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"funds": lamports(0)})
        self._holder = str(Keypair().pubkey())

    def _connected(self) -> Ports:
        world = self.world
        world.fund(self._holder, lamports=lamports("1000"))
        create = world.create_token

        def create_and_spread(*arguments: Any, **named: Any) -> Token:
            token = create(*arguments, **named)
            world.fund(self._holder, tokens={token.address: PLENTY})
            return token

        world.create_token = create_and_spread  # type: ignore[method-assign]
        paper = self._settings.paper.model_copy(update={"funds": FUNDS / lamports(1), "buyer": self._holder})
        settings = self._settings.model_copy(update={"paper": paper}).at(
            rpc_url=world.rpc_url, ws_url=world.ws_url, jupiter_url=world.jupiter_url
        )
        network = Network(settings, self.clock)
        return on_paper(
            settings, network, clock=self.clock, ids=self._ids, store=self.store, wallet=self.wallet.address
        )


def played(simulation: Simulation) -> None:
    """Play the demonstration on *simulation*, and make sure that it showed every way to leave a position."""
    stage = Stage(simulation, Console(file=io.StringIO()))
    stage.play()
    assert stage.complete
    store = simulation.store
    exits = [order for order in store.orders() if order.kind is OrderKind.EXIT]
    assert {order.exit_reason for order in exits if order.status == "filled"} == EVERY_REASON
    (failed,) = [order for order in exits if order.status == "cancelled"]
    assert [order.status for order in exits if order.retry_of == failed.id] == ["filled"]


@pytest.fixture
def options(tmp_path: Path) -> Any:
    """Return what a demonstration is made with."""
    with closing(SystemClock(speed=TWICE_AS_FAST)) as clock:
        yield {
            "clock": clock,
            "settings": Settings.model_validate({"orders": {"reclaim_after": 3.0}, "prices": {"poll_interval": 0.5}}),
            "ids": RandomIds(),
            "database": tmp_path / "demo.db",
            "funds": FUNDS,
            "poll_prices": True,
        }


def test_the_demonstration_runs_through_the_older_api(options: Any) -> None:
    """Over /swap/v1 and jupiter-python-sdk: every exit, and books that agree with the chain to the lamport."""
    jupiter = options["settings"].jupiter.model_copy(update={"api": "v1"})
    options["settings"] = options["settings"].model_copy(update={"jupiter": jupiter})
    with Simulation(**options) as simulation:
        played(simulation)
        ledger = read_ledger(simulation.world.rpc_url, simulation.wallet.address)
        assert audit(simulation.store, ledger, funds=FUNDS).differences == ()
        venues = {attempt.venue for attempt in simulation.store.attempts()}
    assert all("v1" in venue or venue == "reclaim" for venue in venues)


def test_the_demonstration_runs_on_paper(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every exit is filled at what simulations say, and the wallet never appears on the cluster."""
    hand_out = Market.price_account_for_hand_out

    def drifting_at_once(market: Market) -> Any:
        # On paper nothing is sent, which is when a scripted drift would move the price.
        address = hand_out(market)
        market.transaction_sent([address])
        return address

    monkeypatch.setattr(Market, "price_account_for_hand_out", drifting_at_once)
    with PaperSimulation(**options) as simulation:
        played(simulation)
        ledger = read_ledger(simulation.world.rpc_url, simulation.wallet.address)
        landed = [a for a in simulation.store.attempts() if a.status is AttemptStatus.LANDED]
        assert len(landed) == len([fill for fill in simulation.store.fills() if fill.moved])
        assert (ledger.lamports, dict(ledger.entries)) == (0, {})
