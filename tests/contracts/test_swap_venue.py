"""The contract of the ports around a swap: venue, signer, chain and price source, over either of Jupiter's APIs.

Everything is the code that trades on mainnet; the servers that it talks to are on loopback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import pytest
from starlette.requests import Request
from starlette.responses import Response

from chain.failures import MARKER_IN_USE
from chain.jupiter.build import BLOCKHASH_SLOTS, jupiter_http
from chain.jupiter.venue import jupiter_venue
from chain.keys.wallet import Wallet
from chain.ledger import SolanaChain
from chain.node.rpc import RpcClient
from chain.prices.jupiter import JupiterPrices
from chain.simulated.bank import SLOT_DURATION
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.swap import Fill, PreparedSwap, Side, SignatureStatus, SignedSwap, SwapRequest
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Lamports, Mint, Nanos, seconds
from engine.ports import Chain, PriceSource, Signer, SwapVenue

FUNDS = 10 * LAMPORTS_PER_SOL
FEE = Lamports(20_000)
BASE_FEE = 5_000
SLIPPAGE = BasisPoints(150)
PRICE = Decimal("0.0004")
Api = Literal["v2", "v1"]


@dataclass(frozen=True)
class Trader:
    """A wallet with SOL, and the ports that it trades through."""

    world: World
    clock: ManualClock
    signer: Signer
    venue: SwapVenue
    chain: Chain
    prices: PriceSource

    def token(self, decimals: int = 6, *, held: int = 0, token_2022: bool = False, fee_bps: int = 0) -> Token:
        """Return a new token, of which the wallet holds *held* raw units."""
        token = self.world.create_token(
            "TKN",
            decimals=decimals,
            price=PRICE,
            depth_sol=Decimal(10_000),
            token_2022=token_2022,
            transfer_fee_bps=fee_bps,
        )
        if held:
            self.world.fund(self.signer.address, tokens={token.address: held})
        return token

    def prepare(self, request: SwapRequest) -> PreparedSwap:
        """Quote and prepare *request*."""
        return self.venue.prepare(self.venue.quote(request), priority_fee=FEE)

    def land(self, signed: SignedSwap) -> SignatureStatus:
        """Send *signed*, let two slots pass and return its status."""
        self.chain.send(signed.raw)
        self.clock.advance(seconds(1))
        (status,) = self.chain.statuses([signed.signature])
        assert status is not None
        return status

    def fill(self, signed: SignedSwap, token: Token) -> Fill:
        """Return what the chain says that *signed* moved."""
        fill = self.chain.fill(signed.signature, Mint(token.address))
        assert fill is not None
        return fill


@pytest.fixture(params=["v2", "v1"])
def api(request: pytest.FixtureRequest) -> Api:
    """Return which of Jupiter's APIs is traded through."""
    return "v2" if request.param == "v2" else "v1"


@pytest.fixture
def trader(api: Api) -> Iterator[Trader]:
    """Yield a funded wallet in a world of its own."""
    clock = ManualClock()
    wallet = Wallet.generate()
    with World(clock) as world:
        world.fund(wallet.address, lamports=FUNDS)
        url = world.jupiter_url
        with closing(RpcClient(world.rpc_url)) as rpc, closing(jupiter_http(url, "key")) as http:
            yield Trader(
                world=world,
                clock=clock,
                signer=wallet,
                venue=jupiter_venue(api, http=http, swap_base_url=url, rpc=rpc, wallet=wallet.address, clock=clock),
                chain=SolanaChain(rpc, wallet.address),
                prices=JupiterPrices(http, clock),
            )


def sell(token: Token, amount: int, slippage: BasisPoints = SLIPPAGE) -> SwapRequest:
    """Return the request to sell *amount* raw units of *token*."""
    return SwapRequest(side=Side.SELL, mint=Mint(token.address), amount=amount, slippage=slippage)


def buy(token: Token, lamports: int) -> SwapRequest:
    """Return the request to spend *lamports* on *token*."""
    return SwapRequest(side=Side.BUY, mint=Mint(token.address), amount=lamports, slippage=SLIPPAGE)


