"""What a transaction moved, from the balances that the chain recorded for it. Pure.

    sol    = change of (the wallet + its own accounts) + the fee, if the wallet paid it
    rent   = change of its own accounts
    tokens = change of the mint's amount in its own token accounts

in lamports, lamports and raw tokens, so that the wallet itself changed by ``sol - fee - rent``.

Its own accounts are the token accounts that it owns and the accounts derived from its key with a seed, such as order
markers. Lamports that moved between them and the wallet are no gain and no loss: the rent of a new token account, and
SOL that was wrapped before the swap or stays wrapped after it. What the transaction paid to anybody else, a tip or
the rent of a venue's account, is part of what the swap cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import base58
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chain.programs import SYSTEM
from chain.values import array, text, transaction_error, whole_number
from engine.domain.swap import Fill
from engine.domain.units import SECOND, Lamports, Mint, Nanos, Signature

_CREATE_ACCOUNT_WITH_SEED = 3
_TRANSFER_WITH_SEED = 11
_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Change:
    """Lamports before and after, of the transaction's accounts in their order."""

    before: Sequence[int]
    after: Sequence[int]

    def of(self, index: int) -> int:
        return self.after[index] - self.before[index]


@dataclass(frozen=True, slots=True)
class _Held:
    """What a wallet holds in token accounts."""

    accounts: frozenset[int]
    """Indexes of all of them, whatever is in them."""
    amount: int
    """Raw units of one mint."""

    @classmethod
    def read(cls, balances: object, wallet: str, mint: Mint) -> _Held:
        """Return what *balances*, one side of a transaction's token balances, say of *wallet* and *mint*."""
        own = [balance for balance in array(balances) if text(balance["owner"]) == wallet]
        amounts = [balance["uiTokenAmount"]["amount"] for balance in own if text(balance["mint"]) == mint]
        accounts = frozenset(whole_number(balance["accountIndex"]) for balance in own)
        return cls(accounts, sum(map(whole_number, amounts)))


def fill_of(transaction: _Json, *, wallet: str, mint: Mint) -> Fill:
    """Return what *transaction* moved of *mint* and SOL for *wallet*; of a reverted one, its fee alone.

    Args:
        transaction: the result of getTransaction, with encoding json or jsonParsed.
        wallet: base58 address.
        mint: of the token; not of SOL.

    Raises:
        KeyError, IndexError, TypeError or ValueError: it has not the shape that Solana documents.
    """
    meta = transaction["meta"]
    keys = account_keys(transaction)
    fee = Lamports(whole_number(meta["fee"]) if keys[0] == wallet else 0)
    signature = Signature(text(array(transaction["transaction"]["signatures"])[0]))
    slot, time = whole_number(transaction["slot"]), _time(transaction)
    if transaction_error(meta["err"]) is not None:
        return Fill(signature=signature, tokens=0, sol=0, fee=fee, rent=0, slot=slot, time=time)
    change = _Change(_lamports(meta["preBalances"]), _lamports(meta["postBalances"]))
    held = [_Held.read(meta[side], wallet, mint) for side in ("preTokenBalances", "postTokenBalances")]
    own = held[0].accounts | held[1].accounts | _seeded_accounts(transaction, keys, wallet)
    rent = sum(change.of(index) for index in own)
    received = change.of(keys.index(wallet)) if wallet in keys else 0
    tokens = held[1].amount - held[0].amount
    sol = received + rent + fee
    return Fill(signature=signature, tokens=tokens, sol=sol, fee=fee, rent=rent, slot=slot, time=time)


def _time(transaction: _Json) -> Nanos | None:
    """Return the time of the block, which nodes tell in whole seconds since 1970, and not of every block."""
    told = transaction.get("blockTime")
    return None if told is None else Nanos(whole_number(told) * SECOND)


