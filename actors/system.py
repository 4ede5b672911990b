"""The actors of one engine: what they run on, and how they find each other.

Actors know each other by name, never by reference: an actor that was restarted is found under its name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog
from pykka import ActorDeadError, ActorRef, Future, Timeout

from actors.failures import Failures
from actors.mailbox import Activity, Mailbox
from engine.domain.errors import EngineError
from engine.domain.units import SECOND, Nanos, seconds
from engine.ports import Bus, Clock, Ids

if TYPE_CHECKING:
    from actors.base import EngineActor

log = structlog.get_logger(__name__)

SUPERVISOR = "supervisor"
FEED = "feed"
ROUTER = "router"
CONFIRMER = "confirmer"
ALERTS = "alerts"
HOLDINGS = "holdings"
HISTORIAN = "historian"
LEASEHOLDER = "leaseholder"
HEARTBEAT = "heartbeat"
PEAKS = "peaks"
LOOKOUT = "lookout"
PULSE = "pulse"
MARKET = "market:"
POSITION = "position:"


def market_name(mint: str) -> str:
    """Return the name of the market of *mint*."""
    return f"{MARKET}{mint}"


def position_name(position_id: str) -> str:
    """Return the name of the actor of a position."""
    return f"{POSITION}{position_id}"


def courier_name(channel: str) -> str:
    """Return the name of the courier of an alert channel."""
    return f"courier:{channel}"


def executor_name(number: int) -> str:
    """Return the name of executor *number*."""
    return f"executor:{number}"


class NotRunningError(EngineError):
    """An actor was asked that is not there."""


class Runtime(Protocol):
    """What actors run on."""

    def launch(self, actor: EngineActor) -> None:
        """Have *actor* handle what comes to its mailbox."""


class Threads:
    """A thread for each actor. They are daemons: whoever stops the engine waits for them by name."""

    def launch(self, actor: EngineActor) -> None:
        """Start the actor's thread."""
        threading.Thread(target=actor.run, name=actor.name, daemon=True).start()


class Steps:
    """No threads at all: whoever holds this lets one actor handle one message at a time."""

    def __init__(self, pick: Callable[[list[EngineActor]], EngineActor] = lambda ready: ready[0]) -> None:
        self._actors: list[EngineActor] = []
        self.pick = pick

    def launch(self, actor: EngineActor) -> None:
        """Take *actor* into the round."""
        self._actors.append(actor)

    def step(self) -> bool:
        """Let one of the actors that have mail handle one message; return whether there was one."""
        self._actors = [actor for actor in self._actors if not actor.actor_stopped.is_set()]
        ready = [actor for actor in self._actors if not actor.actor_inbox.empty()]
        if ready:
            self.pick(ready).handle_next()
        return bool(ready)

    def run(self) -> None:
        """Step until no actor has mail."""
        while self.step():
            pass


