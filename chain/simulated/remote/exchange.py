"""The markets on a remote cluster, behind the same API as those on the embedded one."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from types import MappingProxyType

from solders.pubkey import Pubkey

from chain.simulated.blockhashes import LIFETIME
from chain.simulated.market import Market, Offer
from chain.simulated.marketplace import SOL_USD, HandOut, offer_of
from chain.simulated.remote.blueprint import Listing
from chain.simulated.remote.cluster import RemoteCluster
from chain.simulated.remote.maker import RemoteMaker
from chain.simulated.swap_instructions import Parties, swap_instructions
from engine.domain.units import BasisPoints, Mint, Nanos
from engine.ports import Clock

_VAULT_LIFETIME = 2 * LIFETIME
"""Blocks: a taker that assembles the transaction itself may use a later blockhash than the one of its answer."""


class RemoteExchange:
    """The `Marketplace` of *maker*. Safe to use from any thread; handing a swap out takes a transaction.

    Args:
        cluster: the chain.
        clock: tells when markets were opened.
        maker: the other side of all of them.
        sol_usd: dollars per SOL; quotes do not depend on it.
    """

    def __init__(self, cluster: RemoteCluster, clock: Clock, maker: RemoteMaker, *, sol_usd: Decimal = SOL_USD) -> None:
        self.bank = cluster
        self.clock = clock
        self.sol_usd = sol_usd
        self.opened_at: Nanos = clock.now()
        self._maker = maker
        self._markets: dict[str, Market] = {}

    @property
    def lock(self) -> AbstractContextManager[object]:
        """Nothing: the chain moves on by itself, and one taker must not wait for another's vault."""
        return nullcontext()

    @property
    def markets(self) -> Mapping[str, Market]:
        """The market of each mint, by its base58 address."""
        return MappingProxyType(self._markets)

    def open_market(self, listed: Listing, scaled: int) -> Market:
        """Open the market of a token that is on chain, at the price *scaled* of its account."""
        token, pricing = self._maker.addresses.token(listed), listed.pricing
        market = Market(
            self._maker,
            threading.RLock(),
            token,
            price=pricing.price(scaled),
            depth_sol=listed.depth_sol,
            opened_at=self.clock.now(),
            pricing=pricing,
        )
        self._markets[token.address] = market
        return market

    def set_prices(self, prices: Mapping[Mint, Decimal | float]) -> None:
        """Move markets to *prices*, in SOL per whole token, in one transaction; first on chain, then for quotes.

        Raises:
            BadInputError: a price is not one that can be; none was moved.
            EngineError: the chain did not take them; the old ones stand.
        """
        markets = {self._markets[mint]: price for mint, price in prices.items()}
        self._maker.write_all({market.price_account: market.scaled(price) for market, price in markets.items()})
        for market, price in markets.items():
            market.set_price(price)

    def offer(self, input_mint: str, output_mint: str, amount: int, slippage: BasisPoints) -> Offer:
        """Return what the market pays for *amount* raw units of *input_mint* in *output_mint*; see `offer_of`."""
        return offer_of(self._markets, input_mint, output_mint, amount, slippage)

    def hand_out(
        self,
        offer: Offer,
        taker: Pubkey,
        *,
        wrap_and_unwrap_sol: bool = True,
        blocks_left: int = LIFETIME,  # noqa: ARG002 - a node tells the newest blockhash alone
    ) -> HandOut:
        """Return the swap that carries out *offer* for *taker*, with a vault of its own to be paid from.

        Raises:
            NoRouteError: the maker cannot pay for it.
            ChainUnavailableError: the chain could not be asked.
        """
        vault = self._maker.open_vault(offer.paid_in, offer.sent, taker=taker, until=self.vaults_until())
        blockhash, last_valid_block_height = self.bank.latest_blockhash()
        parties = Parties(
            taker=taker,
            maker=self._maker.address,
            vault=vault,
            price_account=self._markets[offer.token.address].price_account_for_hand_out(),
            program=self._maker.addresses.program,
        )
        return HandOut(
            offer=offer,
            taker=taker,
            instructions=swap_instructions(offer, parties, wrap_and_unwrap_sol=wrap_and_unwrap_sol),
            blockhash=str(blockhash),
            last_valid_block_height=last_valid_block_height,
            slot=self.bank.slot(),
        )

    def vaults_until(self) -> int:
        """Return the last block height at which a vault that is opened now may be needed."""
        return self.bank.block_height() + _VAULT_LIFETIME

    def close_vaults(self) -> int:
        """Close the vaults whose swaps can no longer land, and return how many."""
        return self._maker.close_vaults(self.bank.block_height())
