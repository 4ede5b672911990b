"""The node over a websocket: what the `solana` package is told, and in which order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from solana.rpc.commitment import Confirmed, Processed
from solana.rpc.websocket_api import SolanaWsClientProtocol, connect
from solders.account import Account
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction_status import TransactionErrorInstructionError
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as plain_connect

from chain.simulated import session
from chain.simulated.bank import Bank
from chain.simulated.behaviour import Behaviour
from chain.simulated.node import Node
from chain.simulated.rpc_call import Served
from chain.simulated.rpc_errors import NODE_UNHEALTHY, RpcError
from chain.simulated.server import LoopbackServer
from engine.clock import ManualClock, SystemClock
from engine.domain.units import Nanos
from tests.simulated.signing import SLOT, SOL, new_mint, pay, signed

WAIT_SECONDS = 10


def talk(bank: Bank, script: Callable[[ClientConnection], Awaitable[None]], behaviour: Behaviour | None = None) -> None:
    """Serve *bank* and run *script* on a websocket of it that knows nothing of Solana."""

    async def run(url: str) -> None:
        async with plain_connect(url, proxy=None) as socket:
            await asyncio.wait_for(script(socket), WAIT_SECONDS)

    with LoopbackServer(Node(bank, behaviour).app) as server:
        asyncio.run(run(server.websocket_url))


def talk_solana(bank: Bank, script: Callable[[SolanaWsClientProtocol], Awaitable[None]]) -> None:
    """Serve *bank* and run *script* on the `solana` package's websocket client."""

    async def run(url: str) -> None:
        async with connect(url) as socket:
            await asyncio.wait_for(script(socket), WAIT_SECONDS)

    with LoopbackServer(Node(bank).app) as server:
        asyncio.run(run(server.websocket_url))


async def heard(socket: SolanaWsClientProtocol) -> Any:
    """Return the next message as the `solana` package reads it."""
    (message,) = await socket.recv()
    return message


async def ask(socket: ClientConnection, method: str, *params: Any) -> Any:
    """Call *method* and return the answer that comes next."""
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}))
    return json.loads(await socket.recv())


async def told(socket: ClientConnection) -> Any:
    """Return the parameters of the notification that comes next."""
    return json.loads(await socket.recv())["params"]


def test_the_solana_package_hears_of_its_signature(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Its signature subscription is told when the transaction is confirmed, without asking again."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))

    async def script(socket: SolanaWsClientProtocol) -> None:
        signature = Signature.from_string(bank.submit(raw))
        await socket.signature_subscribe(signature, Confirmed)
        subscribed = await heard(socket)
        clock.advance(Nanos(2 * SLOT))
        notice = await heard(socket)
        assert notice.subscription == subscribed.result
        assert (notice.result.value.err, notice.result.context.slot) == (None, bank.slot())

    talk_solana(bank, script)


def test_the_solana_package_hears_of_failures(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """A transaction that fails on chain is told with its error."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 100 * SOL))

    async def script(socket: SolanaWsClientProtocol) -> None:
        await socket.signature_subscribe(Signature.from_string(bank.submit(raw)), Processed)
        await socket.recv()
        clock.advance(SLOT)
        notice = await heard(socket)
        assert isinstance(notice.result.value.err, TransactionErrorInstructionError)

    talk_solana(bank, script)


def test_the_solana_package_hears_of_accounts_and_slots(bank: Bank, clock: ManualClock) -> None:
    """An account set from outside and each slot arrive in order, until it unsubscribes."""
    key = Keypair().pubkey()

    async def script(socket: SolanaWsClientProtocol) -> None:
        await socket.account_subscribe(key, Processed, "base64")
        account_subscribed = await heard(socket)
        bank.set_account(key, Account(3 * SOL, b"price", SYSTEM_PROGRAM))
        notice = await heard(socket)
        assert (notice.result.value.lamports, notice.result.value.data) == (3 * SOL, b"price")
        await socket.slot_subscribe()
        slot_subscribed = await heard(socket)
        start = bank.slot()
        clock.advance(Nanos(2 * SLOT))
        slots = [(await heard(socket)).result for _ in range(2)]
        assert [(one.parent, one.slot, one.root) for one in slots] == [
            (start, start + 1, start - 31),
            (start + 1, start + 2, start - 30),
        ]
        await socket.slot_unsubscribe(slot_subscribed.result)
        await socket.recv()
        clock.advance(Nanos(2 * SLOT))
        bank.set_account(key, Account(4 * SOL, b"", SYSTEM_PROGRAM))
        notice = await heard(socket)
        assert notice.subscription == account_subscribed.result

    talk_solana(bank, script)


def test_a_signature_is_told_once(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """After its notification the subscription is gone: nothing follows, and it cannot be taken back."""
    raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))

    async def script(socket: ClientConnection) -> None:
        number = (await ask(socket, "signatureSubscribe", bank.submit(raw), {"commitment": "processed"}))["result"]
        clock.advance(Nanos(40 * SLOT))
        assert (await told(socket))["subscription"] == number
        error = (await ask(socket, "signatureUnsubscribe", number))["error"]
        assert error == {"code": -32602, "message": "Invalid subscription id."}

    talk(bank, script)


def test_a_subscription_number_comes_before_its_news(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Even where the signature has landed already, the client learns first which subscription it is."""
    signature = bank.submit(signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1)))
    clock.advance(Nanos(40 * SLOT))

    async def script(socket: ClientConnection) -> None:
        answer = await ask(socket, "signatureSubscribe", signature)
        notice = await told(socket)
        assert notice["subscription"] == answer["result"]
        assert notice["result"]["value"] == {"err": None}

    talk(bank, script)


