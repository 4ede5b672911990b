"""That a transaction is dead: two providers must say so where there are two."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from chain.ledger import SolanaChain
from chain.node.endpoints import Endpoints
from chain.node.rpc import RpcClient
from engine.clock import ManualClock
from engine.domain.errors import ChainUnavailableError
from engine.domain.units import Signature
from tests.chain.answers import WALLET
from tests.chain.wire import Failing, Node, Wire, failing

SIGNATURE, OTHER = Signature("sig"), Signature("other")
SLOT, HEIGHT = 321_043_236, 301_043_236
LANDED = {"slot": 5, "confirmations": 3, "err": None, "confirmationStatus": "confirmed"}


def _node(*statuses: Any, slot: int = SLOT, height: int = HEIGHT) -> Node:
    return Node(
        getEpochInfo={"absoluteSlot": slot, "blockHeight": height},
        getSignatureStatuses={"context": {"slot": slot}, "value": list(statuses or [None])},
    )


def _chain(*wires: Wire) -> SolanaChain:
    clients = [RpcClient(f"http://node-{at}.example/", transport=wire.transport) for at, wire in enumerate(wires, 1)]
    return SolanaChain(Endpoints(clients, clock=ManualClock()), WALLET)


def _asked_for_death(chain: SolanaChain) -> list[Any]:
    assert chain.finalized_height() == HEIGHT
    return list(chain.statuses([SIGNATURE], search_history=True))


def test_two_providers_that_do_not_know_it_prove_it() -> None:
    """Each is asked how far it has come before it is asked for the signature, and with its whole history."""
    first, second = _node(), _node()
    assert _asked_for_death(_chain(first, second)) == [None]
    for node in (first, second):
        assert node.called()[-2:] == ["getEpochInfo", "getSignatureStatuses"]
        assert node.params("getEpochInfo") == [{"commitment": "confirmed"}]
        assert node.params("getSignatureStatuses") == [["sig"], {"searchTransactionHistory": True}]


def test_what_the_second_provider_knows_has_happened() -> None:
    """The first has lost its history: without the second it would have been sold twice."""
    (status,) = _asked_for_death(_chain(_node(), _node(LANDED)))
    assert (status.slot, status.confirmation) == (5, "confirmed")


@pytest.mark.parametrize(
    "second",
    [
        failing(httpx.ConnectError("refused")),
        Node(getEpochInfo=Failing({"code": -32005, "message": "Node is behind by 153 slots"})),
        _node(slot=SLOT - 1),
        _node(height=HEIGHT - 1),
        Node(getEpochInfo={"absoluteSlot": SLOT, "blockHeight": HEIGHT}, getSignatureStatuses={"value": []}),
    ],
    ids=["down", "unhealthy", "behind in slots", "behind in blocks", "nonsense"],
)
def test_without_a_second_provider_as_far_it_is_not_proven(second: Wire) -> None:
    """One word alone does not do where two are configured."""
    with pytest.raises(ChainUnavailableError, match="not proven: "):
        _asked_for_death(_chain(_node(), second))


def test_a_witness_that_rests_is_not_waited_for() -> None:
    """Every look at a transaction that has expired would cost its time-out."""
    down = failing(httpx.ReadTimeout("slow"))
    chain = _chain(_node(), down)
    for _ in range(3):
        with pytest.raises(ChainUnavailableError, match="not proven: "):
            _asked_for_death(chain)
    assert len(down.requests) == 1


def test_a_first_provider_that_is_behind_proves_nothing_either() -> None:
    """Its own earlier word does not make its answer of now as new."""
    first, second = _node(), _node()
    chain = _chain(first, second)
    chain.finalized_height()
    first.results["getSignatureStatuses"] = {"context": {"slot": SLOT - 1}, "value": [None]}
    with pytest.raises(ChainUnavailableError, match="1 slots behind"):
        chain.statuses([SIGNATURE], search_history=True)


def test_a_height_that_one_provider_invents_proves_nothing() -> None:
    """The other has not come so far."""
    liar = _node(height=HEIGHT + 10_000)
    chain = _chain(liar, _node())
    assert chain.finalized_height() == HEIGHT + 10_000
    with pytest.raises(ChainUnavailableError, match=r"node-2\.example is 10000 blocks behind"):
        chain.statuses([SIGNATURE], search_history=True)


def test_any_two_of_three_providers_do() -> None:
    """One that is down stands in nobody's way."""
    assert _asked_for_death(_chain(failing(httpx.ConnectError("refused")), _node(), _node())) == [None]


def test_what_every_signature_has_become_is_gathered_from_all() -> None:
    """Each provider may know another one, and those that both know are not asked for again."""
    chain = _chain(_node(LANDED, None), _node(None, LANDED))
    chain.finalized_height()
    assert None not in chain.statuses([SIGNATURE, OTHER], search_history=True)
    third = _node()
    assert _asked_for_death(_chain(_node(LANDED), third))[0] is not None
    assert third.requests == []


def test_a_look_without_history_asks_one_provider() -> None:
    """It proves nothing, and is made twice a second."""
    first, second = _node(), _node()
    assert _chain(first, second).statuses([SIGNATURE]) == [None]
    assert first.called() == ["getSignatureStatuses"]
    assert second.requests == []


def test_a_lone_provider_is_believed_with_one_question() -> None:
    """There is nobody to confirm it."""
    node = _node()
    assert _asked_for_death(_chain(node)) == [None]
    assert node.called() == ["getEpochInfo", "getSignatureStatuses"]
