"""What a transaction is made of decides whether it is signed; recorded ones are read as the chain took them."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, CompiledInstruction, Instruction
from solders.message import MessageAddressTableLookup, MessageHeader, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from chain.jupiter.routes import decode_route, discriminator, least_out
from chain.programs import JUPITER, SYSTEM
from chain.transactions.assembly import MAX_COMPUTE_UNITS, instruction_of
from chain.transactions.inspection import inspect
from chain.transactions.marker import create_marker, reclaim_markers
from chain.transactions.rules import Ordered, Terms
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import SOL_MINT, Lamports, Mint
from tests.chain.answers import BLOCKHASH, MINT, POOLS, SELL, WALLET, instruction_parts, route
from tests.chain.recordings import needs_recordings, recorded, transaction

OUT, LEAST, FEE = 500_000_000, 492_500_000, Lamports(20_000)
TERMS = Terms(source_mint=MINT, destination_mint=SOL_MINT, amount=SELL.amount, minimum_out=LEAST)
JITO_TIP = "3AVi9Tg9Uo68tJfuvoKvqKNWKkC5wPdSSdeBnizKZ6jT"
RICH = Lamports(10**9)


def swapping() -> list[Instruction]:
    """Return the instructions of the swap that is ordered here."""
    parts = instruction_parts()
    listed = [*parts["setupInstructions"], parts["swapInstruction"], parts["cleanupInstruction"]]
    return [instruction_of(item) for item in listed]


def message(*instructions: Instruction, wallet: str = WALLET) -> bytes:
    """Return the message of *instructions*."""
    compiled = MessageV0.try_compile(Pubkey.from_string(wallet), list(instructions), [], Hash(BLOCKHASH))
    return to_bytes_versioned(compiled)


def ordered(**changes: Any) -> Ordered:
    """Return what is ordered here."""
    return Ordered(**{"wallet": WALLET, "terms": TERMS, "priority_fee": FEE, **changes})


def refusal(signed: bytes, order: Ordered) -> str:
    """Return the sentence that *signed* is refused with."""
    with pytest.raises(SwapError) as caught:
        inspect(signed, order)
    assert caught.value.kind is FailureKind.PERMANENT
    return str(caught.value)


def test_the_swap_that_was_ordered_passes() -> None:
    """Accounts created, tokens swapped, SOL unwrapped."""
    inspect(message(*swapping()), ordered())


@pytest.mark.parametrize("size", range(0, 200, 7))
def test_a_message_that_is_cut_short_is_refused(size: int) -> None:
    """Wherever it ends."""
    assert "not a message of version 0" in refusal(message(*swapping())[:size], ordered())


@given(st.data())
def test_no_changed_byte_gets_past_it_unless_it_changes_nothing_that_counts(data: st.DataObject) -> None:
    """Of one changed byte, either the transaction is refused, or the swap's own figures and accounts still stand."""
    whole = bytearray(message(*swapping()))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        inspect(bytes(whole), ordered())
    except SwapError:
        return
    decoded = MessageV0.from_bytes(bytes(whole)[1:])
    keys = [str(key) for key in decoded.account_keys]
    (swap,) = [item for item in decoded.instructions if keys[item.program_id_index] == JUPITER]
    found = decode_route(JUPITER, [keys[index] for index in bytes(swap.accounts)], bytes(swap.data))
    wanted = instruction_of(route(SELL))
    accounts = [str(account.pubkey) for account in wanted.accounts]
    assert (found.source, found.destination) == (accounts[1], accounts[2])
    assert found.amount_in == SELL.amount
    assert found.minimum_out >= LEAST


