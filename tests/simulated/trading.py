"""A cluster with markets on a clock that the test moves, and a taker who signs."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import httpx
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token.constants import TOKEN_PROGRAM_ID

from chain.simulated import swap_program, tokens
from chain.simulated.exchange import Exchange
from chain.simulated.jupiter_api import jupiter_app
from chain.simulated.jupiter_gateway import PRO_PLAN, Gateway
from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.maker import Maker
from chain.simulated.market import Market
from chain.simulated.tokens import Token
from chain.simulated.trading_bank import TradingBank
from engine.clock import ManualClock
from engine.domain.units import LAMPORTS_PER_SOL, BasisPoints, Nanos, RawAmount

SLOT = Nanos(400_000_000)
PRICE = Decimal("0.00002")
DEPTH_SOL = Decimal(500)


class Trading:
    """The stand-ins without their servers, and one taker with 100 SOL."""

    def __init__(self, *, limit: int = PRO_PLAN) -> None:
        self.clock = ManualClock()
        self.bank = TradingBank(self.clock, slot_duration=SLOT)
        self.bank.add_program(swap_program.PROGRAM_ID, swap_program.elf())
        self.maker = Maker(self.bank, Pubkey(bytes([7]) * 32))
        self.exchange = Exchange(self.bank, self.clock, self.maker)
        self.taker = Keypair.from_seed(bytes([1]) * 32)
        self.bank.airdrop(self.taker.pubkey(), 100 * LAMPORTS_PER_SOL)
        self.gateway = Gateway(jupiter_app(self.exchange), self.clock, limit=limit)

    @property
    def address(self) -> str:
        """The taker's, in base58."""
        return str(self.taker.pubkey())

    def list_token(
        self,
        *,
        decimals: int = 6,
        program: Pubkey = TOKEN_PROGRAM_ID,
        transfer_fee: int = 0,
        price: Decimal = PRICE,
        depth_sol: Decimal = DEPTH_SOL,
        held: int = 0,
    ) -> Market:
        """Open a market, and give the taker *held* whole tokens of it."""
        number = len(self.exchange.markets)
        token = Token(
            symbol=f"T{number}",
            mint=Pubkey(bytes([100 + number]) * 32),
            decimals=decimals,
            program=program,
            transfer_fee=BasisPoints(transfer_fee),
        )
        market = self.exchange.open_market(token, price=price, depth_sol=depth_sol)
        if held:
            self.maker.give(token, self.taker.pubkey(), RawAmount(held * 10**decimals))
        return market

    def held(self, token: Token, owner: Pubkey | None = None) -> int:
        """Return the raw units of *token* that the taker, or *owner*, holds."""
        return tokens.amount(self.bank, token.account_of(owner or self.taker.pubkey()))

    def lamports(self) -> int:
        """Return the taker's lamports."""
        account = self.bank.account(self.taker.pubkey())
        return account.lamports if account else 0

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the API's answer; *arguments* as `httpx` has them."""

        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.gateway)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(answer())

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON of a GET that succeeds."""
        answer = self.ask("GET", path, params={name: str(value) for name, value in query.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Return the JSON of a POST that succeeds."""
        answer = self.ask("POST", path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def quote(self, input_mint: object, output_mint: object, amount: int, **query: object) -> Any:
        """Return a quote of /swap/v1."""
        return self.get("/swap/v1/quote", inputMint=input_mint, outputMint=output_mint, amount=amount, **query)

    def build(self, input_mint: object, output_mint: object, amount: int, **query: object) -> Any:
        """Return a swap of /swap/v2/build for the taker."""
        pair = {"inputMint": input_mint, "outputMint": output_mint, "amount": amount, "taker": self.address}
        return self.get("/swap/v2/build", **{**pair, **query})

    def sign(self, message: MessageV0) -> bytes:
        """Return the transaction of *message* with the taker's signature and no other."""
        return bytes(VersionedTransaction(message, [self.taker]))

    def sign_whole(self, transaction: str) -> bytes:
        """Return a transaction of /swap/v1/swap with the taker's signature in the place kept for it."""
        message = VersionedTransaction.from_bytes(base64.b64decode(transaction)).message
        assert isinstance(message, MessageV0)
        return self.sign(message)

    def assemble(self, instructions: Sequence[Instruction]) -> bytes:
        """Return a signed transaction of *instructions* with the newest blockhash."""
        blockhash = Hash.from_string(self.bank.latest_blockhash()[0])
        return self.sign(MessageV0.try_compile(self.taker.pubkey(), instructions, [], blockhash))

    def assemble_swap(self, answer: Mapping[str, Any]) -> bytes:
        """Return the signed transaction of a /build or /swap-instructions *answer*."""
        return self.assemble(instructions_of(answer))

    def land(self, *transactions: bytes) -> list[ExecutedTransaction]:
        """Send *transactions*, let two slots pass, and return what became of each."""
        signatures = [self.bank.submit(raw) for raw in transactions]
        self.clock.advance(Nanos(2 * SLOT))
        landed = [self.bank.transaction(signature) for signature in signatures]
        return [each for each in landed if each is not None]


def instructions_of(answer: Mapping[str, Any]) -> list[Instruction]:
    """Return the instructions of a /build or /swap-instructions answer, in the order that Jupiter documents."""
    cleanup = [answer["cleanupInstruction"]] if answer["cleanupInstruction"] else []
    listed = [
        *answer["computeBudgetInstructions"],
        *answer["setupInstructions"],
        answer["swapInstruction"],
        *cleanup,
        *answer["otherInstructions"],
    ]
    return [
        Instruction(
            Pubkey.from_string(each["programId"]),
            base64.b64decode(each["data"]),
            [
                AccountMeta(Pubkey.from_string(account["pubkey"]), account["isSigner"], account["isWritable"])
                for account in each["accounts"]
            ],
        )
        for each in listed
    ]
