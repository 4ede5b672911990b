"""What our own clients make of the faults of a real cluster and of the real Jupiter, fault by fault, call by call.

Whatever goes wrong, a client says so by the error of its port, never by a raw exception, it does not hang, and it never
returns a wrong amount. First every call under every fault of the transport, then every call under every wrong type in
its answer, then what the faults of the chain itself mean for a swap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from chain.jupiter.errors import RateLimitedError
from chain.keys.wallet import Wallet
from chain.simulated.faults.acknowledgements import LostAcknowledgement, LostInGateway
from chain.simulated.faults.call import JUPITER, NODE, Call, Ending, Fault, Reply, Serve
from chain.simulated.faults.clocks import SteppingClock
from chain.simulated.faults.delays import Latency, Trickle
from chain.simulated.faults.garbled import WRONG, BrokenJson, Place, TruncatedJson, WrongType, places, value_at
from chain.simulated.faults.markets import Slippage
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.faults.refusals import NODE_IS_BEHIND, RPC_TOO_MANY_REQUESTS, RateLimited, RpcRefusal, ServerError
from chain.simulated.faults.replicas import LaggingReplica
from chain.simulated.faults.sends import DelayedSend, DroppedSend
from chain.simulated.faults.simulations import BlockhashNotFound, InsufficientFunds
from chain.simulated.tokens import Token
from chain.simulated.world import World
from engine.clock import SystemClock
from engine.domain.errors import (
    INSUFFICIENT_TOKENS,
    BadInputError,
    ChainUnavailableError,
    EngineError,
    FailureKind,
    PriceUnavailableError,
    SwapError,
)
from engine.domain.swap import Fill, Quote, SignatureStatus, SignedSwap
from engine.domain.units import SECOND, SOL_MINT, Mint, Nanos, seconds
from tests.simulated.faults.trader import (
    AMOUNT,
    FEE,
    FUNDS,
    Api,
    Clients,
    Line,
    Trader,
    always,
    buy,
    connected,
    sell,
    trading,
)

IMPATIENT = 0.15
"""Seconds of silence, for faults that end by the client's giving up."""
APIS = pytest.mark.parametrize("api", ["v2", "v1"])


@dataclass(frozen=True)
class Played:
    """A trader with a sale that landed, one that can be sent, and quotes that can be prepared."""

    trader: Trader
    mint: Mint
    landed: SignedSwap
    unsent: SignedSwap
    quotes: dict[str, Quote]
    impatient: Line

    def clients(self, *, patient: bool = True) -> Clients:
        """Return new clients: what was read once, such as a token's decimals, is not asked for again."""
        trader = self.trader
        return (trader.line if patient else self.impatient).clients(trader.wallet.address, trader.clock)


@dataclass(frozen=True)
class Asked:
    """One call of a client."""

    server: str
    """Which server answers it first."""
    error: type[EngineError]
    """By which its port says that it could not be answered."""
    ask: Callable[[Clients, Played], Any]
    """Makes the call, and returns what can be compared of its outcome."""
    answered_by: tuple[str, ...]
    """The requests that its outcome is read from."""

    @property
    def servers(self) -> set[str]:
        """Which servers answer it."""
        return {JUPITER if name.startswith("/") else NODE for name in self.answered_by}


def _prepare(clients: Clients, played: Played, api: Api) -> tuple[int, ...]:
    prepared = clients.venues[api].prepare(played.quotes[api], priority_fee=FEE)
    assert played.trader.sign(prepared).raw
    return prepared.last_valid_block_height, prepared.quote.expected_out, prepared.quote.minimum_out


def _quote(clients: Clients, played: Played, api: Api) -> tuple[int, int]:
    quote = clients.venues[api].quote(played.quotes[api].request)
    return quote.expected_out, quote.minimum_out