def expect(kind: FailureKind, trader: Trader, request: SwapRequest) -> SwapError:
    """Quote and prepare *request*, which must fail as *kind*."""
    with pytest.raises(SwapError) as caught:
        trader.prepare(request)
    assert caught.value.kind is kind, caught.value
    return caught.value


@pytest.mark.parametrize("decimals", [0, 5, 6, 9])
def test_a_sale_brings_what_was_quoted(trader: Trader, decimals: int) -> None:
    """From the quote to the fill: the tokens leave, the lamports come, the fee is apart."""
    amount = 1_000 * 10**decimals
    token = trader.token(decimals, held=amount)
    prepared = trader.prepare(sell(token, amount))
    quote = prepared.quote
    assert quote.minimum_out <= quote.expected_out
    assert quote.expected_out == pytest.approx(1_000 * PRICE * LAMPORTS_PER_SOL, rel=Decimal("0.001"))
    signed = trader.signer.sign(prepared)
    status = trader.land(signed)
    assert status.failure is None
    assert status.confirmation != "processed"
    fill = trader.fill(signed, token)
    assert (fill.tokens, fill.sol) == (-amount, quote.expected_out)
    assert fill.fee == BASE_FEE + prepared.priority_fee
    assert trader.chain.sol_balance() == FUNDS + fill.sol - fill.fee - fill.rent
    assert trader.chain.token_balance(Mint(token.address)) == 0


@pytest.mark.parametrize("decimals", [0, 5, 6, 9])
def test_a_purchase_brings_what_was_quoted(trader: Trader, decimals: int) -> None:
    """The lamports leave, the tokens come; what is put into accounts of its own is no loss."""
    token = trader.token(decimals)
    spent = LAMPORTS_PER_SOL
    prepared = trader.prepare(buy(token, spent))
    signed = trader.signer.sign(prepared)
    assert trader.land(signed).failure is None
    fill = trader.fill(signed, token)
    assert (fill.tokens, fill.sol) == (prepared.quote.expected_out, -spent)
    assert trader.chain.sol_balance() == FUNDS + fill.sol - fill.fee - fill.rent
    assert trader.chain.token_balance(Mint(token.address)) == fill.tokens


def test_the_rent_of_a_new_token_account_is_told_apart(trader: Trader) -> None:
    """It is the wallet's own: no part of the price."""
    token = trader.token()
    signed = trader.signer.sign(trader.prepare(buy(token, LAMPORTS_PER_SOL)))
    assert trader.land(signed).failure is None
    assert trader.fill(signed, token).rent == trader.world.bank.rent(165)


