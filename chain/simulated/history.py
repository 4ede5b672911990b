"""What the accounts were a short while ago, for nodes that lag behind."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from solders.account import Account
from solders.pubkey import Pubkey

DEPTH = 256
"""Slots that are looked back on."""

Change = tuple[int, Account | None]
"""A slot, and what the account was before the first change in it."""


class AccountHistory:
    """For every account that changed lately, what it was before. Not thread-safe: the bank's lock guards it."""

    def __init__(self) -> None:
        self._changes: defaultdict[Pubkey, deque[Change]] = defaultdict(deque)
        self._order: deque[tuple[int, Pubkey]] = deque()

    def note(self, slot: int, before: Iterable[tuple[Pubkey, Account | None]]) -> None:
        """Take up that each account of *before* may change in *slot*, and what it was until then."""
        self._forget_until(slot - DEPTH)
        for key, account in before:
            changes = self._changes[key]
            if not changes or changes[-1][0] < slot:
                changes.append((slot, account))
                self._order.append((slot, key))

    def changed_since(self, slot: int) -> dict[Pubkey, Account | None]:
        """Return the accounts that may have changed after *slot*, as they were in it; None: there was none."""
        old: dict[Pubkey, Account | None] = {}
        for key, changes in self._changes.items():
            for changed_in, account in changes:
                if changed_in > slot:
                    old[key] = account
                    break
        return old

    def _forget_until(self, slot: int) -> None:
        while self._order and self._order[0][0] <= slot:
            _, key = self._order.popleft()
            changes = self._changes[key]
            changes.popleft()
            if not changes:
                del self._changes[key]
