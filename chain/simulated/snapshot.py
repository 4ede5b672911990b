"""The accounts of one transaction at one moment: what pre and post balances are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from solders.account import Account
from solders.pubkey import Pubkey

from chain.simulated.ledger import TokenBalance
from chain.simulated.token_state import mint, token_account
from chain.simulated.transactions import ReceivedTransaction

ReadAccount = Callable[[Pubkey], Account | None]
ReadBalance = Callable[[Pubkey], int | None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Accounts by the transaction's indices; None where there is none, and for the programs that it calls.

    A program's account is its whole code, which no transaction here changes: its balance is enough.
    """

    accounts: tuple[Account | None, ...]
    balances: tuple[int, ...]
    tokens: tuple[TokenBalance, ...]

    @classmethod
    def take(cls, transaction: ReceivedTransaction, read_account: ReadAccount, read_balance: ReadBalance) -> Snapshot:
        """Return the accounts of *transaction* as they are now."""
        called = transaction.programs
        accounts = [None if i in called else read_account(key) for i, key in enumerate(transaction.keys)]
        balances = [
            (read_balance(key) or 0) if i in called else _lamports(accounts[i])
            for i, key in enumerate(transaction.keys)
        ]
        return cls(tuple(accounts), tuple(balances), _token_balances(accounts, read_account))

    def with_changes(
        self, transaction: ReceivedTransaction, changes: Mapping[Pubkey, Account], read_account: ReadAccount
    ) -> Snapshot:
        """Return the accounts after *changes*, which are not written yet."""
        accounts, balances = list(self.accounts), list(self.balances)
        for index, key in enumerate(transaction.keys):
            if key in changes and index not in transaction.programs:
                balances[index] = changes[key].lamports
                accounts[index] = changes[key] if balances[index] > 0 else None

        def read(key: Pubkey) -> Account | None:
            return changes.get(key) or read_account(key)

        return Snapshot(tuple(accounts), tuple(balances), _token_balances(accounts, read))

    def with_fee_paid(self, fee: int) -> Snapshot:
        """Return the accounts after a failure: as they were, less *fee* lamports of the payer."""
        left = self.balances[0] - fee
        return Snapshot(
            (with_lamports(self.accounts[0], left), *self.accounts[1:]),
            (left, *self.balances[1:]),
            self.tokens,
        )

    def differences(self, transaction: ReceivedTransaction, after: Snapshot) -> dict[Pubkey, Account | None]:
        """Return the accounts that are different in *after*, as they are there."""
        return {
            key: new
            for key, old, new in zip(transaction.keys, self.accounts, after.accounts, strict=True)
            if old != new
        }


def with_lamports(account: Account | None, lamports: int) -> Account | None:
    """Return *account* holding *lamports*; nothing is left of one that holds none."""
    if account is None or lamports == 0:
        return None
    return Account(lamports, account.data, account.owner, account.executable, account.rent_epoch)


def _lamports(account: Account | None) -> int:
    return 0 if account is None else account.lamports


def _token_balances(accounts: Sequence[Account | None], read: ReadAccount) -> tuple[TokenBalance, ...]:
    balances = []
    for index, account in enumerate(accounts):
        if account is None or (held := token_account(account)) is None:
            continue
        if (held_mint := mint(read(held.mint))) is not None:
            balances.append(TokenBalance(index, held.mint, held.owner, account.owner, held.amount, held_mint.decimals))
    return tuple(balances)
