"""The on-chain program of the simulated market, at Jupiter's program id and with the face of Jupiter's ``route_v2``.

Discriminator, amounts, tolerance and the first ten accounts are those of Jupiter v6, so that whoever inspects a swap
before signing it reads here what it reads on mainnet, and the amount that is taken is the one that stands in the
instruction. Where Jupiter has the plan of a route, this has what the market needs: what the maker sends, and the band
of prices at which the swap still pays its minimum.

It moves the payment from the taker to the maker and the proceeds from a vault to the taker, whom the maker made the
vault's delegate: two ``TransferChecked`` of the token programs. Then it compares the market's current price, which
stands in an account that the market rewrites whenever it moves, with the band. Outside of it the program fails with
``Custom(6001)``, as Jupiter v6 does when slippage exceeds the tolerance, and the chain takes everything back.

Input of a program, as the loader of deployed ("version 2") programs lays it out at the address in r1
(https://solana.com/docs/programs/faq, "Input parameter serialization"; numbers little endian)::

    u64 number of accounts
    per account: u8 0xff, u8 signer, u8 writable, u8 executable, 4 bytes padding,
                 32 bytes key, 32 bytes owner, u64 lamports, u64 length of data, data,
                 10,240 bytes in which data may grow, padding to a multiple of 8, u64 rent epoch
                 -- or, for one that was there before: u8 its index, 7 bytes padding
    u64 length of instruction data, instruction data, 32 bytes program id

How a program calls another: ``sol_invoke_signed_c`` of https://github.com/anza-xyz/agave, with the structures
``SolInstruction``, ``SolAccountMeta`` and ``SolAccountInfo`` of its C interface.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from chain.simulated import sbpf
from chain.simulated.sbpf import FRAME, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Assembler

PROGRAM_ID = Pubkey.from_string("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4")
"""Jupiter v6: the address under which clients look for the swap and for the error code."""
EVENT_AUTHORITY = Pubkey.from_string("D8cy77BBepLMngZx6ZukaTff5hCt1HrWyKk3Hnd9oitf")
"""Jupiter v6's, by which it logs what it swapped; nothing is logged here."""
ROUTE_V2 = bytes.fromhex("bb64facc31c4af14")
"""The first eight bytes of the SHA-256 of ``global:route_v2``."""

SLIPPAGE_TOLERANCE_EXCEEDED = 6001
"""Jupiter v6's error number; 0x1771 in a transaction's log."""
NOT_ENOUGH_ACCOUNT_KEYS = 6008
"""Jupiter v6's error number for another number of accounts than the program needs."""

MAX_U64 = 2**64 - 1

PRICE_BYTES = 8

# Of the instruction's data: in amount, quoted out amount, tolerance, platform fee, fee on positive slippage, number of
# steps of the plan; the plan.
_ARGUMENTS = struct.Struct("<QQHHHI")
_PLAN = struct.Struct("<QQQ")
_AMOUNT_AT = len(ROUTE_V2)
_SENT_AT = _AMOUNT_AT + _ARGUMENTS.size
_LOWEST_AT, _HIGHEST_AT = _SENT_AT + 8, _SENT_AT + 16

# Of the instruction's accounts.
_TAKER, _SOURCE, _DESTINATION, _SOURCE_MINT, _DESTINATION_MINT, _SOURCE_PROGRAM, _DESTINATION_PROGRAM = range(7)
_PRICE, _MAKER, _VAULT = range(10, 13)
_ACCOUNTS = 13

# Of an account in a program's input.
_FLAGS, _KEY, _OWNER, _LAMPORTS, _DATA_LENGTH, _DATA = 1, 8, 40, 72, 80, 88
_GROWTH_ROOM, _RENT_EPOCH_BYTES = 10 * 1024, 8
_FRESH = 0xFF
_DECIMALS = 44
"""Of a mint's data."""

