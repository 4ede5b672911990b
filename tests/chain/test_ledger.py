"""The chain port over a scripted node."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from chain.ledger import SolanaChain
from chain.programs import TOKEN, TOKEN_2022
from engine.domain.errors import BadInputError, ChainUnavailableError, FailureKind, SwapError
from engine.domain.swap import TokenInfo
from engine.domain.units import Mint, Signature
from tests.chain.recordings import needs_recordings, recorded, transaction
from tests.chain.wire import Failing, Node, always, failing, rpc

WALLET = "7DMcENeWGQ9MVqy7jLo54n9ibzH1DQBNtTa7otBsgjnJ"
MINT = Mint("7LCnGcBjiiaqWMkhTfEEemx5mWdLBHbrgDjCPbTbpump")
SIGNATURE = Signature("PzTWo61tqt483ca24YmkF2MHJRTgWWAQRPHdSWNsNxNQH6JqRb7HNMKErDceQWSZ874aymJ9GZ38qd2UcH3gHB7")
CONTEXT = {"slot": 10}
NO_ACCOUNTS = {"context": CONTEXT, "value": []}


def _chain(**results: Any) -> tuple[SolanaChain, Node]:
    node = Node(**results)
    return SolanaChain(rpc(node), WALLET), node


def _mint_data(decimals: int, *, initialized: bool = True) -> bytes:
    return bytes(44) + bytes([decimals, initialized]) + bytes(36)


def _account(data: bytes, owner: str) -> dict[str, Any]:
    return {"context": CONTEXT, "value": {"data": [base64.b64encode(data).decode(), "base64"], "owner": owner}}


def test_sending_skips_what_was_done_before() -> None:
    """No preflight, no retries by the node; the bytes as they were signed."""
    chain, node = _chain(sendTransaction=SIGNATURE)
    chain.send(b"\x01signed")
    assert node.params("sendTransaction") == [
        base64.b64encode(b"\x01signed").decode(),
        {"encoding": "base64", "skipPreflight": True, "maxRetries": 0},
    ]


def test_a_node_that_has_the_transaction_already_is_content() -> None:
    """Sending the same bytes again is harmless."""
    error = {"code": -32002, "message": "already been processed", "data": {"err": "AlreadyProcessed"}}
    _chain(sendTransaction=Failing(error))[0].send(b"signed")


@needs_recordings
def test_a_send_that_was_refused_is_transient_whatever_the_reason() -> None:
    """The bytes left us and may still land, so no refusal of a node is final."""
    for case in recorded("rpc/errors_recorded.json"):
        if case["name"] == "already_processed" or case["http_status"] is None:
            continue
        body = case["body"]
        if isinstance(body, dict) and "jsonrpc" not in body:
            body = {"jsonrpc": "2.0", "error": body}
        with pytest.raises(SwapError) as caught:
            SolanaChain(rpc(always(case["http_status"], body)), WALLET).send(b"signed")
        assert caught.value.kind is FailureKind.TRANSIENT, case["name"]


def test_a_send_without_answer_is_transient() -> None:
    """A time-out proves nothing."""
    with pytest.raises(SwapError) as caught:
        SolanaChain(rpc(failing(httpx.ReadTimeout("slow"))), WALLET).send(b"signed")
    assert caught.value.kind is FailureKind.TRANSIENT


def test_statuses_come_in_order_with_their_failures() -> None:
    """Unknown is None; a failed one carries what its error means."""
    chain, node = _chain(
        getSignatureStatuses={
            "context": CONTEXT,
            "value": [
                None,
                {"slot": 5, "confirmations": 3, "err": None, "confirmationStatus": "confirmed"},
                {
                    "slot": 6,
                    "confirmations": None,
                    "err": {"InstructionError": [3, {"Custom": 6001}]},
                    "confirmationStatus": "finalized",
                },
            ],
        }
    )
    unknown, landed, reverted = chain.statuses([Signature("a"), Signature("b"), Signature("c")], search_history=True)
    assert node.params("getSignatureStatuses") == [["a", "b", "c"], {"searchTransactionHistory": True}]
    assert unknown is None
    assert landed is not None
    assert (landed.slot, landed.confirmation, landed.failure) == (5, "confirmed", None)
    assert reverted is not None
    assert reverted.failure is not None
    assert (reverted.confirmation, reverted.failure.kind) == ("finalized", FailureKind.SLIPPAGE)


@pytest.mark.parametrize(("confirmations", "expected"), [(None, "finalized"), (2, "processed")])
def test_a_status_without_its_name_is_told_by_its_count(confirmations: int | None, expected: str) -> None:
    """Null confirmations mean a rooted block; a count alone proves no more than processed."""
    value = {"slot": 5, "confirmations": confirmations, "err": None, "confirmationStatus": None}
    chain, _ = _chain(getSignatureStatuses={"context": CONTEXT, "value": [value]})
    status = chain.statuses([SIGNATURE])[0]
    assert status is not None
    assert status.confirmation == expected


def test_no_signatures_need_no_question() -> None:
    """The confirmer may have nothing to watch."""
    chain, node = _chain()
    assert chain.statuses([]) == []
    assert node.requests == []


@pytest.mark.parametrize("value", [[], [None, None], [{"slot": 5}], None, "x", [7]])
def test_an_answer_that_does_not_match_is_no_proof_of_anything(value: Any) -> None:
    """Too few statuses would read as "not known": they are an error instead."""
    chain, _ = _chain(getSignatureStatuses={"context": CONTEXT, "value": value})
    with pytest.raises(ChainUnavailableError, match="getSignatureStatuses"):
        chain.statuses([SIGNATURE])


def _epoch(slot: int) -> dict[str, int]:
    return {"absoluteSlot": slot, "blockHeight": slot - 20_000_000, "epoch": 7}


def test_the_height_is_the_finalized_one() -> None:
    """Only what cannot be rolled back proves that a transaction expired."""
    chain, node = _chain(getEpochInfo=_epoch(321_043_236))
    assert chain.finalized_height() == 301_043_236
    assert node.params("getEpochInfo") == [{"commitment": "finalized"}]


def test_a_lagging_replica_does_not_prove_that_a_transaction_is_unknown() -> None:
    """It may not have seen the block in which the transaction landed: neither expired nor known."""
    statuses = {"context": {"slot": 321_043_235}, "value": [None]}
    chain, node = _chain(getEpochInfo=_epoch(321_043_236), getSignatureStatuses=statuses)
    chain.finalized_height()
    with pytest.raises(ChainUnavailableError, match="1 slots behind"):
        chain.statuses([SIGNATURE], search_history=True)
    assert chain.statuses([SIGNATURE]) == [None]
    node.results["getSignatureStatuses"] = {"context": {"slot": 321_043_236}, "value": [None]}
    assert chain.statuses([SIGNATURE], search_history=True) == [None]


def test_a_lagging_replica_that_knows_the_transaction_is_believed() -> None:
    """What it has seen has happened."""
    status = {"slot": 5, "confirmations": 3, "err": None, "confirmationStatus": "confirmed"}
    chain, _ = _chain(
        getEpochInfo=_epoch(321_043_236), getSignatureStatuses={"context": {"slot": 5}, "value": [status]}
    )
    chain.finalized_height()
    assert chain.statuses([SIGNATURE], search_history=True)[0] is not None


def test_a_replica_that_falls_back_does_not_lower_the_bar() -> None:
    """The furthest node that was ever seen is what the others are held against."""
    statuses = {"context": {"slot": 321_000_000}, "value": [None]}
    chain, node = _chain(getEpochInfo=_epoch(321_043_236), getSignatureStatuses=statuses)
    chain.finalized_height()
    node.results["getEpochInfo"] = _epoch(321_000_000)
    assert chain.finalized_height() == 301_000_000
    with pytest.raises(ChainUnavailableError):
        chain.statuses([SIGNATURE], search_history=True)


def test_a_transaction_that_the_node_has_not_yet_has_no_fill() -> None:
    """Null is "not yet", also for a confirmed signature."""
    assert _chain(getTransaction=None)[0].fill(SIGNATURE, MINT) is None


@needs_recordings
def test_a_fill_is_what_the_recorded_transaction_moved() -> None:
    """A mainnet buy: its tokens, its SOL, its fee and the rent of its token account."""
    chain, node = _chain(getTransaction=transaction("open_sol_bot/open"))
    fill = chain.fill(SIGNATURE, MINT)
    assert fill is not None
    assert (fill.tokens, fill.sol, fill.fee, fill.rent) == (59023574727001, -2075000000, 10005000, 2039280)
    assert node.params("getTransaction")[1] == {
        "encoding": "json",
        "commitment": "confirmed",
        "maxSupportedTransactionVersion": 1,
    }


@pytest.mark.parametrize("found", [{}, {"meta": None, "transaction": {}}, [], 7])
def test_a_transaction_without_balances_is_an_unavailable_chain(found: Any) -> None:
    """It must never be read as a fill of nothing."""
    with pytest.raises(ChainUnavailableError, match="getTransaction"):
        _chain(getTransaction=found)[0].fill(SIGNATURE, MINT)


@pytest.mark.parametrize("decimals", [0, 5, 6, 9])
@pytest.mark.parametrize("program", [TOKEN, TOKEN_2022])
def test_a_mint_has_the_decimals_and_program_of_its_account(decimals: int, program: str) -> None:
    """They are read from the chain, and once; the wallet's accounts of it are read each time."""
    chain, node = _chain(getAccountInfo=_account(_mint_data(decimals), program), getTokenAccountsByOwner=NO_ACCOUNTS)
    assert chain.token(MINT) == TokenInfo(mint=MINT, decimals=decimals, program=program)
    chain.token(MINT)
    assert node.called() == ["getAccountInfo", *["getTokenAccountsByOwner"] * 2]


