"""A bank that tells the markets what was sent, before it lands."""

from __future__ import annotations

import threading
from collections.abc import Callable

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chain.simulated.bank import SLOT_DURATION, Bank
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
