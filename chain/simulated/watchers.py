"""Who wants to be called when something happens on the bank."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import structlog
from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.slots import Commitment

log = structlog.get_logger(__name__)

Unsubscribe = Callable[[], None]
"""Takes a subscription back; harmless when repeated."""

OnAccount = Callable[[int, Account | None], None]
"""Called with the slot and what the account is now."""
OnSignature = Callable[[int, Any], None]
"""Called once with the slot and the transaction's error (None: it succeeded)."""
OnSlot = Callable[[int], None]
"""Called with each new slot."""
OnTransaction = Callable[[ExecutedTransaction], None]
"""Called with each transaction as it lands."""


class Watchers:
    """The subscriptions of a bank. Not thread-safe: the bank's lock guards it."""

    def __init__(self) -> None:
        self._ids = itertools.count()
        self._accounts: dict[int, tuple[Pubkey, OnAccount]] = {}
        self._signatures: dict[int, tuple[str, Commitment, OnSignature]] = {}
        self._slots: dict[int, OnSlot] = {}
        self._transactions: dict[int, OnTransaction] = {}

    def add_account(self, key: Pubkey, callback: OnAccount) -> Unsubscribe:
        """Call *callback* at every write to *key*."""
        return self._add(self._accounts, (key, callback))

    def add_signature(self, signature: str, commitment: Commitment, callback: OnSignature) -> Unsubscribe:
        """Call *callback* once, when *signature* reaches *commitment*."""
        return self._add(self._signatures, (signature, commitment, callback))

    def add_slot(self, callback: OnSlot) -> Unsubscribe:
        """Call *callback* at every slot."""
        return self._add(self._slots, callback)

    def add_transaction(self, callback: OnTransaction) -> Unsubscribe:
        """Call *callback* at every landing."""
        return self._add(self._transactions, callback)

    @property
    def wants_slots(self) -> bool:
        """Whether somebody waits for slots to pass."""
        return bool(self._slots or self._signatures)

    @property
    def signatures(self) -> set[str]:
        """The signatures that somebody waits for."""
        return {signature for signature, _, _ in self._signatures.values()}

    def account_written(self, slot: int, key: Pubkey, account: Account | None) -> None:
        """Tell who watches *key*."""
        for watched, callback in list(self._accounts.values()):
            if watched == key:
                _call(callback, slot, account)

    def signature_reached(self, slot: int, signature: str, reached: Commitment, err: Any) -> None:
        """Tell who waits for *signature* to come as far as *reached*, and forget them."""
        order = list(Commitment)
        for number, (waited, commitment, callback) in list(self._signatures.items()):
            if waited == signature and order.index(commitment) <= order.index(reached):
                del self._signatures[number]
                _call(callback, slot, err)

    def slot_passed(self, slot: int) -> None:
        """Tell who watches slots."""
        for callback in list(self._slots.values()):
            _call(callback, slot)

    def transaction_landed(self, executed: ExecutedTransaction) -> None:
        """Tell who watches transactions."""
        for callback in list(self._transactions.values()):
            _call(callback, executed)

    def _add(self, watchers: dict[int, Any], watcher: Any) -> Unsubscribe:
        number = next(self._ids)
        watchers[number] = watcher

        def unsubscribe() -> None:
            watchers.pop(number, None)

        return unsubscribe


def _call(callback: Callable[..., None], *args: Any) -> None:
    """Call a watcher; one that raises must harm neither the bank nor the others."""
    try:
        callback(*args)
    except Exception:
        log.exception("watcher_failed")
