"""What every actor of the engine is: guarded, named, with a mailbox that never loses its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, cast

import pykka
import structlog
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.failures import LIMIT, REST, matter_of
from actors.mailbox import Mailbox
from actors.system import ALERTS, System
from engine.domain.alert import Alert, Severity
from engine.domain.units import SECOND, AlertId, Nanos
from engine.domain.urgency import Urgency
from engine.messages.alerts import RaiseAlert, ResolveAlerts
from engine.ports import Timer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """To an actor, as its first message: set yourself up. An error here costs no more than any other."""

    urgency: Urgency = Urgency.VERDICT


class EngineActor(pykka.ThreadingActor):
    """An actor whose handlers are guarded: an error costs one message, never the actor and never the system.

    That holds for a `BaseException` as well: a panic out of native code derives from it, and Pykka would
    answer one by stopping every actor.
    """

    rebuilt_after_errors: ClassVar[bool] = False
    """Whether an error in a handler costs the actor as well: for one whose memory must agree with the store."""

    def __init__(self, system: System, name: str) -> None:
        super().__init__()
        self.system = system
        self.name = name
        self.mailbox.activity = system.activity
        self.log = structlog.get_logger(name.partition(":")[0]).bind(actor=name)

    @staticmethod
    def _create_actor_inbox() -> Any:
        return Mailbox()

    @property
    def mailbox(self) -> Mailbox:
        """The actor's mailbox."""
        return cast("Mailbox", self.actor_inbox)

    def _start_actor_loop(self) -> None:
        self.system.enrol(self.name, self.actor_ref)
        self.mailbox.put(Envelope(Started()))
        self.system.runtime.launch(self)

    def run(self) -> None:
        """Handle mail until stopped: what the actor's thread does."""
        while not self.actor_stopped.is_set():
            self.handle_next()

    def handle_next(self) -> None:
        """Handle the next message, whatever comes of it."""
        envelope = self.actor_inbox.get()
        self.mailbox.busy_since = self.now()
        try:
            if envelope.reply_to is not None:
                self._answer(envelope)
            elif not self.system.failures.set_aside(self.name, envelope.message, self.now()):
                self._handle_told(envelope.message)
        finally:
            self.mailbox.busy_since = None
            if self.actor_stopped.is_set():
                self._lay_down_mail()
            self.mailbox.activity.done()

    def _answer(self, envelope: Envelope[Any]) -> None:
        assert envelope.reply_to is not None
        try:
            answer = self._handle_receive(envelope.message)
        except BaseException:  # noqa: BLE001 - see the class
            envelope.reply_to.set_exception()
        else:
            envelope.reply_to.set(answer)

    def _handle_told(self, message: Any) -> None:
        try:
            self._handle_receive(message)
        except BaseException as error:  # noqa: BLE001 - see the class
            self._failed(message, error)
            if isinstance(message, Started) or self.rebuilt_after_errors:
                self._stop()  # what it holds may be half of the truth: the supervisor starts another from the store
        else:
            if self.system.failures.handled(self.name, message):
                self.tell(ALERTS, ResolveAlerts(dedupe_key=self._failing_key(message)))

    def _lay_down_mail(self) -> None:
        for envelope in self.mailbox.close():
            if not isinstance(envelope.message, _ActorStop):
                self.log.warning("undelivered", message=type(envelope.message).__name__)

    def _failed(self, message: Any, error: BaseException) -> None:
        kind = type(message).__name__
        self.log.error("handler_failed", message=kind, exc_info=error)
        self.publish("engine.message_failed", actor=self.name, message=kind, error=repr(error))
        if self.system.failures.failed(self.name, message, self.now()) == LIMIT and self.name != ALERTS:
            self._tell_of_failing(message, error)

    def _tell_of_failing(self, message: Any, error: BaseException) -> None:
        matter, kind = matter_of(message), type(message).__name__
        fate = f"It is set aside, and tried every {REST // SECOND} s" if matter else "The next one is tried"
        self.alert(
            "message_failed",
            Severity.CRITICAL,
            "A MESSAGE FAILS AGAIN AND AGAIN - Manual action required",
            f"{self.name} failed {LIMIT} times in a row at {kind}: {error!r}. {fate}.",
            data={"actor": self.name, "message": kind, "matter": matter or ""},
            requires_action=True,
            dedupe_key=self._failing_key(message),
        )

    def _failing_key(self, message: Any) -> str:
        return f"message_failed_{self.name}_{type(message).__name__}_{matter_of(message) or ''}"

    def on_receive(self, message: Any) -> Any:
        """Bind the actor's name to every log line of the handler, and handle *message*."""
        with structlog.contextvars.bound_contextvars(actor=self.name):
            return self.started() if isinstance(message, Started) else self.receive(message)

    def started(self) -> None:
        """Set up what needs other actors, timers or the store; called as the first message."""

    def receive(self, message: Any) -> Any:
        """Handle *message*; what is returned answers whoever asked."""
        raise TypeError(f"{self.name} does not take {message!r}")

    def tell(self, name: str, message: Any) -> bool:
        """Give *message* to the actor of that *name*."""
        return self.system.tell(name, message)

    def now(self) -> Nanos:
        """Return the engine's time."""
        return self.system.clock.now()

    def tell_self_at(self, at: Nanos, message: Any) -> Timer:
        """Have *message* come to this actor at *at*."""
        return self.system.clock.call_at(at, lambda: None if self.actor_stopped.is_set() else self._remind(message))

    def _remind(self, message: Any) -> None:
        self.tell(self.name, message)

    def alert(
        self,
        alert_type: str,
        severity: Severity,
        title: str,
        message: str,
        *,
        dedupe_key: str,
        data: Mapping[str, str] = MappingProxyType({}),
        requires_action: bool = False,
    ) -> None:
        """Raise an alert that needs no record of its own in the store first; see `engine.domain.alert.Alert`."""
        now = self.now()
        alert = Alert(
            id=AlertId(self.system.ids.new("alert")),
            alert_type=alert_type,
            severity=severity,
            title=title,
            message=message,
            data=data,
            requires_action=requires_action,
            dedupe_key=dedupe_key,
            raised_at=now,
            updated_at=now,
        )
        self.tell(ALERTS, RaiseAlert(alert=alert))

    def publish(self, subject: str, **data: Any) -> None:
        """Publish what this actor did."""
        self.system.bus.publish(subject, data)