class System:
    """One engine's actors, their clock, bus and names."""

    def __init__(self, *, clock: Clock, bus: Bus, ids: Ids, runtime: Runtime | None = None) -> None:
        self.clock = clock
        self.bus = bus
        self.ids = ids
        self.runtime = runtime or Threads()
        self.activity = Activity()
        self.failures = Failures()
        self._refs: dict[str, ActorRef[EngineActor]] = {}
        self._lock = threading.Lock()
        self.dead_letters = 0
        self.looked_at: Nanos | None = None
        """When the supervisor last saw that every actor is there; None before its first look."""

    def spawn(self, name: str, actor: type[EngineActor], **arguments: Any) -> None:
        """Start *actor* under *name*, in the place of one that had the name before."""
        actor.start(self, name, **arguments)

    def enrol(self, name: str, reference: ActorRef[EngineActor]) -> None:
        """Let *reference* be found under *name*; called by an actor as it starts."""
        with self._lock:
            self._refs[name] = reference

    def tell(self, name: str, message: Any) -> bool:
        """Give *message* to the actor of that *name*; return whether there is one that is alive.

        What could not be delivered is counted and logged: what matters was stored before it was told.
        """
        reference = self._refs.get(name)
        try:
            if reference is not None:
                reference.tell(message)
                return True
        except ActorDeadError:
            pass
        self.dead_letters += 1
        log.warning("undelivered", to=name, message=type(message).__name__)
        return False

    def ask(self, name: str, message: Any, *, timeout: float) -> Any:
        """Give *message* to the actor of that *name* and wait at most *timeout* seconds for its answer.

        Only for the edge: an actor that asks can wait for one that waits for it.

        Raises:
            NotRunningError: there is no such actor.
            pykka.Timeout: it did not answer in time; it may still do what it was asked.
        """
        try:
            return self.reference(name).ask(message, timeout=timeout)
        except ActorDeadError:
            raise NotRunningError(f"{name} has stopped") from None

    def ask_each(self, names: Iterable[str], message: Any, *, timeout: float) -> list[Any]:
        """Give *message* to the actors of *names*, and wait at most *timeout* seconds for the answers of all of them.

        Each is told before the first is waited for. Returns, in order, what each answered; where it did not, the
        exception that `ask` would have raised.
        """
        deadline = self.clock.now() + seconds(timeout)
        asked = [(name, self._begin_to_ask(name, message)) for name in names]
        return [self._outcome(name, answer, deadline) for name, answer in asked]

    def _begin_to_ask(self, name: str, message: Any) -> Future[Any] | NotRunningError:
        try:
            return self.reference(name).ask(message, block=False)
        except NotRunningError as error:
            return error

    def _outcome(self, name: str, answer: Future[Any] | NotRunningError, deadline: int) -> Any:
        if isinstance(answer, NotRunningError):
            return answer
        try:
            return answer.get(timeout=max(0, deadline - self.clock.now()) / SECOND)
        except ActorDeadError:
            return NotRunningError(f"{name} has stopped")
        except Exception as error:  # noqa: BLE001 - it is what is returned
            return error

    def reference(self, name: str) -> ActorRef[EngineActor]:
        """Return Pykka's reference to the actor of that *name*; it does not outlive a restart.

        Raises:
            NotRunningError: there is no such actor.
        """
        reference = self._refs.get(name)
        if reference is None:
            raise NotRunningError(f"there is no {name}")
        return reference

    def alive(self, name: str) -> bool:
        """Return whether the actor of that *name* takes messages."""
        reference = self._refs.get(name)
        return reference is not None and reference.is_alive()

    def stuck(self, name: str, limit: Nanos) -> bool:
        """Return whether the actor of that *name* has been at one message for longer than *limit*."""
        reference = self._refs.get(name)
        since = cast("Mailbox", reference.actor_inbox).busy_since if reference is not None else None
        return since is not None and self.clock.now() - since > limit

    def mailbox_depths(self) -> dict[str, int]:
        """Return how many messages wait for each actor, by its name, without asking any."""
        with self._lock:
            references = list(self._refs.items())
        return {name: len(cast("Mailbox", reference.actor_inbox)) for name, reference in references}

    def looked_within(self, span: Nanos) -> bool:
        """Return whether the supervisor saw within the last *span* that every actor is there."""
        return self.looked_at is not None and self.clock.now() - self.looked_at <= span

    def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with *prefix*, in the order in which they were first given."""
        return [name for name in self._refs if name.startswith(prefix)]

    def stop(self, name: str, *, timeout: float = 5.0) -> bool:
        """Stop the actor of that *name* once it has handled its mail, and forget it.

        Return whether it did stop within *timeout* seconds.
        """
        with self._lock:
            reference = self._refs.pop(name, None)
        try:
            if reference is not None:
                reference.stop(block=isinstance(self.runtime, Threads), timeout=timeout)
        except Timeout:
            log.exception("actor_did_not_stop", actor=name)
            return False
        return True

    def dismiss(self, name: str) -> None:
        """Have the actor of that *name* stop after its mail, without waiting for it."""
        with self._lock:
            reference = self._refs.pop(name, None)
        if reference is not None:
            reference.stop(block=False)
