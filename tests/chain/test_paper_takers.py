"""Who stands in for a paper wallet, and what of it is the wallet's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from solders.account import Account
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM

from chain.paper.ledger import of_stand_in
from chain.paper.rpc import ReadOnlyRpc
from chain.paper.takers import STAND_IN_RESERVE, Takers
from chain.simulated import tokens
from chain.simulated.tokens import WRAPPED_SOL
from chain.transactions.rules import NOT_AS_ORDERED
from engine.domain.errors import FailureKind, SwapError
from engine.domain.swap import SwapFailure
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, Lamports, seconds
from tests.chain.paper import STAND_IN, WALLET
from tests.chain.paper_desk import AMOUNT, FEE, FUNDS, Desk, a_person, buy, give, opened, sell


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a desk where nothing goes wrong."""
    with opened() as desk:
        yield desk


def takers(desk: Desk, *, buyer: str | None = None) -> Takers:
    """Return what finds takers for the wallet."""
    return Takers(ReadOnlyRpc(desk.line.rpc), str(WALLET), buyer=buyer)


def test_the_wallet_itself_sells_what_it_has_on_chain(desk: Desk) -> None:
    """Nobody has to stand in where it holds enough, and SOL for the fee; for one raw unit more, somebody has to."""
    token = desk.token()
    give(desk, token, WALLET, AMOUNT)
    assert takers(desk).of(sell(token)) == str(WALLET)
    assert takers(desk).of(sell(token, AMOUNT + 1)) == str(STAND_IN)


def test_the_largest_plain_wallet_that_holds_enough_sells(desk: Desk) -> None:
    """Passed over: a program's vault, tokens in an account that no swap looks at, frozen ones, and the penniless."""
    token = desk.token(stock=0)
    vault, elsewhere, frozen, penniless, larger, smaller = (
        Pubkey.find_program_address([b"vault"], token.mint)[0],
        *(a_person(number) for number in range(20, 25)),
    )
    give(desk, token, vault, 90 * AMOUNT)
    desk.world.fund(str(elsewhere), lamports=LAMPORTS_PER_SOL)
    tokens.create_account(desk.world.bank, a_person(30), token, owner=elsewhere, amount=80 * AMOUNT)
    give(desk, token, frozen, 70 * AMOUNT)
    desk.world.freeze(str(frozen), token.address)
    give(desk, token, penniless, 60 * AMOUNT, sol=STAND_IN_RESERVE - 1)
    give(desk, token, smaller, 2 * AMOUNT)
    give(desk, token, larger, 50 * AMOUNT, sol=STAND_IN_RESERVE)
    assert takers(desk).of(sell(token)) == str(larger)
    assert takers(desk).of(sell(token, 50 * AMOUNT)) == str(larger)
    with pytest.raises(SwapError, match=f"nobody can stand in for the paper wallet to sell {50 * AMOUNT + 1}") as none:
        takers(desk).of(sell(token, 50 * AMOUNT + 1))
    assert none.value.kind is FailureKind.REFUSED


def test_an_account_of_a_program_is_no_stand_in(desk: Desk) -> None:
    """Tokens may be owned by an address on the curve that another program than System has taken."""
    token = desk.token(stock=0)
    taken = a_person(20)
    give(desk, token, taken, 2 * AMOUNT)
    desk.world.bank.set_account(taken, Account(LAMPORTS_PER_SOL, b"state", token.program))
    with pytest.raises(SwapError, match="nobody can stand in"):
        takers(desk).of(sell(token))


def test_purchases_are_made_by_the_wallet_or_else_by_who_is_named_or_by_a_holder_of_wrapped_sol(desk: Desk) -> None:
    """In this order, each only while it can spend that much and has SOL to spare."""
    token, rich, named = desk.token(), a_person(20), a_person(21)
    with pytest.raises(SwapError, match=r"to spend 1 SOL: name any wallet that holds 1\.1 SOL"):
        takers(desk).of(buy(token))
    desk.world.fund(str(rich), lamports=2 * LAMPORTS_PER_SOL)
    tokens.add(desk.world.bank, WRAPPED_SOL, rich, 5)
    assert takers(desk).of(buy(token)) == str(rich)
    desk.world.fund(str(named), lamports=LAMPORTS_PER_SOL + STAND_IN_RESERVE)
    assert takers(desk, buyer=str(named)).of(buy(token)) == str(named)
    assert takers(desk, buyer=str(named)).of(buy(token, LAMPORTS_PER_SOL + 1)) == str(rich)
    desk.world.fund(str(WALLET), lamports=2 * LAMPORTS_PER_SOL)
    assert takers(desk, buyer=str(named)).of(buy(token)) == str(WALLET)


