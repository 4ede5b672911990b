"""The demonstration: a wallet on an embedded cluster, seven tokens, and every way to leave a position."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.live import Live

from chain.audit import read_ledger
from chain.simulated.prices.generated import scripted
from chain.simulated.prices.playback import Playback
from engine import logs
from engine.audit import audit
from engine.cli.console import output
from engine.cli.demo_console import SideConsole, beside
from engine.cli.summary import print_summary
from engine.cli.tables import live_view
from engine.clock import SystemClock
from engine.config import Settings, load
from engine.domain.errors import BadInputError, CommandRefusedError, EngineError
from engine.domain.order import OrderStatus
from engine.domain.plan import ExitPlan, Stagnation, TakeProfit, TrailingStop
from engine.domain.units import Mint, Nanos, OrderId, PositionId, lamports, seconds
from engine.ids import RandomIds
from engine.simulation import Simulation
from engine.store.filelock import FileLock

log = structlog.get_logger(__name__)

FUNDS = lamports("100")
FRAME = seconds(0.25)
TIME_LIMIT = 90.0
"""Seconds after which the demonstration gives up."""
OVERREACH = -2_500
"""Basis points by which the price runs away from the exit that is to fail for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One token of the demonstration: its plan, and its price as multiples of the first over seconds."""

    symbol: str
    story: str
    decimals: int
    price: str
    spend: str
    plan: ExitPlan
    path: tuple[tuple[float, float], ...]
    token_2022: bool = False


def _plan(stop: int, *levels: tuple[int, int], **rules: Any) -> ExitPlan:
    profits = tuple(TakeProfit(gain_pct=Decimal(gain), sell_pct=Decimal(sell)) for gain, sell in levels)
    return ExitPlan(stop_loss_pct=Decimal(stop), take_profits=profits, **rules)


_TRAIL = TrailingStop(activation_pct=Decimal(30), trail_pct=Decimal(12))

ACTS = (
    Act(
        symbol="BONK",
        story="two take profits, then the trailing stop",
        decimals=5,
        price="0.0000001",
        spend="5",
        plan=_plan(20, (25, 33), (50, 50), trailing=_TRAIL),
        path=((0, 1), (6, 1.3), (9, 1.28), (14, 1.6), (17, 1.65), (26, 1.3), (60, 1.25)),
    ),
    Act(
        symbol="WIF",
        story="falls through its stop loss",
        decimals=6,
        price="0.012",
        spend="4",
        plan=_plan(15, (40, 100)),
        path=((0, 1), (4, 1.03), (12, 0.8), (60, 0.75)),
    ),
    Act(
        symbol="POPCAT",
        story="goes nowhere until its time limit",
        decimals=9,
        price="0.002",
        spend="3",
        plan=_plan(20, (30, 100), max_hold=seconds(22)),
        path=((0, 1), (6, 1.04), (12, 0.95), (60, 1.02)),
    ),
    Act(
        symbol="PENGU",
        story="stagnates (a Token-2022 mint)",
        decimals=6,
        price="0.0001",
        spend="2",
        plan=_plan(20, (30, 100), stagnation=Stagnation(band_pct=Decimal(3), window=seconds(16))),
        path=((0, 1), (20, 1.01), (60, 1.01)),
        token_2022=True,
    ),
    Act(
        symbol="WEN",
        story="its take profit fails for good; a person retries it",
        decimals=5,
        price="0.0000004",
        spend="4",
        plan=_plan(25, (20, 60), (80, 100)),
        path=((0, 1), (5, 1.22), (60, 1.28)),
    ),
    Act(
        symbol="NUGGET",
        story="whole tokens only; a person sells 40 %, then its stop loss",
        decimals=0,
        price="0.01",
        spend="3",
        plan=_plan(12, (50, 100)),
        path=((0, 1), (10, 1.1), (24, 1.05), (30, 0.85), (60, 0.8)),
    ),
    Act(
        symbol="GIGA",
        story="a person gets out by an emergency exit",
        decimals=6,
        price="0.0005",
        spend="2",
        plan=_plan(30, (100, 100)),
        path=((0, 1), (20, 1.15), (34, 0.9), (60, 0.85)),
    ),
)


def run_demo(
    *, config: Path | None, database: Path, dumps: Path | None, log_level: str, log_file: Path, keep: bool = False
) -> int:
    """Run the demonstration, print its summary, and return the exit code.

    With *keep* the engine and its console stay after that, until Ctrl-C.
    """
    settings = beside(_hurried(load(config)), database)
    _replace(database)
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("w", encoding="utf-8") as log, _clock() as clock:
        logs.configure(level=log_level, stream=log)
        console = output()
        console.print("Starting an embedded Solana cluster, a Jupiter-compatible API and the engine ...")
        simulation = Simulation(
            clock=clock,
            settings=settings,
            ids=RandomIds(),
            database=database,
            funds=FUNDS,
            poll_prices=True,
            dumps=dumps,
        )
        with simulation, SideConsole(simulation.engine, partial(_tell, console)):
            stage = Stage(simulation, console)
            stage.play()
            outcome = audit(
                simulation.store, read_ledger(simulation.world.rpc_url, simulation.wallet.address), funds=FUNDS
            )
            print_summary(console, simulation.store, outcome, elapsed=clock.now() - stage.begun)
            if keep:
                _tell(console, "The engine and its console stay until Ctrl-C.")
                _until_interrupted()
    console.print(f"\nEvery order's history: {_python()} run.py orders --database {database}\nThe log: {log_file}")
    return 0 if outcome.agrees and stage.complete else 1


def _tell(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _until_interrupted() -> None:
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _python() -> str:
    """Return what a person types to run this Python from here."""
    here, python = Path.cwd(), Path(sys.executable)
    return str(python.relative_to(here)) if python.is_relative_to(here) else "python"


def _hurried(settings: Settings) -> Settings:
    """Return *settings* with quick polling and reclaiming, unless the file says otherwise."""
    sections = {"prices": {"poll_interval": 0.5}, "orders": {"reclaim_after": 3.0}}
    hurried = {
        name: getattr(settings, name).model_copy(update=values)
        for name, values in sections.items()
        if name not in settings.model_fields_set
    }
    return settings.model_copy(update=hurried)


@contextmanager
def _clock() -> Iterator[SystemClock]:
    clock = SystemClock()
    try:
        yield clock
    finally:
        clock.close()


def _replace(database: Path) -> None:
    """Make way for a new database: the cluster that an old one speaks of is gone.

    Raises:
        BadInputError: it is something else.
        LeaseError: a demonstration is running on it.
    """
    if not database.exists():
        return
    if database.read_bytes()[:16] != b"SQLite format 3\0":
        raise BadInputError(f"{database} is not a database of Ripcord: name another file with --database")
    lock = FileLock(database.with_name(database.name + ".lock"))
    lock.take("the demonstration", of=str(database))
    for leftover in (database, *(database.with_name(database.name + end) for end in ("-wal", "-shm"))):
        leftover.unlink(missing_ok=True)
    lock.release()


class Stage:
    """Moves the markets, plays the person at the console, and shows what happens."""

    def __init__(self, simulation: Simulation, console: Console) -> None:
        self._simulation = simulation
        self._console = console
        self._positions: dict[str, PositionId] = {}
        self._mints: dict[str, Mint] = {}
        self._playbacks: list[Playback] = []
        self._deeds = [_Deed(9.0, self._sell_some), _Deed(30.0, self._get_out)]
        self._retried = False
        self.begun = simulation.clock.now()
        self.complete = False

    def play(self) -> None:
        """Open the positions and play until every one is closed."""
        self._open_positions()
        self.begun = self._simulation.clock.now()
        self._let_prices_move()
        terminal = sys.stdout.isatty()
        view = Live(self._render(), console=self._console, auto_refresh=False, transient=True) if terminal else None
        if view is None:
            self._print_events()
        with view or nullcontext():
            while not self.complete and self._elapsed() < TIME_LIMIT:
                self._act()
                if view is not None:
                    view.update(self._render(), refresh=True)
        for playback in self._playbacks:
            playback.stop()
        store = self._simulation.store
        if self.complete:
            self._wait(lambda: not store.markers() and not store.orders(unfinished_only=True), "the markers' rent")

    def _open_positions(self) -> None:
        world, engine = self._simulation.world, self._simulation.engine
        for act in ACTS:
            token = world.create_token(
                act.symbol,
                decimals=act.decimals,
                price=Decimal(act.price),
                depth_sol=Decimal(2_000),
                token_2022=act.token_2022,
            )
            mint = token.address
            order = engine.open_position(mint, lamports(act.spend), act.plan, symbol=act.symbol)
            self._positions[act.symbol] = order.position_id
            self._mints[act.symbol] = mint
        self._wait(lambda: len(self._simulation.store.positions()) == len(ACTS), "the entries to be filled")
        world.market(self._mints["WEN"]).drift_after_quote(
            OVERREACH, times=self._simulation.engine.policies.exits.max_attempts
        )

    def _let_prices_move(self) -> None:
        clock, world = self._simulation.clock, self._simulation.world
        for act in ACTS:
            path = scripted(act.path, step=Nanos(FRAME)).starting(at=self.begun, price=float(act.price))
            playback = Playback(clock, path, partial(world.set_price, self._mints[act.symbol]))
            playback.start()
            self._playbacks.append(playback)

    def _act(self) -> None:
        for deed in self._deeds:
            deed.do(self._elapsed())
        self._retry_what_failed()
        self._pause(FRAME)
        self.complete = not self._simulation.store.positions(open_only=True)

    # The person at the console ----------------------------------------------------------------------------

    def _sell_some(self) -> None:
        self._simulation.engine.exit(self._positions["NUGGET"], Decimal(40))

    def _get_out(self) -> None:
        self._simulation.engine.emergency_exit(self._positions["GIGA"])

    def _retry_what_failed(self) -> None:
        """Retry the exit that failed for good; once that is through, sell the rest of it by hand."""
        store, engine = self._simulation.store, self._simulation.engine
        wen = store.position(self._positions["WEN"])
        if wen is None or wen.closed:
            return
        if wen.needs_action and wen.active_exit is not None and not self._retried:
            self._retried = True
            self._retry(wen.active_exit.order_id, wen.updated_at)
        elif self._retried and wen.sold_tokens and wen.active_exit is None:
            _unless_refused(lambda: engine.exit(wen.id))

    def _retry(self, order_id: OrderId, failed_at: Nanos) -> None:
        """A person needs a moment to read the alert."""
        engine = self._simulation.engine
        self._deeds.append(_Deed((failed_at - self.begun) / 1e9 + 4.0, lambda: engine.retry(order_id)))

    # Showing ----------------------------------------------------------------------------------------------

    def _render(self) -> Any:
        feed = self._simulation.engine.newest_prices()
        return live_view(self._simulation.store, feed, ACTS, elapsed=self._elapsed(), now=self._simulation.clock.now())

    def _print_events(self) -> None:
        """Where there is no terminal, say what happens line by line."""
        for act in ACTS:
            self._console.print(f"  {act.symbol:<7} {act.spend:>2} SOL: {act.story}", highlight=False)

        def show(subject: str, data: Any) -> None:
            order = data.get("order")
            what = subject.rpartition(".")[2]
            if order is not None and (order.status is not OrderStatus.PENDING or order.attempt_count == 0):
                reason = str(order.exit_reason or order.kind).replace("_", " ")
                line = f"{self._elapsed():5.1f} s  {order.symbol:<7} {reason:<14} {what}"
                trouble = order.last_error if order.status in (OrderStatus.FAILED, OrderStatus.CANCELLED) else ""
                self._console.print(f"{line:<46} {trouble}".rstrip(), highlight=False, markup=False, soft_wrap=True)

        self._simulation.engine.ports.bus.subscribe("order.>", show)

    # Time -------------------------------------------------------------------------------------------------

    def _elapsed(self) -> float:
        return (self._simulation.clock.now() - self.begun) / 1e9

    def _pause(self, span: Nanos) -> None:
        come = threading.Event()
        clock = self._simulation.clock
        clock.call_at(Nanos(clock.now() + span), come.set)
        come.wait()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        limit = self._simulation.clock.now() + seconds(TIME_LIMIT)
        while not condition():
            if self._simulation.clock.now() > limit:
                raise EngineError(f"waited {TIME_LIMIT:.0f} s in vain for {what}: see the log")
            self._pause(FRAME)


class _Deed:
    """Something that a person does once, at a time."""

    def __init__(self, at: float, action: Callable[[], object]) -> None:
        self._at = at
        self._action: Callable[[], object] | None = action

    def do(self, elapsed: float) -> None:
        if self._action is not None and elapsed >= self._at:
            action, self._action = self._action, None
            _unless_refused(action)


def _unless_refused(action: Callable[[], object]) -> None:
    """Do something that whoever sits at the console may have done already."""
    try:
        action()
    except CommandRefusedError as error:
        log.info("deed_refused", error=str(error))
