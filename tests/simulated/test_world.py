"""The stand-ins together, asked over their sockets as the engine asks them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from chain.simulated.swap_program import PROGRAM_ID, elf
from chain.simulated.tokens import Token, Trait, set_paused
from chain.simulated.world import World
from chain.tokens.layout import decode_mint
from engine.clock import ManualClock
from engine.domain.errors import BadInputError
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, seconds

WALLET = Keypair.from_seed(bytes([2]) * 32)
ADDRESS = str(WALLET.pubkey())


@pytest.fixture
def world(clock: ManualClock) -> Iterator[World]:
    """A world that is served."""
    with World(clock) as served:
        yield served


def bonk(world: World, **changes: Any) -> Token:
    """Create a token as most tests want it."""
    return world.create_token(
        "BONK", **{"decimals": 5, "price": Decimal("2e-7"), "depth_sol": Decimal(1_000), **changes}
    )


def rpc(world: World, method: str, *params: object) -> Any:
    """Return the result of a JSON-RPC call."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(world.rpc_url, json=request).json()
    assert "error" not in answer, answer["error"]
    return answer["result"]


def swap(world: World, paid: str, bought: str, amount: int) -> tuple[int, str]:
    """Quote, build, sign and send a swap as a client does; return what was quoted and the signature."""
    query = {"inputMint": paid, "outputMint": bought, "amount": str(amount)}
    quote = httpx.get(f"{world.jupiter_url}/swap/v1/quote", params=query).json()
    body = {"userPublicKey": ADDRESS, "quoteResponse": quote}
    built = httpx.post(f"{world.jupiter_url}/swap/v1/swap", json=body).json()
    message = VersionedTransaction.from_bytes(base64.b64decode(built["swapTransaction"])).message
    signed = base64.b64encode(bytes(VersionedTransaction(message, [WALLET]))).decode()
    config = {"encoding": "base64", "preflightCommitment": "confirmed"}
    return int(quote["outAmount"]), rpc(world, "sendTransaction", signed, config)


def token_balance(world: World, mint: str) -> int:
    """Return what the node says that the wallet holds of *mint*."""
    accounts = rpc(world, "getTokenAccountsByOwner", ADDRESS, {"mint": mint}, {"encoding": "jsonParsed"})
    return sum(int(each["account"]["data"]["parsed"]["info"]["tokenAmount"]["amount"]) for each in accounts["value"])


@pytest.mark.parametrize("token_2022", [False, True])
def test_a_swap_over_the_sockets_moves_tokens_and_sol(world: World, clock: ManualClock, token_2022: bool) -> None:
    """From Jupiter's answer through the node's preflight into a block, with real balances on both sides."""
    token = bonk(world, token_2022=token_2022)
    world.fund(ADDRESS, lamports=LAMPORTS_PER_SOL, tokens={token.address: 10**11})
    quoted, signature = swap(world, token.address, SOL_MINT, 4 * 10**10)
    clock.advance(seconds(2))
    (status,) = rpc(world, "getSignatureStatuses", [signature])["value"]
    assert status["err"] is None
    assert token_balance(world, token.address) == 6 * 10**10
    fee = rpc(world, "getTransaction", signature, {"commitment": "confirmed", "maxSupportedTransactionVersion": 0})[
        "meta"
    ]["fee"]
    gained = rpc(world, "getBalance", ADDRESS)["value"] - LAMPORTS_PER_SOL
    assert gained + fee == quoted


def test_a_scripted_drift_reverts_on_chain_although_preflight_passed(world: World, clock: ManualClock) -> None:
    """The node's own simulation is before the drift, the block after it."""
    token = bonk(world)
    world.fund(ADDRESS, lamports=LAMPORTS_PER_SOL, tokens={token.address: 10**11})
    world.market(token.address).drift_after_quote(-300)
    _, signature = swap(world, token.address, SOL_MINT, 10**10)
    clock.advance(seconds(2))
    (status,) = rpc(world, "getSignatureStatuses", [signature])["value"]
    assert status["err"]["InstructionError"][1] == {"Custom": 6001}
    assert token_balance(world, token.address) == 10**11


def test_gifts_add_up_and_are_on_chain_at_once(world: World) -> None:
    """SOL and tokens of both programs, on top of what the wallet has."""
    old, new = (
        bonk(world),
        world.create_token(
            "NEW", decimals=9, price=Decimal(1), depth_sol=Decimal(1), token_2022=True, transfer_fee_bps=100
        ),
    )
    world.fund(ADDRESS, lamports=LAMPORTS_PER_SOL, tokens={old.address: 5, new.address: 7})
    world.fund(ADDRESS, lamports=1, tokens={old.address: 6})
    assert rpc(world, "getBalance", ADDRESS)["value"] == LAMPORTS_PER_SOL + 1
    assert (token_balance(world, old.address), token_balance(world, new.address)) == (11, 7)
    assert rpc(world, "getAccountInfo", new.address, {"encoding": "base64"})["value"]["owner"] == str(
        TOKEN_2022_PROGRAM_ID
    )


