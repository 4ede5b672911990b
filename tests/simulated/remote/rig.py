"""A cluster that is reached by JSON-RPC alone, on a clock that waiting moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from chain.node.rpc import Rpc, RpcClient, RpcError
from chain.simulated.behaviour import Behaviour
from chain.simulated.ledger import ExecutedTransaction
from chain.simulated.node import Node
from chain.simulated.remote.blueprint import TOKENS, Listing
from chain.simulated.remote.building import Piece
from chain.simulated.remote.cluster import RemoteCluster
from chain.simulated.remote.key import MakerKey
from chain.simulated.remote.setup import set_up
from chain.simulated.remote.state import Folder, MarketState
from chain.simulated.server import LoopbackServer
from chain.simulated.trading_bank import TradingBank
from engine.clock import ManualClock
from engine.domain.units import Lamports, lamports
from tests.simulated.signing import land

FUNDS = lamports("2")


class Remote:
    """A bank behind a node, and a client of it. A context manager."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.clock = ManualClock()
        self.bank = TradingBank(self.clock)
        self.rpc: Rpc = RpcClient("http://127.0.0.1:1")
        self._server = LoopbackServer(Node(self.bank, behaviour).app)

    def __enter__(self) -> Self:
        self._server.start()
        self.rpc.close()
        self.rpc = RpcClient(self._server.url)
        return self

    def __exit__(self, *exc: object) -> None:
        self.rpc.close()
        self._server.stop()
        self.bank.close()

    @property
    def url(self) -> str:
        """The node's."""
        return self._server.url

    @property
    def genesis(self) -> str:
        """The cluster's name."""
        return self.bank.genesis.hash

    @property
    def cluster(self) -> RemoteCluster:
        """The cluster as the market sees it."""
        return RemoteCluster(self.rpc, self.clock.advance)

    def funded(self, amount: str = "10") -> MakerKey:
        """Return a key with SOL."""
        keypair = Keypair()
        self.bank.airdrop(keypair.pubkey(), lamports(amount))
        return MakerKey(keypair)

    def execute(self, signers: Sequence[Keypair], *instructions: Instruction) -> ExecutedTransaction:
        """Return what became of a transaction that the first of *signers* pays for."""
        landed = self.bank.transaction(land(self.bank, self.clock, signers, *instructions))
        assert landed is not None
        return landed

    def set_up(
        self,
        path: Path,
        *,
        rpc: Rpc | None = None,
        genesis: str | None = None,
        funds: Lamports = FUNDS,
        listings: Sequence[Listing] = TOKENS[:2],
        tell: Callable[[Piece], object] = lambda _: None,
    ) -> MarketState:
        """Set a market up in the folder *path*."""
        return set_up(
            Folder(path),
            rpc or self.rpc,
            genesis=genesis or self.genesis,
            funds=funds,
            listings=listings,
            pause=self.clock.advance,
            tell=tell,
        )

    def sent_by(self, key: Pubkey) -> int:
        """Return how many transactions *key* paid for."""
        return sum(executed.transaction.payer == key for executed in self.bank.transactions_of(key))


class Interrupted(BaseException):
    """The process is killed: nothing that handles errors handles this."""


class Guillotine(Rpc):
    """Passes calls on until the *last*-th transaction was sent: dies before that call, or right after it."""

    def __init__(self, rpc: Rpc, last: int, *, before: bool) -> None:
        super().__init__()
        self._rpc = rpc
        self._left = last
        self._before = before

    @property
    def providers(self) -> Sequence[Any]:
        return self._rpc.providers

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        sends = method in ("sendTransaction", "requestAirdrop")
        self._left -= sends
        if sends and self._left == 0 and self._before:
            raise Interrupted
        result = self._rpc.call(method, params)
        if sends and self._left == 0:
            raise Interrupted
        return result

    def close(self) -> None:
        self._rpc.close()


class DryFaucet(Rpc):
    """Refuses the first *refusals* airdrops as devnet's faucet does."""

    def __init__(self, rpc: Rpc, refusals: int) -> None:
        super().__init__()
        self._rpc = rpc
        self.refusals = refusals

    @property
    def providers(self) -> Sequence[Any]:
        return self._rpc.providers

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        if method == "requestAirdrop" and self.refusals > 0:
            self.refusals -= 1
            raise RpcError(method, 429, "You've either reached your airdrop limit today or the faucet has run dry")
        return self._rpc.call(method, params)

    def close(self) -> None:
        self._rpc.close()
