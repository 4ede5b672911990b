"""Answers that come late, or by the drop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from chain.simulated.faults.call import Call, Fault, Reply, Serve
from engine.domain.units import Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Fault):
    """The request takes its time, by the world's clock, and may arrive after whoever asked has given up.

    Stands for: distance, a congested network, a provider under load, a leader that is far away. Under a
    `engine.clock.ManualClock` the request is held until the clock is moved to its time: whoever moves it must not wait
    for the answer first.
    """

    least: Nanos
    most: Nanos
    """Drawn evenly from *least* to this, both included; the same for a fixed delay."""
    on_the_way_back: bool = False
    """Serve the request at once and hold back its answer: what was sent is on chain before its sender hears of it."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Wait, then serve; or the other way round."""
        span = Nanos(dice.randint(self.least, self.most))
        if self.on_the_way_back:
            reply = await serve(call)
            await call.pause(span)
            return reply
        await call.pause(span)
        return await serve(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle(Fault):
    """The answer comes a byte at a time, each of them in time for a reader that only minds silence.

    Stands for: an overloaded proxy, a connection that loses most of its packets.
    """

    pace: Nanos
    """Between two bytes."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and answer slowly."""
        del dice
        return replace(await serve(call), pace=self.pace)
