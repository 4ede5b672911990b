"""Where the prices stand on chain that the swap program compares with an order's band."""

from __future__ import annotations

import hashlib
from typing import Protocol

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated import swap_program
from chain.simulated.tokens import Accounts, Token


class PriceBoard(Protocol):
    """The price accounts of markets."""

    def address_of(self, token: Token, /) -> Pubkey:
        """Return the address of the account that guards every swap of *token*."""

    def write(self, address: Pubkey, scaled: int, /) -> None:
        """Let the account at *address* hold the price *scaled*, in the market's own units, below 2^64.

        Raises:
            EngineError: it could not be written; the old price stands.
        """


class WrittenPrices:
    """Price accounts that are written straight into the ledger."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def address_of(self, token: Token) -> Pubkey:
        """Return the address of the account that guards every swap of *token*."""
        return price_address("price", token)

    def write(self, address: Pubkey, scaled: int) -> None:
        """Let the account at *address* hold the price *scaled*; it is made where there is none."""
        data = swap_program.price_account_data(scaled)
        self._accounts.set_account(address, Account(self._accounts.rent(len(data)), data, swap_program.PROGRAM_ID))


def price_address(purpose: str, token: Token) -> Pubkey:
    """Return an address for *purpose* that no key signs for."""
    return Pubkey(hashlib.sha256(f"{purpose} of {token.address}".encode()).digest())
