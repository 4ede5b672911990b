"""What the accounts of the token programs say, byte by byte, and what that means for a trade."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.token.state import Mint as MintAccount
from solders.token.state import TokenAccount, TokenAccountState

from chain.fills import account_keys, fill_of
from chain.programs import ASSOCIATED_TOKEN, SYSTEM, TOKEN, TOKEN_2022
from chain.tokens.accounts import Tokens
from chain.tokens.closing import closing
from chain.tokens.layout import (
    Extension,
    HoldingState,
    MintState,
    TransferFee,
    TransferFees,
    decode_holding,
    decode_mint,
)
from chain.tokens.risks import obstacles, warnings
from engine.domain.errors import BadInputError, ChainUnavailableError
from engine.domain.units import BasisPoints, Mint, RawAmount
from tests.chain.answers import MINT, WALLET
from tests.chain.recordings import needs_recordings, recorded, transaction
from tests.chain.wire import Node, rpc

KEY = bytes([7] * 32)
ADDRESS = str(Pubkey(KEY))
NOBODY = bytes(32)
MAX_U64 = 2**64 - 1
CONTEXT = {"slot": 1}


def mint_data(decimals: int = 6, *extensions: tuple[int, bytes], freezable: bool = False) -> bytes:
    """Return the data of a mint."""
    freezer = Pubkey(KEY) if freezable else None
    base = bytes(MintAccount(None, 10**15, decimals, is_initialized=True, freeze_authority=freezer))
    return extended(base, 1, *extensions) if extensions else base


def holding_data(amount: int = 5, *extensions: tuple[int, bytes], frozen: bool = False) -> bytes:
    """Return the data of the wallet's token account."""
    state = TokenAccountState.Frozen if frozen else TokenAccountState.Initialized
    base = bytes(TokenAccount(Pubkey.from_string(MINT), Pubkey.from_string(WALLET), amount, None, state, None, 0, None))
    return extended(base, 2, *extensions) if extensions else base


def extended(base: bytes, kind: int, *extensions: tuple[int, bytes]) -> bytes:
    """Return *base*, padded, and its *extensions*, as Token-2022 writes them."""
    values = b"".join(struct.pack("<HH", number, len(value)) + value for number, value in extensions)
    return base.ljust(165, b"\0") + bytes([kind]) + values


def fee_config(older: tuple[int, int, int], newer: tuple[int, int, int]) -> tuple[int, bytes]:
    """Return the extension with two fees of (epoch, maximum, basis points)."""
    value = KEY + KEY + struct.pack("<Q", 99) + struct.pack("<QQH", *older) + struct.pack("<QQH", *newer)
    assert len(value) == 108
    return Extension.TRANSFER_FEE_CONFIG, value


def mint_of(*extensions: tuple[int, bytes], freezable: bool = False) -> MintState:
    """Return the state of a Token-2022 mint."""
    state = decode_mint(mint_data(6, *extensions, freezable=freezable), TOKEN_2022)
    assert state is not None
    return state


def holding_of(
    amount: int = 5, *extensions: tuple[int, bytes], frozen: bool = False, address: str = ADDRESS
) -> HoldingState:
    """Return the state of the wallet's token account."""
    state = decode_holding(holding_data(amount, *extensions, frozen=frozen), TOKEN_2022, address)
    assert state is not None
    return state


@given(
    decimals=st.integers(0, 255),
    freezable=st.booleans(),
    extensions=st.lists(st.tuples(st.integers(29, 65_535), st.binary(max_size=300)), unique_by=lambda e: e[0]),
)
def test_a_mint_of_any_extensions_is_read(decimals: int, freezable: bool, extensions: list[tuple[int, bytes]]) -> None:
    """Those that nobody knows yet are kept, and stepped over by their length."""
    data = mint_data(decimals, *extensions, freezable=freezable)
    if len(data) == 355:
        data += bytes(2)  # as the program does, so that it is no multisig
    state = decode_mint(data, TOKEN_2022)
    assert state is not None
    assert (state.decimals, state.freezable, state.extensions) == (decimals, freezable, dict(extensions))
    assert decode_holding(data, TOKEN_2022, ADDRESS) is None


