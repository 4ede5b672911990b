"""Assembling a message of our own from Jupiter's instructions."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

from chain.programs import ASSOCIATED_TOKEN, COMPUTE_BUDGET, JUPITER, TOKEN
from chain.transactions.assembly import (
    MAX_COMPUTE_UNITS,
    MAX_TRANSACTION_SIZE,
    TOO_LARGE,
    SwapInstructions,
    assemble,
    compute_unit_price,
    decode_message,
    decode_transaction,
    instruction_of,
    priority_fee_of,
    programs_of,
    swap_instructions,
    unsigned,
)
from chain.transactions.lookup_tables import lookup_table
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import Lamports
from tests.chain.answers import BLOCKHASH, POOLS, TABLE, WALLET, instruction, instruction_parts, unit_limit, unit_price
from tests.chain.recordings import needs_recordings, recorded


def _swap(parts: dict[str, Any], tables: dict[str, list[str]]) -> SwapInstructions:
    return swap_instructions(
        parts,
        lookup_tables=[lookup_table(address, held) for address, held in tables.items()],
        blockhash=Hash(BLOCKHASH),
        last_valid_block_height=7,
    )


def _message(**options: Any) -> MessageV0:
    defaults: dict[str, Any] = {"payer": WALLET, "compute_unit_limit": 100_000, "priority_fee": Lamports(20_000)}
    return assemble(_swap(instruction_parts(), {TABLE: POOLS}), **{**defaults, **options})


def _budget(message: MessageV0) -> list[bytes]:
    programs = programs_of(message)
    return [
        bytes(item.data)
        for item, program in zip(message.instructions, programs, strict=True)
        if program == COMPUTE_BUDGET
    ]


def test_the_order_is_budget_setup_swap_cleanup() -> None:
    """Fee and limit first, so that they hold for all that follows."""
    assert programs_of(_message()) == [COMPUTE_BUDGET, COMPUTE_BUDGET, ASSOCIATED_TOKEN, JUPITER, TOKEN]


def test_payer_and_blockhash_are_ours() -> None:
    """The wallet pays and is the only one to sign."""
    message = _message()
    assert (str(message.account_keys[0]), message.header.num_required_signatures) == (WALLET, 1)
    assert message.recent_blockhash == Hash(BLOCKHASH)


def test_an_absurd_baked_in_price_is_replaced_by_ours() -> None:
    """82e9 micro-lamports per unit were seen baked in; 20,000 lamports over 100,000 units is what was decided."""
    assert _budget(_message()) == [
        b"\x02" + (100_000).to_bytes(4, "little"),
        b"\x03" + (200_000).to_bytes(8, "little"),
    ]


@pytest.mark.parametrize("part", ["computeBudgetInstructions", "setupInstructions", "otherInstructions"])
def test_limits_and_prices_are_dropped_wherever_they_hide(part: str) -> None:
    """Two of a kind would make the transaction invalid."""
    parts = {**instruction_parts(), part: [unit_limit(1_400_000), unit_price(10**12)]}
    swap = _swap(parts, {TABLE: POOLS})
    assert COMPUTE_BUDGET not in {str(item.program_id) for item in swap.instructions}


def test_other_budget_instructions_are_kept() -> None:
    """A swap that asks for a larger heap needs it."""
    heap = instruction(COMPUTE_BUDGET, b"\x01" + (65536).to_bytes(4, "little"))
    swap = _swap({**instruction_parts(), "computeBudgetInstructions": [heap, unit_price(1)]}, {TABLE: POOLS})
    assert [bytes(item.data)[:1] for item in swap.instructions][:1] == [b"\x01"]


def test_pools_are_looked_up_and_not_spelled_out() -> None:
    """Accounts of the table take a byte instead of 32."""
    message = _message()
    (table,) = message.address_table_lookups
    assert str(table.account_key) == TABLE
    assert sorted(table.writable_indexes) == list(range(len(POOLS)))
    assert not set(POOLS) & {str(key) for key in message.account_keys}


def test_what_must_come_first_comes_first() -> None:
    """The seam for an order's marker."""
    marker = Instruction(Pubkey(bytes([1] * 32)), b"marker", [])
    assert programs_of(_message(first=[marker]))[0] == str(marker.program_id)


def test_a_swap_without_cleanup_or_tables_is_whole() -> None:
    """Null and missing parts are nothing."""
    parts = {
        "swapInstruction": instruction(JUPITER, b"swap", *POOLS[:3]),
        "cleanupInstruction": None,
        "setupInstructions": None,
    }
    message = assemble(_swap(parts, {}), payer=WALLET, compute_unit_limit=1, priority_fee=Lamports(0))
    assert programs_of(message)[2:] == [JUPITER]


