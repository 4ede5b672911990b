"""The confirmer finds out what became of every attempt: it landed, it reverted, or it is proven dead.

It polls in batches and sends the recorded bytes again until the network has them. Proof of death, in this order:
the finalized block height is past the attempt's last valid one, and then the same node, asked to search its whole
history, does not know the signature. A time-out proves nothing, nor does "not found" before that height. What stays
unknown for long is an alert, and stays watched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, ROUTER, System
from engine.domain.alert import Alert, Severity
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.order import Attempt
from engine.domain.swap import SignatureStatus, SwapFailure
from engine.domain.units import AlertId, Nanos, Signature, seconds
from engine.messages.alerts import RaiseAlert, ResolveAlerts
from engine.messages.control import Reconcile, Reconciled, Snapshot
from engine.messages.swaps import AttemptExpired, AttemptLanded, AttemptReverted, SignatureSeen, WatchAttempt
from engine.ports import Chain

BATCH = 256
"""The most signatures that getSignatureStatuses takes."""
ALERT_AFTER = seconds(90)
"""How long an attempt may stay unknown before a person hears of it; a blockhash lives for about half of that."""
BLIND_AFTER = seconds(10)
"""How long the chain may be unreadable before a person hears of it."""
_BLIND = "chain_unreadable"


@dataclass(frozen=True, slots=True)
class _Watched:
    attempt: Attempt
    since: Nanos
    sent_at: Nanos
    alerted: bool = False


@dataclass(frozen=True, slots=True)
class _Poll:
    pass


class Confirmer(EngineActor):
    """Watches every unresolved signature. See the module."""

    def __init__(
        self,
        system: System,
        name: str,
        *,
        chain: Chain,
        poll_interval: Nanos = seconds(0.5),
        rebroadcast_interval: Nanos = seconds(1),
    ) -> None:
        super().__init__(system, name)
        self._chain = chain
        self._poll_interval = poll_interval
        self._rebroadcast_interval = rebroadcast_interval
        self._watched: dict[Signature, _Watched] = {}
        self._polling = False
        self._blind_since: Nanos | None = None
        self._blind_alerted = False

    def receive(self, message: Any) -> Any:
        """Watch one more attempt, or look after those that are watched."""
        match message:
            case WatchAttempt(attempt=attempt):
                now = self.now()
                self._watched.setdefault(attempt.signature, _Watched(attempt, since=now, sent_at=now))
                self._poll_later()
            case SignatureSeen(signature=signature):
                if signature in self._watched:
                    self._look([signature])
            case Reconcile():
                self._reconcile()
            case _Poll():
                self._polling = False
                if self._watched:
                    self._look(list(self._watched))
                self._alert_of_the_unknown()
                self._poll_later()
            case Snapshot():
                return [watched.attempt for watched in self._watched.values()]
            case _:
                return super().receive(message)
        return None

    def _poll_later(self) -> None:
        if self._watched and not self._polling:
            self._polling = True
            self.tell_self_at(Nanos(self.now() + self._poll_interval), _Poll())

    def _reconcile(self) -> None:
        """Read the chain before anything new is sent; one that cannot be read is waited for."""
        if self._look(list(self._watched)):
            self.tell(ROUTER, Reconciled())
        else:
            self.tell_self_at(Nanos(self.now() + self._poll_interval), Reconcile())

    def _look(self, signatures: list[Signature]) -> bool:
        """Look at *signatures*; return whether the chain could be read."""
        try:
            if not signatures:
                self._chain.finalized_height()
            for start in range(0, len(signatures), BATCH):
                self._look_at(signatures[start : start + BATCH])
        except ChainUnavailableError as error:
            self._unreadable(error)
            return False
        self._readable()
        return True

    def _look_at(self, signatures: list[Signature]) -> None:
        unknown = self._resolve(signatures, self._chain.statuses(signatures))
        if not unknown:
            return
        height = self._chain.finalized_height()
        past = [s for s in unknown if height > self._watched[s].attempt.last_valid_block_height]
        if past:
            # A node's cache is short: what landed before an outage is found in its history alone.
            for signature in self._resolve(past, self._chain.statuses(past, search_history=True)):
                self._expired(self._watched[signature].attempt)
        for signature in unknown:
            if signature not in past:
                self._rebroadcast(self._watched[signature])

    def _resolve(self, signatures: list[Signature], statuses: list[SignatureStatus | None]) -> list[Signature]:
        """Resolve what *statuses* say of *signatures*, and return those that the node does not know."""
        unknown = []
        for signature, status in zip(signatures, statuses, strict=True):
            if status is None:
                unknown.append(signature)
            elif status.confirmation != "processed":
                self._seen(self._watched[signature].attempt, status)
        return unknown

    def _seen(self, attempt: Attempt, status: SignatureStatus) -> None:
        fill = self._chain.fill(attempt.signature, attempt.mint)
        if fill is None:
            return  # the node has the status before it has the transaction: asked again with the next poll
        if status.failure is None:
            self._resolved(attempt, AttemptLanded(attempt=attempt, fill=fill))
        else:
            self._resolved(attempt, AttemptReverted(attempt=attempt, failure=status.failure, fill=fill))

    def _expired(self, attempt: Attempt) -> None:
        failure = SwapFailure(
            kind=FailureKind.EXPIRED,
            message=f"did not land by block height {attempt.last_valid_block_height} and cannot any more",
        )
        self._resolved(attempt, AttemptExpired(attempt=attempt, failure=failure))

    def _rebroadcast(self, watched: _Watched) -> None:
        attempt, now = watched.attempt, self.now()
        if now - watched.sent_at < self._rebroadcast_interval:
            return
        self._watched[attempt.signature] = replace(watched, sent_at=now)
        try:
            self._chain.send(attempt.raw)
        except SwapError as error:
            self.log.info("rebroadcast_declined", order_id=attempt.order_id, error=str(error))

    def _resolved(self, attempt: Attempt, verdict: AttemptLanded | AttemptReverted | AttemptExpired) -> None:
        if self._watched.pop(attempt.signature).alerted:
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_unknown_key(attempt)))
        self.tell(ROUTER, verdict)
        what = {AttemptLanded: "landed", AttemptReverted: "reverted", AttemptExpired: "expired"}[type(verdict)]
        self.publish(f"attempt.{attempt.signature}.{what}", order_id=attempt.order_id)
        self.log.info("attempt", order_id=attempt.order_id, signature=attempt.signature, outcome=what)

    # What a person must hear of ---------------------------------------------------------------------------

    def _alert_of_the_unknown(self) -> None:
        now = self.now()
        for signature, watched in list(self._watched.items()):
            if not watched.alerted and now - watched.since > ALERT_AFTER:
                self._watched[signature] = replace(watched, alerted=True)
                attempt = watched.attempt
                message = (
                    f"Attempt {signature} of order {attempt.order_id} has had no verdict for "
                    f"{(now - watched.since) / 1e9:.0f} s. It is watched on; nothing is decided without one."
                )
                self._alert("attempt_unknown", Severity.HIGH, "NO VERDICT on a swap", message, _unknown_key(attempt))

    def _unreadable(self, error: ChainUnavailableError) -> None:
        now = self.now()
        self.log.warning("chain_unavailable", error=str(error), unresolved=len(self._watched))
        self._blind_since = self._blind_since or now
        if not self._blind_alerted and now - self._blind_since >= BLIND_AFTER:
            self._blind_alerted = True
            message = f"The chain cannot be read: {error}. {len(self._watched)} swaps are without a verdict."
            self._alert("chain_unreadable", Severity.CRITICAL, "THE CHAIN CANNOT BE READ", message, _BLIND)

    def _readable(self) -> None:
        self._blind_since = None
        if self._blind_alerted:
            self._blind_alerted = False
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_BLIND))

    def _alert(self, kind: str, severity: Severity, title: str, message: str, dedupe_key: str) -> None:
        now = self.now()
        alert = Alert(
            id=AlertId(self.system.ids.new("alert")),
            alert_type=kind,
            severity=severity,
            title=title,
            message=message,
            dedupe_key=dedupe_key,
            raised_at=now,
            updated_at=now,
        )
        self.tell(ALERTS, RaiseAlert(alert=alert))


def _unknown_key(attempt: Attempt) -> str:
    return f"attempt_unknown_{attempt.signature}"