@given(amount=st.integers(0, MAX_U64), frozen=st.booleans(), withheld=st.integers(0, MAX_U64))
def test_a_token_account_is_read(amount: int, frozen: bool, withheld: int) -> None:
    """Mint, owner, amount, whether it is frozen, and what is withheld in it."""
    extensions = [(Extension.IMMUTABLE_OWNER, b""), (Extension.TRANSFER_FEE_AMOUNT, withheld.to_bytes(8, "little"))]
    state = holding_of(amount, *extensions, frozen=frozen)
    assert (state.mint, state.owner, state.amount, state.frozen) == (MINT, WALLET, amount, frozen)
    assert (state.withheld, state.owner_immutable) == (withheld, True)
    bare = decode_holding(holding_data(amount, frozen=frozen), TOKEN, ADDRESS)
    assert bare is not None
    assert (bare.amount, bare.frozen, bare.withheld, bare.extensions) == (amount, frozen, 0, {})


@given(st.binary(max_size=500), st.sampled_from([TOKEN, TOKEN_2022, SYSTEM]))
def test_whatever_an_account_holds_it_is_read_or_refused(data: bytes, program: str) -> None:
    """No other error than the documented one, and never a mint and a token account at once."""
    try:
        found = [decode_mint(data, program), decode_holding(data, program, ADDRESS)]
    except ValueError:
        return
    assert None in found


@pytest.mark.parametrize(
    ("data", "program"),
    [
        (mint_data() + b"\0", TOKEN),
        (mint_data() + b"\0", TOKEN_2022),
        (mint_data()[:-1], TOKEN),
        (mint_data(), SYSTEM),
        (extended(mint_data(), 1), TOKEN),
        (extended(mint_data(), 2), TOKEN_2022),
        (extended(mint_data(), 0), TOKEN_2022),
        (extended(mint_data(), 1) + bytes(189), TOKEN_2022),
        (holding_data(), TOKEN),
        (bytes(82), TOKEN),
        (b"", TOKEN),
    ],
    ids=[
        "long",
        "without a kind",
        "short",
        "of another program",
        "with extensions of the old program",
        "of the kind of an account",
        "of no kind",
        "of the length of a multisig",
        "an account",
        "not initialized",
        "empty",
    ],
)
def test_what_is_not_laid_out_like_a_mint_is_none(data: bytes, program: str) -> None:
    """Length, program, kind and the mark of initialization all decide."""
    assert decode_mint(data, program) is None


@pytest.mark.parametrize(
    "tail",
    [b"\x01\x00\x6c", b"\x01\x00\x6c\x00" + bytes(107), b"\x1a\x00\x20\x00" + bytes(32), b"\x63\x00\xff\xff"],
    ids=["no length", "cut off", "another length than the program's", "longer than the account"],
)
def test_extensions_that_token_2022_does_not_write_are_an_error(tail: bytes) -> None:
    """A mint that is read in part may hide what it does."""
    with pytest.raises(ValueError, match="extension"):
        decode_mint(extended(mint_data(), 1) + tail, TOKEN_2022)


@pytest.mark.parametrize("tail", [b"", b"\0", bytes(40), b"\0\0\x1a\x00\x21\x00" + KEY + b"\x01"])
def test_nothing_is_read_behind_the_end_of_the_extensions(tail: bytes) -> None:
    """Type 0, or less than a type, ends them."""
    state = decode_mint(mint_data(6, (Extension.IMMUTABLE_OWNER, b"")) + tail, TOKEN_2022)
    assert state is not None
    assert (list(state.extensions), state.paused) == ([Extension.IMMUTABLE_OWNER], False)