# On the stack: where each account begins, then what a call needs.
_TABLE = -_ACCOUNTS * 8
_INFO_BYTES, _META_BYTES, _CALL_BYTES = 56, 16, 40
_PARTIES = (_TAKER, _SOURCE, _DESTINATION, _SOURCE_MINT, _DESTINATION_MINT, _MAKER, _VAULT)
_INFOS = _TABLE - len(_PARTIES) * _INFO_BYTES
_METAS = _INFOS - 4 * _META_BYTES
_CALL = _METAS - _CALL_BYTES
_TRANSFER = _CALL - 16
_TRANSFER_CHECKED, _TRANSFER_BYTES = 12, 10
_READ_ONLY, _WRITABLE, _SIGNER = 0, 1, 0x100


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """What the instruction carries out. Tokens are named by account, mint and token program."""

    taker: Pubkey
    source: Pubkey
    source_mint: Pubkey
    source_program: Pubkey
    destination: Pubkey
    destination_mint: Pubkey
    destination_program: Pubkey
    maker: Pubkey
    """The maker's token account that is paid into."""
    vault: Pubkey
    """The token account that the taker may move *sent* from."""
    price_account: Pubkey
    """An account of `PRICE_BYTES` bytes."""
    amount_in: int
    quoted_out: int
    slippage: int
    """Basis points."""
    sent: int
    """What leaves the vault; of a token with a transfer fee less arrives."""
    lowest: int = 0
    """The least price at which it succeeds, in the market's own units, below 2^64."""
    highest: int = MAX_U64
    """The greatest, inclusive as well."""
    program: Pubkey = PROGRAM_ID
    """Where the swap program is."""


def swap(order: Swap) -> Instruction:
    """Return the instruction that carries out *order*, or fails with `Custom(6001)`."""
    data = ROUTE_V2 + _ARGUMENTS.pack(order.amount_in, order.quoted_out, order.slippage, 0, 0, 1)
    accounts = [
        AccountMeta(order.taker, is_signer=True, is_writable=False),
        _writable(order.source),
        _writable(order.destination),
        _readable(order.source_mint),
        _readable(order.destination_mint),
        _readable(order.source_program),
        _readable(order.destination_program),
        # Anchor's way of leaving out an account: there is no further destination.
        _readable(order.program),
        _readable(EVENT_AUTHORITY),
        _readable(order.program),
        _readable(order.price_account),
        _writable(order.maker),
        _writable(order.vault),
    ]
    return Instruction(order.program, data + _PLAN.pack(order.sent, order.lowest, order.highest), accounts)


def price_account_data(price: int) -> bytes:
    """Return the contents of a price account: *price* in the market's own units, below 2^64."""
    return struct.pack("<Q", price)


def elf() -> bytes:
    """Return the program as an ELF file, to be deployed at `PROGRAM_ID`."""
    program = Assembler()
    append_swap(program)
    return program.elf()


def append_swap(program: Assembler) -> None:
    """Append the whole of the swap to *program*. It uses the label "return" for leaving with the error in R0."""
    _find_accounts(program)
    for slot, account in enumerate(_PARTIES):
        _describe(program, account, _INFOS + slot * _INFO_BYTES)
    _transfer(program, _SOURCE, _SOURCE_MINT, _MAKER, by=_SOURCE_PROGRAM, amount_at=_AMOUNT_AT)
    _transfer(program, _VAULT, _DESTINATION_MINT, _DESTINATION, by=_DESTINATION_PROGRAM, amount_at=_SENT_AT)
    _judge_price(program)


