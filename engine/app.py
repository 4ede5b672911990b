"""One running engine: how it starts and stops, and what a person can ask of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pykka
import structlog

from actors.supervisor import Supervisor
from actors.system import (
    ALERTS,
    FEED,
    ROUTER,
    SUPERVISOR,
    NotRunningError,
    System,
    position_name,
)
from actors.tape import PriceTape
from engine.cast import LEASE, Cast
from engine.config import Settings
from engine.domain.alert import Alert
from engine.domain.entries import EntrySwitch, entry_order
from engine.domain.errors import CommandRefusedError, EngineError
from engine.domain.order import Order
from engine.domain.plan import ExitPlan
from engine.domain.position import Position
from engine.domain.units import AlertId, Lamports, Mint, Nanos, OrderId, PositionId, RawAmount, seconds
from engine.guard import Desk, Wanted, taken_together
from engine.messages.alerts import AcknowledgeAlert
from engine.messages.control import (
    ChangePlan,
    Drain,
    EmergencyExit,
    ExitPosition,
    ReleasePosition,
    RetryExit,
    Snapshot,
)
from engine.messages.orders import CancelOrder, PlaceEntry, PositionOpened
from engine.messages.prices import Tick, TickObserved
from engine.metrics.metrics import Metrics
from engine.wiring import Ports

log = structlog.get_logger(__name__)

ASK_TIMEOUT = 10.0
LAUNCH_TIMEOUT = 1.0
START_TIMEOUT = 30.0
_HURRY_INTERVAL = 0.1


class Engine:
    """One running engine: what starts, in which order, and what a person can ask of it.

    Every command raises `CommandRefusedError` where it does not fit the state of things, `BadInputError` where what
    was given is wrong, `NotRunningError` where the actor that it is for does not run, and `pykka.Timeout` where the
    engine does not answer: it may then still do what it was told.

    Args:
        ports: the outside.
        settings: what can be set.
        max_price_age: the oldest price that may move a position; None for any, where prices come from a recording.
        check_interval: how often the supervisor looks for dead actors; None for never.
    """

    def __init__(
        self,
        ports: Ports,
        settings: Settings,
        *,
        max_price_age: Nanos | None,
        check_interval: Nanos | None = seconds(0.5),
    ) -> None:
        self.ports = ports
        self.settings = settings
        self.policies = settings.orders.policies()
        self.system = System(clock=ports.clock, bus=ports.bus, ids=ports.ids)
        self.metrics = Metrics(
            clock=ports.clock,
            bus=ports.bus,
            store=ports.store,
            chain=ports.chain,
            mailboxes=self.system,
            traffic=ports.traffic,
        )
        self.tape = PriceTape()
        """What prices did lately; nothing is written on it in a replay."""
        self._ends: list[Callable[[], None]] = []
        """What ends its subscriptions to the bus."""
        self.started_at: Nanos | None = None
        """When it was started last; None before."""
        self._max_price_age = max_price_age
        self._check_interval = check_interval
        self._guarding = threading.Lock()
        """Held while tokens are taken under guard: two that look at the wallet at once would both take the same."""
        self._switching = threading.Lock()
        """Held while entries are paused or resumed, so that each change is told of once."""
        # The same after a restart: where a lease outlives its process, its holder takes it up again at once.
        self._holder = socket.gethostname()

    def start(self) -> None:
        """Start every actor and return once they run; what the store holds is taken up where it stands.

        Raises:
            LeaseError: another engine works for the wallet; nothing was started.
        """
        ports = self.ports
        self.started_at = ports.clock.now()
        ports.store.acquire_lease(ports.signer.address, self._holder, now=ports.clock.now(), ttl=LEASE)
        self.metrics.start()
        if self._check_interval is not None:
            self._ends.append(ports.bus.subscribe("price.*.tick", self.tape.hear))
        cast = Cast(
            ports=ports,
            settings=self.settings,
            tape=self.tape,
            holder=self._holder,
            max_price_age=self._max_price_age,
            supervised=self._check_interval is not None,
        )
        self.system.spawn(
            SUPERVISOR,
            Supervisor,
            children=cast.children(),
            store=self.ports.store,
            policies=self.policies,
            max_price_age=self._max_price_age,
            check_interval=self._check_interval,
        )
        # The answer comes after the supervisor's first message, by which it starts the others.
        self.system.ask(SUPERVISOR, Snapshot(), timeout=START_TIMEOUT)

    def stop(self, *, timeout: float = 30.0, hurry: threading.Event | None = None) -> bool:
        """Drain and stop; return whether every swap in flight was resolved within *timeout* seconds.

        What was not is recorded, and taken up by the next start. Once *hurry* is set nothing is waited for.
        """
        drained = threading.Event()
        end = self.ports.bus.subscribe("engine.drained", lambda _subject, _data: drained.set())
        self.system.tell(ROUTER, Drain())
        resolved = self._wait_drained(drained, timeout, hurry or threading.Event())
        end()
        stopped = [self.system.stop(name) for name in [SUPERVISOR, *reversed(self.system.names())]]
        self.metrics.stop()
        while self._ends:
            self._ends.pop()()
        if all(stopped):  # what still runs would write without the lease; it ends with the process otherwise
            self.ports.store.release_lease(self.ports.signer.address, self._holder)
        if not resolved:
            log.warning("stopped_with_swaps_in_flight")
        return resolved

    def _wait_drained(self, drained: threading.Event, timeout: float, hurry: threading.Event) -> bool:
        left = timeout
        while left > 0 and not hurry.is_set() and not drained.wait(min(left, _HURRY_INTERVAL)):
            left -= _HURRY_INTERVAL
        return drained.is_set()

    # What a person can ask --------------------------------------------------------------------------------

    def open_position(self, mint: Mint, spend: Lamports, plan: ExitPlan, *, symbol: str | None = None) -> Order:
        """Buy *mint* for *spend* lamports; once filled, the tokens are guarded by *plan*. Return the entry order.

        Refused while entries are paused.
        """
        token = self.ports.chain.token(mint)
        for warning in token.warnings:
            log.warning("token_warning", mint=mint, warning=warning)
        order = entry_order(
            token,
            symbol or mint[:6],
            spend,
            plan,
            order_id=OrderId(self.ports.ids.new("entry")),
            position_id=PositionId(self.ports.ids.new("pos")),
            wallet_sol=self.ports.chain.sol_balance(),
            policies=self.policies,
            now=self.ports.clock.now(),
            marker_seed=self.ports.ids.seed(),
        )
        if self.entries_paused:  # after the chain has answered, which takes a while: a pause in the meantime holds
            raise CommandRefusedError("entries are paused: resume them first")
        placed = self.system.ask(ROUTER, PlaceEntry(order=order), timeout=ASK_TIMEOUT)
        assert isinstance(placed, Order)
        return placed

    @property
    def entries_paused(self) -> bool:
        """Whether no position is to be opened; it holds across restarts."""
        switch = self.ports.store.entry_switch(self.ports.signer.address)
        return switch is not None and switch.paused

    def pause_entries(self) -> None:
        """Open no position until entries are resumed; exits go on, and so do entries that were placed before."""
        self._switch_entries(paused=True)

    def resume_entries(self) -> None:
        """Open positions again."""
        self._switch_entries(paused=False)

    def _switch_entries(self, *, paused: bool) -> None:
        ports = self.ports
        with self._switching:
            if paused is self.entries_paused:
                return
            ports.store.commit(EntrySwitch(wallet=ports.signer.address, paused=paused, updated_at=ports.clock.now()))
            log.warning("entries_paused" if paused else "entries_resumed", by="a person")
            ports.bus.publish("engine.entries_paused" if paused else "engine.entries_resumed", {})

    def guard(
        self,
        mint: Mint,
        plan: ExitPlan,
        *,
        price: Decimal | None = None,
        amount: Decimal | RawAmount | None = None,
        symbol: str | None = None,
    ) -> Position:
        """Guard *amount* tokens that the wallet holds already, bought at *price* SOL per whole token.

        The amount is whole tokens, or an int of raw units. Without one, all that is not guarded yet; without a price,
        at that of the moment.
        """
        wanted = Wanted(mint=mint, plan=plan, amount=amount, entry_price=price, symbol=symbol)
        (position,) = self._take(lambda desk: [desk.position(wanted)])
        return position

    def guard_all(self, tokens: Sequence[Wanted]) -> list[Position]:
        """Guard what each of *tokens* asks for, all of it or, where one makes no sense, nothing.

        Raises:
            BadInputError: some make no sense: each is named by its index in *tokens*, and by its field.
        """
        return self._take(lambda desk: taken_together(desk, tokens))

    def _take(self, positions_at: Callable[[Desk], list[Position]]) -> list[Position]:
        """Guard what *positions_at* finds at the desk: in one commit, and nobody else beside it."""
        ports = self.ports
        if not self._guarding.acquire(timeout=ASK_TIMEOUT):
            raise CommandRefusedError("other tokens are being taken under guard: try again when they are")
        try:
            positions = positions_at(Desk(ports.chain, ports.store, ports.sources, clock=ports.clock, ids=ports.ids))
            ports.store.commit(*positions)
        finally:
            self._guarding.release()
        for position in positions:
            self.system.tell(SUPERVISOR, PositionOpened(position=position))
        return positions

    def exit(self, position_id: PositionId, percent: Decimal = Decimal(100)) -> Order | OrderId:
        """Sell *percent* (10 to 100) of what remains; return the order, or the id of the one it must wait for."""
        answer: Order | OrderId = self._ask_position(position_id, ExitPosition(percent=percent))
        return answer

    def emergency_exit(self, position_id: PositionId) -> Order | OrderId:
        """Sell everything before anything else; return the order, or the id of the one it must wait for."""
        answer: Order | OrderId = self._ask_position(position_id, EmergencyExit())
        return answer

    def emergency_exit_all(self) -> dict[PositionId, Order | OrderId | Exception]:
        """Order an emergency exit of every open position; return what came of each, an error where it failed.

        All are told before the first is waited for: one that fails or does not answer keeps no other waiting.
        """
        ids = [position.id for position in self.ports.store.positions(open_only=True)]
        self._let_guards_start(ids)
        answers = self.system.ask_each(map(position_name, ids), EmergencyExit(), timeout=ASK_TIMEOUT)
        outcomes: dict[PositionId, Order | OrderId | Exception] = dict(zip(ids, answers, strict=True))
        for position_id, outcome in outcomes.items():
            if isinstance(outcome, EngineError):
                log.error("emergency_exit_refused", position_id=position_id, error=str(outcome))
            elif isinstance(outcome, Exception):
                log.error("emergency_exit_failed", position_id=position_id, exc_info=outcome)
        return outcomes

    def retry(self, order_id: OrderId, *, everything: bool = False) -> Order:
        """Try an exit that failed for good once more, at its amount or for *everything* that remains."""
        failed = self.ports.store.order(order_id)
        if failed is None:
            raise CommandRefusedError(f"order {order_id} is not known")
        answer = self._ask_position(failed.position_id, RetryExit(failed=failed, everything=everything))
        assert isinstance(answer, Order)
        return answer

    def cancel(self, order_id: OrderId) -> Order:
        """Take a queued order back."""
        answer = self.system.ask(ROUTER, CancelOrder(order_id=order_id), timeout=ASK_TIMEOUT)
        assert isinstance(answer, Order)
        return answer

    def release(self, position_id: PositionId) -> Position:
        """Give up a position's failed exit and guard it on."""
        answer = self._ask_position(position_id, ReleasePosition())
        assert isinstance(answer, Position)
        return answer

    def change_plan(self, position_id: PositionId, plan: ExitPlan) -> Position:
        """Guard an open position by *plan* from now on; see `engine.domain.replanning.replanned`.

        A rule that its last price touches already fires at once.
        """
        answer = self._ask_position(position_id, ChangePlan(plan=plan))
        assert isinstance(answer, Position)
        return answer

    def acknowledge(self, alert_id: AlertId) -> Alert:
        """Note that a person has seen an alert."""
        answer = self.system.ask(ALERTS, AcknowledgeAlert(alert_id=alert_id), timeout=ASK_TIMEOUT)
        assert isinstance(answer, Alert)
        return answer

    def newest_prices(self) -> dict[Mint, Tick]:
        """Return the newest good price of every mint that has one."""
        newest: dict[Mint, Tick] = self.system.ask(FEED, Snapshot(), timeout=ASK_TIMEOUT)["newest"]
        return newest

    def observe(self, tick: Tick) -> None:
        """Let the feed see a price."""
        self.system.tell(FEED, TickObserved(tick=tick))

    def _ask_position(self, position_id: PositionId, message: object) -> Any:
        name = position_name(position_id)
        self._let_guards_start([position_id])
        if not self.system.alive(name):
            known = self.ports.store.position(position_id)
            if known is None:
                raise CommandRefusedError(f"position {position_id} is not known")
            if known.closed:
                raise CommandRefusedError(f"position {position_id} is {known.status}")
            raise NotRunningError(
                f"position {position_id} is {known.status}, and its actor does not run: it is started within a second, "
                "unless an alert says that it was set aside; try again, and restart the engine if that does not help"
            )
        return self.system.ask(name, message, timeout=ASK_TIMEOUT)

    def _let_guards_start(self, position_ids: Iterable[PositionId]) -> None:
        """Let the supervisor come to what it was told: a position that was opened a moment ago has no actor yet."""
        if not all(self.system.alive(position_name(each)) for each in position_ids):
            with suppress(pykka.Timeout, NotRunningError):  # whoever asks a position without one is told so
                self.system.ask(SUPERVISOR, Snapshot(), timeout=LAUNCH_TIMEOUT)
