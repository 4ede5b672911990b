"""When faults strike, and how often they have.

Everything that is random comes from the `random.Random` that a plan is given. Each rule has a stream of its own, drawn
from once for every request that it is concerned with, in the order of their arrival: the same requests in the same
order meet the same faults, whatever other rules there are behind it in the list.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

import structlog

from chain.simulated.faults.call import Misbehaviour
from chain.simulated.faults.waiting import Waiting
from engine.domain.errors import BadInputError

log = structlog.get_logger(__name__)

_SEED_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fault and its occasions: exactly one of *rate*, *at* and *every*."""

    fault: Misbehaviour
    on: Collection[str] = ()
    """Names of the requests that are concerned: JSON-RPC methods, Jupiter's paths, or the names of `faults.call`.
    None are all that the fault can strike."""
    rate: float = 0.0
    """Probability of each request that is concerned, from 0 to 1."""
    at: Collection[int] = ()
    """Which of them, counted from 1."""
    every: int = 0
    """Each so many-th of them: 1 for all, 2 for a pool of which one of two nodes is at fault."""
    name: str = ""
    """What it is switched and counted by; the fault's own where there is none."""

    def __post_init__(self) -> None:
        given = sum((self.rate > 0, bool(self.at), self.every > 0))
        sound = 0 <= self.rate <= 1 and self.every >= 0 and all(number >= 1 for number in self.at)
        if isinstance(self.on, str):
            raise BadInputError(f"The requests of fault {self.title} are one text, {self.on!r}: give a list of names.")
        if given != 1 or not sound:
            raise BadInputError(
                f"The fault {self.title} has rate {self.rate}, at {list(self.at)} and every {self.every}: give exactly "
                "one of a rate up to 1, numbers from 1 on, and a period from 1 on."
            )

    @property
    def title(self) -> str:
        """What it is switched and counted by."""
        return self.name or self.fault.name

    def concerns(self, names: frozenset[str]) -> bool:
        """Return whether a request that goes by *names* can be struck."""
        return not names.isdisjoint(self.fault.where) and (not self.on or not names.isdisjoint(self.on))


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A rule that strikes one request."""

    title: str
    fault: Misbehaviour
    dice: Random


class _Course:
    """A rule in the course of time."""

    def __init__(self, rule: Rule, random: Random) -> None:
        self.rule = rule
        self.on = True
        self.count = 0
        self._random = random
        self._seen = 0

    def strike(self, names: frozenset[str]) -> Strike | None:
        """Take a request into account, and return whether and how it is struck."""
        if not self.on or not self.rule.concerns(names):
            return None
        self._seen += 1
        seed = self._random.getrandbits(_SEED_BITS)
        if not self._is_due():
            return None
        return Strike(title=self.rule.title, fault=self.rule.fault, dice=Random(seed))

    def _is_due(self) -> bool:
        if self.rule.every:
            return self._seen % self.rule.every == 0
        if self.rule.at:
            return self._seen in self.rule.at
        return self._random.random() < self.rule.rate


class FaultPlan:
    """Rules, switched on and off while they run. Safe to use from any thread.

    The first rule is the outermost: where two strike one request, the later one is met only if the earlier lets the
    request through.

    Attributes:
        waiting: the requests that are being held back.
    """

    def __init__(self, rules: Sequence[Rule], random: Random) -> None:
        """Take *rules*, all of them switched on.

        Raises:
            BadInputError: two of them have one name.
        """
        self.waiting = Waiting()
        self._lock = threading.Lock()
        self._courses: dict[str, _Course] = {}
        for rule in rules:
            if rule.title in self._courses:
                raise BadInputError(f"Two rules are named {rule.title}: give each a name of its own.")
            self._courses[rule.title] = _Course(rule, Random(random.getrandbits(_SEED_BITS)))

    def on(self, *titles: str) -> None:
        """Let the rules named *titles* strike (without any: all rules); each goes on where it was switched off.

        Raises:
            BadInputError: there is no such rule.
        """
        self._switch(titles, on=True)

    def off(self, *titles: str) -> None:
        """Let the rules named *titles* rest (without any: all rules): they neither count requests nor draw.

        Raises:
            BadInputError: there is no such rule.
        """
        self._switch(titles, on=False)

    def counts(self) -> dict[str, int]:
        """Return how often each rule has struck so far."""
        with self._lock:
            return {title: course.count for title, course in self._courses.items()}

    def strikes(self, names: frozenset[str]) -> list[Strike]:
        """Return what strikes the request that has just arrived and goes by *names*, outermost first."""
        with self._lock:
            struck = [course.strike(names) for course in self._courses.values()]
        return [strike for strike in struck if strike is not None]

    def met(self, strike: Strike, names: frozenset[str]) -> None:
        """Count *strike*: its request has come as far as the fault."""
        with self._lock:
            self._courses[strike.title].count += 1
        log.debug("fault", fault=strike.title, request=sorted(names))

    def _switch(self, titles: Sequence[str], *, on: bool) -> None:
        unknown = [title for title in titles if title not in self._courses]
        if unknown:
            known = ", ".join(self._courses)
            raise BadInputError(f"There is no fault named {', '.join(unknown)}: give one of {known}.")
        with self._lock:
            for title in titles or self._courses:
                self._courses[title].on = on