# Fees ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "price", "said"),
    [
        (100_000, 200_000, ""),
        (100_000, 200_001, "pays 20001 lamports for priority, 20000 were ordered"),
        (MAX_COMPUTE_UNITS + 1, 0, "asks for 1400001 compute units, 1400000 are allowed"),
        (None, 14_286, "for priority"),
        (None, 14_285, ""),
    ],
)
def test_the_priority_fee_is_price_times_limit(limit: int | None, price: int, said: str) -> None:
    """Rounded up; where no limit is set, the greatest that there is counts."""
    budget = [set_compute_unit_limit(limit)] if limit is not None else []
    signed = message(*budget, set_compute_unit_price(price), *swapping())
    if said:
        assert said in refusal(signed, ordered())
    else:
        inspect(signed, ordered())


@pytest.mark.parametrize(("lamports", "passes"), [(1_000, True), (1_001, False)])
def test_a_tip_goes_to_a_known_account_up_to_a_cap(lamports: int, *, passes: bool) -> None:
    """Without the setting nobody is tipped."""
    params = TransferParams(
        from_pubkey=Pubkey.from_string(WALLET), to_pubkey=Pubkey.from_string(JITO_TIP), lamports=lamports
    )
    signed = message(*swapping(), transfer(params))
    allowing = ordered(tip_accounts=frozenset({JITO_TIP}), most_tipped=Lamports(1_000))
    if passes:
        inspect(signed, allowing)
    else:
        assert f"tips {JITO_TIP} more than 1000 lamports" in refusal(signed, allowing)
    assert f"transfers {lamports} lamports to {JITO_TIP}" in refusal(signed, ordered())


# Our own instructions -----------------------------------------------------------------------------------------


def test_our_own_marker_passes_and_must_be_there() -> None:
    """Once, and as it was made: another rent is another instruction."""
    marker = create_marker(WALLET, "seed", 650_240)
    order = ordered(ours=(marker,))
    inspect(message(marker, *swapping()), order)
    said = f"our own instruction of program {SYSTEM} is not in it once"
    assert said in refusal(message(*swapping()), order)
    assert said in refusal(message(marker, marker, *swapping()), order)
    assert said in refusal(message(create_marker(WALLET, "seed", 650_241), *swapping()), order)
    assert "is CreateAccountWithSeed of the system program" in refusal(message(marker, *swapping()), ordered())


def test_where_nothing_is_swapped_only_our_own_instructions_pass() -> None:
    """Bringing markers back is exactly that."""
    ours = tuple(reclaim_markers(WALLET, [("one", 5), ("two", 6)]))
    order = ordered(terms=None, ours=ours)
    inspect(message(set_compute_unit_price(0), *ours), order)
    assert "where only our own instructions belong" in refusal(message(*ours, *swapping()), order)
    elsewhere = [*ours[0].accounts[:2], AccountMeta(Pubkey.from_string(POOLS[0]), is_signer=False, is_writable=True)]
    stolen = Instruction(ours[0].program_id, bytes(ours[0].data), elsewhere)
    assert "is not in it once" in refusal(message(stolen, ours[1]), order)


# Routes -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**64 - 1), st.integers(0, 10_000))
def test_the_least_out_is_rounded_up(quoted: int, slippage: int) -> None:
    """So Jupiter rounds its threshold: 16198753 less 50 bps is 16117760 in a recorded quote."""
    least = least_out(quoted, slippage)
    assert (least - 1) * 10_000 < quoted * (10_000 - slippage) <= least * 10_000
    assert least_out(16_198_753, 50) == 16_117_760


def old_route(plan: bytes, *, tail: bytes = b"") -> bytes:
    """Return the data of Jupiter's older ``route``, with *tail* behind its arguments."""
    return discriminator("route") + plan + struct.pack("<QQHB", 7, 1_000, 100, 0) + tail


ACCOUNTS = [str(Pubkey(bytes([number] * 32))) for number in range(1, 14)]
ONE_STEP = (1).to_bytes(4, "little")


