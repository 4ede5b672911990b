"""Faults of a swap: prices that move, simulations that fail, tokens that cannot be moved."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from solana.rpc.core import RPCException
from solders.hash import Hash
from solders.message import MessageV0
from solders.transaction import VersionedTransaction
from solders.transaction_status import InstructionErrorCustom, TransactionErrorInstructionError

from chain.simulated.faults.markets import Slippage
from chain.simulated.faults.plan import Rule
from chain.simulated.faults.simulations import BlockhashNotFound, InsufficientFunds
from chain.simulated.tokens import Token
from engine.domain.errors import BadInputError
from engine.domain.units import SOL_MINT
from tests.simulated.faults.stage import BUILD, Stage, staged
from tests.simulated.signing import SOL
from tests.simulated.trading import instructions_of

AMOUNT = 10**9


def signed_swap(stage: Stage, answer: Mapping[str, Any]) -> VersionedTransaction:
    """Return the signed transaction of a /build *answer*."""
    blockhash = Hash.from_string(stage.world.bank.latest_blockhash()[0])
    message = MessageV0.try_compile(stage.wallet.pubkey(), instructions_of(answer), [], blockhash)
    return VersionedTransaction(message, [stage.wallet])


def sold(stage: Stage, token: Token, slippage: int = 150) -> Any:
    """Build, check and send a sale; return its error on chain."""
    swap = signed_swap(stage, stage.built(token, AMOUNT, slippage))
    assert stage.node.simulate_transaction(swap).value.err is None
    stage.node.send_transaction(swap)
    stage.pass_slots(2)
    executed = stage.world.bank.transaction(str(swap.signatures[0]))
    assert executed is not None
    return executed.err


def error_number(err: object) -> int:
    """Return the number of a program's own error, as the `solana` package reads it."""
    assert isinstance(err, TransactionErrorInstructionError)
    assert isinstance(err.err, InstructionErrorCustom)
    return err.err.code


def slipped(err: Any) -> bool:
    """Return whether *err* is that of the guard of the minimum."""
    return err is not None and err["InstructionError"][1] == {"Custom": 6001}


def test_slippage_strikes_the_transactions_that_it_is_scripted_for() -> None:
    """The simulation succeeds, the block refuses; the next one is paid in full."""
    with staged(Rule(fault=Slippage(bps=300), on=[BUILD], at=[2])) as stage:
        token = stage.token(held=3 * AMOUNT)
        assert [slipped(sold(stage, token)) for _ in range(3)] == [False, True, False]
        assert stage.plan.counts() == {"slippage": 1}


def test_slippage_within_the_tolerance_harms_nobody() -> None:
    """The order is paid what it was quoted."""
    with staged(Rule(fault=Slippage(bps=300), every=1)) as stage:
        assert not slipped(sold(stage, stage.token(held=AMOUNT), slippage=400))


def test_slippage_is_against_a_buyer_as_well() -> None:
    """Whichever way is worse for whoever trades."""
    with staged(Rule(fault=Slippage(bps=300), every=1)) as stage:
        token = stage.token()
        pair = {"inputMint": SOL_MINT, "outputMint": token.address, "slippageBps": 150}
        swap = signed_swap(stage, stage.jupiter(BUILD, **pair, amount=SOL, taker=stage.address).json())
        stage.node.send_transaction(swap)
        stage.pass_slots(2)
        executed = stage.world.bank.transaction(str(swap.signatures[0]))
        assert executed is not None
        assert slipped(executed.err)


def test_slippage_strikes_v1_where_the_instructions_are_handed_out() -> None:
    """The quote is in the body there."""
    with staged(Rule(fault=Slippage(bps=300), every=1)) as stage:
        token = stage.token(held=AMOUNT)
        query = {"inputMint": token.address, "outputMint": SOL_MINT, "amount": AMOUNT, "slippageBps": 150}
        quote = stage.jupiter("/swap/v1/quote", **query).json()
        body = {"userPublicKey": stage.address, "quoteResponse": quote}
        built = httpx.post(f"{stage.world.jupiter_url}/swap/v1/swap-instructions", json=body).json()
        swap = signed_swap(stage, built)
        stage.send(swap)
        stage.pass_slots(2)
        executed = stage.world.bank.transaction(str(swap.signatures[0]))
        assert executed is not None
        assert slipped(executed.err)


