"""The bank: time, money and landing."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.account import Account
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from spl.token.constants import TOKEN_PROGRAM_ID, WRAPPED_SOL_MINT
from spl.token.instructions import (
    CloseAccountParams,
    TransferCheckedParams,
    close_account,
    create_associated_token_account,
    get_associated_token_address,
    transfer_checked,
)

from chain.simulated.bank import Bank
from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.rpc_errors import PREFLIGHT_FAILURE, SIGNATURE_VERIFICATION_FAILURE, RpcError
from chain.simulated.slots import Commitment
from engine.clock import ManualClock, SystemClock
from engine.domain.units import Nanos
from tests.simulated.signing import SLOT, SOL, land, new_mint, pay, signed

PRIORITY = (set_compute_unit_limit(1_000), set_compute_unit_price(1_500_001))
PRIORITY_FEE = 1_501
"""1,000 units at 1.500001 lamports, rounded up."""


def lamports(bank: Bank, key: Pubkey) -> int:
    """Return what *key* holds."""
    account = bank.account(key)
    return 0 if account is None else account.lamports


def landed(bank: Bank, signature: str) -> ExecutedTransaction:
    """Return a transaction that must have landed."""
    executed = bank.transaction(signature)
    assert executed is not None
    return executed


def test_rent_is_that_of_2026(bank: Bank) -> None:
    """A token account of 165 bytes needs 1,488,440 lamports, an empty one 650,240."""
    assert [bank.rent(165), bank.rent(0)] == [1_488_440, 650_240]


def test_programs_are_told_the_same_rent(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """The associated token account program funds a new account with exactly the bank's rent."""
    mint = new_mint(bank, clock, wallet, supply=1)
    assert lamports(bank, get_associated_token_address(wallet.pubkey(), mint)) == bank.rent(165)


def test_slots_follow_the_clock(bank: Bank, clock: ManualClock) -> None:
    """After a jump of 1,000 slots the slot and both heights are 1,000 further, without anyone having called."""
    before = bank.slot(), bank.block_height(), bank.finalized_height()
    clock.advance(Nanos(1_000 * SLOT))
    assert (bank.slot(), bank.block_height(), bank.finalized_height()) == tuple(at + 1_000 for at in before)


def test_the_block_height_is_not_the_slot(bank: Bank) -> None:
    """A client that takes one for the other fails here as on mainnet."""
    assert bank.block_height() < bank.slot()