def test_what_a_stand_in_lacks_is_no_reason_to_give_the_order_up(desk: Desk) -> None:
    """It spent its tokens after the quote: refused, so that the next attempt finds somebody else."""
    token = desk.holding()
    quote = desk.ports.venue.quote(sell(token))
    tokens.add(desk.world.bank, token, STAND_IN, -(10**13))
    with pytest.raises(SwapError, match=f"{STAND_IN}, which stands in for the paper wallet, could not") as caught:
        desk.ports.venue.prepare(quote, priority_fee=FEE)
    assert caught.value.kind is FailureKind.REFUSED
    give(desk, token, a_person(20), AMOUNT)
    desk.chain.send(desk.signed(sell(token)).raw)
    assert desk.chain.token_balance(token.address) == 0


@pytest.mark.parametrize("lamports", [0, 651_000], ids=["gone", "too poor for the fee"])
def test_a_stand_in_that_cannot_pay_when_it_comes_to_it_is_no_reason_either(desk: Desk, lamports: int) -> None:
    """No block would have it: it is reverted at no fee, and the next attempt finds somebody else."""
    token = desk.holding()
    signed = desk.signed(sell(token))
    desk.world.bank.set_account(STAND_IN, Account(lamports, b"", SYSTEM_PROGRAM))
    desk.chain.send(signed.raw)
    failure = desk.failure(signed)
    assert failure is not None
    assert failure.kind is FailureKind.REFUSED
    assert f"{STAND_IN}, which stands in for the paper wallet, could not do it" in failure.message
    assert (desk.fill(signed, token).fee, desk.chain.sol_balance()) == (0, FUNDS)


@pytest.mark.parametrize("code", ["", NOT_AS_ORDERED])
def test_a_transaction_that_is_not_as_ordered_needs_a_person_whoever_stands_in(code: str) -> None:
    """That has nothing to do with whose account it is."""
    failure = SwapFailure(kind=FailureKind.PERMANENT, message="no", code=code)
    assert of_stand_in(failure, str(STAND_IN)) is failure


def test_rent_and_wrapped_sol_of_a_stand_in_are_none_of_the_wallets(desk: Desk) -> None:
    """Five wrapped SOL that the swap unwraps on the way are the stand-in's: the wallet gets the proceeds alone."""
    token = desk.holding()
    tokens.add(desk.world.bank, WRAPPED_SOL, STAND_IN, 5 * LAMPORTS_PER_SOL)
    prepared = desk.ports.venue.prepare(desk.ports.venue.quote(sell(token)), priority_fee=FEE)
    signed = desk.ports.signer.sign(prepared)
    desk.chain.send(signed.raw)
    fill = desk.fill(signed, token)
    assert (fill.sol, fill.rent) == (prepared.quote.expected_out, 0)
    assert desk.chain.sol_balance() == FUNDS + fill.sol - fill.fee
    assert desk.chain.token_balance(SOL_MINT) == 0


def test_a_quote_of_another_venue_is_not_prepared(desk: Desk) -> None:
    """As with the real one."""
    quote = desk.ports.venue.quote(buy(desk.token()))
    with pytest.raises(SwapError, match="not one of this venue"):
        desk.ports.venue.prepare(replace(quote, payload=None), priority_fee=FEE)


def test_there_is_no_marker_and_no_rent_to_bring_back(desk: Desk) -> None:
    """An attempt is prepared without one, and a reclaim is refused for good."""
    prepared = desk.ports.venue.prepare(desk.ports.venue.quote(buy(desk.token())), priority_fee=FEE, marker_seed="seed")
    assert prepared.marker_rent == 0
    with pytest.raises(SwapError, match="no rent to bring back") as caught:
        desk.ports.venue.prepare_reclaim([("seed", Lamports(1))], priority_fee=FEE)
    assert caught.value.kind is FailureKind.PERMANENT


def test_a_finished_attempt_cannot_be_rolled_back(desk: Desk) -> None:
    """The verdict is there with the sending, and final."""
    token = desk.token()
    signed = desk.signed(buy(token))
    assert desk.chain.statuses([signed.signature]) == [None]
    desk.chain.send(signed.raw)
    (status,) = desk.chain.statuses([signed.signature])
    assert status is not None
    assert (status.confirmation, status.failure) == ("finalized", None)
    assert desk.fill(signed, token).slot == status.slot > 0
    desk.clock.advance(seconds(600))
    assert desk.chain.statuses([signed.signature], search_history=True) == [status]
