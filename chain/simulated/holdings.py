"""Which token accounts a wallet has.

LiteSVM cannot list accounts, so every account that is ever written is noted here.
"""

from __future__ import annotations

from collections import defaultdict

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.token_state import token_account


class Holdings:
    """An index from wallet to token accounts, kept up with every write."""

    def __init__(self) -> None:
        self._owner_of: dict[Pubkey, Pubkey] = {}
        self._keys_of: defaultdict[Pubkey, dict[Pubkey, None]] = defaultdict(dict)

    def note(self, key: Pubkey, account: Account | None) -> None:
        """Take up that *key* now holds *account* (None: nothing)."""
        held = token_account(account)
        previous = self._owner_of.pop(key, None)
        if previous is not None and (held is None or held.owner != previous):
            del self._keys_of[previous][key]
        if held is not None:
            self._owner_of[key] = held.owner
            self._keys_of[held.owner][key] = None

    def of(self, owner: Pubkey) -> list[Pubkey]:
        """Return the token accounts of wallet *owner*, oldest first."""
        return list(self._keys_of.get(owner, ()))
