"""A bank that tells the markets what was sent, before it lands."""

from __future__ import annotations

import threading
from collections.abc import Callable

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chain.simulated.bank import SLOT_DURATION, Bank
from chain.simulated.history import DEPTH, AccountHistory
from chain.simulated.replica import Replica
from engine.domain.units import Nanos
from engine.ports import Clock

OnSubmit = Callable[[list[Pubkey]], None]
"""Called with the accounts that a transaction names itself, under the bank's lock."""


class TradingBank(Bank):
    """A bank with a public lock, and a call before each transaction that is sent."""

    def __init__(
        self,
        clock: Clock,
        *,
        slot_duration: Nanos = SLOT_DURATION,
        landing_slots: int = 1,
        seed: bytes = b"ripcord",
    ) -> None:
        super().__init__(clock, slot_duration=slot_duration, landing_slots=landing_slots, seed=seed)
        self._before_submit: list[OnSubmit] = []

    @property
    def lock(self) -> threading.RLock:
        """What every call holds; to be held over calls that must see one moment."""
        return self._lock

    def keep_history(self) -> None:
        """Keep what accounts are from now on, for replicas to look back on."""
        with self._lock:
            self._cluster.history = self._cluster.history or AccountHistory()

    def replica(self, lag: int) -> Replica:
        """Return the cluster as a node sees it that is *lag* slots behind; needs `keep_history`.

        Raises:
            ValueError: *lag* is negative, or more than is kept.
        """
        if not 0 <= lag <= DEPTH:
            raise ValueError(f"a replica cannot lag {lag} slots: give 0 to {DEPTH}")
        return Replica(self, self._cluster, self._lock, lag)

    def step_block_time(self, seconds: int) -> None:
        """Let the blocks' own time jump by *seconds* from the next slot on; slots keep coming as before."""
        with self._lock:
            self.advance()
            self._cluster.step_time(seconds)

    @property
    def slot_duration(self) -> Nanos:
        """The length of a slot."""
        return self._schedule.duration

    def before_submit(self, callback: OnSubmit) -> None:
        """Call *callback* whenever a transaction is sent, after any simulation of it and before it lands."""
        self._before_submit.append(callback)

    def submit(self, raw: bytes, *, check: bool = True) -> str:
        """Take *raw* on its way into a block; see `Bank.submit`."""
        with self._lock:
            try:
                accounts = VersionedTransaction.from_bytes(raw).message.account_keys
            except ValueError:
                accounts = []  # Bank.submit says what is wrong with it.
            for callback in self._before_submit:
                callback(accounts)
            return super().submit(raw, check=check)