def test_a_mint_with_extensions_is_a_mint() -> None:
    """Token-2022 puts the account's type behind the length of a token account."""
    data = _mint_data(6) + bytes(83) + b"\x01" + bytes(40)
    chain, _ = _chain(getAccountInfo=_account(data, TOKEN_2022), getTokenAccountsByOwner=NO_ACCOUNTS)
    assert chain.token(MINT).decimals == 6


@pytest.mark.parametrize(
    ("data", "owner", "what"),
    [
        (bytes(165), TOKEN, "a token account, not a mint"),
        (bytes(165) + b"\x02" + bytes(9), TOKEN_2022, "a token account, not a mint"),
        (b"", WALLET, f"an account of program {WALLET}, not a mint"),
        (_mint_data(6), WALLET, f"an account of program {WALLET}, not a mint"),
        (_mint_data(6, initialized=False), TOKEN, "not a mint"),
    ],
)
def test_what_is_no_mint_is_said_in_a_sentence(data: bytes, owner: str, what: str) -> None:
    """The sentence names the address and what is there."""
    with pytest.raises(BadInputError, match=f"{MINT} is .*{what}: give the address of the token's mint"):
        _chain(getAccountInfo=_account(data, owner))[0].token(MINT)


def test_a_missing_mint_is_named() -> None:
    """There may be none on this cluster."""
    chain, _ = _chain(getAccountInfo={"context": CONTEXT, "value": None})
    with pytest.raises(BadInputError, match=f"There is no mint {MINT} on this cluster"):
        chain.token(MINT)


