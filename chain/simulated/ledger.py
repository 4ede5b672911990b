"""What landed, and what it did."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, fields
from itertools import takewhile
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.slots import SLOTS_BEHIND, Commitment
from chain.simulated.transactions import ReceivedTransaction


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """What one token account of a transaction held, in raw units of its mint."""

    account_index: int
    mint: Pubkey
    owner: Pubkey
    program_id: Pubkey
    amount: int
    decimals: int


@dataclass(frozen=True, slots=True)
class InnerInstruction:
    """An instruction that a program called, by indices into the transaction's keys."""

    program_id_index: int
    accounts: bytes
    data: bytes
    stack_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What executing a transaction did.

    Attributes:
        err: the transaction error in the RPC's JSON; None where it succeeded.
        fee: lamports paid, base and priority.
        compute_units: consumed.
        logs: lines that the runtime and the programs wrote.
        pre_balances: lamports before, for each of the transaction's keys.
        post_balances: lamports after.
        pre_tokens: token accounts among the keys before.
        post_tokens: token accounts among the keys after.
        inner_instructions: for the index of each instruction that called others, those.
        return_data: the program that returned data last, and the data; None where none did.
    """

    err: Any
    fee: int
    compute_units: int
    logs: tuple[str, ...]
    pre_balances: tuple[int, ...]
    post_balances: tuple[int, ...]
    pre_tokens: tuple[TokenBalance, ...]
    post_tokens: tuple[TokenBalance, ...]
    inner_instructions: dict[int, tuple[InnerInstruction, ...]]
    return_data: tuple[Pubkey, bytes] | None

    @property
    def executed(self) -> bool:
        """Whether anything ran: a transaction that is not admitted pays nothing and has no balances."""
        return bool(self.pre_balances)


def no_effects(err: Any) -> Effects:
    """Return the effects of a transaction that is not admitted, because of *err*."""
    return Effects(
        err=err,
        fee=0,
        compute_units=0,
        logs=(),
        pre_balances=(),
        post_balances=(),
        pre_tokens=(),
        post_tokens=(),
        inner_instructions={},
        return_data=None,
    )


def _members(effects: Effects) -> dict[str, Any]:
    return {member.name: getattr(effects, member.name) for member in fields(effects)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutedTransaction(Effects):
    """A transaction that landed.

    Attributes:
        transaction: as it was received.
        slot: the slot it landed in.
        block_time: seconds since the Unix epoch.
    """

    transaction: ReceivedTransaction = field(repr=False)
    slot: int
    block_time: int

    @classmethod
    def of(
        cls, effects: Effects, *, transaction: ReceivedTransaction, slot: int, block_time: int
    ) -> ExecutedTransaction:
        """Return the record of *transaction* having had *effects* in *slot*."""
        return cls(**_members(effects), transaction=transaction, slot=slot, block_time=block_time)

    @property
    def signature(self) -> str:
        """Its base58 signature."""
        return self.transaction.signature

    @property
    def raw(self) -> bytes:
        """Its wire bytes."""
        return self.transaction.raw

    @property
    def keys(self) -> tuple[Pubkey, ...]:
        """Its accounts, which the balances are listed by."""
        return self.transaction.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation(Effects):
    """What a transaction would have done.

    Attributes:
        transaction: as it was received.
        slot: the slot whose state it was tried on.
        replacement: the blockhash put in place of its own, and that one's last valid block height.
        written: accounts that would be different, as they would be; None is gone.
    """

    transaction: ReceivedTransaction = field(repr=False)
    slot: int
    replacement: tuple[str, int] | None
    written: dict[Pubkey, Account | None] = field(repr=False)

    @classmethod
    def of(
        cls,
        effects: Effects,
        *,
        transaction: ReceivedTransaction,
        slot: int,
        replacement: tuple[str, int] | None,
        written: dict[Pubkey, Account | None],
    ) -> Simulation:
        """Return the record of *transaction* being tried on the state of *slot*, with *effects*."""
        return cls(
            **_members(effects),
            transaction=transaction,
            slot=slot,
            replacement=replacement,
            written=written,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """How far a landed transaction has come.

    Attributes:
        slot: the slot it landed in.
        confirmations: blocks since, or None once it is finalized.
        err: the transaction error in the RPC's JSON; None where it succeeded.
        commitment: the highest level reached.
    """

    slot: int
    confirmations: int | None
    err: Any
    commitment: Commitment


class Ledger:
    """Everything that landed, in order."""

    def __init__(self) -> None:
        self._by_signature: dict[str, ExecutedTransaction] = {}
        self._by_address: defaultdict[Pubkey, list[ExecutedTransaction]] = defaultdict(list)

    def append(self, executed: ExecutedTransaction) -> None:
        """Add a transaction that landed after all the others."""
        self._by_signature[executed.signature] = executed
        for key in dict.fromkeys(executed.keys):
            self._by_address[key].append(executed)

    def get(self, signature: str) -> ExecutedTransaction | None:
        """Return the transaction of *signature*, if it landed."""
        return self._by_signature.get(signature)

    def all(self) -> list[ExecutedTransaction]:
        """Return everything, oldest first."""
        return list(self._by_signature.values())

    def since(self, slot: int) -> list[ExecutedTransaction]:
        """Return what landed in *slot* or later, newest first."""
        newest_first = reversed(self._by_signature.values())
        return list(takewhile(lambda executed: executed.slot >= slot, newest_first))

    def of(self, address: Pubkey) -> list[ExecutedTransaction]:
        """Return what named *address*, oldest first."""
        return list(self._by_address.get(address, ()))

    def __len__(self) -> int:
        return len(self._by_signature)


def status_of(executed: ExecutedTransaction, slot: int) -> Status:
    """Return how far *executed* has come when *slot* is the newest."""
    age = slot - executed.slot
    reached = [level for level, behind in SLOTS_BEHIND.items() if age >= behind]
    final = Commitment.FINALIZED in reached
    return Status(executed.slot, None if final else age, executed.err, reached[-1])
