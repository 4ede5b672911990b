"""Transactions that are accepted and do not land, as the unmodified `solana` package sends them."""

from __future__ import annotations

from solana.rpc.types import TxOpts
from solders.transaction_status import TransactionConfirmationStatus

from chain.simulated.faults.plan import Rule
from chain.simulated.faults.sends import DelayedSend, DroppedSend
from engine.domain.units import seconds
from tests.simulated.faults.stage import Stage, staged

UNCHECKED = TxOpts(skip_preflight=True)


def status(stage: Stage, payment: object) -> object:
    """Return what the `solana` package is told of a transaction."""
    (found,) = stage.node.get_signature_statuses([payment]).value  # type: ignore[list-item]
    return found


def test_a_dropped_send_is_answered_and_never_lands() -> None:
    """Until its blockhash expires nobody hears of it again."""
    with staged(Rule(fault=DroppedSend(), at=[1])) as stage:
        payment = stage.payment()
        assert stage.node.send_transaction(payment).value == payment.signatures[0]
        stage.pass_slots(200)
        assert status(stage, payment.signatures[0]) is None
        assert stage.landed(payment) is None
        assert stage.plan.counts() == {"dropped_send": 1}


def test_a_dropped_transaction_that_is_sent_again_lands() -> None:
    """The same bytes have another chance, and move the money once."""
    with staged(Rule(fault=DroppedSend(), at=[1, 2])) as stage:
        payment = stage.payment()
        for _ in range(4):
            stage.node.send_transaction(payment, UNCHECKED)
        stage.pass_slots(3)
        assert status(stage, payment.signatures[0]) is not None
        assert len([one for one in stage.world.bank.ledger() if one.raw == bytes(payment)]) == 1


def test_a_dropped_send_is_still_checked_by_the_node() -> None:
    """What preflight refuses is refused, as by a node that forwards."""
    with staged(Rule(fault=DroppedSend(), every=1)) as stage:
        error = stage.send(stage.payment(10**15), skip_preflight=False).json()["error"]
        assert error["code"] == -32002


def test_a_delayed_send_lands_so_many_slots_later() -> None:
    """And is not known before."""
    with staged(Rule(fault=DelayedSend(least=20, most=20), every=1)) as stage:
        sent_in = stage.world.bank.slot()
        payment = stage.payment()
        stage.node.send_transaction(payment)
        stage.pass_slots(20)
        assert status(stage, payment.signatures[0]) is None
        stage.pass_slots(2)
        assert stage.landed(payment) == sent_in + 21
        found = stage.node.get_signature_statuses([payment.signatures[0]]).value[0]
        assert found is not None
        assert found.confirmation_status == TransactionConfirmationStatus.Confirmed


def test_a_send_that_is_delayed_beyond_its_blockhash_never_lands() -> None:
    """The node has long said yes."""
    with staged(Rule(fault=DelayedSend(least=160, most=160), every=1)) as stage:
        payment = stage.payment()
        stage.node.send_transaction(payment)
        stage.clock.advance(seconds(120))
        assert stage.landed(payment) is None


def test_a_delayed_send_that_is_repeated_lands_once() -> None:
    """The copy that was not delayed is first; the late one is processed already."""
    with staged(Rule(fault=DelayedSend(least=20, most=20), at=[1])) as stage:
        sent_in, payment = stage.world.bank.slot(), stage.payment()
        stage.node.send_transaction(payment, UNCHECKED)
        stage.node.send_transaction(payment, UNCHECKED)
        stage.pass_slots(40)
        assert stage.landed(payment) == sent_in + 1
        assert len([one for one in stage.world.bank.ledger() if one.raw == bytes(payment)]) == 1


def test_nonsense_is_refused_before_it_is_delayed() -> None:
    """A node that forwards late reads what it gets all the same."""
    with staged(Rule(fault=DelayedSend(least=1, most=1), every=1)) as stage:
        answer = stage.rpc("sendTransaction", "AAAA", {"encoding": "base64", "skipPreflight": True}).json()
        assert answer["error"]["code"] == -32602
        stage.pass_slots(5)