def test_the_price_endpoint_and_the_market_agree(world: World) -> None:
    """A price that is set is what both answer at once."""
    token = bonk(world)
    world.set_price(token.address, 3e-7)
    assert world.market(token.address).price == Decimal("3e-7")
    answer = httpx.get(f"{world.jupiter_url}/price/v3", params={"ids": f"{token.address},{SOL_MINT}"}).json()
    assert answer[token.address]["usdPrice"] / answer[SOL_MINT]["usdPrice"] == pytest.approx(3e-7)


def test_addresses_follow_from_seed_and_symbol() -> None:
    """A run can be repeated, and another seed is another world."""
    mints = [bonk(World(ManualClock(), seed=seed)).address for seed in (1, 1, 2)]
    assert mints[0] == mints[1] != mints[2]


def test_a_world_can_be_stopped_twice_and_has_no_address_then(clock: ManualClock) -> None:
    """Stopping is harmless when repeated."""
    world = World(clock)
    world.start()
    assert world.ws_url.startswith("ws://127.0.0.1:")
    world.stop()
    world.stop()
    with pytest.raises(RuntimeError):
        _ = world.rpc_url


BAD_INPUT: dict[str, tuple[Callable[[World], object], str]] = {
    "a symbol twice": (
        lambda world: (bonk(world), bonk(world)),
        "There is a token BONK already: choose another symbol.",
    ),
    "too many decimals": (lambda world: bonk(world, decimals=13), "BONK cannot have 13 decimals: give 0 to 12."),
    "a fee on a plain token": (
        lambda world: bonk(world, transfer_fee_bps=5),
        "BONK cannot have a transfer fee of 5 bps: give a Token-2022 token less than 10000, and others none.",
    ),
    "a fee of everything": (
        lambda world: bonk(world, token_2022=True, transfer_fee_bps=10_000),
        "BONK cannot have a transfer fee of 10000 bps: give a Token-2022 token less than 10000, and others none.",
    ),
    "traits of a plain token": (
        lambda world: bonk(world, traits=frozenset({Trait.PAUSABLE})),
        "BONK cannot have traits: only a Token-2022 token has them.",
    ),
    "no price": (
        lambda world: bonk(world, price=Decimal(0)),
        (
            "A price must be between 0.000000000000001 and 1000000000 SOL per whole token, not 0: "
            "check the value and its unit."
        ),
    ),
    "an unknown mint": (
        lambda world: world.set_price("BONK", 1.0),
        "There is no token BONK in this world: create it first.",
    ),
    "no wallet": (
        lambda world: world.fund("me", lamports=1),
        "'me' is no wallet address: give 32 bytes in base58.",
    ),
    "a negative gift": (
        lambda world: world.fund(ADDRESS, lamports=-1),
        f"{ADDRESS} cannot be given less than nothing: give amounts of zero or more.",
    ),
}


@pytest.mark.parametrize(("act", "sentence"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_refused_with_one_sentence(
    clock: ManualClock, act: Callable[[World], object], sentence: str
) -> None:
    """What, where and what to do."""
    with pytest.raises(BadInputError) as failure:
        act(World(clock))
    assert str(failure.value) == sentence


def test_more_tokens_than_exist_cannot_be_given(clock: ManualClock) -> None:
    """The maker's stock is finite, and says how large it is."""
    world = World(clock)
    token = bonk(world)
    with pytest.raises(BadInputError, match="holds 10000000000000000000 raw units of BONK"):
        world.fund(ADDRESS, tokens={token.address: 10**19 + 1})


def test_dumped_accounts_are_put_on_the_cluster(clock: ManualClock, tmp_path: Path) -> None:
    """As `solana account --output json` writes them."""
    account = {"lamports": 10**9, "data": ["aGk=", "base64"], "owner": SOL_MINT, "executable": False}
    (tmp_path / "any.json").write_text(json.dumps({"pubkey": ADDRESS, "account": account}))
    world = World(clock, dumps=tmp_path)
    found = world.bank.account(WALLET.pubkey())
    assert found is not None
    assert found.data == b"hi"


def test_a_dump_of_jupiter_itself_is_refused(clock: ManualClock, tmp_path: Path) -> None:
    """It would take the place of the price check, and every minimum would go unenforced."""
    (tmp_path / f"{PROGRAM_ID}.so").write_bytes(elf())
    with pytest.raises(BadInputError, match="whose place the simulated market needs"):
        World(clock, dumps=tmp_path)


def test_only_a_mint_with_that_trait_can_be_paused(world: World) -> None:
    """Whatever else is in it stays, behind the transfer fee and before it."""
    plain = bonk(world, token_2022=True)
    with pytest.raises(ValueError, match="BONK is no mint whose transfers can be paused"):
        set_paused(world.bank, plain, paused=True)
    token = world.create_token(
        "ALL",
        decimals=6,
        price=Decimal(1),
        depth_sol=Decimal(1),
        token_2022=True,
        transfer_fee_bps=100,
        traits=frozenset(Trait),
    )
    before = world.bank.account(token.mint)
    set_paused(world.bank, token, paused=True)
    paused = world.bank.account(token.mint)
    assert before is not None
    assert paused is not None
    state = decode_mint(paused.data, str(paused.owner))
    assert state is not None
    assert (state.paused, state.non_transferable, state.default_frozen) == (True, True, True)
    assert sum(a != b for a, b in zip(before.data, paused.data, strict=True)) == 1
    set_paused(world.bank, token, paused=False)
    assert world.bank.account(token.mint) == before