CALLS = {
    "send": Asked(NODE, SwapError, lambda c, p: c.chain.send(p.unsent.raw), ("sendTransaction",)),
    "statuses": Asked(
        NODE,
        ChainUnavailableError,
        lambda c, p: c.chain.statuses([p.landed.signature]),
        ("getSignatureStatuses",),
    ),
    "statuses of the history": Asked(
        NODE,
        ChainUnavailableError,
        lambda c, p: c.chain.statuses([p.landed.signature], search_history=True),
        ("getSignatureStatuses",),
    ),
    "finalized height": Asked(NODE, ChainUnavailableError, lambda c, _: c.chain.finalized_height(), ("getEpochInfo",)),
    "fill": Asked(
        NODE, ChainUnavailableError, lambda c, p: c.chain.fill(p.landed.signature, p.mint), ("getTransaction",)
    ),
    "token": Asked(NODE, ChainUnavailableError, lambda c, p: c.chain.token(p.mint), ("getAccountInfo",)),
    "token balance": Asked(
        NODE, ChainUnavailableError, lambda c, p: c.chain.token_balance(p.mint), ("getTokenAccountsByOwner",)
    ),
    "SOL balance": Asked(NODE, ChainUnavailableError, lambda c, _: c.chain.sol_balance(), ("getBalance",)),
    "quote v2": Asked(JUPITER, SwapError, lambda c, p: _quote(c, p, "v2"), ("/swap/v2/build",)),
    "quote v1": Asked(JUPITER, SwapError, lambda c, p: _quote(c, p, "v1"), ("/swap/v1/quote",)),
    "prepare v2": Asked(NODE, SwapError, lambda c, p: _prepare(c, p, "v2"), ("simulateTransaction",)),
    "prepare v1": Asked(
        JUPITER,
        SwapError,
        lambda c, p: _prepare(c, p, "v1"),
        ("/swap/v1/swap-instructions", "getLatestBlockhash", "simulateTransaction"),
    ),
    "prices": Asked(JUPITER, PriceUnavailableError, lambda c, p: c.prices.fetch([p.mint]), ("/price/v3",)),
}
ASKED = pytest.mark.parametrize("asked", CALLS.values(), ids=CALLS.keys())

BOTH = {NODE, JUPITER}
TRANSPORT: dict[str, tuple[Fault, set[str]]] = {
    "slow": (Latency(least=seconds(60), most=seconds(60)), BOTH),
    "slow to answer": (Latency(least=seconds(60), most=seconds(60), on_the_way_back=True), BOTH),
    "trickling": (Trickle(pace=seconds(60)), BOTH),
    "closed": (LostAcknowledgement(), BOTH),
    "broken off": (LostAcknowledgement(ending=Ending.BROKEN_OFF), BOTH),
    "504 after all": (LostInGateway(), BOTH),
    "429": (RateLimited(), BOTH),
    "429 without a word": (RateLimited(told=False), BOTH),
    "429 in JSON": (RPC_TOO_MANY_REQUESTS, {NODE}),
    "-32005": (NODE_IS_BEHIND, {NODE}),
    **{f"HTTP {status}": (ServerError(status=status), BOTH) for status in (500, 502, 503, 522)},
    "truncated": (TruncatedJson(), BOTH),
    **{
        f"broken {name}": (BrokenJson(body=body), BOTH)
        for name, body in {
            "empty": b"",
            "page": b"<html>It works!</html>",
            "NaN": b'{"result": NaN}',
            "comma": b'{"result": 1,}',
            "noise": b"\xff\xfe\x00",
            "nested": b"[" * 100_000,
            "null": b"null",
            "number": b"7",
            "list": b"[]",
            "object": b"{}",
        }.items()
    },
}
SHAPELESS = {"broken null", "broken number", "broken list", "broken object"}
"""They are JSON, and an answer to nothing."""
WAITS = {"slow", "slow to answer", "trickling"}


