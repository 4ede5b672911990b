"""When faults strike: rates, scripts, switches and counts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from chain.simulated.faults.acknowledgements import LostAcknowledgement
from chain.simulated.faults.call import HTTP, JUPITER, NODE, RPC, WEBSOCKET
from chain.simulated.faults.plan import FaultPlan, Rule
from chain.simulated.faults.refusals import RateLimited, RpcRefusal, ServerError
from chain.simulated.faults.replicas import LaggingReplica
from chain.simulated.faults.sends import DroppedSend
from chain.simulated.faults.sockets import DyingSocket
from engine.domain.errors import BadInputError
from tests.simulated.faults.stage import PRICES, staged


def node(method: str) -> frozenset[str]:
    """Return the names of a request to the node."""
    return frozenset({HTTP, NODE, RPC, method})


SEND, STATUS = node("sendTransaction"), node("getSignatureStatuses")
SWAP = frozenset({HTTP, JUPITER, "/swap/v2/build"})


def struck(plan: FaultPlan, *requests: frozenset[str]) -> list[list[str]]:
    """Return what strikes each of *requests*."""
    return [[strike.title for strike in plan.strikes(names)] for names in requests]


def test_a_script_strikes_the_requests_it_numbers_and_no_other() -> None:
    """The second sendTransaction, whatever else is asked between."""
    plan = FaultPlan([Rule(fault=LostAcknowledgement(), on=["sendTransaction"], at=[2, 4])], Random(1))
    hits = struck(plan, SEND, STATUS, SEND, SEND, SWAP, SEND, SEND)
    assert [bool(hit) for hit in hits] == [False, False, True, False, False, True, False]


def test_a_period_strikes_every_so_many_th_request() -> None:
    """A pool of two nodes, one of which lags."""
    plan = FaultPlan([Rule(fault=LaggingReplica(), every=2)], Random(1))
    assert [bool(hit) for hit in struck(plan, *[STATUS] * 6)] == [False, True] * 3


@pytest.mark.parametrize(("rate", "least", "most"), [(0.0001, 0, 5), (0.25, 200, 300), (1.0, 1_000, 1_000)])
def test_a_rate_strikes_as_often_as_it_says(rate: float, least: int, most: int) -> None:
    """Of a thousand requests."""
    plan = FaultPlan([Rule(fault=ServerError(), rate=rate)], Random(3))
    assert least <= sum(map(bool, struck(plan, *[STATUS] * 1_000))) <= most


def test_the_same_seed_meets_the_same_faults() -> None:
    """In the order of arrival; another seed meets others."""

    def course(seed: int) -> list[list[str]]:
        rules = [Rule(fault=ServerError(), rate=0.3), Rule(fault=DroppedSend(), rate=0.3)]
        return struck(FaultPlan(rules, Random(seed)), *[SEND, STATUS, SWAP] * 50)

    assert course(5) == course(5) != course(6)


def test_a_further_rule_leaves_the_others_where_they_were() -> None:
    """Every rule has a stream of its own, so that one more fault does not change a reproduced run."""
    first = Rule(fault=ServerError(), rate=0.3)
    alone = struck(FaultPlan([first], Random(5)), *[SEND] * 100)
    beside = struck(FaultPlan([first, Rule(fault=DroppedSend(), rate=0.5)], Random(5)), *[SEND] * 100)
    assert [[title for title in hit if title == "server_error"] for hit in beside] == alone


def test_requests_that_a_rule_is_not_about_do_not_move_its_dice() -> None:
    """How often prices are polled does not decide which transaction is dropped."""

    def course(*between: frozenset[str]) -> list[bool]:
        plan = FaultPlan([Rule(fault=DroppedSend(), rate=0.5)], Random(5))
        return [bool(plan.strikes(SEND) + [hit for names in between for hit in plan.strikes(names)]) for _ in range(50)]

    assert course() == course(STATUS, SWAP)


def test_a_fault_strikes_only_what_it_is_a_fault_of() -> None:
    """A websocket dies, a node lags; an HTTP fault strikes both servers."""
    rules = [
        Rule(fault=DyingSocket(), every=1),
        Rule(fault=LaggingReplica(), every=1),
        Rule(fault=ServerError(), every=1),
    ]
    plan = FaultPlan(rules, Random(1))
    assert struck(plan, SWAP, STATUS, frozenset({NODE, WEBSOCKET})) == [
        ["server_error"],
        ["lagging_replica", "server_error"],
        ["dying_socket"],
    ]


def test_a_rule_that_is_switched_off_rests() -> None:
    """It neither strikes nor counts requests, and goes on where it was."""
    plan = FaultPlan([Rule(fault=ServerError(), at=[2]), Rule(fault=RateLimited(), every=1)], Random(1))
    assert struck(plan, STATUS) == [["rate_limited"]]
    plan.off("server_error")
    assert struck(plan, STATUS, STATUS) == [["rate_limited"]] * 2
    plan.off()
    assert struck(plan, STATUS) == [[]]
    plan.on("server_error")
    assert struck(plan, STATUS) == [["server_error"]]


def test_strikes_are_counted_where_they_are_met() -> None:
    """The outer fault refuses: what is behind it never happened."""
    rules = [
        Rule(fault=RateLimited(), on=[PRICES], at=[1]),
        Rule(fault=ServerError(), on=[PRICES], every=1),
        Rule(fault=ServerError(), on=["getSlot"], every=1, name="node down"),
    ]
    with staged(*rules) as stage:
        assert [stage.jupiter(PRICES).status_code for _ in range(3)] == [429, 503, 503]
        assert stage.plan.counts() == {"rate_limited": 1, "server_error": 2, "node down": 0}


BAD_INPUT: dict[str, tuple[Callable[[], object], str]] = {
    "no occasion": (lambda: Rule(fault=ServerError()), "give exactly one"),
    "two occasions": (lambda: Rule(fault=ServerError(), rate=0.5, at=[1]), "give exactly one"),
    "a rate above one": (lambda: Rule(fault=ServerError(), rate=1.5), "give exactly one"),
    "a number before the first": (lambda: Rule(fault=ServerError(), at=[0]), "give exactly one"),
    "a text for names": (lambda: Rule(fault=ServerError(), on="getSlot", every=1), "give a list of names"),
    "one name twice": (
        lambda: FaultPlan([Rule(fault=ServerError(), every=1)] * 2, Random(1)),
        "Two rules are named server_error",
    ),
    "an unknown name": (
        lambda: FaultPlan([Rule(fault=ServerError(), every=1)], Random(1)).off("rpc"),
        "There is no fault named rpc: give one of server_error",
    ),
}


@pytest.mark.parametrize(("act", "sentence"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_is_refused_with_one_sentence(act: Callable[[], object], sentence: str) -> None:
    """What, where and what to do."""
    with pytest.raises(BadInputError, match=sentence):
        act()


def test_a_fault_is_named_after_what_it_is() -> None:
    """Unless its rule has a name of its own."""
    fault = RpcRefusal(code=1, message="no")
    assert Rule(fault=fault, every=1).title == "rpc_refusal"
    assert Rule(fault=fault, every=1, name="behind").title == "behind"