def test_the_first_extension_of_a_type_counts() -> None:
    """As for the program, which looks no further."""
    paused, running = ((Extension.PAUSABLE, KEY + flag) for flag in (b"\x01", b"\x00"))
    assert mint_of(paused, running).paused
    assert not mint_of(running, paused).paused


# Transfer fees


@pytest.mark.parametrize(
    ("rate", "maximum", "amount", "fee"),
    [
        (1, 5_000, MAX_U64, 5_000),
        (1, 5_000, 5_000 * 10_000 + 1, 5_000),
        (1, 5_000, 1, 1),
        (1, 5_000, 10_000, 1),
        (1, 5_000, 10_001, 2),
        (1, 5_000, 0, 0),
        (0, MAX_U64, 10**9, 0),
        (10_000, 0, 10**9, 0),
        (10_000, MAX_U64, 10**9, 10**9),
    ],
)
def test_the_fee_of_a_transfer_is_rounded_up_to_its_maximum(rate: int, maximum: int, amount: int, fee: int) -> None:
    """The cases of Token-2022's own tests, ``calculate_fee_max``, ``_min`` and ``_zero``."""
    charged = TransferFee(epoch=0, maximum=RawAmount(maximum), rate=BasisPoints(rate))
    assert charged.of(amount) == fee


@given(epoch=st.integers(0, 10**6), begins=st.integers(0, 10**6))
def test_the_newer_fee_counts_from_its_epoch_on(epoch: int, begins: int) -> None:
    """And the older one before that."""
    fees = mint_of(fee_config((1, 10, 100), (begins, 5_000, 1))).transfer_fees
    older = TransferFee(epoch=1, maximum=RawAmount(10), rate=BasisPoints(100))
    newer = TransferFee(epoch=begins, maximum=RawAmount(5_000), rate=BasisPoints(1))
    assert fees == TransferFees(older=older, newer=newer)
    assert fees.at(epoch) == (newer if epoch >= begins else older)


@pytest.mark.parametrize(
    ("older", "newer", "epoch", "expected"),
    [
        (
            (0, MAX_U64, 500),
            (0, MAX_U64, 500),
            9,
            ["of every transfer 5 % is withheld, on the way in and on the way out"],
        ),
        (
            (0, MAX_U64, 0),
            (10, 1_500_000, 1),
            9,
            ["from epoch 10 on 0.01 %, at most 1.5 tokens, of every transfer is withheld"],
        ),
        (
            (0, MAX_U64, 0),
            (10, 10_000_000, 1),
            10,
            ["of every transfer 0.01 %, at most 10 tokens, is withheld, on the way in and on the way out"],
        ),
        ((0, 7, 100), (10, MAX_U64, 0), 10, []),
        ((0, 0, 100), (0, 0, 100), 10, []),
    ],
)
def test_a_fee_is_told_and_one_to_come_as_well(
    older: tuple[int, int, int], newer: tuple[int, int, int], epoch: int, expected: list[str]
) -> None:
    """In percent and whole tokens; a fee of nothing is none."""
    assert list(warnings(mint_of(fee_config(older, newer)), [], epoch)) == expected


# What it means


