"""What a token's issuer can do to whoever trades it, executed by the real token programs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from solders.account import Account
from solders.pubkey import Pubkey

from chain.jupiter.venue import JupiterVenue, jupiter_venue
from chain.simulated.tokens import Token, Trait, add, set_paused
from engine.domain.entries import adopted, entry_order
from engine.domain.errors import BadInputError, FailureKind, SwapError
from engine.domain.plan import ExitPlan
from engine.domain.retry import RetryPolicies
from engine.domain.swap import Fill, PreparedSwap, SwapRequest, TokenInfo
from engine.domain.units import LAMPORTS_PER_SOL, Lamports, OrderId, PositionId, RawAmount
from tests.simulated.faults.trader import AMOUNT, APIS, FEE, FUNDS, PRICE, Api, Trader, buy, sell, trading

BOTH_APIS = pytest.mark.parametrize("api", APIS)
PLAN = ExitPlan(stop_loss_pct=Decimal(20))
CLOSE_AUTHORITY = 129
"""Of a token account's data: u32 1 and an address where it has one."""


def closing_venue(trader: Trader, api: Api = "v2") -> JupiterVenue:
    """Return a venue of *trader* that closes the accounts which it empties."""
    line = trader.line
    return jupiter_venue(
        api,
        http=line.http,
        swap_base_url=line.jupiter_url,
        rpc=line.rpc,
        wallet=trader.wallet.address,
        clock=trader.clock,
        close_empty_accounts=True,
    )


def carried_out(trader: Trader, prepared: PreparedSwap, token: Token) -> Fill:
    """Sign and send *prepared*, let it land and return what it moved."""
    signed = trader.sign(prepared)
    trader.chain.send(signed.raw)
    trader.pass_time(2)
    (status,) = trader.chain.statuses([signed.signature])
    assert status is not None
    assert status.failure is None, status.failure
    fill = trader.chain.fill(signed.signature, token.address)
    assert fill is not None
    return fill


def swapped(trader: Trader, venue: JupiterVenue, request: SwapRequest, token: Token, *, seed: str = "") -> Fill:
    """Carry out *request*."""
    prepared = venue.prepare(venue.quote(request), priority_fee=FEE, marker_seed=seed)
    return carried_out(trader, prepared, token)


def account_of(trader: Trader, token: Token) -> Account | None:
    """Return the wallet's associated account of *token*."""
    return trader.world.bank.account(token.account_of(Pubkey.from_string(trader.wallet.address)))


def lamports_of(trader: Trader, token: Token) -> int:
    """Return the rent that the wallet's account of *token* holds."""
    account = account_of(trader, token)
    assert account is not None
    return account.lamports


def booked(fills: list[Fill]) -> int:
    """Return the lamports by which the wallet changed by the books."""
    return sum(fill.sol - fill.fee - fill.rent for fill in fills)


def refusal(trader: Trader, request: SwapRequest) -> SwapError:
    """Return the error of preparing *request*."""
    with pytest.raises(SwapError) as caught:
        trader.prepare(request)
    return caught.value


# Closing what a sale empties


@BOTH_APIS
@pytest.mark.parametrize("token_2022", [False, True])
@pytest.mark.parametrize("seed", ["", "seed"])
def test_a_sale_of_everything_closes_the_account_and_its_rent_is_no_proceeds(
    api: Api, token_2022: bool, seed: str
) -> None:
    """The rent comes back as rent, the proceeds are those of the quote, and the lamports add up."""
    with trading() as trader:
        token, venue = trader.token(token_2022=token_2022), closing_venue(trader, api)
        rent = lamports_of(trader, token)
        quote = venue.quote(sell(token))
        fill = carried_out(trader, venue.prepare(quote, priority_fee=FEE, marker_seed=seed), token)
        parked = trader.world.bank.rent(0) if seed else 0
        assert account_of(trader, token) is None
        assert (fill.tokens, fill.sol, fill.rent) == (-AMOUNT, quote.expected_out, parked - rent)
        assert trader.chain.sol_balance() == FUNDS + booked([fill])


