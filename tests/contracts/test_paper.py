"""The contract of the ports around a swap, on paper: with the wallet's money on chain, and with nothing there at all.

What is left out is what paper does not have: order markers, and a verdict that ripens from confirmed to finalized.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from chain.prices.jupiter import JupiterPrices
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.order import AttemptStatus
from engine.domain.units import Lamports
from engine.ids import CountedIds
from tests.chain.paper import STAND_IN, WALLET, connected, nothing_was_sent
from tests.contracts.test_swap_venue import (
    FUNDS,
    Api,
    Trader,
    test_a_halted_market_is_no_route,
    test_a_price_that_moves_before_landing_is_slippage_and_costs_the_fee_alone,
    test_a_price_that_moves_before_the_simulation_is_slippage_and_costs_nothing,
    test_a_purchase_brings_what_was_quoted,
    test_a_sale_brings_what_was_quoted,
    test_a_token_is_what_its_mint_says,
    test_a_wallet_without_the_sol_needs_a_person,
    test_a_wallet_without_the_tokens_needs_a_person,
    test_an_unsent_swap_is_proven_dead_when_its_height_is_final,
    test_jupiters_troubles_are_told_apart_and_pass,
    test_the_fee_is_ours_whatever_the_api_suggests,
    test_the_same_bytes_sent_twice_move_the_tokens_once,
    test_tokens_of_token_2022_are_sold_as_well,
    test_what_was_bought_can_be_sold_in_parts,
)
from tests.doubles_store import MemoryStore
from tests.factories import a_fill, an_attempt, an_entry

THE_SUITE = (
    test_a_halted_market_is_no_route,
    test_a_price_that_moves_before_landing_is_slippage_and_costs_the_fee_alone,
    test_a_price_that_moves_before_the_simulation_is_slippage_and_costs_nothing,
    test_a_purchase_brings_what_was_quoted,
    test_a_sale_brings_what_was_quoted,
    test_a_token_is_what_its_mint_says,
    test_a_wallet_without_the_sol_needs_a_person,
    test_a_wallet_without_the_tokens_needs_a_person,
    test_an_unsent_swap_is_proven_dead_when_its_height_is_final,
    test_jupiters_troubles_are_told_apart_and_pass,
    test_the_fee_is_ours_whatever_the_api_suggests,
    test_the_same_bytes_sent_twice_move_the_tokens_once,
    test_tokens_of_token_2022_are_sold_as_well,
    test_what_was_bought_can_be_sold_in_parts,
)
"""Run below with the fixtures of this module."""

PLENTY = 10**13


@dataclass(frozen=True)
class PaperTrader(Trader):
    """A wallet that others can stand in for."""

    store: MemoryStore
    penniless: bool
    """Whether it has nothing on chain: its SOL are funds, and its tokens are of fills."""

    def token(self, decimals: int = 6, *, held: int = 0, token_2022: bool = False, fee_bps: int = 0) -> Token:
        """Return a new token, of which the wallet holds *held* raw units, on chain or by its books."""
        on_chain = 0 if self.penniless else held
        token = super().token(decimals, held=on_chain, token_2022=token_2022, fee_bps=fee_bps)
        self.world.fund(str(STAND_IN), tokens={token.address: PLENTY})
        if held > on_chain:
            entry = an_entry(mint=token.address)
            bought = replace(an_attempt(entry, mint=token.address), status=AttemptStatus.LANDED)
            fill = a_fill(entry, signature=bought.signature, tokens=held, sol=0, fee=Lamports(0))
            self.store.commit(entry, bought, fill)
        return token


@pytest.fixture(params=["v2", "v1"])
def api(request: pytest.FixtureRequest) -> Api:
    """Return which of Jupiter's APIs is traded through."""
    return "v2" if request.param == "v2" else "v1"


@pytest.fixture(params=[False, True], ids=["money on chain", "money on paper"])
def trader(request: pytest.FixtureRequest, api: Api) -> Iterator[PaperTrader]:
    """Yield a wallet on paper, in a world of its own."""
    clock, store = ManualClock(), MemoryStore()
    penniless: bool = request.param
    with World(clock) as world:
        if not penniless:
            world.fund(str(WALLET), lamports=FUNDS)
        with connected(world, clock) as line:
            ports = line.ports(store=store, ids=CountedIds(), funds=FUNDS if penniless else 0, api=api)
            yield PaperTrader(
                world=world,
                clock=clock,
                signer=ports.signer,
                venue=ports.venue,
                chain=ports.chain,
                prices=JupiterPrices(line.http, clock),
                store=store,
                penniless=penniless,
            )
        assert nothing_was_sent(world)