@pytest.mark.parametrize(
    "plan",
    [
        bytes(4),
        ONE_STEP + b"\x26\x64\x00\x01",
        ONE_STEP + b"\x11\x01\x64\x00\x01",
        ONE_STEP + b"\x57" + bytes(9) + b"\x64\x00\x01",
        ONE_STEP + b"\x2f\x01\x00\x64\x00\x01",
        ONE_STEP + b"\x2f\x01\x01" + ONE_STEP + b"\x06\x01" + b"\x64\x00\x01",
        ONE_STEP + b"\x4b" + bytes(4) + b"\x64\x00\x01",
        (2).to_bytes(4, "little") + b"\x26\x64\x00\x01" + b"\x11\x00\x64\x01\x02",
    ],
    ids=["empty", "Meteora", "Whirlpool", "HumidiFi", "no slices", "slices", "no slices, no flag", "two steps"],
)
@pytest.mark.parametrize("tail", [b"", struct.pack("<QQHB", 1, 2**60, 0, 0)], ids=["plain", "decoy"])
def test_the_amounts_are_those_that_the_program_reads(plan: bytes, tail: bytes) -> None:
    """Behind the plan, whatever follows: a decoy at the end is read by nobody."""
    found = decode_route(JUPITER, ACCOUNTS, old_route(plan, tail=tail))
    assert (found.amount_in, found.quoted_out, found.slippage) == (7, 1_000, 100)


@pytest.mark.parametrize("plan", [ONE_STEP + b"\xff\x64\x00\x01", (2**32 - 1).to_bytes(4, "little"), ONE_STEP])
def test_a_plan_that_cannot_be_walked_is_refused(plan: bytes) -> None:
    """Markets that came later than this table, and steps that are not there."""
    with pytest.raises(ValueError, match=r"cannot be read|cut short"):
        decode_route(JUPITER, ACCOUNTS, old_route(plan))


# Recordings ---------------------------------------------------------------------------------------------------


@needs_recordings
@pytest.mark.parametrize("name", ["swapInstructionsWithJito", "swapInstructionsWithoutJito"])
def test_recorded_instructions_of_jupiter_pass(name: str) -> None:
    """A purchase through shared accounts; with the tip where one is allowed."""
    answer = recorded(f"jupiter/jupiter_go/{name}.json")
    listed = [
        *answer["computeBudgetInstructions"],
        *answer["setupInstructions"],
        answer["swapInstruction"],
        answer["cleanupInstruction"],
        *answer["otherInstructions"],
    ]
    wallet = listed[1]["accounts"][0]["pubkey"] if name.endswith("WithJito") else listed[2]["accounts"][0]["pubkey"]
    data = base64.b64decode(answer["swapInstruction"]["data"])
    mint = Mint(answer["swapInstruction"]["accounts"][8]["pubkey"])
    amount, quoted = struct.unpack("<QQ", data[-19:-3])
    terms = Terms(source_mint=SOL_MINT, destination_mint=mint, amount=amount, minimum_out=least_out(quoted, 250))
    order = ordered(
        wallet=wallet,
        terms=terms,
        priority_fee=RICH,
        tip_accounts=frozenset({JITO_TIP}),
        most_tipped=Lamports(1_000),
    )
    inspect(message(*map(instruction_of, listed), wallet=wallet), order)


