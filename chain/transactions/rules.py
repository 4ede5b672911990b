"""What a swap's transaction may be made of, instruction by instruction; everything else is refused.

Figures of instructions: https://docs.rs/solana-system-interface (bincode, u32 tag), the Token program's
https://docs.rs/spl-token-interface (u8 tag), and the compute budget's (u8 tag), all little endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from chain.jupiter.routes import decode_route
from chain.programs import ASSOCIATED_TOKEN, COMPUTE_BUDGET, JUPITER, SYSTEM, TOKEN, TOKEN_PROGRAMS
from chain.transactions.assembly import MAX_COMPUTE_UNITS, priority_fee_of
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import SOL_MINT, Lamports, Mint

NOT_AS_ORDERED = "NOT_AS_ORDERED"
"""Code of the `SwapError` that refuses a transaction."""

_SYSTEM_TRANSFER = 2
_SYSTEM_NAMES = {
    0: "CreateAccount",
    1: "Assign",
    2: "Transfer",
    3: "CreateAccountWithSeed",
    4: "AdvanceNonceAccount",
    8: "Allocate",
    10: "AssignWithSeed",
    11: "TransferWithSeed",
}
_CLOSE_ACCOUNT, _SYNC_NATIVE = 9, 17
_TOKEN_NAMES = {
    3: "Transfer",
    4: "Approve",
    5: "Revoke",
    6: "SetAuthority",
    7: "MintTo",
    8: "Burn",
    9: "CloseAccount",
    10: "FreezeAccount",
    11: "ThawAccount",
    12: "TransferChecked",
    13: "ApproveChecked",
    15: "BurnChecked",
}
_HEAP, _LIMIT, _PRICE, _LOADED_SIZE = 1, 2, 3, 4
_CREATE, _CREATE_IDEMPOTENT = 0, 1
_TRANSFER_ACCOUNTS, _CREATE_ACCOUNTS, _CLOSE_ACCOUNTS = 2, 6, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is to be swapped, exactly in."""

    source_mint: Mint
    destination_mint: Mint
    amount: int
    """Raw units, or lamports, of *source_mint*: neither more nor less."""
    minimum_out: int
    """Raw units, or lamports, of *destination_mint*."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """All that a transaction may be."""

    wallet: str
    """Base58 address that pays and alone signs."""
    terms: Terms | None
    """None: nothing is swapped, the transaction is our own instructions alone."""
    ours: tuple[Instruction, ...] = ()
    """What was made here, such as the order's marker: each must be there, once."""
    priority_fee: Lamports
    """The most that it may pay above the base fee."""
    compute_units: int = MAX_COMPUTE_UNITS
    """The most that it may ask for."""
    tip_accounts: frozenset[str] = frozenset()
    """Who may be tipped, in base58."""
    most_tipped: Lamports = Lamports(0)
    """In all."""
    swap_program: str = JUPITER


@dataclass(frozen=True, slots=True)
class Call:
    """An instruction with its addresses in place of their indexes."""

    index: int
    program: str
    accounts: tuple[str, ...]
    data: bytes

    def same_as(self, other: Instruction) -> bool:
        """Return whether it is *other*; whether an account is writable, the whole message decides."""
        accounts = tuple(str(account.pubkey) for account in other.accounts)
        return (self.program, self.accounts, self.data) == (str(other.program_id), accounts, bytes(other.data))


def own_accounts(wallet: str, mint: str) -> frozenset[str]:
    """Return the base58 addresses of *wallet*'s associated accounts of *mint*, one for each token program."""
    return frozenset(_associated(wallet, mint, program) for program in TOKEN_PROGRAMS)


