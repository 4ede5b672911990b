"""The confirmer finds out what became of every attempt: it landed, it reverted, or it is proven dead.

It polls in batches and sends the recorded bytes again until the network has them. Proof of death, in this order:
the finalized block height is past the attempt's last valid one, and then the same node, asked to search its whole
history, does not know the signature. A time-out proves nothing, nor does "not found" before that height. What stays
unknown for long is an alert, and stays watched. A listener, where there is one, makes it look before the next poll is
due, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from actors.base import EngineActor
from actors.system import ALERTS, ROUTER, System
from engine.domain.alert import Severity
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.order import Attempt
from engine.domain.swap import SignatureStatus, SwapFailure
from engine.domain.units import Nanos, Signature, seconds
from engine.messages.alerts import ResolveAlerts
from engine.messages.control import Reconcile, Reconciled, Snapshot
from engine.messages.swaps import AttemptExpired, AttemptLanded, AttemptReverted, SignatureSeen, WatchAttempt
from engine.ports import Chain, SignatureListener

BATCH = 256
"""The most signatures that getSignatureStatuses takes."""
ALERT_AFTER = seconds(90)
"""How long an attempt may stay unknown before a person hears of it; a blockhash lives for about half of that."""
BLIND_AFTER = seconds(10)
"""How long the chain may be unreadable before a person hears of it."""
BUSY_FOR = seconds(4)
"""How long one look may read transactions, and how long it may send: the rest is for the next, so that nobody takes a
confirmer of a slow node for one that hangs."""
LOOK_AGAIN_AFTER = seconds(0.1)
"""A node may tell of a signature before it, or the node that is asked, can show the transaction."""
_BLIND = "chain_unreadable"


@dataclass(frozen=True, slots=True)
class _Watched:
    attempt: Attempt
    since: Nanos
    sent_at: Nanos
    alerted: bool = False
    trouble: str = ""
    """Why what became of it cannot be read."""


@dataclass(frozen=True, slots=True)
class _Poll:
    pass


@dataclass(frozen=True, slots=True)
class _LookAgain:
    signature: Signature


class Confirmer(EngineActor):
    """Watches every unresolved signature. See the module."""

    def __init__(
        self,
        system: System,
        name: str,
        *,
        chain: Chain,
        listener: SignatureListener | None = None,
        poll_interval: Nanos = seconds(0.5),
        rebroadcast_interval: Nanos = seconds(1),
    ) -> None:
        super().__init__(system, name)
        self._chain = chain
        self._listener = listener
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
                self._watch(attempt)
                self._poll_later()
            case SignatureSeen(signature=signature):
                self._look_now(signature)
                if signature in self._watched:
                    self.tell_self_at(Nanos(self.now() + LOOK_AGAIN_AFTER), _LookAgain(signature))
            case _LookAgain(signature=signature):
                self._look_now(signature)
            case Reconcile():
                self._reconcile()
            case _Poll():
                self._polling = False
                try:
                    if self._watched:
                        self._look(list(self._watched))
                    self._alert_of_the_unknown()
                finally:
                    self._poll_later()
            case Snapshot():
                return [watched.attempt for watched in self._watched.values()]
            case _:
                return super().receive(message)
        return None

    def _watch(self, attempt: Attempt) -> None:
        if attempt.signature in self._watched:
            return
        now = self.now()
        self._watched[attempt.signature] = _Watched(attempt, since=now, sent_at=now)
        self._accelerate(lambda listener: listener.listen(attempt.signature, self._heard_of))

    def _accelerate(self, use: Callable[[SignatureListener], None]) -> None:
        """Use the listener; whatever is wrong with it, the next poll finds the same."""
        if self._listener is None:
            return
        try:
            use(self._listener)
        except Exception:
            self.log.exception("listener_failed")

    def _heard_of(self, signature: Signature) -> None:
        """Take up what the listener heard, on whatever thread that is."""
        if not self.actor_stopped.is_set():
            self.tell(self.name, SignatureSeen(signature=signature))

    def _look_now(self, signature: Signature) -> None:
        if signature in self._watched:
            self._look([signature])

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
            # What could not be read before does not keep the others waiting.
            signatures.sort(key=lambda signature: bool(self._watched[signature].trouble))
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
        self._rebroadcast([self._watched[signature] for signature in unknown if signature not in past])

    def _resolve(self, signatures: list[Signature], statuses: list[SignatureStatus | None]) -> list[Signature]:
        """Resolve what *statuses* say of *signatures*, and return those that the node does not know."""
        unknown, begun = [], self.now()
        for signature, status in zip(signatures, statuses, strict=True):
            if status is None:
                unknown.append(signature)
            elif status.confirmation != "processed" and self.now() - begun <= BUSY_FOR:
                try:
                    self._seen(self._watched[signature].attempt, status)
                except BaseException as error:  # noqa: BLE001 - what cannot be read of one must not hide the others
                    self._unclear(signature, error)
        return unknown

    def _unclear(self, signature: Signature, error: BaseException) -> None:
        """Keep watching what landed in a way that cannot be read; if that lasts, a person hears why."""
        if signature in self._watched:
            self._watched[signature] = replace(self._watched[signature], trouble=str(error) or repr(error))
        level = self.log.warning if isinstance(error, ChainUnavailableError) else self.log.error
        level("outcome_unclear", signature=signature, exc_info=error)

    def _seen(self, attempt: Attempt, status: SignatureStatus) -> None:
        fill = self._chain.fill(attempt.signature, attempt.mint)
        if fill is None:
            return  # the node has the status before it has the transaction: asked again with the next poll
        if fill.moved == (status.failure is not None):
            told, shown = ("failed", "moved something") if fill.moved else ("succeeded", "moved nothing")
            raise ChainUnavailableError(
                f"{attempt.signature} {told} by its status and {shown} by the transaction: neither is believed"
            )
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

    def _rebroadcast(self, unknown: list[_Watched]) -> None:
        """Send the bytes again that no node knows, those first that were sent longest ago."""
        begun = self.now()
        for watched in sorted(unknown, key=lambda each: each.sent_at):
            attempt, now = watched.attempt, self.now()
            if now - begun > BUSY_FOR:
                return
            if now - watched.sent_at < self._rebroadcast_interval:
                continue
            self._watched[attempt.signature] = replace(watched, sent_at=now)
            try:
                self._chain.send(attempt.raw)
            except SwapError as error:
                self.log.info("rebroadcast_declined", order_id=attempt.order_id, error=str(error))

    def _resolved(self, attempt: Attempt, verdict: AttemptLanded | AttemptReverted | AttemptExpired) -> None:
        if self._watched.pop(attempt.signature).alerted:
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_unknown_key(attempt)))
        self.tell(ROUTER, verdict)
        self._accelerate(lambda listener: listener.forget(attempt.signature))
        what = {AttemptLanded: "landed", AttemptReverted: "reverted", AttemptExpired: "expired"}[type(verdict)]
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
                    f"{' ' if watched.trouble else ''}{watched.trouble}"
                )
                self.alert(
                    "attempt_unknown", Severity.HIGH, "NO VERDICT on a swap", message, dedupe_key=_unknown_key(attempt)
                )

    def _unreadable(self, error: ChainUnavailableError) -> None:
        now = self.now()
        self.log.warning("chain_unavailable", error=str(error), unresolved=len(self._watched))
        self._blind_since = self._blind_since or now
        if not self._blind_alerted and now - self._blind_since >= BLIND_AFTER:
            self._blind_alerted = True
            message = f"The chain cannot be read: {error}. {len(self._watched)} swaps are without a verdict."
            self.alert(_BLIND, Severity.CRITICAL, "THE CHAIN CANNOT BE READ", message, dedupe_key=_BLIND)

    def _readable(self) -> None:
        self._blind_since = None
        if self._blind_alerted:
            self._blind_alerted = False
            self.tell(ALERTS, ResolveAlerts(dedupe_key=_BLIND))


def _unknown_key(attempt: Attempt) -> str:
    return f"attempt_unknown_{attempt.signature}"
