"""A pool of nodes of which some lag, as the unmodified `solana` package sees it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.core import RPCException
from solana.rpc.types import TokenAccountOpts
from solders.transaction import VersionedTransaction

from chain.simulated.faults.plan import Rule
from chain.simulated.faults.replicas import LaggingReplica
from engine.domain.units import SOL_MINT
from tests.simulated.faults.stage import SOMEBODY, Stage, staged
from tests.simulated.signing import SOL

LAG = 30


def lagging(lag: int = LAG) -> Rule:
    """Return the rule by which every answer is *lag* slots old."""
    return Rule(fault=LaggingReplica(least=lag, most=lag), every=1)


@pytest.mark.parametrize("lag", [1, 31, 150])
@pytest.mark.parametrize("level", [Processed, Confirmed, Finalized])
def test_a_lagging_node_is_behind_in_everything_it_counts(lag: int, level: Any) -> None:
    """Slot, height, blockhash and its last valid height, at every commitment level."""
    with staged(lagging(lag)) as stage:
        bank = stage.world.bank

        def counted() -> tuple[int, int, int]:
            latest = stage.node.get_latest_blockhash(level)
            height = latest.value.last_valid_block_height
            assert bank.blockhash_age(str(latest.value.blockhash), level) == bank.block_height(level) - height + 150
            return stage.node.get_slot(level).value, stage.node.get_block_height(level).value, height

        old = counted()
        stage.plan.off()
        assert counted() == tuple(number + lag for number in old)


def test_a_lagging_node_does_not_know_what_landed_since() -> None:
    """No status, no transaction, no history, and the balance of then; until it has caught up."""
    with staged(lagging()) as stage:
        payment = stage.payment(SOL)
        before = stage.node.get_balance(SOMEBODY).value
        stage.send(payment)
        stage.pass_slots(5)
        assert stage.landed(payment) is not None

        def known() -> list[object]:
            signature = payment.signatures[0]
            (status,) = stage.node.get_signature_statuses([signature], search_transaction_history=True).value
            config = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
            return [status, stage.result("getTransaction", str(signature), config)]

        assert known() == [None, None]
        assert stage.node.get_balance(SOMEBODY).value == before
        history = stage.node.get_signatures_for_address(SOMEBODY, commitment=Confirmed).value
        assert payment.signatures[0] not in [entry.signature for entry in history]
        stage.pass_slots(LAG)
        assert None not in known()
        assert stage.node.get_balance(SOMEBODY).value == before + SOL


def test_a_lagging_node_has_the_token_accounts_of_then() -> None:
    """What came since is not there, what left since still is."""
    with staged(lagging()) as stage:
        token = stage.token()
        stage.pass_slots(LAG)
        opts = TokenAccountOpts(mint=token.mint)

        def held() -> list[int]:
            accounts = stage.node.get_token_accounts_by_owner_json_parsed(stage.wallet.pubkey(), opts).value
            parsed: list[Any] = [each.account.data.parsed for each in accounts]
            return [int(each["info"]["tokenAmount"]["amount"]) for each in parsed]

        stage.world.fund(stage.address, tokens={token.address: 5})
        assert held() == []
        stage.pass_slots(LAG)
        assert held() == [5]
        stage.world.fund(stage.address, tokens={token.address: 6})
        assert held() == [5]
        stage.plan.off()
        assert held() == [11]


def test_a_lagging_node_does_not_know_a_new_blockhash() -> None:
    """A simulation of what was built on a node that is not behind fails; so does a preflight."""
    with staged(lagging()) as stage:
        payment = stage.payment()
        assert "BlockhashNotFound" in repr(stage.node.simulate_transaction(payment).value.err)
        with pytest.raises(RPCException, match="Blockhash not found"):
            stage.node.send_transaction(payment)
        stage.pass_slots(LAG)
        assert stage.node.simulate_transaction(payment).value.err is None


def test_a_lagging_node_simulates_on_the_accounts_of_then() -> None:
    """Tokens that have just come cannot be sold there; nothing of what it tries stays."""
    with staged(lagging()) as stage:
        token = stage.token()
        stage.pass_slots(LAG)
        stage.world.fund(stage.address, tokens={token.address: 10**9})
        stage.plan.off()
        swap = sale(stage, token.address)
        fresh = simulated(stage, swap)
        assert fresh["err"] is None
        stage.plan.on()
        assert simulated(stage, swap, replaceRecentBlockhash=True)["err"] is not None
        stage.plan.off()
        assert simulated(stage, swap) == fresh


def test_a_lagging_node_passes_on_what_it_is_sent() -> None:
    """It lands as soon as from any other."""
    with staged(lagging(150)) as stage:
        payment = stage.payment()
        assert stage.send(payment).json()["result"] == str(payment.signatures[0])
        stage.pass_slots(2)
        assert stage.landed(payment) is not None


def test_a_lagging_node_admits_it_where_a_slot_is_wanted() -> None:
    """MinContextSlot is refused with -32016, and the slot of every answer says how old it is."""
    with staged(lagging()) as stage:
        slot = stage.world.bank.slot()
        config = {"commitment": "processed", "minContextSlot": slot}
        error = stage.rpc("getBalance", stage.address, config).json()["error"]
        assert (error["code"], error["data"]) == (-32016, {"contextSlot": slot - LAG})
        assert stage.result("getBalance", stage.address, {"commitment": "processed"})["context"]["slot"] == slot - LAG


def test_a_pool_alternates_between_fresh_and_lagging() -> None:
    """One URL, two nodes."""
    with staged(Rule(fault=LaggingReplica(least=LAG, most=LAG), every=2)) as stage:
        slot = stage.world.bank.slot()
        assert [stage.node.get_slot().value for _ in range(4)] == [slot, slot - LAG] * 2


def test_a_random_lag_stays_within_its_bounds() -> None:
    """Every request may meet another node."""
    with staged(Rule(fault=LaggingReplica(least=0, most=150), every=1)) as stage:
        lags = {stage.world.bank.slot() - stage.node.get_slot().value for _ in range(20)}
        assert len(lags) > 5
        assert all(0 <= lag <= 150 for lag in lags)


def test_what_changes_often_is_remembered_as_it_was_in_each_slot() -> None:
    """The lagging node shows every state in its turn."""
    with staged(lagging(10)) as stage:
        for _ in range(40):
            stage.world.fund(str(SOMEBODY), lamports=1)
            stage.world.fund(str(SOMEBODY), lamports=1)
            stage.pass_slots(1)
        # The last gift was a slot ago, and ten slots before that nine of the forty had not been given.
        assert stage.node.get_balance(SOMEBODY).value == SOL + 2 * 31


def sale(stage: Stage, mint: str) -> VersionedTransaction:
    """Return an unsigned sale of /swap/v1/swap."""
    pair = {"inputMint": mint, "outputMint": SOL_MINT, "amount": 10**9}
    quote = stage.jupiter("/swap/v1/quote", **pair).json()
    body = {"userPublicKey": stage.address, "quoteResponse": quote}
    answer = stage._http.post(f"{stage.world.jupiter_url}/swap/v1/swap", json=body).json()
    return VersionedTransaction.from_bytes(base64.b64decode(answer["swapTransaction"]))


def simulated(stage: Stage, transaction: VersionedTransaction, **options: object) -> Any:
    """Return the value of a simulation, unsigned."""
    config = {"encoding": "base64", "commitment": "processed", **options}
    return stage.result("simulateTransaction", base64.b64encode(bytes(transaction)).decode(), config)["value"]
