"""The other side of every simulated swap: a wallet that holds plenty and lends it out by the vault.

For each transaction that is handed out the maker fills one token account, a vault, with exactly what the
transaction is to pay, and makes the taker its *delegate*. So the taker's signature alone moves the payment,
nobody else's can, and transactions of one taker do not draw on each other's allowance. A vault whose
transaction can no longer land is closed, and what is left in it goes back to the stock.

Everything here is a write to the simulated ledger by its keeper: the maker signs nothing. Tokens are moved
and never made, so that the accounts of a mint always add up to its supply.
"""

from __future__ import annotations

from dataclasses import dataclass

from solders.pubkey import Pubkey

from chain.simulated import tokens
from chain.simulated.tokens import WRAPPED_SOL, Accounts, Token
from engine.domain.units import RawAmount

STOCK = 10**19
"""Raw units of a new token that exist, all of them the maker's at first: just over half of what fits."""

SOL_STOCK = 10**17
"""Lamports that the maker has to buy with: a hundred million SOL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vault:
    address: Pubkey
    token: Token
    until: int


class Maker:
    """A market maker's stock and the vaults that were filled from it. Its caller holds the ledger's lock."""

    def __init__(self, accounts: Accounts, address: Pubkey) -> None:
        self.address = address
        self._accounts = accounts
        self._vaults: list[_Vault] = []
        self._opened = 0
        tokens.add(accounts, WRAPPED_SOL, address, SOL_STOCK)

    def stock_up(self, token: Token) -> None:
        """Create the mint of *token*; its whole supply is the maker's."""
        tokens.create_mint(self._accounts, token, supply=STOCK, authority=self.address)
        tokens.add(self._accounts, token, self.address, STOCK)

    def give(self, token: Token, owner: Pubkey, amount: RawAmount) -> None:
        """Move *amount* raw units of *token* from the stock to *owner*'s associated account.

        Raises:
            ValueError: the stock is not that large.
        """
        tokens.add(self._accounts, token, self.address, -amount)
        tokens.add(self._accounts, token, owner, amount)

    def open_vault(self, token: Token, amount: int, *, taker: Pubkey, until: int) -> Pubkey:
        """Return the address of a new vault from which *taker* may move exactly *amount* raw units.

        Args:
            token: what is in it; `WRAPPED_SOL` for lamports.
            amount: raw units.
            taker: whose signature moves it.
            until: the last block height at which it may be needed.

        Raises:
            ValueError: the stock is not that large.
        """
        tokens.add(self._accounts, token, self.address, -amount)
        address = Pubkey.create_with_seed(self.address, f"vault {self._opened}", token.program)
        tokens.create_account(self._accounts, address, token, owner=self.address, amount=amount, delegate=taker)
        self._vaults.append(_Vault(address=address, token=token, until=until))
        self._opened += 1
        return address

    def close_vaults(self, height: int) -> None:
        """Close the vaults that were needed until before block *height*, and take back what is in them."""
        for vault in [vault for vault in self._vaults if vault.until < height]:
            left = tokens.amount(self._accounts, vault.address)
            tokens.remove(self._accounts, vault.address)
            tokens.add(self._accounts, vault.token, self.address, left)
            self._vaults.remove(vault)