def test_a_transaction_lands_in_the_next_slot(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Nothing has moved before, and it has after."""
    target = Keypair().pubkey()
    signature = bank.submit(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL)))
    clock.advance(Nanos(SLOT - 1))
    assert (bank.status(signature), lamports(bank, target)) == (None, 0)
    clock.advance(Nanos(1))
    assert landed(bank, signature).slot == bank.slot()
    assert lamports(bank, target) == SOL


def test_a_jump_lands_transactions_in_the_slot_they_were_due(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """The slot and the block time are those of the landing, however much later somebody asks."""
    due = bank.slot() + 1
    signature = bank.submit(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1)))
    clock.advance(Nanos(5_000 * SLOT))
    executed = landed(bank, signature)
    assert (executed.slot, executed.block_time) == (due, bank.block_time(due))


def test_a_status_ripens(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """It is processed on landing, confirmed one slot later, finalized after 32."""
    signature = land(bank, clock, [wallet], pay(wallet, wallet.pubkey(), 1))
    seen = []
    for slots in (0, 1, 30, 1):
        clock.advance(Nanos(slots * SLOT))
        status = bank.status(signature)
        assert status is not None
        seen.append((status.commitment, status.confirmations))
    assert seen == [
        (Commitment.PROCESSED, 0),
        (Commitment.CONFIRMED, 1),
        (Commitment.CONFIRMED, 31),
        (Commitment.FINALIZED, None),
    ]


def test_a_successful_transaction_adds_up_to_the_lamport(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """What the accounts lost together is the fee, and the recorded balances are those of the bank."""
    target, before = Keypair().pubkey(), lamports(bank, wallet.pubkey())
    executed = landed(bank, land(bank, clock, [wallet], *PRIORITY, pay(wallet, target, SOL)))
    assert executed.err is None
    assert executed.fee == 5_000 + PRIORITY_FEE
    assert executed.pre_balances[0] == before
    assert sum(executed.pre_balances) - sum(executed.post_balances) == executed.fee
    assert list(executed.post_balances) == [lamports(bank, key) for key in executed.keys]


def test_a_failed_transaction_pays_its_fee_and_moves_nothing_else(
    bank: Bank, clock: ManualClock, wallet: Keypair
) -> None:
    """The first payment is rolled back with the second, and the whole fee is gone, priority included."""
    target, before = Keypair().pubkey(), lamports(bank, wallet.pubkey())
    signature = land(bank, clock, [wallet], *PRIORITY, pay(wallet, target, SOL), pay(wallet, target, 100 * SOL))
    executed = landed(bank, signature)
    assert executed.err == {"InstructionError": [3, {"Custom": 1}]}
    assert lamports(bank, target) == 0
    assert before - lamports(bank, wallet.pubkey()) == executed.fee == 5_000 + PRIORITY_FEE
    assert sum(executed.pre_balances) - sum(executed.post_balances) == executed.fee
    assert list(executed.post_balances) == [lamports(bank, key) for key in executed.keys]


def test_nothing_may_be_left_below_its_rent(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """A payment too small to keep a new account alive fails, names the account, and costs the fee alone."""
    before, target = lamports(bank, wallet.pubkey()), Keypair().pubkey()
    executed = landed(bank, land(bank, clock, [wallet], *PRIORITY, pay(wallet, target, 1_000)))
    assert executed.err == {"InsufficientFundsForRent": {"account_index": executed.keys.index(target)}}
    assert (lamports(bank, target), lamports(bank, wallet.pubkey())) == (0, before - executed.fee)
    assert sum(executed.pre_balances) - sum(executed.post_balances) == executed.fee


@settings(max_examples=25, deadline=None)
@given(
    payments=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.sampled_from([1, 700_000, SOL, 3 * SOL])),
        min_size=1,
        max_size=8,
    )
)
def test_money_is_never_made_or_lost(payments: list[tuple[int, int, int]]) -> None:
    """Whatever is paid to whom, the wallets have together lost exactly the fees in the ledger."""
    clock = ManualClock()
    bank, wallets = Bank(clock), [Keypair() for _ in range(4)]
    for keypair in wallets[:3]:
        bank.airdrop(keypair.pubkey(), 4 * SOL)
    funded = len(bank.ledger())
    for source, target, amount in payments:
        payment = pay(wallets[source], wallets[target].pubkey(), amount)
        bank.submit(signed(bank.latest_blockhash()[0], [wallets[source]], *PRIORITY, payment), check=False)
    clock.advance(SLOT)
    fees = [one.fee for one in bank.ledger()[funded:]]
    assert sum(lamports(bank, one.pubkey()) for one in wallets) == 12 * SOL - sum(fees)
    for one in bank.ledger():
        assert sum(one.pre_balances) - sum(one.post_balances) == one.fee


def test_a_wallet_may_be_emptied(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Paying out everything but the fee leaves no account."""
    everything = lamports(bank, wallet.pubkey()) - 5_000
    executed = landed(bank, land(bank, clock, [wallet], pay(wallet, Keypair().pubkey(), everything)))
    assert executed.err is None
    assert bank.account(wallet.pubkey()) is None


@pytest.mark.parametrize(
    ("balance", "err"),
    [
        (0, "AccountNotFound"),
        (4_999, "InsufficientFundsForFee"),
        (650_240, {"InsufficientFundsForRent": {"account_index": 0}}),
    ],
)
def test_a_fee_that_cannot_be_paid_is_refused(bank: Bank, balance: int, err: object) -> None:
    """The node says why: no account, too little, or too little left to keep the account."""
    poor = Keypair()
    bank.set_account(poor.pubkey(), Account(balance, b"", SYSTEM_PROGRAM))
    with pytest.raises(RpcError) as caught:
        bank.submit(signed(bank.latest_blockhash()[0], [poor], pay(poor, Keypair().pubkey(), 1)))
    assert (caught.value.code, caught.value.data["err"]) == (PREFLIGHT_FAILURE, err)


def test_only_a_wallet_can_pay_fees(bank: Bank, wallet: Keypair) -> None:
    """An account that a program owns cannot pay fees."""
    bank.set_account(wallet.pubkey(), Account(SOL, b"", TOKEN_PROGRAM_ID))
    with pytest.raises(RpcError, match="This account may not be used to pay transaction fees"):
        bank.submit(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1)))