def _find_accounts(program: Assembler) -> None:
    """Fill the table of where each account begins; R9 is left at the instruction's data."""
    program.load(R2, R1, 0).put(R0, NOT_ENOUGH_ACCOUNT_KEYS)
    program.jump(sbpf.JUMP_UNLESS_EQUAL, "return", R2, number=_ACCOUNTS)
    program.copy(R6, R1, plus=8).copy(R7, FRAME, plus=_TABLE).copy(R8, FRAME)
    program.label("account").load(R2, R6, 0, size=1)
    program.jump(sbpf.JUMP_UNLESS_EQUAL, "repeated", R2, number=_FRESH)
    program.store(R7, 0, R6).load(R2, R6, _DATA_LENGTH).add(R2, 7).mask(R2, -8)
    program.add_register(R6, R2).add(R6, _DATA + _GROWTH_ROOM + _RENT_EPOCH_BYTES)
    program.jump(sbpf.JUMP_ALWAYS, "next")
    program.label("repeated").shift_left(R2, 3).copy(R3, FRAME, plus=_TABLE).add_register(R3, R2)
    program.load(R3, R3, 0).store(R7, 0, R3).add(R6, 8)
    program.label("next").add(R7, 8).jump(sbpf.JUMP_IF_LESS, "account", R7, right=R8)
    program.copy(R9, R6, plus=8)


def _describe(program: Assembler, account: int, at: int) -> None:
    """Write the ``SolAccountInfo`` of *account* to the stack; nobody reads its rent epoch."""
    _load_account(program, R2, account)
    for offset, what in ((0, _KEY), (8, _LAMPORTS), (24, _DATA), (32, _OWNER)):
        program.copy(R3, R2, plus=what).store(FRAME, at + offset, R3)
    program.load(R3, R2, _DATA_LENGTH).store(FRAME, at + 16, R3)
    program.store_number(FRAME, at + 40, 0).store_number(FRAME, at + 48, 0)
    program.load(R3, R2, _FLAGS, size=4).store(FRAME, at + 48, R3, size=4)


def _transfer(program: Assembler, source: int, mint: int, target: int, *, by: int, amount_at: int) -> None:
    """Call ``TransferChecked`` of the token program *by*, with the taker's authority."""
    metas = ((source, _WRITABLE), (mint, _READ_ONLY), (target, _WRITABLE), (_TAKER, _SIGNER))
    for slot, (account, flags) in enumerate(metas):
        at = _METAS + slot * _META_BYTES
        _load_account(program, R2, account)
        program.add(R2, _KEY).store(FRAME, at, R2).store_number(FRAME, at + 8, flags)
    program.store_number(FRAME, _TRANSFER, _TRANSFER_CHECKED, size=1)
    program.load(R2, R9, amount_at).store(FRAME, _TRANSFER + 1, R2)
    _load_account(program, R2, mint)
    program.load(R2, R2, _DATA + _DECIMALS, size=1).store(FRAME, _TRANSFER + 9, R2, size=1)
    _load_account(program, R2, by)
    program.add(R2, _KEY).store(FRAME, _CALL, R2)
    program.copy(R2, FRAME, plus=_METAS).store(FRAME, _CALL + 8, R2)
    program.store_number(FRAME, _CALL + 16, len(metas))
    program.copy(R2, FRAME, plus=_TRANSFER).store(FRAME, _CALL + 24, R2)
    program.store_number(FRAME, _CALL + 32, _TRANSFER_BYTES)
    program.copy(R1, FRAME, plus=_CALL).copy(R2, FRAME, plus=_INFOS).put(R3, len(_PARTIES))
    program.put(R4, 0).put(R5, 0).call("sol_invoke_signed_c")


def _judge_price(program: Assembler) -> None:
    """Return an error unless the price is within the band."""
    _load_account(program, R2, _PRICE)
    program.load(R2, R2, _DATA).load(R3, R9, _LOWEST_AT).load(R4, R9, _HIGHEST_AT)
    program.put(R0, SLIPPAGE_TOLERANCE_EXCEEDED)
    program.jump(sbpf.JUMP_IF_LESS, "return", R2, right=R3).jump(sbpf.JUMP_IF_GREATER, "return", R2, right=R4)
    program.put(R0, 0).label("return").exit()


def _load_account(program: Assembler, register: int, account: int) -> None:
    program.load(register, FRAME, _TABLE + account * 8)


def _readable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=False)


def _writable(key: Pubkey) -> AccountMeta:
    return AccountMeta(key, is_signer=False, is_writable=True)
