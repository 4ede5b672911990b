"""Answers that are no JSON, or JSON of another shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import Any

from chain.simulated.faults.call import Call, Fault, NodeCall, Reply, Serve

Place = tuple[str | int, ...]
"""The members and indexes that lead to a value."""

_DEEP = 100_000

_BROKEN = (
    b"",
    b"<html><body>It works!</body></html>",
    b'{"result": NaN}',
    b'{"result": 1,}',
    b"\xff\xfe\x00",
    b"[" * _DEEP,
)

WRONG: Mapping[type, tuple[Any, ...]] = MappingProxyType(
    {
        str: (None, 12.5, True, {}),
        int: (None, "x", 12.5, True, [], "-1"),
        float: (None, "x", True, []),
        bool: (None, "yes", 2),
        dict: (None, "x", 7, []),
        list: (None, "x", 7, {}),
        type(None): ("x", 7, {}),
    }
)
"""For every type of JSON, values of others that a careless reader would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenJson(Fault):
    """HTTP 200 with something that is not JSON: nothing, a page, NaN, a stray comma, noise, endless brackets.

    Stands for: a captive portal, a gateway's welcome page, a server that writes what its language calls JSON.
    """

    body: bytes | None = None
    """What is answered; None draws one of the above."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and put something else in the answer's place."""
        return replace(await serve(call), body=dice.choice(_BROKEN) if self.body is None else self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncatedJson(Fault):
    """The answer ends too early, under a length that fits what is left of it.

    Stands for: a proxy with too small a buffer, a server that dies while it writes.
    """

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and cut the answer off anywhere."""
        reply = await serve(call)
        return replace(reply, body=reply.body[: dice.randrange(max(1, len(reply.body)))])


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongType(Fault):
    """One value of the answer is of another type: a number where a string belongs, null where an object.

    Stands for: an API that changed without a word, a proxy that "repairs" JSON, a release of the node in which a field
    became optional. JSON-RPC's own envelope is left whole.
    """

    place: Place | None = None
    """Which value; None draws one. An answer that does not have it stays as it is."""
    value: Any = None
    """What to put there, where *place* is given."""

    async def meet(self, call: Call, serve: Serve, dice: Random) -> Reply:
        """Serve, and change a value of the answer."""
        reply = await serve(call)
        try:
            answer = json.loads(reply.body)
        except ValueError:
            return reply
        found = [place for place in places(answer) if not isinstance(call, NodeCall) or "result" in place]
        if self.place is not None:
            changes = [(self.place, self.value)] if self.place in found else []
        else:
            place = dice.choice(found) if found else ()
            changes = [(place, dice.choice(WRONG[type(value_at(answer, place))]))] if place else []
        for place, value in changes:
            answer = put(answer, place, value)
        return replace(reply, body=json.dumps(answer).encode())


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Yield where every value within *value* is."""
    members: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        members = iter(value.items())
    else:
        members = iter(enumerate(value)) if isinstance(value, list) else iter(())
    for key, member in members:
        yield (*above, key)
        yield from places(member, (*above, key))


def value_at(value: Any, place: Place) -> Any:
    """Return the value at *place* within *value*."""
    for key in place:
        value = value[key]
    return value


def put(value: Any, place: Place, new: Any) -> Any:
    """Return *value* with *new* at *place*."""
    if not place:
        return new
    key, *rest = place
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    changed[key] = put(value[key], tuple(rest), new)
    return changed
