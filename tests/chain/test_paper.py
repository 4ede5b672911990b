"""Paper: nothing is ever sent, and nothing that was signed could land."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from solders.signature import Signature as SoldersSignature

from chain.paper.rpc import NothingIsSentError, ReadOnlyRpc
from chain.paper.signer import PaperSigner
from chain.paper.takers import Takers
from chain.simulated.rpc_errors import RpcError
from engine.domain.errors import BadInputError, SwapError
from engine.domain.swap import PreparedSwap
from engine.ids import CountedIds
from tests.chain.paper import WALLET
from tests.chain.paper_desk import FEE, Desk, Spy, buy, opened, sell
from tests.chain.wire import Node, rpc


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a desk where nothing goes wrong."""
    with opened() as desk:
        yield desk


@pytest.mark.parametrize("method", ["sendTransaction", "requestAirdrop", "sendBundle"])
def test_a_reading_connection_refuses_what_could_change_the_chain(method: str) -> None:
    """By call, by broadcast and by each provider; the endpoint behind it is not even asked."""
    spy = Spy(rpc(Node()))
    reads = ReadOnlyRpc(spy)
    for ask in (reads.call, reads.broadcast, *(provider.call for provider in reads.providers)):
        with pytest.raises(NothingIsSentError, match=method):
            ask(method, [])
    assert spy.asked == []


def test_a_trade_on_paper_asks_the_node_for_nothing_but_reading_and_simulation(desk: Desk) -> None:
    """Bought, sold, looked at and sent once more: no endpoint ever hears sendTransaction."""
    token = desk.token()
    bought = desk.signed(buy(token))
    desk.chain.send(bought.raw)
    sold = desk.signed(sell(token, desk.fill(bought, token).tokens))
    for _ in range(2):
        desk.chain.send(sold.raw)
    desk.chain.statuses([sold.signature], search_history=True)
    desk.chain.finalized_height()
    assert desk.failure(sold) is None
    assert "simulateTransaction" in desk.spy.asked
    assert all(method.startswith(("get", "simulate")) for method in desk.spy.asked)


def test_a_cluster_would_not_take_what_was_signed_on_paper(desk: Desk) -> None:
    """The signature is nobody's: even if the bytes leaked they could not land."""
    signed = desk.signed(buy(desk.token()))
    with pytest.raises(RpcError) as refused:
        desk.world.bank.submit(signed.raw)
    assert refused.value.code == -32003


# Signing ---------------------------------------------------------------------------------------------------------


def test_the_same_message_is_never_signed_to_the_same_name_twice(desk: Desk) -> None:
    """Two orders may come to the same bytes, and are two attempts all the same."""
    prepared = desk.ports.venue.prepare(desk.ports.venue.quote(buy(desk.token())), priority_fee=FEE)
    first, second = desk.ports.signer.sign(prepared), desk.ports.signer.sign(prepared)
    assert first.signature != second.signature
    assert [bytes(SoldersSignature.from_string(one.signature)) for one in (first, second)] == [
        one.raw[1:65] for one in (first, second)
    ]
    assert first.raw[65:] == second.raw[65:] == prepared.message


def test_what_was_not_inspected_is_not_signed(desk: Desk) -> None:
    """On paper the same is refused as with a key."""
    prepared = desk.ports.venue.prepare(desk.ports.venue.quote(buy(desk.token())), priority_fee=FEE)
    bare = PreparedSwap(
        quote=prepared.quote,
        message=prepared.message,
        last_valid_block_height=1,
        priority_fee=FEE,
        compute_unit_limit=1,
    )
    with pytest.raises(SwapError, match="not inspected"):
        desk.ports.signer.sign(bare)


def test_an_address_that_is_none_is_told() -> None:
    """The wallet's and the buyer's, each by its part."""
    with pytest.raises(BadInputError, match=r"The paper wallet, 'me', is no address"):
        PaperSigner("me", CountedIds())
    with pytest.raises(BadInputError, match=r"The account that stands in for purchases, 'you', is no address"):
        Takers(ReadOnlyRpc(rpc(Node())), str(WALLET), buyer="you")
