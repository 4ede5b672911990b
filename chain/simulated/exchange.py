"""Every market of the simulated cluster, and how an offer becomes a transaction that a taker can sign."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from solders.pubkey import Pubkey

from chain.simulated.blockhashes import LIFETIME
from chain.simulated.maker import Maker
from chain.simulated.market import Market, Offer
from chain.simulated.marketplace import SOL_USD, HandOut, offer_of
from chain.simulated.price_board import WrittenPrices
from chain.simulated.slots import Commitment
from chain.simulated.swap_instructions import Parties, swap_instructions
from chain.simulated.tokens import Token
from chain.simulated.trading_bank import TradingBank
from engine.domain.units import BasisPoints, Nanos
from engine.ports import Clock


class Exchange:
    """The markets, and the maker that is the other side of all of them. Safe to use from any thread."""

    def __init__(self, bank: TradingBank, clock: Clock, maker: Maker, *, sol_usd: Decimal = SOL_USD) -> None:
        self.bank = bank
        self.lock = bank.lock
        """Held over everything that must see one moment of the chain and the markets."""
        self.clock = clock
        self.sol_usd = sol_usd
        """Dollars per SOL; quotes do not depend on it."""
        self.opened_at: Nanos = clock.now()
        self._maker = maker
        self._markets: dict[str, Market] = {}
        bank.before_submit(self._transaction_sent)

    @property
    def markets(self) -> Mapping[str, Market]:
        """The market of each mint, by its base58 address."""
        return MappingProxyType(self._markets)

    def open_market(self, token: Token, *, price: Decimal, depth_sol: Decimal) -> Market:
        """Create *token* on chain and a market for it; see `Market` for the figures.

        Raises:
            BadInputError: a figure makes no sense; nothing was created.
        """
        with self.bank.lock:
            market = Market(
                WrittenPrices(self.bank),
                self.bank.lock,
                token,
                price=price,
                depth_sol=depth_sol,
                opened_at=self.clock.now(),
            )
            self._maker.stock_up(token)
            self._markets[token.address] = market
            return market

    def offer(self, input_mint: str, output_mint: str, amount: int, slippage: BasisPoints) -> Offer:
        """Return what the market pays for *amount* raw units of *input_mint* in *output_mint*; see `offer_of`."""
        return offer_of(self._markets, input_mint, output_mint, amount, slippage)

    def hand_out(
        self, offer: Offer, taker: Pubkey, *, wrap_and_unwrap_sol: bool = True, blocks_left: int = LIFETIME
    ) -> HandOut:
        """Return the swap that carries out *offer* for *taker*, with a vault of its own to be paid from."""
        bank, market = self.bank, self._markets[offer.token.address]
        with bank.lock:
            height = bank.block_height()
            # One that nodes know at the level that they are asked at when a transaction is tried.
            blockhash, last_valid_block_height = bank.latest_blockhash(Commitment.CONFIRMED, blocks_left=blocks_left)
            self._maker.close_vaults(height)
            vault = self._maker.open_vault(
                offer.paid_in,
                offer.sent,
                taker=taker,
                # A taker that assembles the transaction itself may use a later blockhash than this one.
                until=height + 2 * LIFETIME,
            )
            parties = Parties(
                taker=taker,
                maker=self._maker.address,
                vault=vault,
                price_account=market.price_account_for_hand_out(),
            )
            return HandOut(
                offer=offer,
                taker=taker,
                instructions=swap_instructions(offer, parties, wrap_and_unwrap_sol=wrap_and_unwrap_sol),
                blockhash=blockhash,
                last_valid_block_height=last_valid_block_height,
                slot=bank.slot(),
            )

    def _transaction_sent(self, accounts: list[Pubkey]) -> None:
        for market in self._markets.values():
            market.transaction_sent(accounts)
