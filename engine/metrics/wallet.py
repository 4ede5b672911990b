"""The wallet's SOL, for whoever must not wait for a node to tell it."""

from __future__ import annotations

import threading

import structlog

from engine.domain.units import Lamports, Nanos, seconds
from engine.ports import Chain, Clock

log = structlog.get_logger(__name__)

MAX_AGE = seconds(30)


class WalletBalance:
    """The lamports of the wallet of *chain* as of the last look, which is renewed in the background.

    Args:
        chain: is asked, on a thread of its own.
        clock: tells when a look is too old.
    """

    def __init__(self, chain: Chain, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock
        self._newest: Lamports | None = None
        self._looked_at: Nanos | None = None
        self._looking: threading.Thread | None = None
        self._lock = threading.Lock()

    def newest(self) -> Lamports | None:
        """Return the lamports, and have them looked up where they are older than `MAX_AGE`; never waits.

        None before the first look is over, and where the last one failed.
        """
        now = self._clock.now()
        with self._lock:
            due = self._looked_at is None or now - self._looked_at >= MAX_AGE
            if due and (self._looking is None or not self._looking.is_alive()):
                self._looked_at = now
                self._looking = threading.Thread(target=self._look, name="wallet balance", daemon=True)
                self._looking.start()
            return self._newest

    def settle(self, timeout: float) -> None:
        """Wait at most *timeout* seconds for a look that is under way."""
        looking = self._looking
        if looking is not None:
            looking.join(timeout)

    def _look(self) -> None:
        try:
            self._newest = self._chain.sol_balance()
        except Exception as error:  # noqa: BLE001 - whatever it is, the figure is unknown, and nobody trades on it
            self._newest = None
            log.warning("wallet_balance_unknown", error=str(error))
