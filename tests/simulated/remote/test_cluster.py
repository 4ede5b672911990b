"""Landing the maker's transactions through a node, with what can go wrong on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from chain.node.rpc import Rpc, RpcError
from chain.simulated.behaviour import Behaviour
from chain.simulated.remote.cluster import FailedTransactionError, NotLandedError, RemoteCluster
from chain.simulated.remote.key import MakerKey
from engine.domain.units import LAMPORTS_PER_SOL
from tests.simulated.remote.rig import Remote

TARGET = Pubkey(bytes([3]) * 32)


class Dropping(Behaviour):
    """A node that drops the first *drops* transactions that it accepts."""

    def __init__(self, drops: int) -> None:
        self.left = drops

    def forwards(self, raw: bytes) -> bool:
        self.left -= 1
        return self.left < 0


class Lagging(Rpc):
    """Answers the first *lags* readings of accounts as a node that is one slot behind the newest landing."""

    def __init__(self, rpc: Rpc, lags: int) -> None:
        super().__init__()
        self._rpc = rpc
        self.lags = lags

    @property
    def providers(self) -> Sequence[Any]:
        return self._rpc.providers

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        result = self._rpc.call(method, params)
        if method == "getMultipleAccounts" and self.lags > 0:
            self.lags -= 1
            return {"context": {"slot": self.landed_slot - 1}, "value": [None]}
        return result

    def close(self) -> None:
        self._rpc.close()


def pay(key: MakerKey, lamports: int = LAMPORTS_PER_SOL) -> Any:
    """Return the instruction by which *key* pays."""
    return transfer(TransferParams(from_pubkey=key.address, to_pubkey=TARGET, lamports=lamports))


def test_a_transaction_is_confirmed_when_landing_returns() -> None:
    """What it did can be read at once."""
    with Remote() as remote:
        key = remote.funded()
        remote.cluster.land([pay(key)], key)
        assert remote.cluster.lamports(TARGET) == LAMPORTS_PER_SOL


def test_a_transaction_that_is_dropped_is_sent_again_and_lands_once() -> None:
    """The same bytes: they cannot pay twice."""
    with Remote(Dropping(3)) as remote:
        key = remote.funded()
        remote.cluster.land([pay(key)], key)
        assert remote.cluster.lamports(TARGET) == LAMPORTS_PER_SOL
        assert remote.sent_by(key.address) == 1


def test_a_transaction_that_never_lands_is_given_up_when_it_has_expired() -> None:
    """After 150 blocks and not before; nothing was moved."""
    with Remote(Dropping(10**6)) as remote:
        key = remote.funded()
        begun = remote.bank.block_height()
        with pytest.raises(NotLandedError, match="did not land before it expired"):
            remote.cluster.land([pay(key)], key)
        assert remote.bank.block_height() > begun + 150
        assert remote.cluster.lamports(TARGET) == 0


def test_a_transaction_that_would_fail_is_not_sent() -> None:
    """The node says why."""
    with Remote() as remote:
        key = remote.funded("1")
        with pytest.raises(FailedTransactionError, match="would fail"):
            remote.cluster.land([pay(key, 2 * LAMPORTS_PER_SOL)], key)
        assert remote.sent_by(key.address) == 0


def test_a_node_that_lags_behind_the_maker_is_asked_again() -> None:
    """An account that was just made is not taken for none."""
    with Remote() as remote:
        key = remote.funded()
        rpc = Lagging(remote.rpc, 3)
        cluster = RemoteCluster(rpc, remote.clock.advance)
        cluster.land([pay(key)], key)
        (account,) = cluster.accounts([TARGET])
        assert account is not None
        assert rpc.lags == 0


def test_an_airdrop_that_the_faucet_refuses_says_so() -> None:
    """The node's error is the caller's to judge."""
    with Remote() as remote, pytest.raises(RpcError):
        remote.cluster.airdrop(TARGET, 1)


def test_a_maker_s_key_is_not_shown() -> None:
    """Neither printed nor copied."""
    keypair = Keypair()
    key = MakerKey(keypair)
    assert repr(key) == f"<MakerKey {keypair.pubkey()}>"
    with pytest.raises(TypeError):
        key.__reduce_ex__(4)