def test_a_token_account_can_be_watched_parsed(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """With jsonParsed the notification carries the token amount with its decimals."""
    mint = new_mint(bank, clock, wallet, supply=2_500_000)
    ((holder, account),) = bank.accounts_of(wallet.pubkey())

    async def script(socket: ClientConnection) -> None:
        await ask(socket, "accountSubscribe", str(holder), {"encoding": "jsonParsed"})
        bank.set_account(holder, account)
        parsed = (await told(socket))["result"]["value"]["data"]["parsed"]
        assert (parsed["type"], parsed["info"]["mint"]) == ("account", str(mint))
        assert parsed["info"]["tokenAmount"]["uiAmountString"] == "2.5"

    talk(bank, script)


def test_logs_can_be_watched_for_an_account(bank: Bank, clock: ManualClock, wallet: Keypair) -> None:
    """Only transactions that mention it are told, with their logs."""
    other = Keypair()
    bank.airdrop(other.pubkey(), SOL)
    blockhash, _ = bank.latest_blockhash()

    async def script(socket: ClientConnection) -> None:
        await ask(socket, "logsSubscribe", {"mentions": [str(wallet.pubkey())]})
        bank.submit(signed(blockhash, [other], pay(other, other.pubkey(), 1)))
        signature = bank.submit(signed(blockhash, [wallet], pay(wallet, wallet.pubkey(), 1)))
        clock.advance(SLOT)
        value = (await told(socket))["result"]["value"]
        assert (value["signature"], value["err"]) == (signature, None)
        assert value["logs"][-1].endswith("success")

    talk(bank, script)


def test_an_account_that_is_closed_is_told_as_empty(bank: Bank, wallet: Keypair) -> None:
    """As on a real node it has no lamports and belongs to the system program."""

    async def script(socket: ClientConnection) -> None:
        await ask(socket, "accountSubscribe", str(wallet.pubkey()), {"encoding": "base64"})
        bank.set_account(wallet.pubkey(), Account(0, b"", SYSTEM_PROGRAM))
        value = (await told(socket))["result"]["value"]
        assert (value["lamports"], value["owner"], value["data"]) == (0, str(Pubkey.default()), ["", "base64"])

    talk(bank, script)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("accountSubscribe", ["nonsense!"], -32602),
        ("accountSubscribe", [], -32602),
        ("logsSubscribe", [{"mentions": []}], -32602),
        ("logsSubscribe", ["some"], -32602),
        ("slotUnsubscribe", [123_456_789], -32602),
        ("getSlot", [], -32601),
    ],
)
def test_subscriptions_that_make_no_sense_are_refused(bank: Bank, method: str, params: list[Any], code: int) -> None:
    """The error has the code of its kind, and the connection lives on."""

    async def script(socket: ClientConnection) -> None:
        assert (await ask(socket, method, *params))["error"]["code"] == code
        assert (await ask(socket, "slotSubscribe"))["result"] > 0

    talk(bank, script)