def test_a_sale_in_parts_closes_with_the_last_part() -> None:
    """What is left keeps the account open."""
    with trading() as trader:
        token, venue = trader.token(), closing_venue(trader)
        rent = lamports_of(trader, token)
        first = swapped(trader, venue, sell(token, AMOUNT // 3), token)
        assert lamports_of(trader, token) == rent
        last = swapped(trader, venue, sell(token, AMOUNT - AMOUNT // 3), token)
        assert account_of(trader, token) is None
        assert (first.rent, last.rent) == (0, -rent)
        assert trader.chain.sol_balance() == FUNDS + booked([first, last])


def test_nothing_is_closed_unless_it_is_asked_for() -> None:
    """The account stays for the next purchase."""
    with trading() as trader:
        token = trader.token()
        rent = lamports_of(trader, token)
        assert carried_out(trader, trader.prepare(sell(token)), token).rent == 0
        assert lamports_of(trader, token) == rent


def test_an_account_with_uncollected_fees_stays_and_the_sale_goes_through() -> None:
    """What was withheld of the purchase lies in the account, and Token-2022 does not close it."""
    with trading() as trader:
        token, venue = trader.token(held=0, token_2022=True, transfer_fee_bps=500), closing_venue(trader)
        bought = swapped(trader, venue, buy(token, LAMPORTS_PER_SOL), token)
        half = bought.tokens // 2
        sold = [swapped(trader, venue, sell(token, part), token) for part in (half, bought.tokens - half)]
        assert lamports_of(trader, token) == bought.rent
        assert trader.chain.token_balance(token.address) == bought.tokens + sum(fill.tokens for fill in sold) == 0
        assert trader.chain.sol_balance() == FUNDS + booked([bought, *sold])


def test_an_account_that_another_may_close_stays_and_the_sale_goes_through() -> None:
    """Only the simulation knows, and the closing alone is left out for it: the marker stays in."""
    with trading() as trader:
        token, venue = trader.token(), closing_venue(trader)
        account = account_of(trader, token)
        assert account is not None
        data = bytearray(account.data)
        data[CLOSE_AUTHORITY:] = b"\x01\x00\x00\x00" + bytes([9] * 32)
        address = token.account_of(Pubkey.from_string(trader.wallet.address))
        trader.world.bank.set_account(address, Account(account.lamports, bytes(data), account.owner))
        fill = swapped(trader, venue, sell(token), token, seed="seed")
        assert (fill.tokens, fill.rent) == (-AMOUNT, trader.world.bank.rent(0))
        assert lamports_of(trader, token) == account.lamports


def test_a_sale_that_fails_by_itself_is_not_blamed_on_the_closing() -> None:
    """The price left the tolerance: slippage, as without it."""
    with trading() as trader:
        token, venue = trader.token(), closing_venue(trader)
        quote = venue.quote(sell(token))
        trader.world.set_price(token.address, PRICE / 2)
        with pytest.raises(SwapError) as caught:
            venue.prepare(quote, priority_fee=FEE)
        assert (caught.value.kind, caught.value.code) == (FailureKind.SLIPPAGE, "6001")


def test_a_token_sent_to_the_account_costs_one_attempt() -> None:
    """The sale that would have closed it reverts; the next one sees the token and does not close."""
    with trading() as trader:
        token, venue = trader.token(), closing_venue(trader)
        signed = trader.sign(venue.prepare(venue.quote(sell(token)), priority_fee=FEE))
        add(trader.world.bank, token, Pubkey.from_string(trader.wallet.address), 1)
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        (status,) = trader.chain.statuses([signed.signature])
        assert status is not None
        assert status.failure is not None
        assert status.failure.kind is FailureKind.REFUSED
        assert swapped(trader, venue, sell(token), token).tokens == -AMOUNT
        assert trader.chain.token_balance(token.address) == 1


# What cannot be traded


def opened(trader: Trader, info: TokenInfo) -> object:
    """Ask for an entry."""
    return entry_order(
        info,
        "TKN",
        Lamports(LAMPORTS_PER_SOL),
        PLAN,
        order_id=OrderId("entry"),
        position_id=PositionId("pos"),
        wallet_sol=trader.chain.sol_balance(),
        policies=RetryPolicies(),
        now=trader.clock.now(),
    )


def guarded(trader: Trader, info: TokenInfo) -> object:
    """Ask for a guard of what the wallet holds."""
    held = RawAmount(trader.chain.token_balance(info.mint))
    return adopted(info, "TKN", held, PRICE, PLAN, position_id=PositionId("pos"), held=held, now=trader.clock.now())


def restricted(trader: Trader, *traits: Trait, **changes: Any) -> Token:
    """Return a token whose issuer has kept the right to *traits*."""
    return trader.token(token_2022=True, traits=frozenset(traits), **changes)


def refused_to_all(trader: Trader, token: Token, sentence: str) -> None:
    """Make sure that neither an entry nor a guard of *token* begins."""
    info = trader.chain.token(token.address)
    for begin in (opened, guarded):
        with pytest.raises(BadInputError, match=rf"TKN \({token.address}\) cannot be traded: .*{sentence}"):
            begin(trader, info)


def test_a_paused_token_is_refused_until_it_is_resumed() -> None:
    """By what its mint says: the Token-2022 program of the embedded cluster is older than pausing."""
    with trading() as trader:
        token = restricted(trader, Trait.PAUSABLE, transfer_fee_bps=5)
        assert trader.chain.token(token.address).obstacles == ()
        set_paused(trader.world.bank, token, paused=True)
        refused_to_all(trader, token, "the issuer has paused all transfers")
        set_paused(trader.world.bank, token, paused=False)
        assert trader.chain.token(token.address).obstacles == ()


def test_a_token_whose_accounts_start_frozen_is_not_bought() -> None:
    """What was bought could not be sold: permanent, before anything is signed."""
    with trading() as trader:
        token = restricted(trader, Trait.DEFAULT_FROZEN, held=0)
        info = trader.chain.token(token.address)
        with pytest.raises(BadInputError, match="the issuer freezes every new account"):
            opened(trader, info)
        error = refusal(trader, buy(token, LAMPORTS_PER_SOL))
        assert (error.kind, error.code) == (FailureKind.PERMANENT, "17")
        assert trader.chain.sol_balance() == FUNDS


def test_whoever_the_issuer_has_admitted_can_trade() -> None:
    """The mint freezes new accounts; the wallet has one that is thawed."""
    with trading() as trader:
        token = restricted(trader, Trait.DEFAULT_FROZEN)
        assert trader.chain.token(token.address).obstacles == ()
        assert carried_out(trader, trader.prepare(buy(token, LAMPORTS_PER_SOL)), token).tokens > 0


@pytest.mark.parametrize("token_2022", [False, True])
def test_a_frozen_account_is_refused_and_ends_an_exit_with_the_reason(token_2022: bool) -> None:
    """Permanent at the first attempt: an alert follows, and no retries that cannot succeed."""
    with trading() as trader:
        token = trader.token(token_2022=token_2022)
        trader.world.freeze(trader.wallet.address, token.address)
        refused_to_all(trader, token, "the issuer has frozen your account")
        error = refusal(trader, sell(token))
        assert error.kind is FailureKind.PERMANENT
        assert "the issuer has frozen your account" in str(error)


def test_a_token_that_cannot_be_transferred_is_refused() -> None:
    """Nobody can ever sell it."""
    with trading() as trader:
        token = restricted(trader, Trait.NON_TRANSFERABLE)
        refused_to_all(trader, token, "made it non-transferable")
        error = refusal(trader, sell(token))
        assert (error.kind, error.code) == (FailureKind.PERMANENT, "37")


def test_what_an_issuer_may_do_later_is_a_warning() -> None:
    """The token can be traded all the same."""
    with trading() as trader:
        token = restricted(trader, Trait.PERMANENT_DELEGATE, Trait.PAUSABLE, transfer_fee_bps=125)
        info = trader.chain.token(token.address)
        assert info.obstacles == ()
        assert [warning.split(" ", 1)[1] for warning in info.warnings] == [
            "issuer may pause all transfers, and nothing could be sold then",
            "may take the tokens out of your account at any time",
            "every transfer 1.25 % is withheld, on the way in and on the way out",
        ]
        assert carried_out(trader, trader.prepare(sell(token)), token).tokens == -AMOUNT