@pytest.mark.parametrize(
    ("mint", "holdings", "expected"),
    [
        (mint_of(), [], []),
        (mint_of(), [holding_of()], []),
        (mint_of(), [holding_of(), holding_of(frozen=True)], [f"the issuer has frozen your account {ADDRESS}"]),
        (mint_of((Extension.NON_TRANSFERABLE, b"")), [], ["the issuer made it non-transferable"]),
        (mint_of((Extension.PAUSABLE, KEY + b"\x01")), [], ["the issuer has paused all transfers"]),
        (mint_of((Extension.PAUSABLE, KEY + b"\x00")), [], []),
        (mint_of((Extension.DEFAULT_ACCOUNT_STATE, b"\x02")), [], ["the issuer freezes every new account"]),
        (mint_of((Extension.DEFAULT_ACCOUNT_STATE, b"\x01")), [], []),
        (mint_of((Extension.DEFAULT_ACCOUNT_STATE, b"\x02")), [holding_of()], []),
        (mint_of((Extension.DEFAULT_ACCOUNT_STATE, b"\x02")), [holding_of(frozen=True)], ["the issuer has frozen"]),
        (mint_of(), [holding_of(5, (Extension.CPI_GUARD, b"\x01"))], ["CPI Guard is on"]),
        (mint_of(), [holding_of(5, (Extension.CPI_GUARD, b"\x00"))], []),
        (
            mint_of((Extension.NON_TRANSFERABLE, b""), (Extension.PAUSABLE, KEY + b"\x01")),
            [],
            ["the issuer made it non-transferable", "the issuer has paused"],
        ),
    ],
)
def test_what_stands_in_the_way_of_a_trade_is_said(
    mint: MintState, holdings: list[HoldingState], expected: list[str]
) -> None:
    """One clause each, of the mint and of the wallet's accounts."""
    found = obstacles(mint, holdings)
    assert len(found) == len(expected)
    for clause, beginning in zip(found, expected, strict=True):
        assert clause.startswith(beginning)


@pytest.mark.parametrize(
    ("mint", "expected"),
    [
        (mint_of(), []),
        (mint_of(freezable=True), ["the issuer may freeze your account"]),
        (mint_of((Extension.PAUSABLE, KEY + b"\x00")), ["the issuer may pause all transfers"]),
        (mint_of((Extension.PERMANENT_DELEGATE, KEY)), [f"{ADDRESS} may take the tokens"]),
        (mint_of((Extension.PERMANENT_DELEGATE, NOBODY)), []),
        (mint_of((Extension.TRANSFER_HOOK, NOBODY + KEY)), [f"every transfer calls program {ADDRESS}"]),
        (mint_of((Extension.TRANSFER_HOOK, KEY + NOBODY)), [f"{ADDRESS} may have every transfer call"]),
        (mint_of((Extension.TRANSFER_HOOK, NOBODY + NOBODY)), []),
        (mint_of((Extension.INTEREST_BEARING_CONFIG, bytes(52))), ["wallets show it with interest"]),
        (mint_of((Extension.SCALED_UI_AMOUNT, bytes(56))), ["wallets show it with interest"]),
        (mint_of((Extension.CONFIDENTIAL_TRANSFER_MINT, bytes(65))), ["it can be held confidentially"]),
        (mint_of((999, b"new"), (29, b"")), ["it has extensions that are not known here (29, 999)"]),
        (mint_of((Extension.TOKEN_METADATA, b"name"), (Extension.PERMISSIONED_BURN, KEY)), []),
    ],
)
def test_what_may_come_is_a_warning(mint: MintState, expected: list[str]) -> None:
    """And stands in nobody's way."""
    found = warnings(mint, [], 0)
    assert len(found) == len(expected)
    for clause, beginning in zip(found, expected, strict=True):
        assert clause.startswith(beginning)
    assert obstacles(mint, []) == ()


def test_an_account_that_asks_for_memos_is_a_warning() -> None:
    """It can be sold from, and not bought into."""
    asking = holding_of(5, (Extension.MEMO_TRANSFER, b"\x01"))
    (warning,) = warnings(mint_of(), [asking, holding_of(5, (Extension.MEMO_TRANSFER, b"\x00"))], 0)
    assert f"disable-required-transfer-memos {ADDRESS}" in warning


# Reading them


def account(data: bytes, program: str = TOKEN_2022) -> dict[str, Any]:
    """Return an account as a node answers it."""
    return {"data": [base64.b64encode(data).decode(), "base64"], "owner": program}


