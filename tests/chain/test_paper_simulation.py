"""What a simulation makes of a transaction, on newer nodes and older ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.keypair import Keypair
from solders.transaction import VersionedTransaction

from chain.fills import account_keys, fill_of
from chain.node.rpc import Rpc
from chain.paper.ledger import PaperChain
from chain.paper.rpc import ReadOnlyRpc
from chain.paper.simulation import Simulator
from chain.simulated import tokens
from chain.simulated.faults.plan import Rule
from chain.simulated.faults.simulations import BlockhashNotFound, SimulationWithoutBalances
from chain.simulated.tokens import WRAPPED_SOL
from chain.simulated.world import World
from engine.domain.errors import FailureKind, SwapError
from engine.domain.units import LAMPORTS_PER_SOL, SOL_MINT, Lamports
from tests.chain.paper import STAND_IN, WALLET
from tests.chain.paper_desk import AMOUNT, FEE, FUNDS, PRICE, Desk, Spy, a_person, buy, opened, sell
from tests.simulated.signing import pay, write_table
from tests.simulated.signing import signed as signed_by


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Return a desk where nothing goes wrong."""
    with opened() as desk:
        yield desk


def test_older_nodes_lead_to_the_same_fills() -> None:
    """Without fee and balances in the answer they are read from the accounts: to the lamport the same."""
    fills: list[list[tuple[int, int, int, int]]] = []
    for older in (False, True):
        with opened(Rule(fault=SimulationWithoutBalances(), every=1)) as desk:
            token = desk.token()
            if older:
                desk.plan.on()
            bought = desk.signed(buy(token))
            desk.chain.send(bought.raw)
            outran = desk.signed(sell(token))
            desk.world.set_price(token.address, PRICE * Decimal("0.9"))
            desk.chain.send(outran.raw)
            sold = desk.signed(sell(token))
            desk.chain.send(sold.raw)
            each = [desk.fill(signed, token) for signed in (bought, outran, sold)]
            fills.append([(fill.tokens, fill.sol, fill.fee, fill.rent) for fill in each])
            assert (desk.plan.counts()["simulation_without_balances"] > 0) is older
    assert fills[0] == fills[1]
    (bought_tokens, *_), (*moved, fee, _), (sold_tokens, *_) = fills[1]
    assert bought_tokens > -sold_tokens == AMOUNT
    assert (moved, fee) == ([0, 0], 5_000 + FEE)


def test_of_an_older_node_the_rent_and_the_wrapped_sol_of_the_wallet_itself_are_told_apart() -> None:
    """A wallet that trades its own money on paper: a new token account is rent, unwrapped SOL is no gain."""
    outcomes = []
    for older in (False, True):
        with opened(Rule(fault=SimulationWithoutBalances(), every=1)) as desk:
            desk.world.fund(str(WALLET), lamports=FUNDS)
            tokens.add(desk.world.bank, WRAPPED_SOL, WALLET, 3 * LAMPORTS_PER_SOL)
            token = desk.token(stock=0)
            if older:
                desk.plan.on()
            signed = desk.signed(buy(token))
            desk.chain.send(signed.raw)
            fill = desk.fill(signed, token)
            wrapped = 3 * LAMPORTS_PER_SOL + desk.world.bank.rent(165)
            assert fill.rent == desk.world.bank.rent(165) - wrapped
            assert fill.sol == -LAMPORTS_PER_SOL
            outcomes.append((fill.tokens, fill.fee))
    assert outcomes[0] == outcomes[1]


def test_of_an_older_node_accounts_in_lookup_tables_are_read_as_well() -> None:
    """The indexes of a transaction go on into its tables: its accounts are the same as a newer node tells."""
    table, friend, wallet = a_person(40), a_person(41), Keypair.from_seed(bytes([42] * 32))
    with opened(Rule(fault=SimulationWithoutBalances(), every=1)) as desk:
        desk.world.fund(str(wallet.pubkey()), lamports=FUNDS)
        write_table(desk.world.bank, table, [a_person(43), friend])
        tables = [AddressLookupTableAccount(table, [a_person(43), friend])]
        payment = pay(wallet, friend, LAMPORTS_PER_SOL)
        raw = signed_by(desk.world.bank.latest_blockhash()[0], [wallet], payment, tables=tables)
        transaction = VersionedTransaction.from_bytes(raw)
        simulator = Simulator(ReadOnlyRpc(desk.line.rpc))
        newer = simulator.run(transaction)
        desk.plan.on()
        older = simulator.run(transaction)
        assert newer is not None
        assert older is not None
        assert account_keys(older) == account_keys(newer) == [*map(str, transaction.message.account_keys), str(friend)]
        fills = [fill_of(each, wallet=str(wallet.pubkey()), mint=SOL_MINT) for each in (older, newer)]
        assert fills[0] == fills[1]
        assert (fills[0].sol, fills[0].fee) == (-LAMPORTS_PER_SOL, 5_000)