@pytest.mark.parametrize("accounts", [40, 300])
def test_a_transaction_that_is_too_large_is_refused(accounts: int) -> None:
    """Whether the bytes or the account indexes overflow: refused, since another route may be shorter."""
    keys = [str(Pubkey(bytes([n % 256, n // 256, 7] + [0] * 29))) for n in range(accounts)]
    parts = {"swapInstruction": instruction(JUPITER, b"swap", *keys)}
    with pytest.raises(SwapError) as caught:
        assemble(_swap(parts, {}), payer=WALLET, compute_unit_limit=1, priority_fee=Lamports(0))
    assert caught.value.kind is FailureKind.REFUSED
    if accounts == 40:
        assert caught.value.code == TOO_LARGE


def test_the_largest_transaction_that_fits_is_taken() -> None:
    """1,232 bytes are allowed, one more is not."""
    bare = {"swapInstruction": instruction(JUPITER, b"")}
    size = len(bytes(unsigned(assemble(_swap(bare, {}), payer=WALLET, compute_unit_limit=1, priority_fee=Lamports(0)))))
    # Data of more than 127 bytes has a length of two bytes instead of one.
    room = MAX_TRANSACTION_SIZE - size - 1
    full = {"swapInstruction": instruction(JUPITER, bytes(room))}
    message = assemble(_swap(full, {}), payer=WALLET, compute_unit_limit=1, priority_fee=Lamports(0))
    assert len(bytes(unsigned(message))) == MAX_TRANSACTION_SIZE
    over = {"swapInstruction": instruction(JUPITER, bytes(room + 1))}
    with pytest.raises(SwapError, match="1233 bytes"):
        assemble(_swap(over, {}), payer=WALLET, compute_unit_limit=1, priority_fee=Lamports(0))


@given(fee=st.integers(0, 10**10), limit=st.integers(1, MAX_COMPUTE_UNITS))
def test_the_fee_never_exceeds_what_was_decided(fee: int, limit: int) -> None:
    """Rounding loses less than one lamport per 1,000,000 units of the limit, rounded up."""
    paid = priority_fee_of(compute_unit_price(Lamports(fee), limit), limit)
    assert fee - 2 <= paid <= fee


@needs_recordings
@pytest.mark.parametrize("name", ["swapInstructionsWithJito", "swapInstructionsWithoutJito"])
def test_recorded_instructions_make_a_transaction(name: str) -> None:
    """A real route of some fifty accounts, with its lookup tables, fits and has our fee."""
    answer = recorded(f"jupiter/jupiter_go/{name}.json")
    payer = answer["setupInstructions"][0]["accounts"][0]["pubkey"]
    keys = [account["pubkey"] for account in answer["swapInstruction"]["accounts"] if not account["isSigner"]]
    tables = {address: keys[at::2] for at, address in enumerate(answer["addressLookupTableAddresses"][:2])}
    message = assemble(_swap(answer, tables), payer=payer, compute_unit_limit=300_000, priority_fee=Lamports(30_000))
    assert message.header.num_required_signatures == 1
    assert JUPITER in programs_of(message)
    assert _budget(message) == [
        b"\x02" + (300_000).to_bytes(4, "little"),
        b"\x03" + (100_000).to_bytes(8, "little"),
    ]


@needs_recordings
def test_the_recorded_whole_transaction_can_be_read() -> None:
    """A v0 transaction of 2025, unsigned, paid for by its user."""
    found = recorded("jupiter/swap_open_sol_bot_2025-02.json")
    decoded = decode_transaction(found["response"]["swapTransaction"])
    assert isinstance(decoded.message, MessageV0)
    assert str(decoded.message.account_keys[0]) == found["request"]["userPublicKey"]
    assert decode_message(to_bytes_versioned(decoded.message)) == decoded.message


@pytest.mark.parametrize("raw", [b"", b"\x81" + bytes(200), b"\x01" + bytes(10), b"\xff" * 300])
def test_a_transaction_that_cannot_be_read_is_refused(raw: bytes) -> None:
    """Nothing, a later version, half of one and noise."""
    with pytest.raises(SwapError) as caught:
        decode_transaction(base64.b64encode(raw).decode())
    assert caught.value.kind is FailureKind.REFUSED


def test_text_that_is_no_base64_is_refused() -> None:
    """Also an error page in the place of a transaction."""
    with pytest.raises(SwapError):
        decode_transaction("<html>")


@pytest.mark.parametrize("data", [b"", b"\x81", b"\x80abc", b"\x00" * 100])
def test_only_whole_messages_of_version_0_are_read(data: bytes) -> None:
    """Legacy and later versions are not what we assemble."""
    with pytest.raises(ValueError):
        decode_message(data)


def test_a_message_with_bytes_after_its_end_is_refused() -> None:
    """What is signed is what was read, to the last byte."""
    with pytest.raises(ValueError, match="not a message of version 0"):
        decode_message(to_bytes_versioned(_message()) + b"x")


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"programId": "x", "accounts": [], "data": ""},
        {"programId": JUPITER, "accounts": [{}], "data": ""},
        {"programId": JUPITER, "accounts": [], "data": "%%"},
        {"programId": JUPITER, "accounts": None, "data": ""},
    ],
)
def test_malformed_instructions_raise_what_the_callers_expect(item: dict[str, Any]) -> None:
    """KeyError, TypeError or ValueError, whatever is wrong."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        instruction_of(item)