def test_what_was_bought_can_be_sold_in_parts(trader: Trader) -> None:
    """Each fill follows the chain, and the wallet's SOL follows the fills."""
    token = trader.token()
    entry = trader.signer.sign(trader.prepare(buy(token, LAMPORTS_PER_SOL)))
    assert trader.land(entry).failure is None
    fills = [trader.fill(entry, token)]
    for part in (fills[0].tokens // 3, fills[0].tokens - fills[0].tokens // 3):
        signed = trader.signer.sign(trader.prepare(sell(token, part)))
        assert trader.land(signed).failure is None
        fills.append(trader.fill(signed, token))
        assert fills[-1].tokens == -part
    assert sum(fill.tokens for fill in fills) == trader.chain.token_balance(Mint(token.address)) == 0
    changes = sum(fill.sol - fill.fee - fill.rent for fill in fills)
    assert trader.chain.sol_balance() == FUNDS + changes


def test_tokens_of_token_2022_are_sold_as_well(trader: Trader) -> None:
    """With a fee on transfers the wallet is debited the whole amount."""
    token = trader.token(held=1_000_000_000, token_2022=True, fee_bps=100)
    signed = trader.signer.sign(trader.prepare(sell(token, 1_000_000_000)))
    assert trader.land(signed).failure is None
    assert trader.fill(signed, token).tokens == -1_000_000_000


def test_a_price_that_moves_before_landing_is_slippage_and_costs_the_fee_alone(trader: Trader) -> None:
    """The chain refuses it: no tokens, no SOL, no rent, the fee."""
    token = trader.token(held=1_000_000_000)
    prepared = trader.prepare(sell(token, 1_000_000_000))
    trader.world.set_price(token.address, PRICE * Decimal("0.9"))
    signed = trader.signer.sign(prepared)
    status = trader.land(signed)
    assert status.failure is not None
    assert (status.failure.kind, status.failure.code) == (FailureKind.SLIPPAGE, "6001")
    fill = trader.fill(signed, token)
    assert (fill.tokens, fill.sol, fill.rent, fill.fee) == (0, 0, 0, BASE_FEE + prepared.priority_fee)
    assert trader.chain.sol_balance() == FUNDS - fill.fee
    assert trader.chain.token_balance(Mint(token.address)) == 1_000_000_000


def test_a_price_that_moves_before_the_simulation_is_slippage_and_costs_nothing(trader: Trader) -> None:
    """Nothing was signed."""
    token = trader.token(held=1_000_000_000)
    quote = trader.venue.quote(sell(token, 1_000_000_000))
    trader.world.set_price(token.address, PRICE * Decimal("0.9"))
    with pytest.raises(SwapError) as caught:
        trader.venue.prepare(quote, priority_fee=FEE)
    assert (caught.value.kind, caught.value.code) == (FailureKind.SLIPPAGE, "6001")
    assert trader.chain.sol_balance() == FUNDS


def test_a_halted_market_is_no_route(trader: Trader) -> None:
    """Refused: a later attempt may find one."""
    token = trader.token(held=1_000)
    trader.world.market(token.address).halt()
    expect(FailureKind.REFUSED, trader, sell(token, 1_000))


def test_an_unknown_token_is_not_tradable(trader: Trader) -> None:
    """Refused by Jupiter and, asked for its decimals, by the chain."""
    mint = Mint(Wallet.generate().address)
    request = SwapRequest(side=Side.SELL, mint=mint, amount=1, slippage=SLIPPAGE)
    assert "not tradable" in str(expect(FailureKind.REFUSED, trader, request))
    with pytest.raises(BadInputError, match=mint):
        trader.chain.token(mint)


@pytest.mark.parametrize("held", [0, 999_999], ids=["none", "one too few"])
def test_a_wallet_without_the_tokens_needs_a_person(trader: Trader, held: int) -> None:
    """Permanent when it is prepared: nothing was signed and nothing paid."""
    token = trader.token(held=held)
    error = expect(FailureKind.PERMANENT, trader, sell(token, 1_000_000))
    assert f"the wallet holds {held} raw units" in str(error)
    assert trader.chain.sol_balance() == FUNDS


def test_a_wallet_without_the_sol_needs_a_person(trader: Trader) -> None:
    """A purchase for more than there is."""
    token = trader.token()
    error = expect(FailureKind.PERMANENT, trader, buy(token, FUNDS + 1))
    assert "too little SOL" in str(error)


def test_the_same_bytes_sent_twice_move_the_tokens_once(trader: Trader) -> None:
    """Sending again is harmless, before it lands and after."""
    token = trader.token(held=2_000_000)
    signed = trader.signer.sign(trader.prepare(sell(token, 1_000_000)))
    trader.chain.send(signed.raw)
    assert trader.land(signed).failure is None
    trader.chain.send(signed.raw)
    trader.clock.advance(seconds(5))
    assert trader.chain.token_balance(Mint(token.address)) == 1_000_000


def test_an_unsent_swap_is_proven_dead_when_its_height_is_final(trader: Trader) -> None:
    """Unknown to the history search once the finalized height is past its last valid one; sent then, it never lands."""
    token = trader.token(held=1_000_000)
    signed = trader.signer.sign(trader.prepare(sell(token, 1_000_000)))
    assert trader.chain.finalized_height() <= signed.last_valid_block_height
    trader.clock.advance(seconds(200))
    assert trader.chain.finalized_height() > signed.last_valid_block_height
    assert trader.chain.statuses([signed.signature], search_history=True) == [None]
    trader.chain.send(signed.raw)
    trader.clock.advance(seconds(5))
    assert trader.chain.statuses([signed.signature], search_history=True) == [None]
    assert trader.chain.fill(signed.signature, Mint(token.address)) is None


def test_a_status_goes_from_unknown_to_finalized(trader: Trader) -> None:
    """And once it is old, only the history search finds it."""
    token = trader.token(held=1_000_000)
    signed = trader.signer.sign(trader.prepare(sell(token, 1_000_000)))
    assert trader.chain.statuses([signed.signature]) == [None]
    assert trader.land(signed).confirmation == "confirmed"
    trader.clock.advance(seconds(30))
    (status,) = trader.chain.statuses([signed.signature], search_history=True)
    assert status is not None
    assert status.confirmation == "finalized"


def test_the_fee_is_ours_whatever_the_api_suggests(trader: Trader) -> None:
    """Both APIs bake in a price of their own; what is paid is what was decided."""
    token = trader.token(held=2_000_000)
    for fee in (Lamports(0), Lamports(1_000_000)):
        quote = trader.venue.quote(sell(token, 1_000_000))
        signed = trader.signer.sign(trader.venue.prepare(quote, priority_fee=fee))
        assert trader.land(signed).failure is None
        assert BASE_FEE + fee - 2 <= trader.fill(signed, token).fee <= BASE_FEE + fee


@pytest.mark.parametrize("decimals", [0, 9])
@pytest.mark.parametrize("token_2022", [False, True])
def test_a_token_is_what_its_mint_says(trader: Trader, decimals: int, token_2022: bool) -> None:
    """Decimals and program come from the chain."""
    token = trader.token(decimals, token_2022=token_2022)
    info = trader.chain.token(Mint(token.address))
    assert (info.decimals, info.program) == (decimals, str(token.program))


def test_prices_are_in_sol(trader: Trader) -> None:
    """Dollars are divided out, within one answer; unknown mints are left out."""
    token = trader.token()
    unknown = Mint(Wallet.generate().address)
    (tick,) = trader.prices.fetch([Mint(token.address), unknown])
    assert tick.price == pytest.approx(float(PRICE), rel=1e-6)
    assert (tick.mint, tick.observed_at) == (token.address, trader.clock.now())


class _Answers:
    """Answers in the API's place."""

    def __init__(self, response: Response) -> None:
        self.response = response

    async def intercept(self, request: Request) -> Response | None:
        return self.response


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, '{"code":429,"message":"[API Gateway] Too many requests"}', FailureKind.TRANSIENT),
        (503, "<html>busy</html>", FailureKind.TRANSIENT),
        (401, '{"code":401,"message":"Unauthorized"}', FailureKind.PERMANENT),
        (400, '{"error":"No routes found","errorCode":"NO_ROUTES_FOUND"}', FailureKind.REFUSED),
    ],
)
def test_jupiters_troubles_are_told_apart_and_pass(trader: Trader, status: int, body: str, kind: FailureKind) -> None:
    """And the next request is served as if nothing had been."""
    token = trader.token(held=1_000_000)
    trader.world.gateway.interceptor = _Answers(Response(body, status_code=status))
    expect(kind, trader, sell(token, 1_000_000))
    trader.world.gateway.interceptor = None
    trader.prepare(sell(token, 1_000_000))