def node_with(data: bytes, *holdings: bytes, program: str = TOKEN_2022, epoch: int = 3) -> Node:
    """Return a node with a mint of *data*, of which the wallet has *holdings*."""
    items = [{"pubkey": ADDRESS, "account": account(holding, program)} for holding in holdings]
    return Node(
        getAccountInfo={"context": CONTEXT, "value": account(data, program)},
        getTokenAccountsByOwner={"context": CONTEXT, "value": items},
        getEpochInfo={"epoch": epoch},
    )


def test_a_mint_without_extensions_is_read_once() -> None:
    """Nothing of it is decided anew."""
    node = node_with(mint_data(), program=TOKEN)
    tokens = Tokens(rpc(node))
    assert tokens.info(MINT) == tokens.info(MINT)
    assert node.called() == ["getAccountInfo"]


def test_a_mint_with_extensions_is_read_anew() -> None:
    """It may have been paused meanwhile."""
    node = node_with(mint_data(6, (Extension.PAUSABLE, KEY + b"\x00")))
    tokens = Tokens(rpc(node))
    assert tokens.info(MINT).obstacles == ()
    paused = mint_data(6, (Extension.PAUSABLE, KEY + b"\x01"))
    node.results["getAccountInfo"] = {"context": CONTEXT, "value": account(paused)}
    assert len(tokens.info(MINT).obstacles) == 1


def test_the_epoch_is_asked_for_only_where_it_decides() -> None:
    """One call less for all tokens but those whose fee changes."""
    steady, changing = (fee_config((0, MAX_U64, 5), newer) for newer in ((0, MAX_U64, 5), (4, MAX_U64, 9)))
    node = node_with(mint_data(6, steady))
    Tokens(rpc(node)).info(MINT)
    assert "getEpochInfo" not in node.called()
    (now, later) = Tokens(rpc(node_with(mint_data(6, changing), epoch=3))).info(MINT).warnings
    assert (now.split(" ")[3], later.split(" ")[4]) == ("0.05", "0.09")
    (now,) = Tokens(rpc(node_with(mint_data(6, changing), epoch=4))).info(MINT).warnings
    assert now.split(" ")[3] == "0.09"


def test_the_wallets_own_accounts_count_where_a_wallet_is_given() -> None:
    """A frozen one stands in the way of its owner alone."""
    node = node_with(mint_data(), holding_data(5, frozen=True), program=TOKEN)
    tokens = Tokens(rpc(node))
    assert tokens.info(MINT).obstacles == ()
    assert len(tokens.info(MINT, WALLET).obstacles) == 1


@pytest.mark.parametrize(
    ("data", "program", "what"),
    [
        (b"", SYSTEM, "a wallet"),
        (holding_data(), TOKEN, "a token account"),
        (holding_data(5, (Extension.IMMUTABLE_OWNER, b"")), TOKEN_2022, "a token account"),
        (bytes([1]) * 355, TOKEN_2022, "a multisig"),
        (bytes(82), TOKEN, "an account of token program .* that was never set up as a mint"),
        (bytes(36), ASSOCIATED_TOKEN, f"an account of program {ASSOCIATED_TOKEN}"),
    ],
)
def test_what_is_no_mint_is_said_in_a_sentence(data: bytes, program: str, what: str) -> None:
    """The sentence says what is there and what to do."""
    with pytest.raises(BadInputError, match=f"{MINT} is {what}.*not a mint: give the address of the token's mint"):
        Tokens(rpc(node_with(data, program=program))).info(MINT)


def test_a_mint_that_cannot_be_understood_is_no_mint_without_extensions() -> None:
    """Nobody knows what it would do: the chain counts as unreadable."""
    broken = extended(mint_data(), 1) + b"\x01\x00\x6c\x00"
    with pytest.raises(ChainUnavailableError, match="extension 1"):
        Tokens(rpc(node_with(broken))).info(MINT)


