"""The Jupiter-compatible API over markets on a remote cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.pubkey import Pubkey

from chain.simulated import tokens
from chain.simulated.behaviour import Behaviour
from chain.simulated.token_state import token_account
from chain.simulated.tokens import WRAPPED_SOL
from engine.devnet import DevnetMarket, devnet_market
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, seconds
from engine.ids import CountedIds
from tests.simulated.remote.rig import FUNDS, Remote

FEE = 5_000
TAKER = Pubkey(bytes([5]) * 32)


class Switch(Behaviour):
    """A node that passes nothing on once it is switched off."""

    on = True

    def forwards(self, raw: bytes) -> bool:
        return self.on


class Stage:
    """A market that is served over a cluster."""

    def __init__(self, remote: Remote, switch: Switch, market: DevnetMarket, maker: Pubkey) -> None:
        self.remote = remote
        self.switch = switch
        self.market = market
        self.maker = maker
        self.mint = next(iter(market.listings))

    def build(self, source: str, target: str, amount: int) -> httpx.Response:
        """Return the API's answer to a swap."""
        pair: dict[str, Any] = {"inputMint": source, "outputMint": target, "amount": amount, "taker": str(TAKER)}
        return httpx.get(f"{self.market.url}/swap/v2/build", params=pair, timeout=60)

    def vaults(self) -> list[Pubkey]:
        """Return the maker's token accounts with a delegate."""
        held = self.remote.cluster.token_accounts(self.maker)
        return [address for address, (_, state) in held.items() if state.delegate is not None]

    def stock(self) -> int:
        """Return the maker's wrapped lamports."""
        return tokens.amount(self.remote.bank, WRAPPED_SOL.account_of(self.maker))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Return a market of two tokens."""
    switch = Switch()
    with Remote(switch) as remote:
        state = remote.set_up(tmp_path)
        with devnet_market(
            tmp_path, remote.rpc, remote.clock, ids=CountedIds(), genesis=remote.genesis, pause=remote.clock.advance
        ) as market:
            yield Stage(remote, switch, market, state.maker)


@pytest.mark.parametrize("symbol", ["tBONK", "tPYUSD"])
def test_a_vault_holds_exactly_the_payment_and_its_taker_may_move_it(stage: Stage, symbol: str) -> None:
    """Of a token with a transfer fee it holds what must be sent for the quoted amount to arrive."""
    mint = next(mint for mint, listing in stage.market.listings.items() if listing.symbol == symbol)
    answer = stage.build(SOL_MINT, mint, LAMPORTS_PER_SOL // 10).json()
    (vault,) = stage.vaults()
    state = token_account(stage.remote.bank.account(vault))
    assert state is not None
    assert (state.delegate, state.delegated_amount) == (TAKER, state.amount)
    token = stage.market.exchange.markets[mint].token
    assert token.received(state.amount) == int(answer["outAmount"])
    assert answer["swapInstruction"]["programId"] == stage.market.program


def test_sol_is_paid_out_of_the_stock_and_what_is_left_goes_back(stage: Stage) -> None:
    """A sale that never comes costs the maker fees alone."""
    before, plain = stage.stock(), stage.remote.cluster.lamports(stage.maker)
    answer = stage.build(stage.mint, SOL_MINT, 10**11).json()
    assert stage.stock() == before - int(answer["outAmount"])
    stage.remote.clock.advance(seconds(400))
    assert stage.market.exchange.close_vaults() == 1
    assert stage.stock() == before
    assert stage.remote.cluster.lamports(stage.maker) == plain - 2 * FEE
    assert stage.vaults() == []


def test_more_than_the_maker_has_finds_no_route(stage: Stage) -> None:
    """The depth would allow it, the stock does not; no vault is left open."""
    offer = stage.build(stage.mint, SOL_MINT, 2 * 10**12)
    assert (offer.status_code, offer.json()["error"]) == (400, "Could not find any route")
    assert stage.stock() == FUNDS // 2
    assert stage.vaults() == []


def test_a_chain_that_does_not_answer_is_an_error_of_the_server(stage: Stage) -> None:
    """The client takes it for one that passes."""
    stage.switch.on = False
    assert stage.build(SOL_MINT, stage.mint, LAMPORTS_PER_SOL // 10).status_code == 500
    stage.switch.on = True
    assert stage.build(SOL_MINT, stage.mint, LAMPORTS_PER_SOL // 10).status_code == 200
