"""A node that lags behind the cluster: it answers as of an older slot.

It knows what was known in that slot: heights, blockhashes, statuses, transactions and accounts are those of then, and
what it simulates, it simulates on them. What it is sent, it passes on at once, as a lagging node does; subscriptions
hear of the newest state.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount

from chain.simulated.blockhashes import LIFETIME
from chain.simulated.cluster import Cluster
from chain.simulated.genesis import Genesis
from chain.simulated.ledger import ExecutedTransaction, Simulation, Status, status_of
from chain.simulated.rpc_call import ChainView
from chain.simulated.slots import Commitment, height_of
from chain.simulated.token_state import token_account
from chain.simulated.watchers import OnAccount, OnSignature, OnSlot, OnTransaction, Unsubscribe


class Replica(ChainView):
    """A bank as it was some slots ago. Safe to call from any thread.

    Args:
        bank: the newest state.
        cluster: of that bank; must keep the history of its accounts.
        lock: that bank's.
        lag: slots behind, no more than `chain.simulated.history.DEPTH`.
    """

    def __init__(self, bank: ChainView, cluster: Cluster, lock: threading.RLock, lag: int) -> None:
        self._bank = bank
        self._cluster = cluster
        self._lock = lock
        self._lag = lag

    @property
    def genesis(self) -> Genesis:
        """What the cluster began with."""
        return self._bank.genesis

    def slot(self, commitment: Commitment = Commitment.PROCESSED) -> int:
        """Return the newest slot of *commitment* that has come here."""
        return self._bank.slot(commitment) - self._lag

    def block_time(self, slot: int) -> int:
        """Return when *slot* started, in whole seconds since the Unix epoch."""
        return self._bank.block_time(slot)

    def latest_blockhash(self, commitment: Commitment = Commitment.PROCESSED) -> tuple[str, int]:
        """Return the newest blockhash here, and its last valid block height."""
        with self._lock:
            height = height_of(self.slot(commitment))
            return self._cluster.blockhashes.at(height), height + LIFETIME

    def blockhash_age(self, blockhash: str, commitment: Commitment = Commitment.PROCESSED) -> int | None:
        """Return how many blocks old *blockhash* is here, or None where it has not come here yet."""
        with self._lock:
            return self._cluster.blockhashes.age_at(blockhash, height_of(self.slot(commitment)))

    def is_blockhash_valid(self, blockhash: str, commitment: Commitment = Commitment.PROCESSED) -> bool:
        """Return whether *blockhash* is known here and young enough."""
        age = self.blockhash_age(blockhash, commitment)
        return age is not None and age <= LIFETIME

    def account(self, key: Pubkey) -> Account | None:
        """Return the account at *key* as it was."""
        with self._lock:
            # Time may pass with every question to the bank: what changed is asked for last.
            now = self._bank.account(key)
            return self._cluster.changed_since(self.slot()).get(key, now)

    def accounts_of(self, owner: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts that *owner* had."""
        with self._lock:
            now = self._bank.accounts_of(owner)
            return [(key, account) for key, account, held in self._then(now) if held.owner == owner]

    def accounts_of_mint(self, mint: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts that there were of *mint*."""
        with self._lock:
            now = self._bank.accounts_of_mint(mint)
            return [(key, account) for key, account, held in self._then(now) if held.mint == mint]

    def _then(self, now: list[tuple[Pubkey, Account]]) -> Iterator[tuple[Pubkey, Account, TokenAccount]]:
        """Yield the accounts of *now* as they were, and every other token account that has changed since."""
        for key, account in {**dict(now), **self._cluster.changed_since(self.slot())}.items():
            if account is not None and (held := token_account(account)) is not None:
                yield key, account, held

    def rent(self, size: int) -> int:
        """Return the lamports that an account of *size* bytes must hold."""
        return self._bank.rent(size)

    def airdrop(self, key: Pubkey, lamports: int) -> str:
        """Give *key* *lamports*, which will be seen here later."""
        return self._bank.airdrop(key, lamports)

    def submit(self, raw: bytes, *, check: bool = True) -> str:
        """Pass *raw* on; see `chain.simulated.bank.Bank.submit`."""
        return self._bank.submit(raw, check=check)

    def simulate(
        self,
        raw: bytes,
        *,
        sig_verify: bool,
        replace_blockhash: bool,
        commitment: Commitment = Commitment.PROCESSED,
    ) -> Simulation:
        """Return what *raw* would have done then; see `chain.simulated.bank.Bank.simulate`."""
        with self._lock:
            replacement = self.latest_blockhash(commitment) if replace_blockhash else None
            with self._cluster.as_of(self.slot()):
                return self._cluster.simulate(
                    self._cluster.receive(raw), sig_verify=sig_verify, commitment=commitment, replacement=replacement
                )

    def status(self, signature: str) -> Status | None:
        """Return how far the transaction of *signature* had come, or None where it has not landed here yet."""
        with self._lock:
            slot = self.slot()
            executed = self._cluster.ledger.get(signature)
            return None if executed is None or executed.slot > slot else status_of(executed, slot)

    def transaction(self, signature: str, commitment: Commitment = Commitment.PROCESSED) -> ExecutedTransaction | None:
        """Return the transaction of *signature*, or None where it has not reached *commitment* here."""
        executed = self._bank.transaction(signature, commitment)
        return executed if executed is not None and executed.slot <= self.slot(commitment) else None

    def ledger(self) -> list[ExecutedTransaction]:
        """Return what has landed here, oldest first."""
        return self._seen(self._bank.ledger())

    def ledger_since(self, slot: int) -> list[ExecutedTransaction]:
        """Return what has landed here in *slot* or later, newest first."""
        return self._seen(self._bank.ledger_since(slot))

    def transactions_of(self, address: Pubkey) -> list[ExecutedTransaction]:
        """Return what has landed here and named *address*, oldest first."""
        return self._seen(self._bank.transactions_of(address))

    def on_account(self, key: Pubkey, callback: OnAccount) -> Unsubscribe:
        """Call *callback* at every write to the account at *key*, not later than the bank does."""
        return self._bank.on_account(key, callback)

    def on_signature(
        self, signature: str, callback: OnSignature, commitment: Commitment = Commitment.PROCESSED
    ) -> Unsubscribe:
        """Call *callback* once, when *signature* reaches *commitment* on the bank."""
        return self._bank.on_signature(signature, callback, commitment)

    def on_slot(self, callback: OnSlot) -> Unsubscribe:
        """Call *callback* at every slot of the bank."""
        return self._bank.on_slot(callback)

    def on_transaction(self, callback: OnTransaction) -> Unsubscribe:
        """Call *callback* at every transaction that lands, not later than the bank does."""
        return self._bank.on_transaction(callback)

    def _seen(self, executed: list[ExecutedTransaction]) -> list[ExecutedTransaction]:
        newest = self.slot()
        return [one for one in executed if one.slot <= newest]