# The order marker -------------------------------------------------------------------------------------------


def marked(trader: Trader, token: Token, amount: int, *, seed: str = "seed", fee: Lamports = FEE) -> SignedSwap:
    """Return a signed attempt of the order with *seed* to sell *amount*."""
    quote = trader.venue.quote(sell(token, amount))
    prepared = trader.venue.prepare(quote, priority_fee=fee, marker_seed=seed)
    assert prepared.marker_rent == trader.world.bank.rent(0)
    return trader.signer.sign(prepared)


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_two_live_attempts_of_one_order_one_sells(trader: Trader, *, newest_first: bool) -> None:
    """Two attempts with the order's marker, in either order of arrival: one sale, and one fee for nothing."""
    token = trader.token(held=10_000_000)
    attempts = [marked(trader, token, 2_000_000), marked(trader, token, 2_000_000, fee=Lamports(2 * FEE))]
    first, second = reversed(attempts) if newest_first else attempts
    trader.chain.send(first.raw)
    trader.chain.send(second.raw)
    trader.clock.advance(seconds(1))
    landed, refused = trader.chain.statuses([first.signature, second.signature])
    assert landed is not None
    assert landed.failure is None
    assert refused is not None
    assert refused.failure is not None
    assert refused.failure.code == MARKER_IN_USE
    assert trader.chain.token_balance(token.address) == 8_000_000
    assert trader.fill(second, token).tokens == 0


