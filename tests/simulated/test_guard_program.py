"""The guard program as LiteSVM executes it."""

from __future__ import annotations

from typing import Any

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from chain.simulated import guard_program
from chain.simulated.guard_program import MAX_U64, PROGRAM_ID, elf, guard, price_account_data

PRICE_ACCOUNT = Pubkey.from_string("So11111111111111111111111111111111111111111")
PAYER = Keypair.from_seed(bytes(32))


class Cluster:
    """LiteSVM with the guard deployed and a price written."""

    def __init__(self, price: int) -> None:
        self.svm = LiteSVM()
        self.svm.add_program(PROGRAM_ID, elf())
        self.svm.airdrop(PAYER.pubkey(), 10**10)
        self.svm.set_account(PRICE_ACCOUNT, Account(10**9, price_account_data(price), PROGRAM_ID))

    def execute(self, *instructions: Instruction) -> Any:
        """Execute *instructions* in one transaction and return its result."""
        message = MessageV0.try_compile(PAYER.pubkey(), list(instructions), [], self.svm.latest_blockhash())
        return self.svm.send_transaction(VersionedTransaction(message, [PAYER]))


def refused(price: int, *, lowest: int = 0, highest: int = MAX_U64) -> bool:
    """Return whether a guard with this band turns *price* down, with the one error that it knows."""
    result = Cluster(price).execute(guard(PRICE_ACCOUNT, lowest=lowest, highest=highest))
    if not isinstance(result, FailedTransactionMetadata):
        return False
    assert "Custom(InstructionErrorCustom(6001))" in str(result.err())
    return True


@pytest.mark.parametrize("price", [0, 1, 10**13, 2**63 - 1, 2**63, MAX_U64])
def test_a_price_at_the_minimum_passes(price: int) -> None:
    """The lowest price is inclusive, over the whole range of u64."""
    assert not refused(price, lowest=price)


@pytest.mark.parametrize("price", [0, 1, 10**13, 2**63 - 1, 2**63, MAX_U64 - 1])
def test_a_price_one_unit_below_the_minimum_fails_with_6001(price: int) -> None:
    """One unit is enough, and the comparison is unsigned."""
    assert refused(price, lowest=price + 1)


@pytest.mark.parametrize("price", [0, 1, 10**13, 2**63 - 1, 2**63, MAX_U64])
def test_a_price_at_the_maximum_passes(price: int) -> None:
    """The highest price is inclusive, over the whole range of u64."""
    assert not refused(price, highest=price)


@pytest.mark.parametrize("price", [1, 10**13, 2**63, MAX_U64])
def test_a_price_one_unit_above_the_maximum_fails_with_6001(price: int) -> None:
    """One unit is enough, and the comparison is unsigned."""
    assert refused(price, highest=price - 1)


def test_the_log_names_the_error_as_jupiter_s_does() -> None:
    """Clients that read logs find custom program error 0x1771 of Jupiter's program."""
    result = Cluster(99).execute(guard(PRICE_ACCOUNT, lowest=100))
    assert f"Program {PROGRAM_ID} failed: custom program error: 0x1771" in result.meta().logs()


def test_a_refusal_takes_the_whole_transaction_back() -> None:
    """What stands before the guard in a transaction is undone with it."""
    cluster, other = Cluster(99), Keypair().pubkey()
    payment = transfer(TransferParams(from_pubkey=PAYER.pubkey(), to_pubkey=other, lamports=10**9))
    cluster.execute(payment, guard(PRICE_ACCOUNT, lowest=100))
    assert cluster.svm.get_balance(other) in {None, 0}


def test_the_guard_costs_next_to_nothing() -> None:
    """Eight instructions, so that a swap's compute units are those of its transfers."""
    result = Cluster(100).execute(guard(PRICE_ACCOUNT, lowest=100))
    assert result.compute_units_consumed() <= 10


def test_the_offsets_follow_from_the_loader_s_layout() -> None:
    """The price is read at 96, the band at 10,360 and 10,368, as one account of eight bytes makes them."""
    offsets = (guard_program._PRICE_AT, guard_program._LOWEST_AT, guard_program._HIGHEST_AT)
    assert offsets == (96, 10_360, 10_368)
