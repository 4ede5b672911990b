"""The newest accounts of one pool, as a node tells them piece by piece; no I/O.

A swap writes both vaults in one slot, and a node tells of them one after the other. The reserves in between never
were: they are off by the whole trade. So vaults have reserves together only where both were told of the same slot
equally often, or read at one moment. Where something else wrote but one of them, the next reading puts that right. (The
pool's own account holds what is beside the vaults, some fees of the last trade: that it comes a moment early or late
moves the price by less than the trade's own fee.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chain.prices.layouts import AccountState, Reserves, VaultPool, read_curve, read_vault, read_vault_pool
from engine.domain.units import SOL_MINT, Mint, Nanos


@dataclass(frozen=True, slots=True)
class _Told:
    """An account as it was told the n-th time of a slot; 0 where it was read."""

    account: AccountState
    slot: int
    times: int

    @property
    def moment(self) -> tuple[int, int]:
        return self.slot, self.times


class WatchedPool:
    """The accounts of one pool of *mint* against SOL.

    Args:
        mint: of the token.
        decimals: of the token.
        pool: as it was found; None where the pool is the bonding curve at *address*.
        address: of the pool's own account.

    Attributes:
        observed_at: when what is known was true last; 0 where nothing is.
    """

    def __init__(self, mint: Mint, decimals: int, address: str, pool: VaultPool | None) -> None:
        self.mint = mint
        self.decimals = decimals
        self.address = address
        self.observed_at = Nanos(0)
        self._pool = pool
        self._told: dict[str, _Told] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every account that its price depends on."""
        return (self.address,) if self._pool is None else (self.address, *self._pool.vaults)

    @property
    def whole(self) -> bool:
        """Whether its accounts are known, and of one moment."""
        vaults = [self._told.get(address) for address in self.addresses[1:]]
        return self.address in self._told and (not vaults or _together(vaults))

    def heard(self, slot: int, account: AccountState, at: Nanos) -> bool:
        """Take up that *account* was this in *slot*, which is of *at*; return whether that is news of the price.

        What is older than what is known, or the same again, is none. Nor is the pool's own account beside its vaults:
        it may be told of before them, and would make their old price look new.
        """
        known = self._told.get(account.address)
        if known is not None and (slot < known.slot or (slot == known.slot and account == known.account)):
            return False
        times = known.times + 1 if known is not None and slot == known.slot else 1
        self._told[account.address] = _Told(account, slot, times)
        if self._pool is not None and account.address == self.address:
            return False
        self.observed_at = max(self.observed_at, at)
        return True

    def read(self, slot: int, accounts: Iterable[AccountState], at: Nanos) -> None:
        """Take up that all its *accounts* were this at one moment of *slot*, which is of *at*.

        It changes nothing where something newer is known, or the same slot as a whole: a node may have read in the
        middle of that.
        """
        newest = max((told.slot for told in self._told.values()), default=-1)
        if slot > newest or (slot == newest and not self.whole):
            self._told = {account.address: _Told(account, slot, 0) for account in accounts}
        if slot >= newest:
            self.observed_at = max(self.observed_at, at)

    def reserves(self) -> Reserves | None:
        """Return the reserves; None while they are not known as a whole, and for good of a curve that is complete.

        Raises:
            UnfitAccountError: it is no pool of the mint and SOL any more, or is empty.
        """
        if not self.whole:
            return None
        account = self._told[self.address].account
        if self._pool is None:
            return read_curve(account).reserves
        pool = read_vault_pool(account, self.mint)
        tokens, lamports = (self._told[vault].account for vault in self._pool.vaults)
        return pool.reserves(read_vault(tokens, self.mint), read_vault(lamports, SOL_MINT))


def _together(vaults: Iterable[_Told | None]) -> bool:
    moments = {told.moment if told is not None else None for told in vaults}
    return len(moments) == 1 and None not in moments
