"""A served world whose faults a test scripts, and a wallet that trades in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from random import Random
from typing import Any

import httpx
from solana.rpc.api import Client
from solana.rpc.commitment import Processed
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import ManualClock
from engine.domain.units import SOL_MINT, Nanos, seconds
from tests.simulated.signing import SOL, pay, signed

SLOT = Nanos(400_000_000)
PRICE = Decimal("0.0004")
GOOD_FOR = 10
"""Seconds of the machine that no request of a test needs."""
BUILD, QUOTE, PRICES = "/swap/v2/build", "/swap/v1/quote", "/price/v3"


class Stage:
    """See the module."""

    def __init__(self, world: World, clock: ManualClock, plan: FaultPlan) -> None:
        self.world = world
        self.clock = clock
        self.plan = plan
        self.wallet = Keypair.from_seed(bytes([2]) * 32)
        self.address = str(self.wallet.pubkey())
        self.node = Client(world.rpc_url, commitment=Processed, timeout=GOOD_FOR)
        self._http = httpx.Client(timeout=GOOD_FOR)

    def token(self, *, held: int = 0, **changes: Any) -> Token:
        """Create a token of six decimals, of which the wallet holds *held* raw units."""
        wanted = {"decimals": 6, "price": PRICE, "depth_sol": Decimal(10_000), **changes}
        token = self.world.create_token("TKN", **wanted)
        if held:
            self.world.fund(self.address, tokens={token.address: held})
        return token

    def rpc(self, method: str, *params: object, timeout: float = GOOD_FOR) -> httpx.Response:
        """Return the node's response."""
        request = {"jsonrpc": "2.0", "id": 5, "method": method, "params": params}
        return self._http.post(self.world.rpc_url, json=request, timeout=timeout)

    def result(self, method: str, *params: object) -> Any:
        """Return the result of a JSON-RPC call that succeeds."""
        answer = self.rpc(method, *params).json()
        assert "error" not in answer, answer
        return answer["result"]

    def jupiter(self, path: str, **query: object) -> httpx.Response:
        """Return the Jupiter API's response."""
        return self._http.get(self.world.jupiter_url + path, params={name: str(query[name]) for name in query})

    def built(self, token: Token, amount: int, slippage: int = 150) -> Mapping[str, Any]:
        """Return a sale of /swap/v2/build."""
        pair = {"inputMint": token.address, "outputMint": SOL_MINT}
        answer = self.jupiter(BUILD, **pair, amount=amount, taker=self.address, slippageBps=slippage)
        body: Mapping[str, Any] = answer.raise_for_status().json()
        return body

    def payment(self, lamports: int = 1) -> VersionedTransaction:
        """Return a transaction that pays *lamports* to somebody."""
        blockhash, _ = self.world.bank.latest_blockhash()
        return VersionedTransaction.from_bytes(signed(blockhash, [self.wallet], pay(self.wallet, SOMEBODY, lamports)))

    def send(self, transaction: VersionedTransaction, *, skip_preflight: bool = True) -> httpx.Response:
        """Return the node's response to a sendTransaction."""
        config = {"encoding": "base64", "skipPreflight": skip_preflight, "preflightCommitment": "processed"}
        return self.rpc("sendTransaction", base64.b64encode(bytes(transaction)).decode(), config)

    def landed(self, transaction: VersionedTransaction) -> int | None:
        """Return the slot that *transaction* landed in, by the cluster itself."""
        executed = self.world.bank.transaction(str(transaction.signatures[0]))
        return None if executed is None else executed.slot

    def pass_slots(self, slots: int) -> None:
        """Let time pass."""
        self.clock.advance(Nanos(slots * SLOT))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self.node._provider.session.close()


SOMEBODY = Pubkey(bytes([9]) * 32)


@contextmanager
def staged(*rules: Rule, seed: int = 7) -> Iterator[Stage]:
    """Yield a stage with *rules*, all switched on; the wallet has ten SOL and the chain a past."""
    clock, plan = ManualClock(), FaultPlan(rules, Random(seed))
    with World(clock, faults=plan) as world:
        stage = Stage(world, clock, plan)
        try:
            world.fund(stage.address, lamports=10 * SOL)
            world.fund(str(SOMEBODY), lamports=SOL)
            clock.advance(seconds(120))
            yield stage
        finally:
            stage.close()
