"""What goes wrong: every fault that the stand-ins can be told, each at the same small share of the requests."""

from __future__ import annotations

from collections.abc import Mapping

from chain.simulated.faults.acknowledgements import LostAcknowledgement, LostInGateway
from chain.simulated.faults.call import Ending, Misbehaviour
from chain.simulated.faults.delays import Latency, Trickle
from chain.simulated.faults.garbled import BrokenJson, TruncatedJson, WrongType
from chain.simulated.faults.markets import Slippage
from chain.simulated.faults.plan import Rule
from chain.simulated.faults.refusals import NODE_IS_BEHIND, RPC_TOO_MANY_REQUESTS, RateLimited, ServerError
from chain.simulated.faults.replicas import LaggingReplica
from chain.simulated.faults.sends import DelayedSend, DroppedSend
from chain.simulated.faults.simulations import BlockhashNotFound, InsufficientFunds, SimulationWithoutBalances
from chain.simulated.faults.sockets import DyingSocket, SilentSocket
from engine.domain.units import seconds
from tests.crash.faults import Unreachable

RATE = 0.01

REQUESTS: Mapping[str, Misbehaviour] = {
    "unreachable": Unreachable(),
    "latency": Latency(least=seconds(0.1), most=seconds(3)),
    "latency_of_the_answer": Latency(least=seconds(0.1), most=seconds(3), on_the_way_back=True),
    "trickle": Trickle(pace=seconds(0.002)),
    "lost_acknowledgement": LostAcknowledgement(),
    "broken_off_acknowledgement": LostAcknowledgement(ending=Ending.BROKEN_OFF),
    "lost_in_gateway": LostInGateway(),
    "429_with_headers": RateLimited(resets_after=seconds(2)),
    "429_without_headers": RateLimited(told=False, resets_after=seconds(2)),
    "429_in_an_answer": RPC_TOO_MANY_REQUESTS,
    "5xx": ServerError(),
    "node_behind": NODE_IS_BEHIND,
    "broken_json": BrokenJson(),
    "truncated_json": TruncatedJson(),
    "wrong_type": WrongType(),
    "lagging_replica": LaggingReplica(least=1, most=150),
    "blockhash_not_found": BlockhashNotFound(),
    "insufficient_funds": InsufficientFunds(),
    "simulation_without_balances": SimulationWithoutBalances(),
    "slippage": Slippage(bps=300),
    "dropped_send": DroppedSend(),
    "delayed_send": DelayedSend(least=1, most=40),
    "late_send": DelayedSend(least=90, most=149),
}
SOCKETS: Mapping[str, Rule] = {
    "silent_socket": Rule(fault=SilentSocket(after=50), every=3, name="silent_socket"),
    "dying_socket": Rule(fault=DyingSocket(after=100), every=1, name="dying_socket"),
}
"""There are few connections, of many messages: one in a hundred of those is the last."""


def rules(rate: float) -> list[Rule]:
    """Return a rule for each fault, which strikes the share *rate* of the requests that it can strike; 0 for none."""
    if not rate:
        return []
    return [*(Rule(fault=fault, rate=rate, name=name) for name, fault in REQUESTS.items()), *SOCKETS.values()]