def test_a_reverted_attempt_takes_its_marker_back_with_it(trader: Trader) -> None:
    """After a slippage failure on chain the same order can be tried again."""
    token = trader.token(held=10_000_000)
    trader.world.market(token.address).drift_after_quote(-1_000)
    reverted = trader.land(marked(trader, token, 2_000_000))
    assert reverted.failure is not None
    assert reverted.failure.kind is FailureKind.SLIPPAGE
    assert trader.land(marked(trader, token, 2_000_000)).failure is None
    assert trader.chain.token_balance(token.address) == 8_000_000


def test_an_attempt_of_an_order_that_was_carried_out_is_not_even_signed(trader: Trader) -> None:
    """The simulation finds the marker: the attempt is refused before there is a signature."""
    token = trader.token(held=10_000_000)
    trader.land(marked(trader, token, 2_000_000))
    with pytest.raises(SwapError) as refused:
        marked(trader, token, 2_000_000)
    assert (refused.value.kind, refused.value.code) == (FailureKind.REFUSED, MARKER_IN_USE)


def test_orders_with_seeds_of_their_own_do_not_exclude_each_other(trader: Trader) -> None:
    """The marker is the order's: another order of the same wallet sells."""
    token = trader.token(held=10_000_000)
    assert trader.land(marked(trader, token, 2_000_000, seed="one")).failure is None
    assert trader.land(marked(trader, token, 2_000_000, seed="two")).failure is None
    assert trader.chain.token_balance(token.address) == 6_000_000


def test_the_rent_of_markers_is_brought_back_by_one_transaction(trader: Trader) -> None:
    """Eight markers fit into one transaction, whose fill is their rent and nothing else."""
    token = trader.token(held=10_000_000)
    seeds = [f"{number:032x}" for number in range(8)]
    rent = trader.world.bank.rent(0)
    for seed in seeds:
        signed = marked(trader, token, 1_000_000, seed=seed)
        trader.land(signed)
        assert trader.fill(signed, token).rent >= rent
    before = trader.chain.sol_balance()
    parked = [(seed, Lamports(rent)) for seed in seeds]
    signed = trader.signer.sign(trader.venue.prepare_reclaim(parked, priority_fee=Lamports(0)))
    assert trader.land(signed).failure is None
    fill = trader.fill(signed, token)
    assert (fill.tokens, fill.sol, fill.rent) == (0, 0, -8 * rent)
    assert trader.chain.sol_balance() - before == 8 * rent - fill.fee


@pytest.mark.parametrize("late", [0, 1])
def test_an_attempt_over_the_current_api_lives_as_long_as_it_was_asked_to(late: int) -> None:
    """Sixty blocks: at its last one it lands, and one block later it never can, whatever is sent again."""
    clock, wallet = ManualClock(), Wallet.generate()
    with (
        World(clock) as world,
        closing(RpcClient(world.rpc_url)) as rpc,
        closing(jupiter_http(world.jupiter_url, None)) as http,
    ):
        world.fund(wallet.address, lamports=FUNDS)
        token = world.create_token("TKN", decimals=6, price=PRICE, depth_sol=Decimal(10_000))
        venue = jupiter_venue(
            "v2", http=http, swap_base_url=world.jupiter_url, rpc=rpc, wallet=wallet.address, clock=clock
        )
        clock.advance(Nanos(200 * SLOT_DURATION))
        buy = SwapRequest(side=Side.BUY, mint=token.address, amount=LAMPORTS_PER_SOL, slippage=SLIPPAGE)
        signed = wallet.sign(venue.prepare(venue.quote(buy), priority_fee=FEE))
        left = signed.last_valid_block_height - world.bank.block_height()
        assert BLOCKHASH_SLOTS - 5 <= left <= BLOCKHASH_SLOTS
        chain = SolanaChain(rpc, wallet.address)
        clock.advance(Nanos((left - 1 + late) * SLOT_DURATION))
        chain.send(signed.raw)
        clock.advance(Nanos(3 * SLOT_DURATION))
        (status,) = chain.statuses([signed.signature])
        assert (status is None) is bool(late)
