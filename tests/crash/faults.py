"""What goes wrong between the engine and the network while it is being killed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from random import Random

from chain.simulated.faults.acknowledgements import LostAcknowledgement, LostInGateway
from chain.simulated.faults.call import JUPITER, NODE, Call, Ending, Fault, Misbehaviour, Reply, Serve
from chain.simulated.faults.delays import Latency
from chain.simulated.faults.garbled import BrokenJson, TruncatedJson, WrongType
from chain.simulated.faults.markets import Slippage
from chain.simulated.faults.plan import Rule
from chain.simulated.faults.refusals import NODE_IS_BEHIND, RateLimited, ServerError
from chain.simulated.faults.replicas import LaggingReplica
from chain.simulated.faults.sends import DelayedSend, DroppedSend
from chain.simulated.faults.simulations import BlockhashNotFound, InsufficientFunds
from chain.simulated.faults.sockets import DyingSocket, SilentSocket
from engine.domain.units import seconds

SEND = ("sendTransaction",)
BUILD = ("/swap/v2/build",)
LOOKS = ("getSignatureStatuses", "getEpochInfo", "getTransaction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable(Fault):
    """The connection is closed, and nothing of the request is carried out.

    Stands for: a node that is restarted, a network that is gone.
    """

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Hang up."""
        del call, serve, dice
        return Reply(status=0, ending=Ending.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripwire(Fault):
    """No fault: it tells that the engine is at work, and serves."""

    tell: Callable[[], None]

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Tell, and serve."""
        del dice
        self.tell()
        return await serve(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One kind of fault, as one run meets it."""

    rule: Rule
    spell: tuple[float, float] | None = None
    """Seconds after the first quote that an engine asks for, from which and until which it lasts; None: all along.
    One that lasts from the second 0 strikes that quote as well."""


def _often(fault: Misbehaviour, on: Collection[str] = (), rate: float = 0.6) -> Callable[[Random], Trouble]:
    return lambda _: Trouble(rule=Rule(fault=fault, on=on, rate=rate))


def _spell(
    fault: Misbehaviour, on: Collection[str], *, begins: tuple[float, float], lasts: tuple[float, float]
) -> Callable[[Random], Trouble]:
    def drawn(rng: Random) -> Trouble:
        begin = rng.uniform(*begins)
        rule = Rule(fault=fault, on=on, every=1)
        return Trouble(rule=rule, spell=(begin, begin + rng.uniform(*lasts)))

    return drawn


SLIPPAGE, LATE_LANDING, EXPIRY, REFUSED, FROZEN = "slippage", "late_landing", "expiry", "no_route", "frozen"
NO_ROUTE_FOR_A_WHILE = "no_route_for_a_while"

FAULTS: Mapping[str, Callable[[Random], Trouble | None]] = {
    "lost_acknowledgement": _often(LostAcknowledgement(), SEND),
    "broken_off_acknowledgement": _often(LostAcknowledgement(ending=Ending.BROKEN_OFF), SEND),
    "lost_in_gateway": _often(LostInGateway(), SEND),
    "lost_answers": _often(LostAcknowledgement(), (NODE,), 0.15),
    "dropped_send": _often(DroppedSend(), SEND, 0.7),
    "delayed_send": _often(DelayedSend(least=1, most=40), SEND, 0.7),
    LATE_LANDING: _often(DelayedSend(least=90, most=149), SEND, 1.0),
    SLIPPAGE: _often(Slippage(bps=300), BUILD),
    "quote_429": _often(RateLimited(), BUILD, 0.5),
    "quote_5xx": _often(ServerError(), BUILD, 0.5),
    "send_429": _often(RateLimited(), SEND),
    "send_5xx": _often(ServerError(), SEND),
    "look_5xx": _often(ServerError(), LOOKS, 0.4),
    "node_behind": _often(NODE_IS_BEHIND, (NODE,), 0.2),
    "blockhash_not_found": _often(BlockhashNotFound(), rate=0.4),
    "insufficient_funds": _often(InsufficientFunds(), rate=0.4),
    "broken_json": _often(BrokenJson(), (*SEND, *BUILD, *LOOKS), 0.3),
    "truncated_json": _often(TruncatedJson(), (*SEND, *BUILD, *LOOKS), 0.3),
    "wrong_type": _often(WrongType(), (*SEND, *BUILD, *LOOKS), 0.3),
    EXPIRY: _spell(DroppedSend(), SEND, begins=(0, 0), lasts=(20, 26)),
    "node_unreachable": _spell(Unreachable(), (NODE,), begins=(0, 3), lasts=(1, 12)),
    "jupiter_unreachable": _spell(Unreachable(), (JUPITER,), begins=(0, 3), lasts=(1, 8)),
    "replica_lag": _often(LaggingReplica(least=1, most=30), rate=0.5),
    "deep_replica_lag": _often(LaggingReplica(least=30, most=149), rate=0.3),
    "slow_answers": _often(Latency(least=seconds(0.1), most=seconds(3), on_the_way_back=True), rate=0.3),
    "dying_socket": _often(DyingSocket(after=2), rate=1.0),
    "silent_socket": _often(SilentSocket(after=1), rate=1.0),
    NO_ROUTE_FOR_A_WHILE: _spell(ServerError(status=500), BUILD, begins=(0, 0), lasts=(6, 9)),
    REFUSED: _often(ServerError(status=500), BUILD, 1.0),
    FROZEN: lambda _: None,
}
"""How to draw each kind, by name. The last two are for good: no exit can succeed, and a person must hear of it."""

FOR_GOOD = frozenset({REFUSED, FROZEN})
