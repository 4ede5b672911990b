"""The network of a soak, in a process of its own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from chain.simulated.faults.plan import FaultPlan
from chain.simulated.world import World
from engine import logs
from engine.domain.units import Lamports, Mint, seconds
from tests.crash.forks import Forked
from tests.crash.timing import Epoch
from tests.soak.weather import rules

DEPTH = Decimal(1_000)
BASE_PRICE = Decimal("0.001")
SLOT = seconds(0.1)
"""Shorter than the real 0.4 s, so that an attempt is proven dead in a quarter of a minute."""
PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is traded."""

    symbol: str
    decimals: int
    token_2022: bool = False
    transfer_fee_bps: int = 0


_KINDS = (
    Token(symbol="BONK", decimals=5),
    Token(symbol="POPCAT", decimals=9),
    Token(symbol="NUGGET", decimals=0),
    Token(symbol="PENGU", decimals=6, token_2022=True),
    Token(symbol="TAXED", decimals=6, token_2022=True, transfer_fee_bps=100),
)
TOKENS = tuple(replace(kind, symbol=f"{kind.symbol}-{number}") for kind in _KINDS for number in range(1, 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the network is made of."""

    wallet: str
    funds: Lamports
    rate: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the network is, and the mint of each symbol."""

    rpc_url: str
    ws_url: str
    jupiter_url: str
    mints: Mapping[str, Mint]


class Stage:
    """A hold on the process: each call is carried out there. Not thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.address: Address = self._answer()

    def price(self, mint: Mint, share: Decimal) -> None:
        """Let *mint* cost *share* of its first price."""
        self._call("price", mint, share)

    def freeze(self, mint: Mint) -> None:
        """Let the issuer of *mint* freeze what the wallet holds."""
        self._call("freeze", mint)

    def thaw(self, mint: Mint) -> None:
        """Let the issuer take that back."""
        self._call("thaw", mint)

    def step_time(self, seconds: int) -> None:
        """Let the cluster's own clock jump."""
        self._call("step_time", seconds)

    def calm(self) -> None:
        """Let no request meet a fault from now on."""
        self._call("calm")

    def faults(self) -> dict[str, int]:
        """Return how often each fault has struck."""
        counts: dict[str, int] = self._call("faults")
        return counts

    def _call(self, name: str, *arguments: object) -> Any:
        self._connection.send((name, arguments))
        return self._answer()

    def _answer(self) -> Any:
        if not self._connection.poll(PATIENCE):
            raise TimeoutError(f"the network of the soak has not answered for {PATIENCE:.0f} s")
        return self._connection.recv()


@contextmanager
def stage(scene: Scene, epoch: Epoch, *, log: Path) -> Iterator[Stage]:
    """Yield the network of *scene* while it serves; to be called while the process has one thread."""
    ours, theirs = Pipe()

    def body() -> int:
        ours.close()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return _serve(scene, epoch, theirs)

    process = Forked(body, log=log)
    theirs.close()
    try:
        yield Stage(ours)
    finally:
        ours.close()
        process.kill()


def _serve(scene: Scene, epoch: Epoch, connection: Connection) -> int:
    logs.configure(level="warning", json=True)
    plan = FaultPlan(rules(scene.rate), Random(scene.seed))
    with World(epoch.clock(), slot_duration=SLOT, seed=scene.seed, faults=plan) as world:
        tokens = {
            token.symbol: world.create_token(
                token.symbol,
                decimals=token.decimals,
                price=BASE_PRICE,
                depth_sol=DEPTH,
                token_2022=token.token_2022,
                transfer_fee_bps=token.transfer_fee_bps,
            )
            for token in TOKENS
        }
        world.fund(scene.wallet, lamports=scene.funds)
        mints = {symbol: Mint(token.address) for symbol, token in tokens.items()}
        connection.send(Address(rpc_url=world.rpc_url, ws_url=world.ws_url, jupiter_url=world.jupiter_url, mints=mints))
        calls: dict[str, Callable[..., object]] = {
            "price": lambda mint, share: world.set_price(mint, BASE_PRICE * share),
            "freeze": lambda mint: world.freeze(scene.wallet, mint),
            "thaw": lambda mint: world.thaw(scene.wallet, mint),
            "step_time": world.bank.step_block_time,
            "calm": plan.off,
            "faults": plan.counts,
        }
        try:
            while True:
                name, arguments = connection.recv()
                connection.send(calls[name](*arguments))
        except EOFError:
            return 0
