"""LiteSVM, made to charge and refuse as a cluster does.

LiteSVM by itself charges no priority fee, lets accounts fall below their rent minimum, and reports no
balances. Blockhashes, signatures and duplicates are the cluster's business, so its own checks are off.
"""

from __future__ import annotations

import json
from typing import Any

from solders.account import Account
from solders.clock import Clock as ClockSysvar
from solders.litesvm import FeatureSet, LiteSVM
from solders.pubkey import Pubkey
from solders.rent import Rent
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction_metadata import (
    FailedTransactionMetadata,
    SimulateResult,
    TransactionMetadata,
    TransactionResult,
)
from solders.transaction_metadata import InnerInstruction as LiteSvmInnerInstruction

from chain.simulated import transaction_errors as errors
from chain.simulated.ledger import Effects, InnerInstruction
from chain.simulated.snapshot import Snapshot, with_lamports
from chain.simulated.transactions import ReceivedTransaction

LAMPORTS_PER_BYTE = 5_080
MAX_ACCOUNT_LOCKS = 64
_ACCOUNT_OVERHEAD = 128
_LOADER = Pubkey.from_string("BPFLoader2111111111111111111111111111111111")
_LOADER_V4 = Pubkey.from_string("EmhbpdVtZ2hWRGFWBDjn2i3SJD8Z36z4mpMcZJEnebnP")
"""The feature by which loader-v4 takes the deploying of programs over from loader-v3: not what clusters do today."""
_GONE = Account(0, b"", SYSTEM_PROGRAM)

Written = dict[Pubkey, Account | None]
"""Accounts that are different now, as they are now; None is gone."""


class NotExecutedError(Exception):
    """A transaction that no leader would put into a block; nothing was charged.

    Attributes:
        err: the transaction error in the RPC's JSON.
    """

    def __init__(self, err: Any) -> None:
        super().__init__(errors.describe(err))
        self.err = err


class Runtime:
    """Accounts, and executing transactions on them one at a time."""

    def __init__(self) -> None:
        svm = (
            LiteSVM()
            .with_builtins(_features())
            .with_blockhash_check(False)
            .with_sigverify(False)
            .with_transaction_history(0)
        )
        svm.set_rent(Rent(LAMPORTS_PER_BYTE, 1.0, 50))
        self._svm = svm

    def set_time(self, slot: int, unix_time: int) -> None:
        """Let programs read *slot* and *unix_time* (seconds) from the clock sysvar."""
        self._svm.set_clock(ClockSysvar(slot, unix_time, 0, 1, unix_time))

    def account(self, key: Pubkey) -> Account | None:
        """Return the account at *key*, or None where there is none."""
        account = self._svm.get_account(key)
        return account if account is not None and account.lamports > 0 else None

    def write(self, key: Pubkey, account: Account | None) -> None:
        """Put *account* at *key*; one without lamports, or None, leaves nothing there.

        Raises:
            ValueError: it claims to be a program or a sysvar and its data is none.
        """
        try:
            self._svm.set_account(key, account if account is not None and account.lamports > 0 else _GONE)
        except Exception as error:  # solders exports no class for what LiteSVM raises
            raise ValueError(f"LiteSVM does not take the account {key}: {error}") from error

    def add_program(self, program_id: Pubkey, elf: bytes) -> None:
        """Deploy *elf* at *program_id*.

        Raises:
            ValueError: *elf* is no program that this runtime can run.
        """
        # As an account: LiteSVM's own add_program panics where the program is broken.
        self.write(program_id, Account(self.rent(len(elf)), elf, _LOADER, executable=True))

    def rent(self, size: int) -> int:
        """Return the lamports that keep an account of *size* bytes: (128 + size) x 5,080, the rate of 2026."""
        return (_ACCOUNT_OVERHEAD + size) * LAMPORTS_PER_BYTE

    def check(self, transaction: ReceivedTransaction) -> None:
        """Check what a leader checks before it executes *transaction*.

        Raises:
            NotExecutedError: it names more accounts than may be locked, or its payer cannot pay the fee,
                or not without falling below the rent minimum.
        """
        if len(transaction.keys) > MAX_ACCOUNT_LOCKS:
            raise NotExecutedError(errors.TOO_MANY_ACCOUNT_LOCKS)
        payer, fee = self.account(transaction.payer), transaction.fee
        if payer is None:
            raise NotExecutedError(errors.ACCOUNT_NOT_FOUND)
        if payer.owner != SYSTEM_PROGRAM or payer.data:
            raise NotExecutedError(errors.INVALID_ACCOUNT_FOR_FEE)
        if payer.lamports < fee.total:
            raise NotExecutedError(errors.INSUFFICIENT_FUNDS_FOR_FEE)
        if self._falls_below_rent(payer, with_lamports(payer, payer.lamports - fee.total)):
            raise NotExecutedError(errors.insufficient_funds_for_rent(0))

    def execute(self, transaction: ReceivedTransaction) -> tuple[Effects, Written]:
        """Execute *transaction* for good; a failed one pays its fee and moves nothing else.

        Raises:
            NotExecutedError: it cannot even pay, or names what does not exist; nothing was changed.
        """
        self.check(transaction)
        before = self._snapshot(transaction)
        self._charge_priority_fee(transaction, before)
        result = self._svm.send_transaction(transaction.parsed)
        err = _err_of(result)
        charged = before.balances[0] - transaction.fee.total
        if err is not None and self._svm.get_balance(transaction.payer) != charged:
            self.write(transaction.payer, before.accounts[0])
            raise NotExecutedError(err)
        after = self._snapshot(transaction)
        if err is None and (err := self._rent_violation(transaction, before, after)) is not None:
            after = before.with_fee_paid(transaction.fee.total)
            self._restore(transaction, after)
        return _effects(transaction, before, after, _meta_of(result), err), before.differences(transaction, after)

    def simulate(self, transaction: ReceivedTransaction) -> tuple[Effects, Written]:
        """Return what `execute` would; nothing is changed.

        Raises:
            NotExecutedError: as `execute`.
        """
        self.check(transaction)
        before = self._snapshot(transaction)
        self._charge_priority_fee(transaction, before)
        try:
            result = self._svm.simulate_transaction(transaction.parsed)
        finally:
            self.write(transaction.payer, before.accounts[0])
        err = _err_of(result)
        if isinstance(result, FailedTransactionMetadata):
            if not _ran(result.meta()):
                raise NotExecutedError(err)
            after = before.with_fee_paid(transaction.fee.total)
        else:
            after = before.with_changes(transaction, dict(result.post_accounts()), self.account)
            if (err := self._rent_violation(transaction, before, after)) is not None:
                after = before.with_fee_paid(transaction.fee.total)
        return _effects(transaction, before, after, _meta_of(result), err), before.differences(transaction, after)

    def _snapshot(self, transaction: ReceivedTransaction) -> Snapshot:
        return Snapshot.take(transaction, self.account, self._svm.get_balance)

    def _charge_priority_fee(self, transaction: ReceivedTransaction, before: Snapshot) -> None:
        # A leader takes the whole fee before anything runs; LiteSVM will take the base fee by itself.
        if transaction.fee.priority:
            left = before.balances[0] - transaction.fee.priority
            self.write(transaction.payer, with_lamports(before.accounts[0], left))

    def _restore(self, transaction: ReceivedTransaction, state: Snapshot) -> None:
        for index, (key, writable) in enumerate(zip(transaction.keys, transaction.writable, strict=True)):
            if writable and index not in transaction.programs:
                self.write(key, state.accounts[index])

    def _rent_violation(self, transaction: ReceivedTransaction, before: Snapshot, after: Snapshot) -> Any:
        """Return the error of a transaction that leaves an account too poor for its size, or None."""
        for index, writable in enumerate(transaction.writable):
            if writable and self._falls_below_rent(before.accounts[index], after.accounts[index]):
                return errors.insufficient_funds_for_rent(index)
        return None

    def _falls_below_rent(self, before: Account | None, after: Account | None) -> bool:
        """Agave's rent state transition: what is poor may stay poor, but not gain or change its size."""
        if after is None or after.lamports >= self.rent(len(after.data)):
            return False
        if before is None or before.lamports >= self.rent(len(before.data)):
            return True
        return len(after.data) != len(before.data) or after.lamports > before.lamports


