"""The stand-ins for Solana and Jupiter, put together: a node, markets, and the API that trades on them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Self

from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID
from starlette.types import ASGIApp

from chain.simulated import swap_program
from chain.simulated.bank import SLOT_DURATION
from chain.simulated.behaviour import Behaviour
from chain.simulated.dexscreener_api import dexscreener_app
from chain.simulated.dumps import load_dumps
from chain.simulated.exchange import Exchange
from chain.simulated.faults.dexscreener import DexScreenerFront
from chain.simulated.faults.front import JupiterFront, NodeFront
from chain.simulated.faults.plan import FaultPlan
from chain.simulated.jupiter_api import jupiter_app
from chain.simulated.jupiter_gateway import PRO_PLAN, Gateway
from chain.simulated.maker import Maker
from chain.simulated.market import Market
from chain.simulated.marketplace import SOL_USD
from chain.simulated.node import Node
from chain.simulated.pool_accounts import PoolAccounts, PoolKind
from chain.simulated.server import LoopbackServer
from chain.simulated.token_state import token_account
from chain.simulated.tokens import WHOLE_BPS, Token, Trait, set_frozen
from chain.simulated.trading_bank import TradingBank
from engine.domain.errors import BadInputError
from engine.domain.units import BasisPoints, Nanos, RawAmount
from engine.ports import Clock

_MAX_DECIMALS = 12
"""More than any traded mint has; the stock of a token is then still ten million whole ones."""


class World:
    """A cluster with markets, served on loopback. Safe to use from any thread. Also a context manager.

    Attributes:
        bank: the cluster.
        exchange: its markets.
        gateway: in front of the Jupiter API; an `interceptor` may answer in the API's place.
        faults: what the node and the Jupiter API do to their callers; None where nothing is scripted.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        slot_duration: Nanos = SLOT_DURATION,
        landing_slots: int = 1,
        dumps: Path | None = None,
        seed: int = 0,
        sol_usd: Decimal = SOL_USD,
        requests_per_minute: int = PRO_PLAN,
        behaviour: Behaviour | None = None,
        faults: FaultPlan | None = None,
    ) -> None:
        """Build the world at *clock*'s now; nothing is served before `start`.

        Args:
            clock: where slots and times come from.
            slot_duration: length of a slot.
            landing_slots: slots between a transaction's receipt and its execution.
            dumps: a directory of real programs and accounts to put on the cluster; see `dumps`.
            seed: decides every address and blockhash, so that a run can be repeated.
            sol_usd: dollars per SOL, which the price endpoint's answers are in.
            requests_per_minute: what the Jupiter API allows.
            behaviour: how the node treats its callers.
            faults: what goes wrong, at the node and the Jupiter API alike; switched and counted on the plan itself.

        Raises:
            BadInputError: the dumps cannot be used.
        """
        self._seed = seed
        self.bank = TradingBank(
            clock, slot_duration=slot_duration, landing_slots=landing_slots, seed=str(seed).encode()
        )
        self.faults = faults
        if faults is not None:
            self.bank.keep_history()
        self.bank.add_program(swap_program.PROGRAM_ID, swap_program.elf())
        if dumps is not None:
            _load(self.bank, dumps)
        self._maker = Maker(self.bank, self._address("maker"))
        self.exchange = Exchange(self.bank, clock, self._maker, sol_usd=sol_usd)
        self.gateway = Gateway(jupiter_app(self.exchange), clock, limit=requests_per_minute)
        node = Node(self.bank, behaviour)
        rpc_app: ASGIApp = node.app
        swap_app: ASGIApp = self.gateway
        pairs_app: ASGIApp = dexscreener_app(self.exchange)
        if faults is not None:
            rpc_app = NodeFront(node, faults, clock, bank=self.bank)
            swap_app = JupiterFront(self.gateway, faults, clock, exchange=self.exchange)
            pairs_app = DexScreenerFront(pairs_app, faults, clock)
        self._node_server = LoopbackServer(rpc_app)
        self._jupiter_server = LoopbackServer(swap_app)
        self._dexscreener_server = LoopbackServer(pairs_app)

    def start(self) -> None:
        """Serve from now on; `rpc_url`, `ws_url`, `jupiter_url` and `dexscreener_url` say where."""
        try:
            for server in self._servers:
                server.start()
        except BaseException:
            self._stop_serving()
            raise

    def stop(self) -> None:
        """Stop serving and let go of the clock; harmless when repeated."""
        if self.faults is not None:
            self.faults.waiting.hang_up()
        self._stop_serving()
        self.bank.close()

    def _stop_serving(self) -> None:
        for server in self._servers:
            server.begin_to_stop()  # each takes a few tenths of a second, and none waits for another
        for server in self._servers:
            server.stop()

    @property
    def _servers(self) -> tuple[LoopbackServer, ...]:
        return self._node_server, self._jupiter_server, self._dexscreener_server

    @property
    def rpc_url(self) -> str:
        """The node's JSON-RPC, while it is served."""
        return self._node_server.url

    @property
    def ws_url(self) -> str:
        """The node's subscriptions, while they are served."""
        return self._node_server.websocket_url

    @property
    def jupiter_url(self) -> str:
        """What stands in for https://api.jup.ag, while it is served."""
        return self._jupiter_server.url

    @property
    def dexscreener_url(self) -> str:
        """What stands in for https://api.dexscreener.com, while it is served."""
        return self._dexscreener_server.url

    def create_token(
        self,
        symbol: str,
        *,
        decimals: int,
        price: Decimal,
        depth_sol: Decimal,
        token_2022: bool = False,
        transfer_fee_bps: int = 0,
        traits: frozenset[Trait] = frozenset(),
    ) -> Token:
        """Create a token and its market against SOL.

        Args:
            symbol: decides the mint's address, together with the world's seed.
            decimals: of the mint, up to 12.
            price: SOL per whole token.
            depth_sol: SOL on the market's SOL side; an order worth this much is paid half its worth.
            token_2022: mint it with Token-2022.
            transfer_fee_bps: what Token-2022 withholds of every transfer.
            traits: what else the issuer of a Token-2022 token can do.

        Raises:
            BadInputError: the symbol is taken or a figure makes no sense.
        """
        mint = self._address(f"mint {symbol}")
        if str(mint) in self.exchange.markets:
            raise BadInputError(f"There is a token {symbol} already: choose another symbol.")
        if not 0 <= decimals <= _MAX_DECIMALS:
            raise BadInputError(f"{symbol} cannot have {decimals} decimals: give 0 to {_MAX_DECIMALS}.")
        if not 0 <= transfer_fee_bps < WHOLE_BPS or (transfer_fee_bps and not token_2022):
            raise BadInputError(
                f"{symbol} cannot have a transfer fee of {transfer_fee_bps} bps: "
                f"give a Token-2022 token less than {WHOLE_BPS}, and others none."
            )
        if traits and not token_2022:
            raise BadInputError(f"{symbol} cannot have traits: only a Token-2022 token has them.")
        token = Token(
            symbol=symbol,
            mint=mint,
            decimals=decimals,
            program=TOKEN_2022_PROGRAM_ID if token_2022 else TOKEN_PROGRAM_ID,
            transfer_fee=BasisPoints(transfer_fee_bps),
            traits=traits,
        )
        self.exchange.open_market(token, price=price, depth_sol=depth_sol)
        return token

    def open_pool(self, mint: str, kind: PoolKind) -> PoolAccounts:
        """Put the accounts of a pool of *mint* on chain, whose reserves follow the market from now on.

        Raises:
            BadInputError: there is no such token.
        """
        market = self.market(mint)
        with self.bank.lock:
            pool = PoolAccounts(self.bank, kind, market.token, price=market.price, depth=market.depth)
            market.on_price(pool.move)
            return pool

    def market(self, mint: str) -> Market:
        """Return the market of *mint*.

        Raises:
            BadInputError: there is none.
        """
        try:
            return self.exchange.markets[mint]
        except KeyError:
            raise BadInputError(f"There is no token {mint} in this world: create it first.") from None

    def set_price(self, mint: str, price: Decimal | float) -> None:
        """Move the market of *mint* to *price* SOL per whole token; see `Market.set_price`.

        Raises:
            BadInputError: there is no such token, or the price is not one that can be.
        """
        self.market(mint).set_price(price)

    def fund(self, wallet: str, *, lamports: int = 0, tokens: Mapping[str, int] | None = None) -> None:
        """Give *wallet* SOL and tokens at once, on top of what it has.

        Args:
            wallet: base58.
            lamports: from the faucet.
            tokens: raw units by mint, from the maker's stock into the wallet's associated accounts.

        Raises:
            BadInputError: the wallet or a mint is none, or an amount is negative or more than there is.
            RpcError: the wallet would hold less SOL than an account must.
        """
        owner = _wallet(wallet)
        gifts = [(self.market(mint).token, raw) for mint, raw in (tokens or {}).items()]
        if lamports < 0 or any(raw < 0 for _, raw in gifts):
            raise BadInputError(f"{wallet} cannot be given less than nothing: give amounts of zero or more.")
        with self.bank.lock:
            if lamports:
                self.bank.airdrop(owner, lamports)
            for token, raw in gifts:
                try:
                    self._maker.give(token, owner, RawAmount(raw))
                except ValueError as error:
                    raise BadInputError(f"{wallet} cannot be given {raw} raw units: {error}.") from error

    def freeze(self, wallet: str, mint: str) -> None:
        """Freeze what *wallet* holds of *mint*, as an issuer who kept the right to may: nothing of it can be moved.

        Raises:
            BadInputError: the wallet or the mint is none, or the wallet has no account of it.
        """
        self._set_frozen(wallet, mint, frozen=True)

    def thaw(self, wallet: str, mint: str) -> None:
        """Take `freeze` back.

        Raises:
            BadInputError: the wallet or the mint is none, or the wallet has no account of it.
        """
        self._set_frozen(wallet, mint, frozen=False)

    def _set_frozen(self, wallet: str, mint: str, *, frozen: bool) -> None:
        owner, token = _wallet(wallet), self.market(mint).token
        with self.bank.lock:
            held = [(key, token_account(account)) for key, account in self.bank.accounts_of(owner)]
            addresses = [key for key, state in held if state is not None and state.mint == token.mint]
            if not addresses:
                raise BadInputError(f"{wallet} has no account of {token.symbol}: fund it first.")
            for address in addresses:
                set_frozen(self.bank, address, frozen=frozen)

    def _address(self, purpose: str) -> Pubkey:
        return Pubkey(hashlib.sha256(f"{purpose} of world {self._seed}".encode()).digest())

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def _load(bank: TradingBank, dumps: Path) -> None:
    loaded = load_dumps(bank, dumps)
    if swap_program.PROGRAM_ID in loaded.programs:
        raise BadInputError(
            f"{dumps} holds Jupiter's own program {swap_program.PROGRAM_ID}, whose place the simulated market "
            "needs for its price check: take it out of the directory."
        )


def _wallet(address: str) -> Pubkey:
    try:
        return Pubkey.from_string(address)
    except ValueError:
        raise BadInputError(f"{address!r} is no wallet address: give 32 bytes in base58.") from None
