"""The network beneath the page: markets whose prices a test moves, and a wallet that holds their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from solders.keypair import Keypair
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.domain.entries import adopted
from engine.domain.plan import ExitPlan, TakeProfit
from engine.domain.position import Position
from engine.domain.swap import TokenInfo
from engine.domain.units import Mint, PositionId, RawAmount, lamports, seconds
from engine.ports import Clock

FUNDS = lamports("100")
DECIMALS = 6
ENTRY = Decimal("0.01")
"""SOL per whole token at which everything is bought."""
HELD = Decimal(1_000)
"""Whole tokens of a position."""
PLAN = ExitPlan(
    stop_loss_pct=Decimal(20),
    take_profits=(
        TakeProfit(gain_pct=Decimal(50), sell_pct=Decimal(50)),
        TakeProfit(gain_pct=Decimal(100), sell_pct=Decimal(100)),
    ),
)


class Cluster:
    """An embedded cluster with a wallet on it; it outlives the engines that trade there.

    Attributes:
        world: its node and its markets.
        keypair: the wallet's.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.world = World(clock, slot_duration=seconds(0.2))
        self.keypair = Keypair()
        self.world.fund(self.wallet, lamports=FUNDS)
        self._tokens: dict[str, Token] = {}

    @property
    def wallet(self) -> str:
        """The address of the wallet."""
        return str(self.keypair.pubkey())

    def key_file(self, folder: Path) -> Path:
        """Write the wallet's key into *folder*, and return where it is."""
        file = folder / "id.json"
        file.write_text(self.keypair.to_json(), encoding="ascii")
        file.chmod(0o600)
        return file

    def held(self, symbol: str, *, tokens: Decimal = HELD) -> Mint:
        """Open a market, and give the wallet *tokens* whole tokens of it."""
        token = self.world.create_token(symbol, decimals=DECIMALS, price=ENTRY, depth_sol=Decimal(10_000))
        self.world.fund(self.wallet, tokens={token.address: _raw(tokens)})
        self._tokens[symbol] = token
        return token.address

    def position(self, symbol: str, *, number: int = 1, plan: ExitPlan = PLAN) -> Position:
        """Return a position of a token that the wallet holds, for the store of an engine that does not run yet."""
        token, amount = self._tokens[symbol], _raw(HELD)
        return adopted(
            TokenInfo(mint=token.address, decimals=DECIMALS, program=str(token.program)),
            symbol,
            amount,
            ENTRY,
            plan,
            position_id=PositionId(f"{symbol.lower()}-{number}"),
            held=amount,
            now=self.clock.now(),
        )

    def move(self, symbol: str, times: str) -> None:
        """Take the price to so many *times* the entry's."""
        self.world.set_price(self._tokens[symbol].address, ENTRY * Decimal(times))

    def halt(self, symbol: str) -> None:
        """Let no swap of the token succeed."""
        self.world.market(self._tokens[symbol].address).halt()

    def resume(self, symbol: str) -> None:
        """Take `halt` back."""
        self.world.market(self._tokens[symbol].address).resume()

    @contextmanager
    def without_prices(self) -> Iterator[None]:
        """Answer no question for prices meanwhile."""
        self.world.gateway.interceptor = _NoPrices()
        try:
            yield
        finally:
            self.world.gateway.interceptor = None


def _raw(tokens: Decimal) -> RawAmount:
    return RawAmount(int(tokens.scaleb(DECIMALS)))


class _NoPrices:
    """Answers in the API's place where prices are asked for."""

    async def intercept(self, request: Request) -> Response | None:
        """Refuse."""
        return PlainTextResponse("no prices", status_code=503) if request.url.path.startswith("/price/") else None