def test_an_account_that_is_busy_while_an_older_node_simulates_gives_no_fill() -> None:
    """What somebody else moved would count as the swap's: nothing is told, and the bytes can be tried again."""
    with opened(Rule(fault=SimulationWithoutBalances(), every=1)) as desk:
        token = desk.token()
        signed = desk.signed(buy(token))
        desk.plan.on()
        busy = _Busy(desk.line.rpc, desk.world)
        chain = PaperChain(ReadOnlyRpc(busy), str(WALLET), store=desk.store, funds=Lamports(FUNDS))
        with pytest.raises(SwapError, match="changed meanwhile") as caught:
            chain.send(signed.raw)
        assert caught.value.kind is FailureKind.TRANSIENT
        assert chain.statuses([signed.signature]) == [None]
        busy.quiet = True
        chain.send(signed.raw)
        assert chain.statuses([signed.signature]) != [None]


class _Busy(Spy):
    """The stand-in is paid a lamport before every simulation."""

    def __init__(self, rpc: Rpc, world: World) -> None:
        super().__init__(rpc)
        self.quiet = False
        self._world = world

    def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Pay before a simulation."""
        if method == "simulateTransaction" and not self.quiet:
            self._world.fund(str(STAND_IN), lamports=1)
        return super().call(method, params)


def test_what_a_node_cannot_place_is_dropped_and_may_land_later() -> None:
    """An unknown blockhash is no verdict: the bytes are sent again until they are proven dead."""
    with opened(Rule(fault=BlockhashNotFound(), every=1)) as desk:
        token = desk.token()
        signed = desk.signed(buy(token))
        desk.plan.on()
        desk.chain.send(signed.raw)
        assert desk.chain.statuses([signed.signature]) == [None]
        desk.plan.off()
        desk.chain.send(signed.raw)
        assert desk.failure(signed) is None


def test_a_node_that_is_silent_leaves_the_attempt_without_verdict(desk: Desk) -> None:
    """Transient: nothing is known of it, and nothing has moved."""
    signed = desk.signed(buy(desk.token()))
    desk.world.stop()
    with pytest.raises(SwapError) as caught:
        desk.chain.send(signed.raw)
    assert (caught.value.kind, caught.value.code) == (FailureKind.TRANSIENT, "send")
    assert desk.chain.statuses([signed.signature], search_history=True) == [None]


def test_what_has_a_verdict_is_not_simulated_again(desk: Desk) -> None:
    """Whatever the market does meanwhile, the same bytes come to the same: the node is not even asked."""
    token = desk.holding()
    signed = desk.signed(sell(token))
    desk.chain.send(signed.raw)
    fill, asked = desk.fill(signed, token), list(desk.spy.asked)
    desk.world.set_price(token.address, PRICE * Decimal("0.5"))
    desk.chain.send(signed.raw)
    assert desk.spy.asked == asked
    assert desk.fill(signed, token) == fill


def test_another_process_knows_nothing_of_an_attempt_and_may_carry_it_out(desk: Desk) -> None:
    """A verdict that was not booked is lost with the memory: while the bytes may land they are simulated anew."""
    token = desk.holding()
    signed = desk.signed(sell(token))
    desk.chain.send(signed.raw)
    chain = desk.again().chain
    assert chain.statuses([signed.signature], search_history=True) == [None]
    assert chain.fill(signed.signature, token.address) is None
    assert chain.token_balance(token.address) == AMOUNT
    chain.send(signed.raw)
    assert chain.token_balance(token.address) == 0