class Spoiled(Fault):
    """Puts one wrong value into an answer, and keeps the last answer that was right."""

    def __init__(self) -> None:
        self.change: tuple[Place, Any] | None = None
        self.good: Any = None

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Let `WrongType` do it."""
        if self.change is None:
            reply = await serve(call)
            self.good = json.loads(reply.body)
            return reply
        place, value = self.change
        return await WrongType(place=place, value=value).meet(call, serve, dice)


SPOILED = {name: Spoiled() for asked in CALLS.values() for name in asked.answered_by}


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    """Yield a trader in the middle of things, all faults switched off."""
    transport = [Rule(fault=fault, every=1, name=name) for name, (fault, _) in TRANSPORT.items()]
    spoiled = [Rule(fault=fault, every=1, on=[name], name=name) for name, fault in SPOILED.items()]
    with trading(*transport, *spoiled, on=False) as trader:
        token = trader.token(held=3 * AMOUNT)
        landed, unsent = (trader.sign(trader.prepare(sell(token, AMOUNT))) for _ in range(2))
        trader.chain.send(landed.raw)
        trader.pass_time(1)
        quotes = {api: trader.clients.venues[api].quote(sell(token)) for api in ("v2", "v1")}
        with connected(trader.world, read_timeout=IMPATIENT) as impatient:
            yield Played(trader, Mint(token.address), landed, unsent, quotes, impatient)


@ASKED
@pytest.mark.parametrize("name", TRANSPORT)
def test_a_call_that_is_not_answered_says_so_in_its_own_terms(played: Played, asked: Asked, name: str) -> None:
    """By the error of its port, transient where it is a swap's; and it is answered as soon as the fault is gone."""
    plan, concerned = played.trader.plan, TRANSPORT[name][1]
    plan.on(name)
    try:
        if asked.server in concerned:
            with pytest.raises(asked.error) as caught:
                asked.ask(played.clients(patient=name not in WAITS), played)
            if isinstance(caught.value, SwapError):
                allowed = {FailureKind.TRANSIENT, *({FailureKind.REFUSED} if name in SHAPELESS else ())}
                assert caught.value.kind in allowed
        elif concerned.isdisjoint(asked.servers):
            asked.ask(played.clients(), played)
    finally:
        plan.off(name)
        plan.waiting.hang_up()
    asked.ask(played.clients(), played)


def _outcome(asked: Asked, played: Played) -> Any:
    """Return what a call comes to: its result, or the error of a port; anything else is raised."""
    try:
        return asked.ask(played.clients(), played)
    except EngineError as error:
        return error


@ASKED
def test_a_wrong_type_is_an_error_or_makes_no_difference(played: Played, asked: Asked) -> None:
    """For every value of every answer, and values of every other type in its place: no crash, no wrong amount."""
    trader, wrong = played.trader, []
    for name in asked.answered_by:
        fault = SPOILED[name]
        trader.plan.on(name)
        try:
            fault.change = None
            good = _outcome(asked, played)
            assert not isinstance(good, EngineError), good
            for place in filter(_is_looked_at, places(fault.good)):
                for value in WRONG[type(value_at(fault.good, place))]:
                    fault.change = (place, value)
                    outcome = _outcome(asked, played)
                    if not isinstance(outcome, asked.error) and outcome != good and not _read_so(place, value, outcome):
                        wrong.append((name, place, value, outcome))
        finally:
            trader.plan.off(name)
    assert not wrong, "\n".join(map(str, wrong))


def _is_looked_at(place: Place) -> bool:
    """Return whether *place* is to be spoiled: of long lists that are all of one kind the first two will do."""
    alike = {"accounts", "data", "logs", "routePlan", "blockhash", "context"}
    return not any(name in alike and index not in {0, 1} for name, index in pairwise(place) if isinstance(index, int))


def _read_so(place: Place, value: Any, outcome: Any) -> bool:
    """Return whether *outcome* is what Solana documents *value* at *place* to mean."""
    match place, value:
        case ("result",), None:
            read = outcome is None  # getTransaction: not known
        case ("result", "value"), None:
            read = isinstance(outcome, BadInputError)  # getAccountInfo: no such account
        case ("result", "value", 0), None:
            read = outcome == [None]  # getSignatureStatuses: not known
        case ("result", "value", 0, "confirmationStatus"), None:
            read = outcome[0].confirmation == "processed"  # a node too old to say
        case ("result", "blockTime"), None:
            read = outcome.time is None  # getTransaction: not told
        case _:
            read = place[-1] == "err" and isinstance(value, str)  # any name may be that of an error
    return bool(read)


# What the faults of the chain mean for a swap


def expect(kind: FailureKind, act: Callable[[], object]) -> SwapError:
    """Return the error by which *act* fails, which must be of *kind*."""
    with pytest.raises(SwapError) as caught:
        act()
    assert caught.value.kind is kind, caught.value
    return caught.value


def status_of(trader: Trader, signed: SignedSwap) -> SignatureStatus | None:
    """Return what the node says of *signed*, all of its history searched."""
    (status,) = trader.chain.statuses([signed.signature], search_history=True)
    return status


def moved(trader: Trader, signed: SignedSwap) -> list[bytes]:
    """Return every time that *signed* landed, by the cluster itself."""
    return [one.raw for one in trader.world.bank.ledger() if one.signature == signed.signature]