def test_the_same_bytes_land_once(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Sent again while queued and after landing they answer the same signature and move nothing."""
    target = Keypair().pubkey()
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL))
    signatures = {bank.submit(raw), bank.submit(raw)}
    clock.advance(SLOT)
    signatures |= {bank.submit(raw), bank.submit(raw, check=False)}
    clock.advance(Nanos(300 * SLOT))
    assert len(signatures) == 1
    assert lamports(bank, target) == SOL
    assert [one.signature for one in bank.transactions_of(target)] == list(signatures)


def test_many_senders_at_once_land_it_once(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """The same bytes from eight threads, while others read, are one transaction."""
    target = Keypair().pubkey()
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL))
    with ThreadPoolExecutor(8) as pool:
        signatures = set(pool.map(lambda _: bank.submit(raw), range(32)))
        clock.advance(SLOT)
        statuses = list(pool.map(bank.status, list(signatures) * 32))
    assert len(signatures) == 1
    assert all(status is not None and status.err is None for status in statuses)
    assert lamports(bank, target) == SOL


def test_a_wrong_signature_is_refused(bank: Bank, wallet: Keypair) -> None:
    """A transaction whose signature was tampered with does not get in."""
    raw = bytearray(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1)))
    raw[1] ^= 1
    with pytest.raises(RpcError) as caught:
        bank.submit(bytes(raw))
    assert caught.value.code == SIGNATURE_VERIFICATION_FAILURE


def test_a_blockhash_is_good_for_150_blocks(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """It is valid at its last valid block height, and refused one block later."""
    blockhash, last_valid = bank.latest_blockhash()
    raw = signed(blockhash, [wallet], pay(wallet, wallet.pubkey(), 1))
    clock.advance(Nanos((last_valid - bank.block_height()) * SLOT))
    assert bank.block_height() == last_valid
    assert bank.is_blockhash_valid(blockhash)
    clock.advance(SLOT)
    assert not bank.is_blockhash_valid(blockhash)
    with pytest.raises(RpcError, match="Blockhash not found") as caught:
        bank.submit(raw)
    assert caught.value.data["err"] == "BlockhashNotFound"


def test_a_queued_transaction_that_expires_is_dropped(clock: ManualClock) -> None:
    """One that would land a block after its last valid height never does; a block earlier it does."""
    bank, payer = Bank(clock, landing_slots=10), Keypair()
    bank.airdrop(payer.pubkey(), SOL)
    blockhash, last_valid = bank.latest_blockhash()
    first = signed(blockhash, [payer], pay(payer, payer.pubkey(), 1))
    second = signed(blockhash, [payer], pay(payer, payer.pubkey(), 2))
    clock.advance(Nanos((last_valid - 10 - bank.block_height()) * SLOT))
    in_time = bank.submit(first)
    clock.advance(SLOT)
    too_late = bank.submit(second)
    clock.advance(Nanos(1_000 * SLOT))
    assert landed(bank, in_time).err is None
    assert bank.status(too_late) is None
    assert lamports(bank, payer.pubkey()) == SOL - 5_000


def test_unchecked_the_doomed_are_accepted_and_never_land(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """As under skipPreflight: an unsigned and an expired transaction answer a signature, and nothing follows."""
    before = lamports(bank, wallet.pubkey())
    blockhash, _ = bank.latest_blockhash()
    unsigned = bytearray(signed(blockhash, [wallet], pay(wallet, wallet.pubkey(), 1)))
    unsigned[1:65] = bytes(64)
    expired = signed(blockhash, [wallet], pay(wallet, wallet.pubkey(), 2))
    clock.advance(Nanos(200 * SLOT))
    for raw in (bytes(unsigned), expired):
        signature = bank.submit(raw, check=False)
        clock.advance(SLOT)
        assert bank.status(signature) is None
    assert lamports(bank, wallet.pubkey()) == before


def test_an_account_written_later_does_not_reach_an_earlier_landing(
    bank: Bank, clock: ManualClock, wallet: Keypair
) -> None:
    """What is due executes before an account is set from outside, even if nobody called in between."""
    target = Keypair().pubkey()
    signature = bank.submit(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL)))
    bank.close()  # no timer: the account is what wakes the bank
    clock.advance(Nanos(3 * SLOT))
    bank.set_account(target, Account(7 * SOL, b"", SYSTEM_PROGRAM))
    assert landed(bank, signature).post_balances[1] == SOL
    assert lamports(bank, target) == 7 * SOL


def test_token_balances_are_recorded_before_and_after(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """A token payment into a new account shows both owners, with mint, program and decimals."""
    mint, friend = new_mint(bank, clock, wallet, supply=500), Keypair().pubkey()
    source = get_associated_token_address(wallet.pubkey(), mint)
    target = get_associated_token_address(friend, mint)
    executed = landed(
        bank,
        land(
            bank,
            clock,
            [wallet],
            create_associated_token_account(wallet.pubkey(), friend, mint),
            transfer_checked(TransferCheckedParams(TOKEN_PROGRAM_ID, source, mint, target, wallet.pubkey(), 200, 6)),
        ),
    )
    assert [(one.owner, one.amount) for one in executed.pre_tokens] == [(wallet.pubkey(), 500)]
    after = {one.owner: one for one in executed.post_tokens}
    assert {owner: one.amount for owner, one in after.items()} == {wallet.pubkey(): 300, friend: 200}
    assert (after[friend].mint, after[friend].decimals, after[friend].program_id) == (
        mint,
        6,
        TOKEN_PROGRAM_ID,
    )
    assert executed.keys[after[friend].account_index] == target
    assert executed.inner_instructions


def test_wrapped_sol_is_a_token_too(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """The wrapped SOL mint is there from the start, and its accounts have token balances."""
    holder = get_associated_token_address(wallet.pubkey(), WRAPPED_SOL_MINT)
    executed = landed(
        bank,
        land(
            bank,
            clock,
            [wallet],
            pay(wallet, holder, SOL),
            create_associated_token_account(wallet.pubkey(), wallet.pubkey(), WRAPPED_SOL_MINT),
        ),
    )
    assert [(one.mint, one.amount, one.decimals) for one in executed.post_tokens] == [
        (WRAPPED_SOL_MINT, SOL - bank.rent(165), 9)
    ]


def test_a_wallets_token_accounts_are_found_until_they_are_closed(
    bank: Bank, clock: ManualClock, wallet: Keypair
) -> None:
    """One comes with its creation and goes with its closing, though LiteSVM cannot list accounts."""
    friend = Keypair()
    bank.airdrop(friend.pubkey(), SOL)
    mint = new_mint(bank, clock, wallet, supply=1)
    holder = get_associated_token_address(friend.pubkey(), mint)
    land(bank, clock, [friend], create_associated_token_account(friend.pubkey(), friend.pubkey(), mint))
    assert [key for key, _ in bank.accounts_of(friend.pubkey())] == [holder]
    land(
        bank,
        clock,
        [friend],
        close_account(CloseAccountParams(TOKEN_PROGRAM_ID, holder, friend.pubkey(), friend.pubkey())),
    )
    assert bank.accounts_of(friend.pubkey()) == []


def test_simulating_changes_nothing(bank: Bank, wallet: Keypair) -> None:
    """It says what would happen to the lamport, and the balances, ledger and queue stay as they were."""
    target, before = Keypair().pubkey(), lamports(bank, wallet.pubkey())
    raw = signed(bank.latest_blockhash()[0], [wallet], *PRIORITY, pay(wallet, target, SOL))
    ledger = len(bank.ledger())
    simulation = bank.simulate(raw, sig_verify=True, replace_blockhash=False)
    assert simulation.err is None
    assert simulation.fee == 5_000 + PRIORITY_FEE
    assert simulation.post_balances[:2] == (before - SOL - simulation.fee, SOL)
    assert (lamports(bank, wallet.pubkey()), bank.account(target)) == (before, None)
    assert len(bank.ledger()) == ledger


@pytest.mark.parametrize("amount", [SOL, 1_000, 100 * SOL])
def test_a_simulation_foretells_the_execution(bank: Bank, clock: ManualClock, wallet: Keypair, amount: int) -> None:
    """Success, rent violation and failure: every figure is that of the landing that follows."""
    raw = signed(bank.latest_blockhash()[0], [wallet], *PRIORITY, pay(wallet, Keypair().pubkey(), amount))
    simulation = bank.simulate(raw, sig_verify=True, replace_blockhash=False)
    signature = bank.submit(raw)
    clock.advance(SLOT)
    executed = landed(bank, signature)
    for figure in ("err", "fee", "compute_units", "logs", "pre_balances", "post_balances"):
        assert getattr(simulation, figure) == getattr(executed, figure), figure


def test_a_simulation_can_do_without_signature_and_blockhash(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """With a replaced blockhash an old unsigned transaction runs; without, the expired one fails by name."""
    raw = bytearray(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1)))
    raw[1:65] = bytes(64)
    clock.advance(Nanos(500 * SLOT))
    replaced = bank.simulate(bytes(raw), sig_verify=False, replace_blockhash=True)
    assert (replaced.err, replaced.replacement) == (None, bank.latest_blockhash())
    kept = bank.simulate(bytes(raw), sig_verify=False, replace_blockhash=False)
    assert kept.err == "BlockhashNotFound"
    unsigned = bank.simulate(bytes(raw), sig_verify=True, replace_blockhash=False)
    assert unsigned.err == "SignatureFailure"


def test_watchers_are_called_by_the_clock_alone(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """An account, a signature at two levels and the slots: nobody calls the bank, everybody is told in order."""
    target, told = Keypair().pubkey(), list[tuple[str, int]]()
    start = bank.slot()
    signature = bank.submit(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL)))
    bank.on_account(target, lambda slot, _account: told.append(("account", slot - start)))
    bank.on_signature(signature, lambda slot, _err: told.append(("processed", slot - start)))
    bank.on_signature(signature, lambda slot, _err: told.append(("confirmed", slot - start)), Commitment.CONFIRMED)
    stop = bank.on_slot(lambda slot: told.append(("slot", slot - start)))
    clock.advance(Nanos(3 * SLOT))
    stop()
    clock.advance(Nanos(10 * SLOT))
    assert told == [
        ("slot", 1),
        ("account", 1),
        ("processed", 1),
        ("slot", 2),
        ("confirmed", 2),
        ("slot", 3),
    ]


def test_a_signature_that_landed_long_ago_is_told_at_once(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Whoever subscribes late does not wait for ever, and learns of failures too."""
    signature = land(bank, clock, [wallet], pay(wallet, wallet.pubkey(), 100 * SOL))
    clock.advance(Nanos(100 * SLOT))
    told = list[object]()
    bank.on_signature(signature, lambda _slot, err: told.append(err), Commitment.FINALIZED)
    assert told == [{"InstructionError": [0, {"Custom": 1}]}]


def test_a_watcher_that_raises_harms_nobody(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """The next watcher is told, and the transaction is in the ledger."""
    told = list[str]()

    def broken(executed: ExecutedTransaction) -> None:
        raise ValueError(executed.signature)

    bank.on_transaction(broken)
    bank.on_transaction(lambda executed: told.append(executed.signature))
    signature = land(bank, clock, [wallet], pay(wallet, wallet.pubkey(), 1))
    assert told == [signature]
    assert landed(bank, signature).err is None


def test_a_watcher_may_call_the_bank_back(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """In the middle of a jump it sees the slot that it was told of, not the one the clock is at."""
    seen = list[tuple[int, int]]()
    bank.on_slot(lambda slot: seen.append((slot, bank.slot())))
    clock.advance(Nanos(5 * SLOT))
    assert [told for told, _ in seen] == [read for _, read in seen]
    assert len(seen) == 5


def test_a_closed_bank_leaves_the_clock_alone(clock: ManualClock) -> None:
    """No call is outstanding after close, whoever still watches."""
    bank = Bank(clock)
    bank.on_slot(lambda _slot: None)
    assert clock.next_at() is not None
    bank.close()
    assert clock.next_at() is None


def test_a_real_clock_drives_the_bank_as_well(wallet: Keypair) -> None:
    """With the machine's clock a transaction lands though nobody asks for it."""
    clock = SystemClock(speed=50)
    bank = Bank(clock)
    done = threading.Event()
    try:
        bank.airdrop(wallet.pubkey(), SOL)
        raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))
        bank.on_transaction(lambda _executed: done.set())
        bank.submit(raw)
        assert done.wait(timeout=10)
    finally:
        bank.close()
        clock.close()


def test_the_same_seed_gives_the_same_cluster(clock: ManualClock) -> None:
    """Blockhashes and genesis repeat with the seed, and differ without it."""
    first, again, other = (Bank(clock, seed=seed) for seed in (b"a", b"a", b"b"))
    assert (first.latest_blockhash(), first.genesis.hash) == (again.latest_blockhash(), again.genesis.hash)
    assert first.latest_blockhash() != other.latest_blockhash()
