"""The node over HTTP: what the `solana` package makes of it, and what its answers look like."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from solana.rpc.async_api import AsyncClient
from solana.rpc.commitment import Confirmed, Finalized, Processed
from solana.rpc.types import TokenAccountOpts, TxOpts
from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction
from solders.transaction_status import TransactionConfirmationStatus
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID
from spl.token.instructions import get_associated_token_address
from starlette.exceptions import HTTPException

from chain.simulated.bank import Bank
from chain.simulated.behaviour import Behaviour
from chain.simulated.node import Node
from chain.simulated.server import LoopbackServer
from engine.clock import ManualClock, SystemClock
from engine.domain.units import Nanos
from tests.simulated.signing import SLOT, SOL, land, new_mint, pay, signed, write_table

Rpc = Callable[..., Any]


@pytest.fixture
def url(bank: Bank) -> Iterator[str]:
    """Serve the cluster."""
    with LoopbackServer(Node(bank).app) as server:
        yield server.url


@pytest.fixture
def rpc(bank: Bank) -> Rpc:
    """Return a function that calls a method of the node and returns the whole answer."""
    node = Node(bank)

    def call(method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        answer = asyncio.run(node.answer(json.dumps(request)))
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
        return json.loads(json.dumps(answer))

    return call


def b64(raw: bytes) -> str:
    """Return *raw* as a client sends it."""
    return base64.b64encode(raw).decode()


def test_the_solana_package_works_unmodified(bank: Bank, url: str, clock: ManualClock) -> None:
    """Airdrop, balance, blockhash, transfer, statuses and the transaction, through its AsyncClient."""

    async def trade() -> None:
        async with AsyncClient(url, commitment=Confirmed) as client:
            wallet, target = Keypair(), Keypair().pubkey()
            await client.request_airdrop(wallet.pubkey(), 2 * SOL)
            assert (await client.get_balance(wallet.pubkey(), Processed)).value == 2 * SOL
            assert (await client.get_minimum_balance_for_rent_exemption(165)).value == 1_488_440
            clock.advance(SLOT)
            latest = (await client.get_latest_blockhash()).value
            message = MessageV0.try_compile(wallet.pubkey(), [pay(wallet, target, SOL)], [], latest.blockhash)
            transaction = VersionedTransaction(message, [wallet])
            assert (await client.get_fee_for_message(message)).value == 5_000
            assert (await client.simulate_transaction(transaction)).value.err is None
            signature = (await client.send_transaction(transaction)).value
            assert (await client.get_signature_statuses([signature])).value == [None]
            clock.advance(Nanos(2 * SLOT))
            (status,) = (await client.get_signature_statuses([signature])).value
            assert status is not None
            assert status.confirmation_status == TransactionConfirmationStatus.Confirmed
            found = (await client.get_transaction(signature, max_supported_transaction_version=0)).value
            assert found is not None
            assert found.slot == status.slot
            meta = found.transaction.meta
            assert meta is not None
            assert meta.post_balances[:2] == [2 * SOL - SOL - 5_000, SOL]
            history = (await client.get_signatures_for_address(target)).value
            assert [one.signature for one in history] == [signature]
            assert (await client.get_account_info(target)).value is not None
            assert (await client.get_slot(Finalized)).value == bank.slot() - 32

    asyncio.run(trade())


def test_the_solana_package_reads_tokens(bank: Bank, url: str, clock: ManualClock, wallet: Keypair) -> None:
    """Token accounts by mint and program, parsed and raw, a balance and a supply, through its AsyncClient."""
    mint = new_mint(bank, clock, wallet, supply=1_500_000)
    holder = get_associated_token_address(wallet.pubkey(), mint)

    async def read() -> None:
        async with AsyncClient(url, commitment=Processed) as client:
            by_mint = await client.get_token_accounts_by_owner(wallet.pubkey(), TokenAccountOpts(mint=mint))
            assert [one.pubkey for one in by_mint.value] == [holder]
            parsed = await client.get_token_accounts_by_owner_json_parsed(
                wallet.pubkey(), TokenAccountOpts(program_id=TOKEN_PROGRAM_ID)
            )
            data: Any = parsed.value[0].account.data.parsed
            info = data["info"]
            assert (info["tokenAmount"]["amount"], info["owner"]) == ("1500000", str(wallet.pubkey()))
            balance = (await client.get_token_account_balance(holder)).value
            assert (balance.amount, balance.decimals, balance.ui_amount_string) == ("1500000", 6, "1.5")
            assert (await client.get_token_supply(mint)).value.amount == "1500000"
            none = await client.get_token_accounts_by_owner(
                wallet.pubkey(), TokenAccountOpts(program_id=TOKEN_2022_PROGRAM_ID)
            )
            assert none.value == []

    asyncio.run(read())


def test_the_solana_package_confirms_with_time(wallet: Keypair) -> None:
    """On a running clock its send with confirmation returns by itself."""
    clock = SystemClock(speed=100)
    bank = Bank(clock)

    async def send(url: str) -> Signature:
        async with AsyncClient(url, commitment=Confirmed) as client:
            await client.request_airdrop(wallet.pubkey(), SOL)
            latest = (await client.get_latest_blockhash()).value
            message = MessageV0.try_compile(wallet.pubkey(), [pay(wallet, wallet.pubkey(), 1)], [], latest.blockhash)
            opts = TxOpts(skip_confirmation=False, preflight_commitment=Confirmed)
            return (await client.send_transaction(VersionedTransaction(message, [wallet]), opts)).value

    try:
        with LoopbackServer(Node(bank).app) as server:
            signature = asyncio.run(send(server.url))
        assert bank.status(str(signature)) is not None
    finally:
        bank.close()
        clock.close()


def test_the_largest_accounts_of_a_mint_come_first(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """At most 20, as UiTokenAmount with the address; what is no mint has none."""
    mint = new_mint(bank, clock, wallet, supply=5_000_000)
    holder = get_associated_token_address(wallet.pubkey(), mint)
    full = bank.account(holder)
    assert full is not None
    others = [Keypair().pubkey() for _ in range(25)]
    for number, other in enumerate(others):
        data = full.data[:64] + number.to_bytes(8, "little") + full.data[72:]
        bank.set_account(other, Account(full.lamports, data, full.owner))
    listed = rpc("getTokenLargestAccounts", str(mint))["result"]["value"]
    assert [each["address"] for each in listed] == [str(holder), *(str(other) for other in others[:5:-1])]
    assert listed[0] == {
        "address": str(holder),
        "amount": "5000000",
        "decimals": 6,
        "uiAmount": 5.0,
        "uiAmountString": "5",
    }
    refused = rpc("getTokenLargestAccounts", str(holder))["error"]
    assert refused == {"code": -32602, "message": "Invalid param: not a Token mint"}


def test_each_commitment_level_has_its_height(bank: Bank, rpc: Rpc) -> None:
    """Confirmed is one block behind, finalized 32; without a word the level is finalized."""
    heights = [
        rpc("getBlockHeight", {"commitment": level})["result"] for level in ("processed", "confirmed", "finalized")
    ]
    assert [bank.block_height() - height for height in heights] == [0, 1, 32]
    assert rpc("getBlockHeight")["result"] == heights[2]


def test_a_blockhash_outlives_its_level(rpc: Rpc, bank: Bank) -> None:
    """The finalized blockhash has 32 blocks less to live, and the newest one is unknown at finalized."""
    value = rpc("getLatestBlockhash")["result"]["value"]
    assert value["lastValidBlockHeight"] == bank.block_height() - 32 + 150
    newest = rpc("getLatestBlockhash", {"commitment": "processed"})["result"]["value"]["blockhash"]
    valid = [
        rpc("isBlockhashValid", newest, {"commitment": level})["result"]["value"]
        for level in ("processed", "finalized")
    ]
    assert valid == [True, False]


def test_preflight_refuses_with_the_simulation(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """A transaction that would fail is -32002 with err and logs, and is not sent."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, Keypair().pubkey(), 100 * SOL))
    error = rpc("sendTransaction", b64(raw), {"encoding": "base64", "preflightCommitment": "processed"})["error"]
    assert error["code"] == -32002
    assert error["message"] == (
        "Transaction simulation failed: Error processing Instruction 0: custom program error: 0x1"
    )
    assert error["data"]["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert "custom program error: 0x1" in error["data"]["logs"][-1]
    assert len(bank.ledger()) == 1


def test_skipping_preflight_lets_a_failure_land(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """The signature is answered, and the status tells the error later."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, Keypair().pubkey(), 100 * SOL))
    signature = rpc("sendTransaction", b64(raw), {"encoding": "base64", "skipPreflight": True})["result"]
    clock.advance(SLOT)
    (status,) = rpc("getSignatureStatuses", [signature])["result"]["value"]
    assert status == {
        "slot": bank.slot(),
        "confirmations": 0,
        "err": {"InstructionError": [0, {"Custom": 1}]},
        "status": {"Err": {"InstructionError": [0, {"Custom": 1}]}},
        "confirmationStatus": "processed",
    }


def test_sending_again_after_landing(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """With preflight it is AlreadyProcessed; without, the signature again; either way it moved once."""
    target = Keypair().pubkey()
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL))
    options = {"encoding": "base64", "preflightCommitment": "processed"}
    signature = rpc("sendTransaction", b64(raw), options)["result"]
    clock.advance(SLOT)
    error = rpc("sendTransaction", b64(raw), options)["error"]
    assert (error["code"], error["data"]["err"]) == (-32002, "AlreadyProcessed")
    assert error["message"].endswith("This transaction has already been processed")
    skipping = {**options, "skipPreflight": True}
    assert rpc("sendTransaction", b64(raw), skipping)["result"] == signature
    clock.advance(SLOT)
    assert rpc("getBalance", str(target))["result"]["value"] == SOL


def test_an_expired_blockhash_is_refused_by_preflight(
    bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair
) -> None:
    """It is "Blockhash not found", as recorded from real nodes; skipping preflight it is taken and dropped."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))
    clock.advance(Nanos(151 * SLOT))
    error = rpc("sendTransaction", b64(raw), {"encoding": "base64", "preflightCommitment": "processed"})["error"]
    assert (error["code"], error["data"]["err"]) == (-32002, "BlockhashNotFound")
    assert error["message"] == "Transaction simulation failed: Blockhash not found"
    signature = rpc("sendTransaction", b64(raw), {"encoding": "base64", "skipPreflight": True})["result"]
    clock.advance(Nanos(10 * SLOT))
    statuses = rpc("getSignatureStatuses", [signature], {"searchTransactionHistory": True})
    assert statuses["result"]["value"] == [None]


def test_a_blockhash_newer_than_the_preflight_level_is_refused(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """The classic mistake: signed with a fresh hash and checked at the default level, which is finalized."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))
    assert rpc("sendTransaction", b64(raw), {"encoding": "base64"})["error"]["data"]["err"] == ("BlockhashNotFound")


def test_a_wrong_signature_is_32003(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """A transaction whose signature was tampered with fails verification."""
    raw = bytearray(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1)))
    raw[1] ^= 1
    error = rpc("sendTransaction", b64(bytes(raw)), {"encoding": "base64"})["error"]
    assert error == {"code": -32003, "message": "Transaction signature verification failure"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (["!!", {"encoding": "base64"}], "invalid base64 encoding"),
        (["AAAA", {"encoding": "base64"}], "failed to deserialize"),
        (["AAAA", {"encoding": "hex"}], "unsupported encoding: hex"),
        ([b64(bytes(1_300)), {"encoding": "base64"}], "too large: 1300 bytes"),
        ([], "`params` should have at least 1 argument"),
        ([7], "expected a string"),
        (["AAAA", {"skipPreflight": "yes"}], "skipPreflight"),
    ],
)
def test_what_is_no_transaction_is_invalid_params(rpc: Rpc, params: list[Any], message: str) -> None:
    """Each defect is -32602 with its own sentence."""
    error = rpc("sendTransaction", *params)["error"]
    assert error["code"] == -32602
    assert message in error["message"]


def test_a_transaction_is_read_from_confirmed_on(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """It is null while processed, there when confirmed, and by default there when finalized."""
    signature = land(bank, clock, [wallet], pay(wallet, wallet.pubkey(), 1))
    options = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    final = {"maxSupportedTransactionVersion": 0}
    assert rpc("getTransaction", signature, options)["result"] is None
    clock.advance(SLOT)
    assert rpc("getTransaction", signature, options)["result"]["slot"] == bank.slot() - 1
    assert rpc("getTransaction", signature, final)["result"] is None
    clock.advance(Nanos(31 * SLOT))
    assert rpc("getTransaction", signature, final)["result"] is not None
    error = rpc("getTransaction", signature, {"commitment": "processed"})["error"]
    assert error == {"code": -32602, "message": "Method does not support commitment below `confirmed`"}


def test_a_versioned_transaction_needs_a_client_that_says_so(
    bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair
) -> None:
    """A v0 transaction is -32015 without maxSupportedTransactionVersion; with it, 1 included, it says its version."""
    signature = land(bank, clock, [wallet], pay(wallet, wallet.pubkey(), 1))
    clock.advance(SLOT)
    error = rpc("getTransaction", signature, {"commitment": "confirmed"})["error"]
    assert error["code"] == -32015
    assert error["message"].startswith("Transaction version (0) is not supported by the requesting client.")
    for newest in (0, 1):
        options = {"commitment": "confirmed", "maxSupportedTransactionVersion": newest}
        assert rpc("getTransaction", signature, options)["result"]["version"] == 0


def test_a_transaction_has_the_shape_of_the_recorded_ones(
    bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair, data: Path
) -> None:
    """Every field of a mainnet answer is there, down to the token balances and inner instructions."""
    mint = new_mint(bank, clock, wallet, supply=5)
    clock.advance(SLOT)
    signature = rpc("getSignaturesForAddress", str(mint), {"commitment": "confirmed"})["result"][0]["signature"]
    for encoding, recording in (
        ("json", "tx/open_sol_bot/fail.json"),
        ("jsonParsed", "tx/chainstack/raw_create_tx_from_gettransaction.json"),
    ):
        options = {
            "commitment": "confirmed",
            "encoding": encoding,
            "maxSupportedTransactionVersion": 0,
        }
        ours = rpc("getTransaction", signature, options)["result"]
        theirs = json.loads((data / recording).read_bytes())["result"]
        theirs["meta"].pop("costUnits", None)
        assert ours.keys() == theirs.keys()
        assert ours["meta"].keys() == theirs["meta"].keys()
        assert ours["transaction"]["message"].keys() == theirs["transaction"]["message"].keys()
        balances = (ours["meta"]["postTokenBalances"][0], theirs["meta"]["postTokenBalances"][0])
        assert balances[0].keys() == balances[1].keys()
        assert balances[0]["uiTokenAmount"].keys() == balances[1]["uiTokenAmount"].keys()


def test_a_transaction_adds_up(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """The balances of getTransaction differ by the fee, and are those that getBalance answers."""
    signature = land(
        bank,
        clock,
        [wallet],
        set_compute_unit_limit(2_000),
        set_compute_unit_price(3_333_333),
        pay(wallet, Keypair().pubkey(), SOL),
    )
    clock.advance(SLOT)
    options = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    found = rpc("getTransaction", signature, options)["result"]
    meta, keys = found["meta"], found["transaction"]["message"]["accountKeys"]
    assert meta["fee"] == 5_000 + 6_667
    assert sum(meta["preBalances"]) - sum(meta["postBalances"]) == meta["fee"]
    assert [rpc("getBalance", key)["result"]["value"] for key in keys] == meta["postBalances"]


def test_a_raw_transaction_comes_back_as_it_was_sent(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """In base64 it is the very bytes."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))
    signature = bank.submit(raw)
    clock.advance(Nanos(2 * SLOT))
    options = {"commitment": "confirmed", "encoding": "base64", "maxSupportedTransactionVersion": 0}
    assert rpc("getTransaction", signature, options)["result"]["transaction"] == [b64(raw), "base64"]


def test_lookup_tables_are_resolved(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """A payment to an account of a table moves the money, and the loaded addresses are told and listed."""
    target, table = Keypair().pubkey(), Keypair().pubkey()
    write_table(bank, table, [Keypair().pubkey(), target])
    raw = signed(
        bank.latest_blockhash()[0],
        [wallet],
        pay(wallet, target, SOL),
        tables=[AddressLookupTableAccount(table, [Keypair().pubkey(), target])],
    )
    signature = bank.submit(raw)
    clock.advance(Nanos(2 * SLOT))
    options = {"commitment": "confirmed", "maxSupportedTransactionVersion": 0}
    found = rpc("getTransaction", signature, options)["result"]
    assert found["meta"]["loadedAddresses"] == {"writable": [str(target)], "readonly": []}
    assert found["meta"]["postBalances"][-1] == SOL
    parsed = rpc("getTransaction", signature, {**options, "encoding": "jsonParsed"})["result"]
    assert parsed["transaction"]["message"]["accountKeys"][-1] == {
        "pubkey": str(target),
        "writable": True,
        "signer": False,
        "source": "lookupTable",
    }


def test_a_missing_lookup_table_is_invalid(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """The sentence is the runtime's."""
    target = Keypair().pubkey()
    raw = signed(
        bank.latest_blockhash()[0],
        [wallet],
        pay(wallet, target, SOL),
        tables=[AddressLookupTableAccount(Keypair().pubkey(), [target])],
    )
    error = rpc("simulateTransaction", b64(raw), {"encoding": "base64"})["error"]
    assert error["code"] == -32602
    assert "address table account that doesn't exist" in error["message"]


def test_a_simulation_answers_balances_and_accounts(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """Fee, balances, token balances, loaded addresses, the accounts asked for and the new blockhash are there."""
    target = Keypair().pubkey()
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, target, SOL))
    value = rpc(
        "simulateTransaction",
        b64(raw),
        {
            "encoding": "base64",
            "replaceRecentBlockhash": True,
            "innerInstructions": True,
            "accounts": {"addresses": [str(target), str(Keypair().pubkey())], "encoding": "base64"},
        },
    )["result"]["value"]
    assert value["err"] is None
    assert value["fee"] == 5_000
    assert [after - before for before, after in zip(value["preBalances"], value["postBalances"], strict=True)][:2] == [
        -SOL - 5_000,
        SOL,
    ]
    assert (value["preTokenBalances"], value["innerInstructions"]) == ([], [])
    assert value["loadedAddresses"] == {"writable": [], "readonly": []}
    account, missing = value["accounts"]
    assert (account["lamports"], account["owner"], missing) == (SOL, str(SYSTEM_PROGRAM), None)
    assert value["unitsConsumed"] > 0
    assert value["replacementBlockhash"] == rpc("getLatestBlockhash")["result"]["value"]
    assert bank.account(target) is None


def test_a_simulation_that_fails_is_an_answer(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """The error is in the value, with logs; only contradictory options are an error of the call."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, Keypair().pubkey(), 100 * SOL))
    options = {"encoding": "base64", "commitment": "processed"}
    value = rpc("simulateTransaction", b64(raw), {**options, "sigVerify": True})["result"]["value"]
    assert value["err"] == {"InstructionError": [0, {"Custom": 1}]}
    assert value["logs"]
    both = {**options, "sigVerify": True, "replaceRecentBlockhash": True}
    assert rpc("simulateTransaction", b64(raw), both)["error"] == {
        "code": -32602,
        "message": "sigVerify may not be used with replaceRecentBlockhash",
    }


def test_priority_fees_are_those_that_were_paid(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """The last 150 blocks are listed; the account that was written to has the price, an idle one has not."""
    target = Keypair().pubkey()
    for price in (700, 500):
        bank.submit(
            signed(
                bank.latest_blockhash()[0],
                [wallet],
                set_compute_unit_price(price),
                pay(wallet, target if price == 700 else Keypair().pubkey(), SOL),
            )
        )
    clock.advance(SLOT)
    for addresses, price in ([], 500), ([str(target)], 700):
        fees = rpc("getRecentPrioritizationFees", addresses)["result"]
        assert len(fees) == 150
        assert fees[-1] == {"slot": bank.slot(), "prioritizationFee": price}
        assert {fee["prioritizationFee"] for fee in fees[:-1]} == {0}


def test_a_message_without_a_known_blockhash_has_no_fee(bank: Bank, rpc: Rpc, wallet: Keypair) -> None:
    """With one it includes the priority fee."""
    for blockhash, fee in ((bank.latest_blockhash()[0], 5_000 + 300), (str(Keypair().pubkey()), None)):
        raw = signed(
            blockhash,
            [wallet],
            set_compute_unit_limit(100),
            set_compute_unit_price(3_000_000),
            pay(wallet, wallet.pubkey(), 1),
        )
        message = b64(to_bytes_versioned(VersionedTransaction.from_bytes(raw).message))
        answer = rpc("getFeeForMessage", message, {"commitment": "processed"})
        assert answer["result"]["value"] == fee


def test_history_is_newest_first_and_can_be_paged(bank: Bank, clock: ManualClock, rpc: Rpc, wallet: Keypair) -> None:
    """A limit, a page before and an end give the parts of the whole."""
    target = Keypair().pubkey()
    signatures = [land(bank, clock, [wallet], pay(wallet, target, SOL + count)) for count in range(4)]
    clock.advance(SLOT)

    def history(**options: Any) -> list[str]:
        answer = rpc("getSignaturesForAddress", str(target), {"commitment": "confirmed", **options})
        return [one["signature"] for one in answer["result"]]

    newest_first = signatures[::-1]
    assert history() == newest_first
    assert history(limit=1) == newest_first[:1]
    assert history(before=newest_first[0], until=newest_first[3]) == newest_first[1:3]


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("getBalance", ["0OIl"], "Invalid param: Invalid"),
        ("getBalance", ["abc"], "Invalid param: WrongSize"),
        ("getBalance", [], "`params` should have at least 1 argument(s)"),
        ("getSlot", [{"commitment": "certain"}], "unknown variant `certain`"),
        ("getSignatureStatuses", [["a"] * 257], "Too many inputs provided; max 256"),
        ("getSignatureStatuses", [["abc"]], "Invalid param: WrongSize"),
        ("getMultipleAccounts", [["a"] * 101], "Too many inputs provided; max 100"),
        ("getRecentPrioritizationFees", [["a"] * 129], "Too many inputs provided; max 128"),
        ("getTokenAccountBalance", [str(SYSTEM_PROGRAM)], "Invalid param: not a Token account"),
        ("getTokenSupply", [str(SYSTEM_PROGRAM)], "Invalid param: not a Token mint"),
        ("getTokenAccountBalance", [str(Keypair().pubkey())], "Invalid param: could not find account"),
        (
            "getTokenAccountsByOwner",
            [str(SYSTEM_PROGRAM), {"programId": str(SYSTEM_PROGRAM)}],
            "unrecognized Token program id",
        ),
        (
            "getTokenAccountsByOwner",
            [str(SYSTEM_PROGRAM), {"mint": str(Keypair().pubkey())}],
            "could not find mint",
        ),
        ("getTokenAccountsByOwner", [str(SYSTEM_PROGRAM), {}], "expected `mint` or `programId`"),
        ("getAccountInfo", [str(SYSTEM_PROGRAM), {"encoding": "hex"}], "unsupported encoding `hex`"),
        ("getMinimumBalanceForRentExemption", [-1], "expected u64"),
        ("getSignaturesForAddress", [str(SYSTEM_PROGRAM), {"limit": 1_001}], "Invalid limit; max 1000"),
        ("requestAirdrop", [str(SYSTEM_PROGRAM), True], "expected u64"),
    ],
)
def test_params_that_make_no_sense_are_32602(rpc: Rpc, method: str, params: list[Any], message: str) -> None:
    """The sentence says what is wrong."""
    error = rpc(method, *params)["error"]
    assert error["code"] == -32602
    assert message in error["message"]


def test_a_context_that_is_too_old_is_refused(bank: Bank, rpc: Rpc) -> None:
    """A slot that the level has not reached is -32016 with the slot that it has."""
    error = rpc("getLatestBlockhash", {"minContextSlot": bank.slot()})["error"]
    assert (error["code"], error["data"]) == (-32016, {"contextSlot": bank.slot() - 32})


def test_jsonrpc_itself_is_kept(url: str) -> None:
    """No JSON, no request, no method, named params, a batch and a notification answer by the book."""
    with httpx.Client(base_url=url, trust_env=False) as http:

        def code(body: str) -> Any:
            answer = http.post("/", content=body).json()
            return answer["error"]["code"], answer["id"]

        assert code("{") == (-32700, None)
        assert code("[]") == (-32600, None)
        assert code('{"jsonrpc": "1.0", "id": 3, "method": "getSlot"}') == (-32600, 3)
        assert code('{"jsonrpc": "2.0", "id": "x", "method": "getNothing"}') == (-32601, "x")
        assert code('{"jsonrpc": "2.0", "id": 3, "method": "getSlot", "params": {}}') == (-32602, 3)
        batch = http.post(
            "/",
            json=[
                {"jsonrpc": "2.0", "id": 1, "method": "getHealth"},
                {"jsonrpc": "2.0", "method": "getHealth"},
                {"jsonrpc": "2.0", "id": 2, "method": "getNothing"},
            ],
        ).json()
        assert [one["id"] for one in batch] == [1, 2]
        assert batch[0]["result"] == "ok"
        assert http.post("/", json={"jsonrpc": "2.0", "method": "getHealth"}).content == b""
        assert http.get("/health").text == "ok"


def test_the_rest_of_the_cluster_answers(bank: Bank, rpc: Rpc) -> None:
    """Version, genesis, identity, epoch and times have the documented shapes."""
    assert rpc("getVersion")["result"].keys() == {"solana-core", "feature-set"}
    assert rpc("getGenesisHash")["result"] == bank.genesis.hash
    assert rpc("getIdentity")["result"] == {"identity": str(bank.genesis.identity)}
    epoch = rpc("getEpochInfo", {"commitment": "processed"})["result"]
    assert (epoch["absoluteSlot"], epoch["blockHeight"]) == (bank.slot(), bank.block_height())
    assert rpc("getBlockTime", bank.slot())["result"] == bank.block_time(bank.slot())
    assert rpc("getAccountInfo", str(Keypair().pubkey()))["result"]["value"] is None


def test_behaviour_stands_in_the_way_of_every_call(bank: Bank, wallet: Keypair) -> None:
    """It sees each method, and may keep a sent transaction from the leader while its signature is answered."""

    class Dropping(Behaviour):
        def __init__(self) -> None:
            self.seen: list[str] = []

        async def before(self, method: str) -> None:
            self.seen.append(method)

        def forwards(self, raw: bytes) -> bool:
            return False

    behaviour = Dropping()
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "sendTransaction",
        "params": [b64(raw), {"encoding": "base64", "skipPreflight": True}],
    }
    with LoopbackServer(Node(bank, behaviour).app) as server:
        answer = httpx.post(server.url, json=request, trust_env=False).json()
    assert answer["result"] == str(VersionedTransaction.from_bytes(raw).signatures[0])
    assert behaviour.seen == ["sendTransaction"]
    assert len(bank.ledger()) == 1


def test_behaviour_may_answer_with_an_http_status(bank: Bank) -> None:
    """What it raises as an HTTP error is the status of the whole answer."""

    class Limiting(Behaviour):
        async def before(self, method: str) -> None:
            raise HTTPException(429, "Too many requests")

    with LoopbackServer(Node(bank, Limiting()).app) as server:
        request = {"jsonrpc": "2.0", "id": 1, "method": "getSlot"}
        assert httpx.post(server.url, json=request, trust_env=False).status_code == 429


def test_the_server_stops_cleanly(bank: Bank) -> None:
    """Its thread is gone, its port is free, and it can be started again on it."""
    server = LoopbackServer(Node(bank).app)
    server.start()
    port = server.port
    assert LoopbackServer.served in {thread.name for thread in threading.enumerate()}
    server.stop()
    server.stop()
    assert LoopbackServer.served not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(RuntimeError, match="no port"):
        _ = server.port
    with LoopbackServer(Node(bank).app, port=port) as again:
        assert httpx.get(f"{again.url}/health", trust_env=False).status_code == 200


def test_a_taken_port_is_an_error(bank: Bank) -> None:
    """The second server on a port says so instead of hanging."""
    with LoopbackServer(Node(bank).app) as server, pytest.raises(OSError, match="Address already in use"):
        LoopbackServer(Node(bank).app, port=server.port).start()