@pytest.mark.parametrize("fault", [DroppedSend(), DelayedSend(least=20, most=20)], ids=["dropped", "delayed"])
def test_a_send_that_does_not_arrive_looks_like_one_that_does(fault: Fault) -> None:
    """Sent without an error and not known; the same bytes again land, once, and are harmless after that."""
    with trading(Rule(fault=fault, at=[1])) as trader:
        token = trader.token()
        signed = trader.sign(trader.prepare(sell(token)))
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        assert status_of(trader, signed) is None
        trader.chain.send(signed.raw)
        trader.pass_time(20)
        trader.chain.send(signed.raw)
        status = status_of(trader, signed)
        assert status is not None
        assert (status.failure, trader.chain.token_balance(Mint(token.address))) == (None, 0)
        assert moved(trader, signed) == [signed.raw]


def test_a_dropped_send_is_proven_dead_only_when_it_is() -> None:
    """Until its height is final it may land; then it cannot any more."""
    with trading(Rule(fault=DroppedSend(), at=[1])) as trader:
        signed = trader.sign(trader.prepare(sell(trader.token())))
        trader.chain.send(signed.raw)
        trader.pass_time(20)
        assert trader.chain.finalized_height() <= signed.last_valid_block_height
        trader.pass_time(30)
        assert trader.chain.finalized_height() > signed.last_valid_block_height
        assert status_of(trader, signed) is None
        trader.chain.send(signed.raw)
        trader.pass_time(5)
        assert moved(trader, signed) == []


@pytest.mark.parametrize(
    "fault", [LostAcknowledgement(), LostAcknowledgement(ending=Ending.BROKEN_OFF), LostInGateway()]
)
def test_a_lost_acknowledgement_is_no_proof_that_nothing_was_sent(fault: Fault) -> None:
    """Transient, since only the chain can tell; it landed, and sending again moves nothing twice."""
    with trading(Rule(fault=fault, on=["sendTransaction"], at=[1])) as trader:
        token = trader.token(held=2 * AMOUNT)
        signed = trader.sign(trader.prepare(sell(token)))
        assert expect(FailureKind.TRANSIENT, lambda: trader.chain.send(signed.raw)).code == "send"
        trader.pass_time(2)
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        status = status_of(trader, signed)
        assert status is not None
        assert status.failure is None
        assert trader.chain.token_balance(Mint(token.address)) == AMOUNT


@APIS
def test_a_market_that_moves_after_the_simulation_is_slippage(api: Api) -> None:
    """On chain, at the price of a fee; the fill says so."""
    with trading(*always(Slippage(bps=300))) as trader:
        token = trader.token()
        signed = trader.sign(trader.prepare(sell(token), api))
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        status = status_of(trader, signed)
        assert status is not None
        assert status.failure is not None
        assert (status.failure.kind, status.failure.code) == (FailureKind.SLIPPAGE, "6001")
        fill = trader.chain.fill(signed.signature, Mint(token.address))
        assert fill is not None
        assert (fill.tokens, fill.sol) == (0, 0)


@APIS
def test_an_unknown_blockhash_is_transient(api: Api) -> None:
    """The node may lag: nothing was signed, and the next node may know it."""
    with trading(*always(BlockhashNotFound())) as trader:
        request = sell(trader.token())
        assert expect(FailureKind.TRANSIENT, lambda: trader.prepare(request, api)).code == "BlockhashNotFound"


@APIS
def test_a_pool_without_tokens_is_not_a_wallet_without_them(api: Api) -> None:
    """A token program's "insufficient funds" ends an order only where the wallet's own balance says so."""
    with trading(*always(InsufficientFunds())) as trader:
        token = trader.token()
        expect(FailureKind.REFUSED, lambda: trader.prepare(sell(token), api))
        error = expect(FailureKind.PERMANENT, lambda: trader.prepare(sell(token, AMOUNT + 1), api))
        assert error.code == INSUFFICIENT_TOKENS


@APIS
@pytest.mark.parametrize("token_2022", [False, True])
def test_a_frozen_account_needs_a_person_until_it_is_thawed(api: Api, token_2022: bool) -> None:
    """Permanent, by the token program's error 17."""
    with trading() as trader:
        token = trader.token(token_2022=token_2022)
        trader.world.freeze(trader.wallet.address, token.address)
        error = expect(FailureKind.PERMANENT, lambda: trader.prepare(sell(token), api))
        assert (error.code, "frozen" in str(error)) == ("17", True)
        trader.world.thaw(trader.wallet.address, token.address)
        trader.prepare(sell(token), api)