def test_a_request_that_names_no_market_is_left_to_the_api() -> None:
    """It says what is wrong itself."""
    with staged(Rule(fault=Slippage(), every=1)) as stage:
        assert stage.jupiter(BUILD).status_code == 400
        answer = httpx.post(f"{stage.world.jupiter_url}/swap/v1/swap", content=b"{}")
        assert answer.status_code == 422


def test_a_node_that_does_not_know_the_blockhash_says_so() -> None:
    """In a simulation and in a preflight; without one it accepts what will never land."""
    with staged(Rule(fault=BlockhashNotFound(), every=1)) as stage:
        payment = stage.payment()
        assert "BlockhashNotFound" in repr(stage.node.simulate_transaction(payment).value.err)
        with pytest.raises(RPCException, match="Blockhash not found"):
            stage.node.send_transaction(payment)
        assert stage.send(payment, skip_preflight=True).json()["result"] == str(payment.signatures[0])
        stage.pass_slots(3)
        assert stage.landed(payment) is None
        assert stage.plan.counts() == {"blockhash_not_found": 3}


def test_a_simulation_that_lacks_funds_names_the_token_program() -> None:
    """In its logs, as a node writes them."""
    with staged(Rule(fault=InsufficientFunds(instruction=4), every=1)) as stage:
        swap = base64.b64encode(bytes(stage.payment())).decode()
        value = stage.result("simulateTransaction", swap, {"encoding": "base64", "commitment": "processed"})["value"]
        assert value["err"] == {"InstructionError": [4, {"Custom": 1}]}
        assert value["logs"][-1].endswith("failed: custom program error: 0x1")
        assert value["unitsConsumed"] > 0
        assert error_number(stage.node.simulate_transaction(stage.payment()).value.err) == 1


def test_a_simulation_that_cannot_be_read_stays_as_it_is() -> None:
    """An error of the node's own is not made into a result."""
    with staged(Rule(fault=InsufficientFunds(), every=1)) as stage:
        assert stage.rpc("simulateTransaction", "?").json()["error"]["code"] == -32602


@pytest.mark.parametrize("token_2022", [False, True])
def test_a_frozen_account_cannot_be_sold_from_until_it_is_thawed(token_2022: bool) -> None:
    """The token program refuses with error 17; the balance is what it was."""
    with staged() as stage:
        token = stage.token(held=AMOUNT, token_2022=token_2022)
        stage.world.freeze(stage.address, token.address)
        swap = signed_swap(stage, stage.built(token, AMOUNT))
        error = stage.node.simulate_transaction(swap).value
        assert error_number(error.err) == 17
        assert any(f"{token.program} failed: custom program error: 0x11" in line for line in error.logs or ())
        stage.world.thaw(stage.address, token.address)
        assert sold(stage, token) is None


@pytest.mark.parametrize("act", ["freeze", "thaw"])
def test_only_an_account_that_is_there_can_be_frozen(act: str) -> None:
    """One sentence says what to do."""
    with staged() as stage:
        token = stage.token()
        with pytest.raises(BadInputError, match="has no account of TKN: fund it first"):
            getattr(stage.world, act)(stage.address, token.address)
        with pytest.raises(BadInputError, match="There is no token"):
            getattr(stage.world, act)(stage.address, SOL_MINT)


def test_a_mint_that_takes_a_fee_delivers_less_than_was_sent() -> None:
    """Of a sale the market gets, and pays for, what arrives."""
    with staged() as stage:
        token = stage.token(held=AMOUNT, token_2022=True, transfer_fee_bps=1_000)
        answer = stage.built(token, AMOUNT)
        fair = AMOUNT * 400_000 // 10**6
        assert int(answer["outAmount"]) == pytest.approx(fair * 0.9, rel=0.001)
        assert sold(stage, token) is None
