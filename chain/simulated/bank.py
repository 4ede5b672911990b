"""LiteSVM plus what it lacks: slots that move with the clock, blockhashes that expire, statuses, a ledger.

Time passes by itself: every public call first executes what is due by the clock's now, so a clock that jumps
lands everything in the slot it was due in, at that slot's time and with that slot's blockhashes. A timer on
the clock does the same where somebody waits without calling.

Accounts are those of the newest block at every commitment level; block heights, blockhashes and transactions
are those of the level that is asked for. Durable nonces are not known: to the bank they are blockhashes that it
never gave out.
"""

from __future__ import annotations

import threading

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.blockhashes import LIFETIME
from chain.simulated.cluster import Cluster
from chain.simulated.ledger import ExecutedTransaction, Simulation, Status, status_of
from chain.simulated.rpc_errors import preflight_failure, signature_failure
from chain.simulated.slot_timer import SlotTimer
from chain.simulated.slots import SLOTS_BEHIND, Commitment, SlotSchedule, height_of
from chain.simulated.watchers import OnAccount, OnSignature, OnSlot, OnTransaction, Unsubscribe
from engine.domain.units import Nanos
from engine.ports import Clock

SLOT_DURATION = Nanos(400_000_000)


class Bank:
    """The state of a cluster of one node. Safe to call from any thread.

    Watchers are called under the bank's lock, in the order of events: they must not block.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        slot_duration: Nanos = SLOT_DURATION,
        landing_slots: int = 1,
        seed: bytes = b"ripcord",
    ) -> None:
        """Start a cluster at *clock*'s now.

        Args:
            clock: where slots come from.
            slot_duration: length of a slot, in nanoseconds.
            landing_slots: slots between a transaction's receipt and its execution.
            seed: decides blockhashes and the faucet, so that a run can be repeated.
        """
        self._clock = clock
        self._schedule = SlotSchedule(clock.now(), slot_duration)
        self._landing_slots = landing_slots
        self._cluster = Cluster(self._schedule, self._schedule.slot_at(clock.now()), seed)
        self._lock = threading.RLock()
        self._advancing = False
        self._timer = SlotTimer(clock, self._schedule, self.advance)
        self.genesis = self._cluster.genesis

    def close(self) -> None:
        """Ask nothing more of the clock. Calls are still answered."""
        self._timer.close()

    # Time

    def advance(self) -> int:
        """Execute what is due by now, in order of arrival, and return the current slot."""
        with self._lock:
            if self._advancing:  # a watcher is calling back: it sees the moment that it was told of
                return self._cluster.slot
            self._advancing = True
            try:
                self._cluster.run_until(self._schedule.slot_at(self._clock.now()))
            finally:
                self._advancing = False
            self._timer.wake_by(self._cluster.next_slot_of_interest)
            return self._cluster.slot

    def slot(self, commitment: Commitment = Commitment.PROCESSED) -> int:
        """Return the newest slot of *commitment*."""
        return self.advance() - SLOTS_BEHIND[commitment]

    def block_height(self, commitment: Commitment = Commitment.PROCESSED) -> int:
        """Return the height of the newest block of *commitment*."""
        return height_of(self.slot(commitment))

    def finalized_height(self) -> int:
        """Return the height of the newest block that cannot be rolled back."""
        return self.block_height(Commitment.FINALIZED)

    def block_time(self, slot: int) -> int:
        """Return when *slot* started, in whole seconds since the Unix epoch."""
        return self._cluster.block_time(slot)

    def latest_blockhash(
        self, commitment: Commitment = Commitment.PROCESSED, *, blocks_left: int = LIFETIME
    ) -> tuple[str, int]:
        """Return the base58 blockhash of the newest block of *commitment*, and its last valid block height.

        With fewer *blocks_left* it is the blockhash of an older block, which can be used for so many blocks more.
        """
        with self._lock:
            height = max(0, self.block_height(commitment) - (LIFETIME - min(blocks_left, LIFETIME)))
            return self._cluster.blockhashes.at(height), height + LIFETIME

    def blockhash_age(self, blockhash: str, commitment: Commitment = Commitment.PROCESSED) -> int | None:
        """Return how many blocks before the newest of *commitment* *blockhash* is, or None if unknown there."""
        with self._lock:
            self.advance()
            return self._cluster.blockhash_age(blockhash, commitment)

    def is_blockhash_valid(self, blockhash: str, commitment: Commitment = Commitment.PROCESSED) -> bool:
        """Return whether the newest block of *commitment* knows *blockhash* and still accepts it."""
        age = self.blockhash_age(blockhash, commitment)
        return age is not None and age <= LIFETIME

    # Accounts

    def account(self, key: Pubkey) -> Account | None:
        """Return the account at *key*, or None where there is none."""
        with self._lock:
            self.advance()
            return self._cluster.runtime.account(key)

    def accounts_of(self, owner: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts of wallet *owner*, of both token programs, oldest first."""
        with self._lock:
            self.advance()
            return self._read(self._cluster.holdings.of(owner))

    def accounts_of_mint(self, mint: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts of *mint*, oldest first."""
        with self._lock:
            self.advance()
            return self._read(self._cluster.holdings.of_mint(mint))

    def _read(self, keys: list[Pubkey]) -> list[tuple[Pubkey, Account]]:
        found = [(key, self._cluster.runtime.account(key)) for key in keys]
        return [(key, account) for key, account in found if account is not None]

    def set_account(self, key: Pubkey, account: Account) -> None:
        """Put *account* at *key* from outside, without a transaction; one without lamports deletes it.

        Raises:
            ValueError: it claims to be a program or a sysvar and its data is none.
        """
        with self._lock:
            # What is due by now must still meet the old account.
            self.advance()
            self._cluster.write(key, account)

    def add_program(self, program_id: Pubkey, elf: bytes) -> None:
        """Deploy the program *elf* at *program_id*.

        Raises:
            ValueError: *elf* is no program that this runtime can run.
        """
        with self._lock:
            self.advance()
            self._cluster.runtime.add_program(program_id, elf)

    def rent(self, size: int) -> int:
        """Return the lamports that an account of *size* bytes must hold: (128 + size) x 5,080, the rate of 2026."""
        return self._cluster.runtime.rent(size)

    def airdrop(self, key: Pubkey, lamports: int) -> str:
        """Give *key* *lamports* at once, in the current slot, and return the transaction's signature.

        Raises:
            RpcError: -32002; *key* would stay below its rent minimum.
        """
        with self._lock:
            blockhash, _ = self.latest_blockhash()
            transaction = self._cluster.receive(self.genesis.airdrop(key, lamports, blockhash))
            trial = self._cluster.simulate(
                transaction, sig_verify=False, commitment=Commitment.PROCESSED, replacement=None
            )
            if trial.err is not None:
                raise preflight_failure(trial.err)
            self._cluster.execute(transaction)
            self._timer.wake_by(self._cluster.next_slot_of_interest)
            return transaction.signature

    # Transactions

    def submit(self, raw: bytes, *, check: bool = True) -> str:
        """Take *raw* on its way into a block and return its signature; the same bytes again move nothing twice.

        Args:
            raw: a signed transaction.
            check: refuse at once what needs no execution to be refused. Without it, as a node does under
                skipPreflight, the doomed are accepted and never land.

        Raises:
            RpcError: -32602 for bytes that are no sound transaction; with *check* also -32003 for a wrong
                signature and -32002 for an expired blockhash or a fee that cannot be paid.
        """
        with self._lock:
            slot = self.advance()
            transaction = self._cluster.receive(raw)
            signed = transaction.signed_by_all()
            if check and not signed:
                raise signature_failure()
            if signed and self._cluster.ledger.get(transaction.signature) is None:
                if check:
                    self._cluster.check_admissible(transaction)
                self._cluster.queue.push(raw, transaction.signature, slot + self._landing_slots)
                self.advance()
            return transaction.signature

    def simulate(
        self,
        raw: bytes,
        *,
        sig_verify: bool,
        replace_blockhash: bool,
        commitment: Commitment = Commitment.PROCESSED,
    ) -> Simulation:
        """Return what *raw* would do now; nothing is changed.

        Args:
            raw: a transaction, signed or not.
            sig_verify: let wrong signatures fail.
            replace_blockhash: try it with the newest blockhash of *commitment* instead of its own.
            commitment: the level whose blockhashes are accepted.

        Raises:
            RpcError: -32602 for bytes that are no sound transaction.
        """
        with self._lock:
            replacement = self.latest_blockhash(commitment) if replace_blockhash else None
            self.advance()
            return self._cluster.simulate(
                self._cluster.receive(raw),
                sig_verify=sig_verify,
                commitment=commitment,
                replacement=replacement,
            )

    def status(self, signature: str) -> Status | None:
        """Return how far the transaction of *signature* has come, or None where it has not landed."""
        with self._lock:
            slot = self.advance()
            executed = self._cluster.ledger.get(signature)
            return None if executed is None else status_of(executed, slot)

    def transaction(self, signature: str, commitment: Commitment = Commitment.PROCESSED) -> ExecutedTransaction | None:
        """Return the transaction of *signature*, or None where it has not reached *commitment*."""
        with self._lock:
            newest = self.slot(commitment)
            executed = self._cluster.ledger.get(signature)
            return executed if executed is not None and executed.slot <= newest else None

    def ledger(self) -> list[ExecutedTransaction]:
        """Return everything that landed, oldest first."""
        with self._lock:
            self.advance()
            return self._cluster.ledger.all()

    def ledger_since(self, slot: int) -> list[ExecutedTransaction]:
        """Return what landed in *slot* or later, newest first."""
        with self._lock:
            self.advance()
            return self._cluster.ledger.since(slot)

    def transactions_of(self, address: Pubkey) -> list[ExecutedTransaction]:
        """Return what landed and named *address*, oldest first."""
        with self._lock:
            self.advance()
            return self._cluster.ledger.of(address)

    # Watchers

    def on_account(self, key: Pubkey, callback: OnAccount) -> Unsubscribe:
        """Call *callback* at every write to the account at *key*."""
        with self._lock:
            self.advance()
            return self._watching(self._cluster.watchers.add_account(key, callback))

    def on_signature(
        self, signature: str, callback: OnSignature, commitment: Commitment = Commitment.PROCESSED
    ) -> Unsubscribe:
        """Call *callback* once, when *signature* reaches *commitment*: at once where it already has."""
        with self._lock:
            self.advance()
            unsubscribe = self._watching(self._cluster.watchers.add_signature(signature, commitment, callback))
            self._cluster.tell_signatures()
            return unsubscribe

    def on_slot(self, callback: OnSlot) -> Unsubscribe:
        """Call *callback* at every slot from the next one on."""
        with self._lock:
            self.advance()
            return self._watching(self._cluster.watchers.add_slot(callback))

    def on_transaction(self, callback: OnTransaction) -> Unsubscribe:
        """Call *callback* at every transaction that lands."""
        with self._lock:
            self.advance()
            return self._watching(self._cluster.watchers.add_transaction(callback))

    def _watching(self, unsubscribe: Unsubscribe) -> Unsubscribe:
        self._timer.wake_by(self._cluster.next_slot_of_interest)

        def unsubscribe_locked() -> None:
            with self._lock:
                unsubscribe()

        return unsubscribe_locked
