"""What happens on the cluster, slot by slot. Knows no clock and no threads: the bank brings both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog
from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated import transaction_errors as errors
from chain.simulated.blockhashes import FORWARDING_DELAY, LIFETIME, Blockhashes
from chain.simulated.execution import NotExecutedError, Runtime
from chain.simulated.genesis import Genesis
from chain.simulated.history import AccountHistory
from chain.simulated.holdings import Holdings
from chain.simulated.landing import LandingQueue, Queued
from chain.simulated.ledger import ExecutedTransaction, Ledger, Simulation, no_effects, status_of
from chain.simulated.rpc_errors import RpcError, preflight_failure
from chain.simulated.slots import SLOTS_BEHIND, Commitment, SlotSchedule, height_of
from chain.simulated.transactions import ReceivedTransaction, receive
from chain.simulated.watchers import Watchers

log = structlog.get_logger(__name__)

_MINT_BYTES = 82


class Cluster:
    """Accounts, blockhashes, the queue of what is to land and the ledger of what did.

    Attributes:
        slot: the slot under way.
        history: what accounts were lately; None where nobody looks back.
    """

    def __init__(self, schedule: SlotSchedule, slot: int, seed: bytes) -> None:
        self.slot = slot
        self.runtime = Runtime()
        self.blockhashes = Blockhashes(seed)
        self.genesis = Genesis(seed)
        self.queue = LandingQueue()
        self.ledger = Ledger()
        self.holdings = Holdings()
        self.watchers = Watchers()
        self.history: AccountHistory | None = None
        self._schedule = schedule
        self._time_steps: list[tuple[int, int]] = []
        for key, account in self.genesis.accounts(self.runtime.rent(_MINT_BYTES)).items():
            self.runtime.write(key, account)

    def run_until(self, slot: int) -> None:
        """Land what is due by *slot*, each in its own slot, and move there."""
        while (queued := self.queue.pop_due(slot)) is not None:
            self._move_to(queued.due)
            self._land(queued)
        self._move_to(slot)

    @property
    def next_slot_of_interest(self) -> int | None:
        """The next slot in which something happens or somebody watches, if any."""
        return self.slot + 1 if self.watchers.wants_slots else self.queue.next_due

    def receive(self, raw: bytes) -> ReceivedTransaction:
        """Decode *raw* with the lookup tables of now.

        Raises:
            RpcError: -32602; it is no sound transaction.
        """
        return receive(raw, self.runtime.account)

    def blockhash_age(self, blockhash: str, commitment: Commitment) -> int | None:
        """Return how many blocks before the newest of *commitment* *blockhash* is, or None if unknown there."""
        return self.blockhashes.age_at(blockhash, height_of(self.slot - SLOTS_BEHIND[commitment]))

    def check_admissible(self, transaction: ReceivedTransaction) -> None:
        """Check what a node can without executing.

        Raises:
            RpcError: -32002; *transaction* is expired or known, or cannot pay its fee.
        """
        try:
            self._check_new(transaction, Commitment.PROCESSED, LIFETIME)
            self.runtime.check(transaction)
        except NotExecutedError as error:
            raise preflight_failure(error.err) from error

    def simulate(
        self,
        transaction: ReceivedTransaction,
        *,
        sig_verify: bool,
        commitment: Commitment,
        replacement: tuple[str, int] | None,
    ) -> Simulation:
        """Return what *transaction* would do now, with its own blockhash or *replacement*."""
        self._set_time()
        try:
            if sig_verify and not transaction.signed_by_all():
                raise NotExecutedError(errors.SIGNATURE_FAILURE)  # noqa: TRY301
            if replacement is None:
                self._check_new(transaction, commitment, LIFETIME - FORWARDING_DELAY)
            effects, written = self.runtime.simulate(transaction)
        except NotExecutedError as error:
            effects, written = no_effects(error.err), {}
        return Simulation.of(effects, transaction=transaction, slot=self.slot, replacement=replacement, written=written)

    def execute(self, transaction: ReceivedTransaction) -> None:
        """Execute *transaction* in the slot under way, and tell who watches.

        Raises:
            NotExecutedError: it does not get into a block; nothing was changed.
        """
        block_time = self._set_time()
        self._remember(key for key, writable in zip(transaction.keys, transaction.writable, strict=True) if writable)
        effects, written = self.runtime.execute(transaction)
        executed = ExecutedTransaction.of(effects, transaction=transaction, slot=self.slot, block_time=block_time)
        self.ledger.append(executed)
        for key, account in written.items():
            self._noted(key, account)
        self.watchers.transaction_landed(executed)
        self.tell_signatures()

    def write(self, key: Pubkey, account: Account) -> None:
        """Put *account* at *key* without a transaction, and tell who watches."""
        self._remember([key])
        self.runtime.write(key, account)
        self._noted(key, self.runtime.account(key))

    def block_time(self, slot: int) -> int:
        """Return when *slot* started by the cluster's own clock, in whole seconds since the Unix epoch."""
        stepped = sum(seconds for since, seconds in self._time_steps if since <= slot)
        return self._schedule.unix_time(slot) + stepped

    def step_time(self, seconds: int) -> None:
        """Let the cluster's own clock jump by *seconds*, forward or back, from the next slot on."""
        self._time_steps.append((self.slot + 1, seconds))

    def changed_since(self, slot: int) -> dict[Pubkey, Account | None]:
        """Return the accounts that may have changed after *slot*, as they were in it; nothing without a history."""
        return {} if self.history is None else self.history.changed_since(slot)

    @contextmanager
    def as_of(self, slot: int) -> Iterator[None]:
        """Let the slot under way be *slot* for a while, and the accounts those of then; nothing may be executed."""
        old, now = self.changed_since(slot), self.slot
        new = {key: self.runtime.account(key) for key in old}
        try:
            self.slot = slot
            self._put(old)
            yield
        finally:
            self._put(new)
            self.slot = now

    def tell_signatures(self) -> None:
        """Tell who waits for a signature that has come far enough."""
        for signature in self.watchers.signatures:
            executed = self.ledger.get(signature)
            if executed is not None:
                reached = status_of(executed, self.slot).commitment
                self.watchers.signature_reached(self.slot, signature, reached, executed.err)

    def _move_to(self, slot: int) -> None:
        while self.slot < slot:
            # Slots that nobody waits for need not be lived through one by one.
            self.slot = self.slot + 1 if self.watchers.wants_slots else slot
            self.watchers.slot_passed(self.slot)
            self.tell_signatures()

    def _land(self, queued: Queued) -> None:
        try:
            # Again from the bytes: the lookup tables may have changed on the way.
            transaction = self.receive(queued.raw)
            self._check_new(transaction, Commitment.PROCESSED, LIFETIME)
            self.execute(transaction)
        except (RpcError, NotExecutedError) as error:
            log.info("transaction_dropped", signature=queued.signature, slot=self.slot, reason=str(error))

    def _check_new(self, transaction: ReceivedTransaction, commitment: Commitment, lifetime: int) -> None:
        age = self.blockhash_age(transaction.blockhash, commitment)
        if age is None or age > lifetime:
            raise NotExecutedError(errors.BLOCKHASH_NOT_FOUND)
        if self.ledger.get(transaction.signature) is not None:
            raise NotExecutedError(errors.ALREADY_PROCESSED)

    def _set_time(self) -> int:
        block_time = self.block_time(self.slot)
        self.runtime.set_time(self.slot, block_time)
        return block_time

    def _remember(self, keys: Iterable[Pubkey]) -> None:
        if self.history is not None:
            self.history.note(self.slot, [(key, self.runtime.account(key)) for key in keys])

    def _put(self, accounts: dict[Pubkey, Account | None]) -> None:
        for key, account in accounts.items():
            self.runtime.write(key, account)

    def _noted(self, key: Pubkey, account: Account | None) -> None:
        self.holdings.note(key, account)
        self.watchers.account_written(self.slot, key, account)