def test_batches_and_bad_json_are_answered(bank: Bank) -> None:
    """A batch of subscriptions has one answer with all the numbers; what is no JSON is -32700."""

    async def script(socket: ClientConnection) -> None:
        await socket.send("{")
        assert json.loads(await socket.recv())["error"]["code"] == -32700
        batch = [{"jsonrpc": "2.0", "id": number, "method": "slotSubscribe"} for number in (5, 6)]
        await socket.send(json.dumps(batch))
        assert [one["id"] for one in json.loads(await socket.recv())] == [5, 6]

    talk(bank, script)


def test_behaviour_stands_in_the_way_of_subscriptions_too(bank: Bank) -> None:
    """What it raises is the answer."""

    class Behind(Behaviour):
        async def before(self, method: str) -> None:
            raise RpcError(NODE_UNHEALTHY, f"Node is behind by 42 slots: no {method}", {"numSlotsBehind": 42})

    async def script(socket: ClientConnection) -> None:
        assert (await ask(socket, "slotSubscribe"))["error"]["data"] == {"numSlotsBehind": 42}

    talk(bank, script, Behind())


def test_a_client_that_leaves_is_forgotten(bank: Bank, clock: ManualClock) -> None:
    """Once its connection is closed nothing on the clock waits for it any more."""

    async def script(socket: ClientConnection) -> None:
        await ask(socket, "slotSubscribe")
        assert clock.next_at() is not None

    talk(bank, script)
    clock.advance(Nanos(2 * SLOT))
    assert clock.next_at() is None


class Stuck(WebSocket):
    """A connection whose other end reads nothing."""

    def __init__(self) -> None:
        self.closed_with: int | None = None
        self.requests = ['{"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe"}']

    async def accept(self, *_args: Any) -> None:
        """Accept."""

    async def receive_text(self) -> str:
        """Subscribe, then say nothing."""
        if not self.requests:
            await asyncio.Event().wait()
        return self.requests.pop()

    async def send_text(self, data: str) -> None:
        """Never get rid of *data*."""
        await asyncio.Event().wait()

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Note the code."""
        self.closed_with = code


def test_a_client_that_does_not_read_is_cut_off(
    bank: Bank, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notifications pile up to a limit; then the connection is closed and its subscriptions are gone."""
    monkeypatch.setattr(session, "_MAX_WAITING", 10)

    async def script() -> int | None:
        socket = Stuck()
        serving = asyncio.create_task(session.Session(Served(bank, Behaviour()), socket).run())
        while clock.next_at() is None:
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        clock.advance(Nanos(20 * SLOT))
        await asyncio.wait_for(serving, WAIT_SECONDS)
        return socket.closed_with

    assert asyncio.run(script()) == 1013
    clock.advance(Nanos(2 * SLOT))
    assert clock.next_at() is None


def test_a_running_clock_brings_the_news_by_itself() -> None:
    """On the machine's clock a sent transaction is told of though nothing but the subscription was asked for."""
    clock = SystemClock(speed=50)
    bank, wallet = Bank(clock), Keypair()
    bank.airdrop(wallet.pubkey(), SOL)

    async def script(socket: SolanaWsClientProtocol) -> None:
        raw = signed(bank.latest_blockhash()[0], [wallet], pay(wallet, wallet.pubkey(), 1))
        await socket.signature_subscribe(Signature.from_string(bank.submit(raw)), Confirmed)
        await socket.recv()
        notice = await heard(socket)
        assert notice.result.value.err is None

    try:
        talk_solana(bank, script)
    finally:
        bank.close()
        clock.close()