def test_a_balance_is_read_whatever_the_extensions() -> None:
    """Even of an account whose extensions cannot be understood: an exit needs the amount."""
    odd = extended(holding_data(77), 2) + b"\x0b\x00\x09\x00"
    tokens = Tokens(rpc(node_with(mint_data(), odd, holding_data(5))))
    assert tokens.balance(WALLET, MINT) == 82
    with pytest.raises(ChainUnavailableError):
        tokens.holdings(WALLET, MINT)


# What mainnet answered


def recorded_accounts() -> Iterator[dict[str, Any]]:
    """Yield the accounts of recorded RPC answers that are in base64 and of a token program."""
    waiting: list[Any] = [recorded("rpc/solders/rpc_responses.json")]
    while waiting:
        match waiting.pop():
            case {"owner": str(owner), "data": [str(), "base64"]} as found if owner in {TOKEN, TOKEN_2022}:
                yield dict(found)
            case dict() as others:
                waiting += others.values()
            case list() as items:
                waiting += items


@needs_recordings
def test_recorded_accounts_are_read() -> None:
    """The mint of USDC with its issuer's right to freeze, and a token account."""
    found = [(base64.b64decode(each["data"][0]), each["owner"]) for each in recorded_accounts()]
    mints = [mint for each in found if (mint := decode_mint(*each)) is not None]
    holdings = [holding for each in found if (holding := decode_holding(*each, ADDRESS)) is not None]
    assert mints == [MintState(decimals=6, freezable=True, extensions={})]
    assert {(each.owner, each.amount, each.frozen) for each in holdings} == {
        ("5yv6Vh8FNx93TXeSS94xy8VLZMbTqx4vXp7Zg5bDLZtE", 5_768_089_553_967, False)
    }
    assert len(mints) + len(holdings) == len(found)


@needs_recordings
def test_a_recorded_sale_of_a_token_2022_token_is_filled_by_its_balances() -> None:
    """Half of the wallet's HeLp went out; the wallet got what the pool's vault of wrapped SOL lost."""
    found = transaction("metamask_snap/swap-a16z-usdt-sol__EXPECTED_SWAP_A16Z_USDT_SOL_DATA")
    fill = fill_of(found, wallet=account_keys(found)[0], mint=Mint("HeLp6NuQkmYB4pYWo2zYs22mESHXPQYzXbB8n4V98jwC"))
    assert (fill.tokens, fill.sol, fill.fee, fill.rent) == (-21_898_077, 28_168, 22_342, 0)


# Closing


SEEDS = [bytes(Pubkey.from_string(key)) for key in (WALLET, TOKEN_2022, MINT)]
OWN = str(Pubkey.find_program_address(SEEDS, Pubkey.from_string(ASSOCIATED_TOKEN))[0])


def test_the_account_that_a_sale_empties_is_closed() -> None:
    """By its own token program, to the wallet, signed by the wallet."""
    instruction = closing(WALLET, [holding_of(3), holding_of(5, address=OWN)], 5)
    assert instruction is not None
    accounts = [(str(a.pubkey), a.is_signer, a.is_writable) for a in instruction.accounts]
    assert (str(instruction.program_id), bytes(instruction.data)) == (TOKEN_2022, b"\x09")
    assert accounts == [(OWN, False, True), (WALLET, False, True), (WALLET, True, False)]


@pytest.mark.parametrize(
    "holding",
    [
        holding_of(6, address=OWN),
        holding_of(4, address=OWN),
        holding_of(5),
        holding_of(5, address=OWN, frozen=True),
        holding_of(5, (Extension.TRANSFER_FEE_AMOUNT, b"\x01" + bytes(7)), address=OWN),
    ],
    ids=["more in it", "less in it", "not the associated account", "frozen", "with fees in it"],
)
def test_an_account_that_would_not_close_is_left(holding: HoldingState) -> None:
    """The sale would fail with it."""
    assert closing(WALLET, [holding], 5) is None