def as_recorded(name: str) -> tuple[bytes, list[AddressLookupTableAccount]]:
    """Return a recorded transaction's message, and the tables that it looks up, as far as it does.

    The wallet that recorded them writes readableIndexes for readonlyIndexes.
    """
    found = transaction(f"metamask_snap/{name}")
    held, loaded = found["transaction"]["message"], found["meta"]["loadedAddresses"]
    lookups, tables = [], []
    writable, readonly = iter(loaded["writable"]), iter(loaded["readonly"])
    addresses: dict[str, dict[int, str]] = {}
    for kind, source in (("writableIndexes", writable), ("readableIndexes", readonly)):
        for lookup in held["addressTableLookups"]:
            table = addresses.setdefault(lookup["accountKey"], {})
            table.update({index: next(source) for index in lookup[kind]})
    for lookup in held["addressTableLookups"]:
        key, table = Pubkey.from_string(lookup["accountKey"]), addresses[lookup["accountKey"]]
        rows = [Pubkey.from_string(table.get(index, SYSTEM)) for index in range(max(table) + 1)]
        tables.append(AddressLookupTableAccount(key, rows))
        lookups.append(
            MessageAddressTableLookup(key, bytes(lookup["writableIndexes"]), bytes(lookup["readableIndexes"]))
        )
    header = held["header"]
    compiled = MessageV0(
        MessageHeader(
            header["numRequiredSignatures"], header["numReadonlySignedAccounts"], header["numReadonlyUnsignedAccounts"]
        ),
        [Pubkey.from_string(key) for key in held["accountKeys"]],
        Hash.from_string(held["recentBlockhash"]),
        [
            CompiledInstruction(item["programIdIndex"], _base58(item["data"]), bytes(item["accounts"]))
            for item in held["instructions"]
        ],
        lookups,
    )
    return to_bytes_versioned(compiled), tables


def _base58(text: str) -> bytes:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for letter in text:
        number = number * 58 + alphabet.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


USDC = Mint("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
JUP = Mint("JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN")


@needs_recordings
@pytest.mark.parametrize(
    ("name", "wallet", "terms", "said"),
    [
        (
            "swap-failed-transaction__EXPECTED_SWAP_FAILED_TRANSACTION_DATA",
            "9az5xpAV8KJ2Q2Jb1ZvBpvfUa5Cj4dZirbgvfPF5XsB8",
            (SOL_MINT, SOL_MINT, 0x1EBBD0280, 0x1EBBD0280),
            "",
        ),
        (
            "swap-sol-to-obric__EXPECTED_SWAP_SOL_TO_OBRIC_DATA",
            "3xTPAZxmpwd8GrNEKApaTw6VH4jqJ31WFXUvQzgwhR7c",
            (USDC, SOL_MINT, 0xF2012, 1),
            "is Transfer of token program",
        ),
        (
            "swap-sol-to-usdc__EXPECTED_SWAP_SOL_TO_USDC_DATA",
            "3xTPAZxmpwd8GrNEKApaTw6VH4jqJ31WFXUvQzgwhR7c",
            (SOL_MINT, USDC, 0xF2012, 1),
            "lamports to",
        ),
        (
            "swap-usdc-to-jup__EXPECTED_SWAP_USDC_TO_JUP_DATA",
            "DtMUkCoeyzs35B6EpQQxPyyog6TRwXxV1W1Acp8nWBNa",
            (USDC, JUP, 1_100_000, 1),
            "takes a platform fee of up to 85 bps",
        ),
        (
            "failed-swap__EXPECTED_FAILED_SWAP_DATA",
            "8A4AptCThfbuknsbteHgGKXczfJpfjuVA9SLTSGaaLGC",
            (SOL_MINT, USDC, 1, 1),
            "is of program 3i5JeuZuUxeKtVysUnwQNGerJP2bSMX9fTFfS4Nxe3Br",
        ),
    ],
    ids=["Jupiter's own", "fee in tokens", "fee in SOL", "platform fee", "another front"],
)
def test_a_recorded_mainnet_transaction_is_read_to_the_end(
    name: str, wallet: str, terms: tuple[Mint, Mint, int, int], said: str
) -> None:
    """One that Jupiter built passes; those that a front put its fee into are refused for just that."""
    source, destination, amount, least = terms
    wanted = Terms(source_mint=source, destination_mint=destination, amount=amount, minimum_out=least)
    order = ordered(wallet=wallet, terms=wanted, priority_fee=RICH)
    signed, tables = as_recorded(name)
    if not said:
        inspect(signed, order, tables)
        return
    with pytest.raises(SwapError, match=said):
        inspect(signed, order, tables)