class Reading:
    """One reading of a transaction, and what it adds up."""

    def __init__(self, ordered: Ordered) -> None:
        self._ordered = ordered
        self._wallet = ordered.wallet
        self._wrapped_sol = _associated(ordered.wallet, SOL_MINT, TOKEN)
        self._swaps = self._wrapped = self._tipped = self._price = 0
        self._limit = ordered.compute_units

    def judge(self, calls: Sequence[Call]) -> None:
        """Read *calls*, which are all instructions of the transaction.

        Raises:
            SwapError: permanent; they are not what was ordered.
        """
        for ours in self._ordered.ours:
            if sum(call.same_as(ours) for call in calls) != 1:
                refuse(f"our own instruction of program {ours.program_id} is not in it once")
        for call in calls:
            if not any(call.same_as(ours) for ours in self._ordered.ours):
                self._read(call)
        fee = priority_fee_of(self._price, self._limit)
        if fee > self._ordered.priority_fee:
            refuse(f"it pays {fee} lamports for priority, {self._ordered.priority_fee} were ordered")
        if self._swaps != (0 if self._ordered.terms is None else 1):
            refuse(f"it has {self._swaps} swaps in it")

    def _read(self, call: Call) -> None:
        if call.program == COMPUTE_BUDGET:
            self._read_budget(call)
        elif (terms := self._ordered.terms) is None:
            _refuse_call(call, f"is of program {call.program}, where only our own instructions belong")
        elif call.program == self._ordered.swap_program:
            self._read_swap(call, terms)
        elif call.program == SYSTEM:
            self._read_system(call, terms)
        elif call.program in TOKEN_PROGRAMS:
            self._read_token(call)
        elif call.program == ASSOCIATED_TOKEN:
            self._read_associated(call)
        else:
            _refuse_call(call, f"is of program {call.program}, which no swap needs")

    def _read_budget(self, call: Call) -> None:
        tag, value = call.data[0] if call.data else None, int.from_bytes(call.data[1:], "little")
        if tag == _LIMIT:
            if value > self._ordered.compute_units:
                _refuse_call(call, f"asks for {value} compute units, {self._ordered.compute_units} are allowed")
            self._limit = value
        elif tag == _PRICE:
            self._price = max(self._price, value)
        elif tag not in {_HEAP, _LOADED_SIZE}:
            _refuse_call(call, f"is one of the compute budget that is not known here ({call.data.hex()})")

    def _read_system(self, call: Call, terms: Terms) -> None:
        tag = int.from_bytes(call.data[:4], "little")
        name = _SYSTEM_NAMES.get(tag, f"instruction {tag}")
        if tag != _SYSTEM_TRANSFER or len(call.accounts) < _TRANSFER_ACCOUNTS:
            _refuse_call(call, f"is {name} of the system program, which was not ordered")
        target, lamports = call.accounts[1], int.from_bytes(call.data[4:], "little")
        if target in self._ordered.tip_accounts:
            self._tipped += lamports
            if self._tipped > self._ordered.most_tipped:
                _refuse_call(call, f"tips {target} more than {self._ordered.most_tipped} lamports")
        elif target == self._wrapped_sol and terms.source_mint == SOL_MINT:
            self._wrapped += lamports
            if self._wrapped > terms.amount:
                _refuse_call(call, f"wraps {self._wrapped} lamports in all, {terms.amount} were ordered")
        else:
            _refuse_call(call, f"transfers {lamports} lamports to {target}, which was not ordered")

    def _read_token(self, call: Call) -> None:
        tag = call.data[0] if call.data else None
        account = call.accounts[0] if call.accounts else ""
        if tag == _SYNC_NATIVE and account == self._wrapped_sol:
            return
        if tag != _CLOSE_ACCOUNT or len(call.accounts) < _CLOSE_ACCOUNTS:
            name = _TOKEN_NAMES.get(tag or 0, f"instruction {tag}")
            _refuse_call(call, f"is {name} of token program {call.program}, which was not ordered")
        if account != self._wrapped_sol:
            _refuse_call(call, f"closes the token account {account}, which was not ordered")
        if call.accounts[1] != self._wallet:
            _refuse_call(call, f"closes the wallet's token account {account} in favour of {call.accounts[1]}")

    def _read_associated(self, call: Call) -> None:
        tag = call.data[0] if call.data else _CREATE
        if tag not in {_CREATE, _CREATE_IDEMPOTENT} or len(call.accounts) < _CREATE_ACCOUNTS:
            _refuse_call(call, f"is instruction {tag} of the associated token program, which was not ordered")
        payer, _, owner = call.accounts[:3]
        if {payer, owner} != {self._wallet}:
            _refuse_call(call, f"creates a token account of {owner} paid for by {payer}, not the wallet's own")

    def _read_swap(self, call: Call, terms: Terms) -> None:
        self._swaps += 1
        try:
            route = decode_route(call.program, call.accounts, call.data)
        except ValueError as error:
            _refuse_call(call, f"of the swap {error}")
        if route.authority != self._wallet:
            _refuse_call(call, f"swaps what {route.authority} holds, not the wallet")
        if route.source not in own_accounts(self._wallet, terms.source_mint):
            _refuse_call(call, f"sells out of {route.source}, which is not the wallet's account of {terms.source_mint}")
        own = own_accounts(self._wallet, terms.destination_mint)
        for target in (route.destination, route.elsewhere or route.destination):
            if target not in own:
                _refuse_call(call, f"pays into {target}, which is not the wallet's account of {terms.destination_mint}")
        mints = (route.source_mint or terms.source_mint, route.destination_mint)
        if mints != (terms.source_mint, terms.destination_mint):
            _refuse_call(call, f"swaps {mints[0]} for {mints[1]}, which is not what was ordered")
        if route.amount_in != terms.amount:
            _refuse_call(call, f"sells {route.amount_in} raw units, {terms.amount} were ordered")
        if route.minimum_out < terms.minimum_out:
            worst = f"{route.minimum_out} ({route.quoted_out} less {route.slippage} bps)"
            _refuse_call(call, f"may pay as little as {worst}, {terms.minimum_out} is the least that was ordered")
        if route.fees:
            _refuse_call(call, f"takes a platform fee of up to {route.fees} bps, which was not ordered")


def _associated(wallet: str, mint: str, program: str) -> str:
    keys = (Pubkey.from_string(key) for key in (wallet, mint, program))
    return str(get_associated_token_address(*keys))


def _refuse_call(call: Call, what: str) -> NoReturn:
    refuse(f"instruction {call.index} {what}")


def refuse(what: str) -> NoReturn:
    """Refuse the transaction.

    Raises:
        SwapError: always; *what* says what is wrong with it.
    """
    sentence = f"the transaction that Jupiter built is not the swap that was ordered: {what}"
    raise SwapError(FailureKind.PERMANENT, sentence, code=NOT_AS_ORDERED)