def as_executed(transaction: VersionedTransaction, simulated: _Json, *, slot: int) -> dict[str, Any]:
    """Return what getTransaction would answer, had *transaction* landed in *slot* as it was *simulated*.

    Args:
        transaction: which.
        simulated: the value of simulateTransaction, of a node that tells balances: ``fee``, ``preBalances``,
            ``postBalances``, ``preTokenBalances``, ``postTokenBalances`` and ``loadedAddresses`` are what a landed
            transaction's ``meta`` has under the same names.
        slot: whose state it was simulated on.
    """
    message = transaction.message
    instructions = [
        {
            "programIdIndex": instruction.program_id_index,
            "accounts": list(bytes(instruction.accounts)),
            "data": base58.b58encode(bytes(instruction.data)).decode(),
        }
        for instruction in message.instructions
    ]
    keys = [str(key) for key in message.account_keys]
    return {
        "slot": slot,
        "transaction": {
            "signatures": [str(signature) for signature in transaction.signatures],
            "message": {"accountKeys": keys, "instructions": instructions},
        },
        "meta": simulated,
    }


def account_keys(transaction: _Json) -> list[str]:
    """Return the addresses that a transaction's indexes point at, those from lookup tables last."""
    keys = array(transaction["transaction"]["message"]["accountKeys"])
    if keys and isinstance(keys[0], dict):
        # jsonParsed lists the loaded ones too.
        return [text(key["pubkey"]) for key in keys]
    loaded = transaction["meta"].get("loadedAddresses") or {}
    return [text(key) for key in (*keys, *loaded.get("writable", ()), *loaded.get("readonly", ()))]


def tokens_of(transaction: _Json, wallet: str) -> set[Mint]:
    """Return the mints of which *wallet* has an account among those of *transaction*, before or after it."""
    meta = transaction["meta"]
    balances = (*array(meta["preTokenBalances"]), *array(meta["postTokenBalances"]))
    return {Mint(text(balance["mint"])) for balance in balances if text(balance["owner"]) == wallet}


def _lamports(balances: object) -> list[int]:
    return [whole_number(balance) for balance in array(balances)]


def _seeded_accounts(transaction: _Json, keys: Sequence[str], wallet: str) -> set[int]:
    """Return the indexes of the accounts that *wallet* made, or emptied, as the base of their addresses."""
    instructions = transaction["transaction"]["message"]["instructions"]
    named = (_seeded_account(instruction, keys, wallet) for instruction in instructions)
    return {keys.index(address) for address in named if address is not None}


def _seeded_account(instruction: _Json, keys: Sequence[str], wallet: str) -> str | None:
    match instruction:
        case {"parsed": {"type": "createAccountWithSeed", "info": {"base": base, "newAccount": str(address)}}}:
            return address if base == wallet else None
        case {"parsed": {"type": "transferWithSeed", "info": {"sourceBase": base, "source": str(address)}}}:
            return address if base == wallet else None
        case {"programId": str()}:
            return None  # of jsonParsed, and none of these two
        case _:
            program = keys[whole_number(instruction["programIdIndex"])]
            accounts = [keys[whole_number(index)] for index in array(instruction["accounts"])]
            return _seeded_by_index(program, accounts, base58.b58decode(text(instruction["data"])), wallet)


def _seeded_by_index(program: str, accounts: Sequence[str], data: bytes, wallet: str) -> str | None:
    """Return the address, by System's own layout.

    CreateAccountWithSeed: accounts payer, new account, base; data u32 3, base, ...
    TransferWithSeed: accounts source, base, destination; data u32 11, ...
    """
    if program != SYSTEM:
        return None
    instruction = int.from_bytes(data[:4], "little")
    if instruction == _CREATE_ACCOUNT_WITH_SEED and data[4:36] == bytes(Pubkey.from_string(wallet)):
        return accounts[1]
    if instruction == _TRANSFER_WITH_SEED and accounts[1] == wallet:
        return accounts[0]
    return None
