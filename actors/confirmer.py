"""The confirmer finds out what became of every attempt: it landed, it reverted, or it is proven dead.

It polls in batches and sends the recorded bytes again until the network has them. Proof of death, in this order:
the finalized block height is past the attempt's last valid one, and then the same node, asked to search its whole
history, does not know the signature. A time-out proves nothing, nor does "not found" before that height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.base import EngineActor
from actors.system import ROUTER, System
from engine.domain.errors import ChainUnavailableError, FailureKind, SwapError
from engine.domain.order import Attempt
from engine.domain.swap import SignatureStatus, SwapFailure
from engine.domain.units import Nanos, Signature, seconds
from engine.messages.swaps import AttemptExpired, AttemptLanded, AttemptReverted, WatchAttempt
from engine.ports import Chain

BATCH = 256
"""The most signatures that getSignatureStatuses takes."""


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
        self._watched: dict[Signature, Attempt] = {}
        self._sent_at: dict[Signature, Nanos] = {}
        self._polling = False

    def receive(self, message: Any) -> Any:
        """Watch one more attempt, or look after those that are watched."""
        match message:
            case WatchAttempt(attempt=attempt):
                self._watched[attempt.signature] = attempt
                self._sent_at[attempt.signature] = self.now()
                self._poll_later()
            case _Poll():
                self._polling = False
                try:
                    self._poll()
                except ChainUnavailableError as error:
                    self.log.warning("chain_unavailable", error=str(error), unresolved=len(self._watched))
                finally:
                    self._poll_later()
            case _:
                super().receive(message)

    def _poll_later(self) -> None:
        if self._watched and not self._polling:
            self._polling = True
            self.tell_self_at(Nanos(self.now() + self._poll_interval), _Poll())

    def _poll(self) -> None:
        signatures = list(self._watched)
        for start in range(0, len(signatures), BATCH):
            batch = signatures[start : start + BATCH]
            statuses = self._chain.statuses(batch)
            unknown = [s for s, status in zip(batch, statuses, strict=True) if status is None]
            for signature, status in zip(batch, statuses, strict=True):
                if status is not None and status.confirmation != "processed":
                    self._seen(self._watched[signature], status)
            self._bury_or_rebroadcast(unknown)

    def _seen(self, attempt: Attempt, status: SignatureStatus) -> None:
        fill = self._chain.fill(attempt.signature, attempt.mint)
        if fill is None:
            return  # the node has the status before it has the transaction: asked again with the next poll
        if status.failure is None:
            self._resolved(attempt, AttemptLanded(attempt=attempt, fill=fill))
        else:
            self._resolved(attempt, AttemptReverted(attempt=attempt, failure=status.failure, fill=fill))

    def _bury_or_rebroadcast(self, unknown: list[Signature]) -> None:
        if not unknown:
            return
        height = self._chain.finalized_height()
        past = [s for s in unknown if height > self._watched[s].last_valid_block_height]
        if past:
            for signature, status in zip(past, self._chain.statuses(past, search_history=True), strict=True):
                if status is None:
                    self._expired(self._watched[signature])
        for signature in unknown:
            if signature not in past:
                self._rebroadcast(self._watched[signature])

    def _expired(self, attempt: Attempt) -> None:
        failure = SwapFailure(
            kind=FailureKind.EXPIRED,
            message=f"did not land by block height {attempt.last_valid_block_height} and cannot any more",
        )
        self._resolved(attempt, AttemptExpired(attempt=attempt, failure=failure))

    def _rebroadcast(self, attempt: Attempt) -> None:
        if self.now() - self._sent_at[attempt.signature] < self._rebroadcast_interval:
            return
        self._sent_at[attempt.signature] = self.now()
        try:
            self._chain.send(attempt.raw)
        except SwapError as error:
            self.log.info("rebroadcast_declined", order_id=attempt.order_id, error=str(error))

    def _resolved(self, attempt: Attempt, verdict: AttemptLanded | AttemptReverted | AttemptExpired) -> None:
        del self._watched[attempt.signature]
        del self._sent_at[attempt.signature]
        self.tell(ROUTER, verdict)
        what = {AttemptLanded: "landed", AttemptReverted: "reverted", AttemptExpired: "expired"}[type(verdict)]
        self.publish(f"attempt.{attempt.signature}.{what}", order_id=attempt.order_id)
        self.log.info("attempt", order_id=attempt.order_id, signature=attempt.signature, outcome=what)