@pytest.mark.parametrize("text", ["", "BONK", "0" * 44, "É"])
def test_an_address_that_is_none_is_not_asked_for(text: str) -> None:
    """The node is spared what cannot be an address."""
    chain, node = _chain()
    with pytest.raises(BadInputError, match="is no address"):
        chain.token(Mint(text))
    assert node.requests == []


def test_a_failed_reading_of_a_mint_is_not_remembered() -> None:
    """A mint that is created a moment later is found then."""
    chain, node = _chain(getAccountInfo={"context": CONTEXT, "value": None}, getTokenAccountsByOwner=NO_ACCOUNTS)
    with pytest.raises(BadInputError):
        chain.token(MINT)
    node.results["getAccountInfo"] = _account(_mint_data(6), TOKEN)
    assert chain.token(MINT).decimals == 6


def test_the_token_balance_adds_up_all_accounts() -> None:
    """Raw amounts of every account of the mint, whatever their extensions."""
    amounts = [7, 2**63, 0]
    items = [
        {"pubkey": "x", "account": _account(bytes(64) + n.to_bytes(8, "little") + bytes(93 + n % 3), TOKEN)["value"]}
        for n in amounts
    ]
    chain, node = _chain(getTokenAccountsByOwner={"context": CONTEXT, "value": items})
    assert chain.token_balance(MINT) == sum(amounts)
    assert node.params("getTokenAccountsByOwner")[:2] == [WALLET, {"mint": MINT}]


def test_a_wallet_without_an_account_holds_nothing() -> None:
    """An empty list is zero tokens."""
    assert _chain(getTokenAccountsByOwner={"context": CONTEXT, "value": []})[0].token_balance(MINT) == 0


def test_a_cut_off_token_account_is_not_zero_tokens() -> None:
    """Data that is too short to hold an amount is an error."""
    item = {"pubkey": "x", "account": _account(bytes(70), TOKEN)["value"]}
    with pytest.raises(ChainUnavailableError):
        _chain(getTokenAccountsByOwner={"context": CONTEXT, "value": [item]})[0].token_balance(MINT)


def test_the_sol_balance_is_in_lamports() -> None:
    """As the node gives it, at confirmed."""
    chain, node = _chain(getBalance={"context": CONTEXT, "value": 1_500_000_000})
    assert chain.sol_balance() == 1_500_000_000
    assert node.params("getBalance") == [WALLET, {"commitment": "confirmed"}]


def test_every_reading_of_a_silent_node_is_an_unavailable_chain() -> None:
    """No method returns an empty answer instead."""
    chain = SolanaChain(rpc(failing(httpx.ConnectError("refused"))), WALLET)
    for ask in (
        lambda: chain.statuses([SIGNATURE]),
        chain.finalized_height,
        lambda: chain.fill(SIGNATURE, MINT),
        lambda: chain.token(MINT),
        lambda: chain.token_balance(MINT),
        chain.sol_balance,
    ):
        with pytest.raises(ChainUnavailableError):
            ask()
