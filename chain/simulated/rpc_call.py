"""What a method of the node is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.behaviour import Behaviour
from chain.simulated.genesis import Genesis
from chain.simulated.ledger import ExecutedTransaction, Simulation, Status
from chain.simulated.rpc_errors import min_context_slot_not_reached
from chain.simulated.rpc_params import Config, Params
from chain.simulated.slots import Commitment
from chain.simulated.watchers import OnAccount, OnSignature, OnSlot, OnTransaction, Unsubscribe


class ChainView(Protocol):
    """The cluster as one node sees it: `chain.simulated.bank.Bank`, which says more of each method, or a replica."""

    @property
    def genesis(self) -> Genesis:
        """What the cluster began with."""

    def slot(self, commitment: Commitment = ...) -> int:
        """Return the newest slot."""

    def block_time(self, slot: int) -> int:
        """Return when *slot* started, in whole seconds since the Unix epoch."""

    def latest_blockhash(self, commitment: Commitment = ...) -> tuple[str, int]:
        """Return the newest blockhash and its last valid block height."""

    def blockhash_age(self, blockhash: str, commitment: Commitment = ...) -> int | None:
        """Return how many blocks old *blockhash* is, or None if unknown."""

    def is_blockhash_valid(self, blockhash: str, commitment: Commitment = ...) -> bool:
        """Return whether *blockhash* is known and young enough."""

    def account(self, key: Pubkey) -> Account | None:
        """Return the account at *key*."""

    def accounts_of(self, owner: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts of wallet *owner*."""

    def accounts_of_mint(self, mint: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return the token accounts of *mint*."""

    def rent(self, size: int) -> int:
        """Return the lamports that an account of *size* bytes must hold."""

    def airdrop(self, key: Pubkey, lamports: int) -> str:
        """Give *key* *lamports* and return the transaction's signature."""

    def submit(self, raw: bytes, *, check: bool = ...) -> str:
        """Take the transaction *raw* on its way into a block and return its signature."""

    def simulate(
        self, raw: bytes, *, sig_verify: bool, replace_blockhash: bool, commitment: Commitment = ...
    ) -> Simulation:
        """Return what *raw* would do."""

    def status(self, signature: str) -> Status | None:
        """Return how far the transaction of *signature* has come."""

    def transaction(self, signature: str, commitment: Commitment = ...) -> ExecutedTransaction | None:
        """Return the transaction of *signature*, where it has reached *commitment*."""

    def ledger(self) -> list[ExecutedTransaction]:
        """Return everything that landed, oldest first."""

    def ledger_since(self, slot: int) -> list[ExecutedTransaction]:
        """Return what landed in *slot* or later, newest first."""

    def transactions_of(self, address: Pubkey) -> list[ExecutedTransaction]:
        """Return what landed and named *address*, oldest first."""

    def on_account(self, key: Pubkey, callback: OnAccount) -> Unsubscribe:
        """Call *callback* at every write to the account at *key*."""

    def on_signature(self, signature: str, callback: OnSignature, commitment: Commitment = ...) -> Unsubscribe:
        """Call *callback* once, when *signature* reaches *commitment*."""

    def on_slot(self, callback: OnSlot) -> Unsubscribe:
        """Call *callback* at every slot from the next one on."""

    def on_transaction(self, callback: OnTransaction) -> Unsubscribe:
        """Call *callback* at every transaction that lands."""


@dataclass(frozen=True, slots=True)
class Served:
    """What stands behind a node's answers."""

    bank: ChainView
    behaviour: Behaviour


Handler = Callable[[Served, Params], Any]
"""Serves one method: returns the `result` member, or raises `RpcError`."""


def context_slot(bank: ChainView, config: Config, level: Commitment | None = None) -> int:
    """Return the newest slot of commitment *level*, or of the one that *config* asks for.

    Raises:
        RpcError: -32016; *config* wants a newer one.
    """
    slot = bank.slot(level or config.commitment())
    wanted = config.number("minContextSlot")
    if wanted is not None and slot < wanted:
        raise min_context_slot_not_reached(slot)
    return slot
