"""Which token accounts a wallet has, and which a mint.

LiteSVM cannot list accounts, so every account that is ever written is noted here.
"""

from __future__ import annotations

from collections import defaultdict

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.token_state import token_account


class Holdings:
    """An index from wallet, and from mint, to token accounts, kept up with every write."""

    def __init__(self) -> None:
        self._filed: dict[Pubkey, tuple[Pubkey, Pubkey]] = {}
        self._of_owner: defaultdict[Pubkey, dict[Pubkey, None]] = defaultdict(dict)
        self._of_mint: defaultdict[Pubkey, dict[Pubkey, None]] = defaultdict(dict)

    def note(self, key: Pubkey, account: Account | None) -> None:
        """Take up that *key* now holds *account* (None: nothing)."""
        held = token_account(account)
        now = None if held is None else (held.owner, held.mint)
        previous = self._filed.pop(key, None)
        if previous is not None and previous != now:
            owner, mint = previous
            del self._of_owner[owner][key]
            del self._of_mint[mint][key]
        if now is not None:
            self._filed[key] = now
            owner, mint = now
            self._of_owner[owner][key] = None
            self._of_mint[mint][key] = None

    def of(self, owner: Pubkey) -> list[Pubkey]:
        """Return the token accounts of wallet *owner*, oldest first."""
        return list(self._of_owner.get(owner, ()))

    def of_mint(self, mint: Pubkey) -> list[Pubkey]:
        """Return the token accounts of *mint*, oldest first."""
        return list(self._of_mint.get(mint, ()))