def _features() -> FeatureSet:
    """Return every feature that LiteSVM knows but that one."""
    active = {key: slot for key, slot in FeatureSet.all_enabled().active.items() if key != _LOADER_V4}
    return FeatureSet(active, {_LOADER_V4})


def _meta_of(result: TransactionResult | SimulateResult) -> TransactionMetadata:
    return result if isinstance(result, TransactionMetadata) else result.meta()


def _ran(meta: TransactionMetadata) -> bool:
    """Return whether a failed simulation got as far as executing: before that LiteSVM has nothing to tell of it."""
    return bool(meta.logs()) or meta.signature() != Signature.default()


def _err_of(result: TransactionResult | SimulateResult) -> Any:
    return json.loads(result.to_json())["err"] if isinstance(result, FailedTransactionMetadata) else None


def _effects(
    transaction: ReceivedTransaction, before: Snapshot, after: Snapshot, meta: TransactionMetadata, err: Any
) -> Effects:
    returned = meta.return_data()  # type: ignore[attr-defined]  # solders' stub has another name
    return Effects(
        err=err,
        fee=transaction.fee.total,
        compute_units=meta.compute_units_consumed(),
        logs=tuple(meta.logs()),
        pre_balances=before.balances,
        post_balances=after.balances,
        pre_tokens=before.tokens,
        post_tokens=after.tokens,
        inner_instructions={
            index: tuple(map(_inner_instruction, inner))
            for index, inner in enumerate(meta.inner_instructions())
            if inner
        },
        return_data=(returned.program_id, bytes(returned.data)) if returned.data else None,
    )


def _inner_instruction(inner: LiteSvmInnerInstruction) -> InnerInstruction:
    compiled = inner.instruction()
    return InnerInstruction(
        compiled.program_id_index,
        bytes(compiled.accounts),
        bytes(compiled.data),
        inner.stack_height(),  # type: ignore[attr-defined]  # missing in solders' stub
    )