def test_an_account_that_is_frozen_after_the_signature_reverts() -> None:
    """The chain says 17 as well, without a program: refused, and the next simulation says why."""
    with trading() as trader:
        token = trader.token()
        signed = trader.sign(trader.prepare(sell(token)))
        trader.world.freeze(trader.wallet.address, token.address)
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        status = status_of(trader, signed)
        assert status is not None
        assert status.failure is not None
        assert (status.failure.kind, status.failure.code) == (FailureKind.REFUSED, "17")
        assert trader.chain.token_balance(Mint(token.address)) == AMOUNT


@APIS
def test_what_a_fee_taking_token_keeps_is_not_counted(api: Api) -> None:
    """Of a purchase what arrived, of a sale what left, and what the wallet holds is the difference."""
    with trading() as trader:
        token, venue = trader.token(held=0, token_2022=True, transfer_fee_bps=500), trader.clients.venues[api]
        bought = venue.prepare(venue.quote(buy(token, FUNDS // 2)), priority_fee=FEE)
        fills: list[Fill] = []
        for prepared in (bought, None):
            signed = trader.sign(prepared or trader.prepare(sell(token, fills[0].tokens // 2), api))
            trader.chain.send(signed.raw)
            trader.pass_time(2)
            fill = trader.chain.fill(signed.signature, Mint(token.address))
            assert fill is not None
            fills.append(fill)
        assert fills[0].tokens == bought.quote.expected_out
        assert fills[1].tokens == -(fills[0].tokens // 2)
        assert trader.chain.token_balance(Mint(token.address)) == fills[0].tokens + fills[1].tokens
        assert trader.chain.sol_balance() == FUNDS + sum(fill.sol - fill.fee - fill.rent for fill in fills)


def test_a_rate_limit_says_when_it_ends_where_it_was_told() -> None:
    """By x-ratelimit-reset; the firewall's does not say."""
    rules = [Rule(fault=RateLimited(resets_after=seconds(20)), on=[JUPITER], at=[1])]
    rules.append(Rule(fault=RateLimited(told=False), on=[JUPITER], at=[2], name="firewall"))
    with trading(*rules) as trader:
        request = sell(trader.token())
        resets = []
        for _ in range(2):
            with pytest.raises(RateLimitedError) as caught:
                trader.prepare(request)
            resets.append(caught.value.reset_at)
        assert resets == [(trader.clock.now() + seconds(20)) // SECOND * SECOND, None]


# Replicas that lag


def lagging(lag: int = 30, *on: str, every: int = 1) -> Rule:
    """Return the rule by which answers are *lag* slots old."""
    return Rule(fault=LaggingReplica(least=lag, most=lag), on=on, every=every)


@pytest.mark.parametrize("lag", [33, 150])
def test_a_lagging_node_proves_no_transaction_dead(lag: int) -> None:
    """It has come less far than the height that is final: what it does not know may have landed."""
    with trading(lagging(lag, "getSignatureStatuses")) as trader:
        signed = trader.sign(trader.prepare(sell(trader.token())))
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        assert trader.chain.finalized_height() > 0
        with pytest.raises(ChainUnavailableError, match="slots behind"):
            status_of(trader, signed)
        assert moved(trader, signed) == [signed.raw]


def test_a_pool_that_alternates_never_proves_a_landed_transaction_dead() -> None:
    """One that landed at the last moment, asked for until long after its height is final, by either node in turn."""
    rules = [Rule(fault=DelayedSend(least=50, most=50), every=1), lagging(150, every=2)]
    with trading(*rules) as trader:
        signed = trader.sign(trader.prepare(sell(trader.token())))
        trader.chain.send(signed.raw)
        verdicts = []
        for turn in range(120):
            trader.pass_time(1)
            trader.chain.statuses([signed.signature] * (turn % 2))  # so that the other node is asked for the height
            height = trader.chain.finalized_height()
            try:
                status = status_of(trader, signed)
            except ChainUnavailableError:
                verdicts.append("unproven")
                continue
            dead = status is None and height > signed.last_valid_block_height
            verdicts.append("dead" if dead else "unknown" if status is None else "landed")
        assert moved(trader, signed) == [signed.raw]
        assert set(verdicts) == {"unknown", "unproven", "landed"}


@APIS
def test_tokens_that_a_lagging_node_has_not_seen_come_are_not_missing(api: Api) -> None:
    """Right after a purchase: a stop loss must not end for good because one node of the pool is behind."""
    with trading(lagging(30), on=False) as trader:
        token = trader.token(held=0)
        trader.pass_time(30)
        bought = trader.sign(trader.prepare(buy(token, FUNDS // 2), api))
        trader.chain.send(bought.raw)
        trader.pass_time(2)
        fill = trader.chain.fill(bought.signature, Mint(token.address))
        assert fill is not None
        trader.plan.on()
        expect(FailureKind.TRANSIENT, lambda: trader.prepare(sell(token, fill.tokens), api))
        with pytest.raises(ChainUnavailableError, match="slots behind the wallet"):
            trader.chain.token_balance(Mint(token.address))
        with pytest.raises(ChainUnavailableError, match="slots behind the wallet"):
            trader.chain.sol_balance()
        trader.pass_time(15)
        trader.plan.off()
        trader.prepare(sell(token, fill.tokens), api)


@APIS
def test_a_refusal_is_not_judged_by_a_lagging_node_s_balance(api: Api) -> None:
    """The simulation is of a fresh node, the balance of one that is behind."""
    rules = [lagging(30, "getTokenAccountsByOwner"), *always(InsufficientFunds())]
    with trading(*rules, on=False) as trader:
        token = trader.token(held=0)
        trader.pass_time(30)
        bought = trader.sign(trader.prepare(buy(token, FUNDS // 2), api))
        trader.chain.send(bought.raw)
        trader.pass_time(2)
        fill = trader.chain.fill(bought.signature, Mint(token.address))
        assert fill is not None
        trader.plan.on()
        expect(FailureKind.TRANSIENT, lambda: trader.prepare(sell(token, fill.tokens), api))
        trader.plan.off("lagging_replica")
        expect(FailureKind.REFUSED, lambda: trader.prepare(sell(token, fill.tokens), api))


def test_a_lagging_node_has_no_fill_yet() -> None:
    """None, and asked again: never one of nothing."""
    with trading(lagging(30, "getTransaction")) as trader:
        token = trader.token()
        signed = trader.sign(trader.prepare(sell(token)))
        trader.chain.send(signed.raw)
        trader.pass_time(2)
        assert trader.chain.fill(signed.signature, Mint(token.address)) is None
        trader.pass_time(15)
        fill = trader.chain.fill(signed.signature, Mint(token.address))
        assert fill is not None
        assert fill.tokens == -AMOUNT


# Servers that trickle, logs of anything, clocks that step


def test_an_answer_that_trickles_is_given_up() -> None:
    """Every byte is in time for the reader's patience with silence, and the whole is not."""
    clock, plan = SystemClock(), FaultPlan([Rule(fault=Trickle(pace=Nanos(SECOND // 50)), every=1)], Random(1))
    try:
        with World(clock, faults=plan) as world, connected(world, read_timeout=1.0, answer_timeout=0.2) as line:
            clients = line.clients(Wallet.generate().address, clock)
            with pytest.raises(ChainUnavailableError, match="did not finish its answer in time"):
                clients.chain.finalized_height()
            with pytest.raises(PriceUnavailableError, match="did not finish its answer in time"):
                clients.prices.fetch([SOL_MINT])
    finally:
        clock.close()


@pytest.mark.parametrize("logs", [7, "Program failed", [7, None]])
def test_a_failed_simulation_with_logs_of_another_shape_is_no_crash(logs: Any) -> None:
    """Whether they come with a result or with an error."""
    spoiled = WrongType(place=("result", "value", "logs"), value=logs)
    refusal = RpcRefusal(
        code=-32002, message="no", data={"err": {"InstructionError": [3, {"Custom": 1}]}, "logs": logs}
    )
    for rules in (always(spoiled, InsufficientFunds()), [Rule(fault=refusal, on=["simulateTransaction"], every=1)]):
        with trading(*rules) as trader:
            request = sell(trader.token())
            with pytest.raises(SwapError) as caught:
                trader.prepare(request)
            assert caught.value.kind in {FailureKind.TRANSIENT, FailureKind.REFUSED}


@pytest.mark.parametrize("by", [6, 3_600, -1, -3_600])
def test_a_clock_that_steps_makes_no_old_quote_young(by: int) -> None:
    """Forward it is too old, backward nobody knows how old it is: quote again."""
    with trading() as trader:
        clock = SteppingClock(trader.clock)
        venue = trader.line.clients(trader.wallet.address, clock).venues["v2"]
        quote = venue.quote(sell(trader.token()))
        clock.step(seconds(by))
        error = expect(FailureKind.TRANSIENT, lambda: venue.prepare(quote, priority_fee=FEE))
        assert error.code == "QUOTE_TOO_OLD"


def test_a_cluster_whose_own_time_is_off_trades_all_the_same() -> None:
    """Heights decide what is alive, block times decide nothing."""
    with trading() as trader:
        token = trader.token(held=2 * AMOUNT)
        for step in (-86_400, 172_800):
            trader.world.bank.step_block_time(step)
            signed = trader.sign(trader.prepare(sell(token)))
            trader.chain.send(signed.raw)
            trader.pass_time(2)
            status = status_of(trader, signed)
            assert status is not None
            assert status.failure is None
        assert trader.chain.token_balance(Mint(token.address)) == 0


# Everything at once


STORM: list[tuple[Fault, float]] = [
    (RateLimited(), 0.05),
    (ServerError(), 0.05),
    (NODE_IS_BEHIND, 0.03),
    (LostAcknowledgement(), 0.05),
    (LostInGateway(), 0.05),
    (BrokenJson(), 0.03),
    (TruncatedJson(), 0.03),
    (LaggingReplica(least=1, most=150), 0.1),
    (DroppedSend(), 0.2),
    (DelayedSend(least=1, most=60), 0.2),
    (Slippage(), 0.1),
    (BlockhashNotFound(), 0.05),
    (InsufficientFunds(), 0.05),
]
"""Every fault of a very bad day, and how often it strikes."""


class Weathering:
    """Sells through a storm as the engine does, and notes every error."""

    def __init__(self, trader: Trader) -> None:
        self.errors: list[str] = []
        self._trader = trader

    def tried(self, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Return what *act* does, or None where it fails by an error of its port."""
        try:
            return act(*args, **options)
        except (SwapError, ChainUnavailableError) as error:
            self.errors.append(error.kind if isinstance(error, SwapError) else type(error).__name__)
            return None

    def sell(self, token: Token) -> int:
        """Return how much of a sale was sold: all of it, or nothing where it failed or is proven dead."""
        chain = self._trader.chain
        prepared = self.tried(self._trader.prepare, sell(token))
        if prepared is None:
            return 0
        signed = self._trader.sign(prepared)
        while True:
            self.tried(chain.send, signed.raw)
            self._trader.pass_time(1)
            height = self.tried(chain.finalized_height) or 0
            found = self.tried(chain.statuses, [signed.signature], search_history=True)
            if found == [None] and height > signed.last_valid_block_height:
                return 0
            if found and found[0] and (fill := self.tried(chain.fill, signed.signature, Mint(token.address))):
                assert fill.tokens in {0, -AMOUNT}
                return -int(fill.tokens)


def weathered() -> tuple[dict[str, int], list[str]]:
    """Sell ten times an amount through the storm; return how often each fault struck, and every error."""
    with trading(*(Rule(fault=fault, rate=rate) for fault, rate in STORM)) as trader:
        token, weathering, sold = trader.token(held=10 * AMOUNT), Weathering(trader), 0
        while sold < 10 * AMOUNT:
            sold += weathering.sell(token)
        trader.plan.off()
        assert trader.chain.token_balance(Mint(token.address)) == 0
        landed = [one.signature for one in trader.world.bank.ledger()]
        assert len(landed) == len(set(landed))
        return trader.plan.counts(), weathering.errors


def test_a_storm_costs_time_and_no_token() -> None:
    """Whatever strikes, what the fills say is what the chain moved, and the same seed strikes the same way."""
    counts, errors = weathered()
    assert all(counts.values()), counts
    assert {FailureKind.TRANSIENT, ChainUnavailableError.__name__} <= set(errors)
    assert FailureKind.PERMANENT not in errors
    assert weathered() == (counts, errors)
