"""What the routes work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from anyio import CapacityLimiter
from fastapi import Depends, Header, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from engine.api.books import Books
from engine.api.charts import PriceHistory
from engine.api.commands import Call, Commands
from engine.api.problems import Problem
from engine.app import Engine
from engine.events.fields import nanos_of

PREFIX = "/api/v1"
MOST_STREAMS = 64
"""Readers of events at a time."""


class Lifecycle(Protocol):
    """The process that the engine runs in."""

    @property
    def draining(self) -> bool:
        """Whether it is about to end."""

    def drain(self) -> None:
        """Begin to end: no new attempts, and what is in flight is resolved. Returns at once."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One engine, as the API has it."""

    engine: Engine
    commands: Commands
    lifecycle: Lifecycle
    books: Books
    """What the store holds, for lists."""
    history: PriceHistory
    """What prices did, for charts."""
    metrics: Callable[[], tuple[bytes, str]] | None = None
    """Returns the exposition and its media type."""
    readers: set[object] = field(default_factory=set)
    """Who listens to events; touched by the event loop alone."""
    reading_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2 * MOST_STREAMS))
    """Those of the readers, beside those of the requests; a reader that went may hold its own for a moment longer."""


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Api = Annotated[Context, Depends(_context)]


class Command:
    """One call of a command, to be carried out once."""

    def __init__(self, context: Context, call: Call) -> None:
        self._context = context
        self._call = call

    def carry_out(self, act: Callable[[], Any], *, while_draining: bool = False) -> Response:
        """Return what *act*, which returns plain values, answers; see `Commands.carry_out`.

        Raises:
            Problem: 503 where the engine is draining: nothing was done, and the key is not used up.
        """
        if self._context.lifecycle.draining and not while_draining:
            raise Problem(503, "the engine is draining: it takes no commands any more", {"Retry-After": "30"})
        return self._context.commands.carry_out(self._call, act)


async def _command(
    request: Request,
    context: Api,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=128,
            pattern=r"^[\x21-\x7e]+$",
            description="Chosen by the caller, new for each command; the same key has one effect.",
        ),
    ],
) -> Command:
    passed = request.scope["ripcord"]
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return Command(context, Call(who=passed.who, what=f"{request.method} {path}", key=key, body=passed.body))


Once = Annotated[Command, Depends(_command)]
Id = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Limit = Annotated[int, Query(ge=1, le=1000, description="The most that are listed.")]
Offset = Annotated[int, Query(ge=0, le=10**9, description="How many of the newest are passed over.")]
Pattern = Annotated[
    str,
    Query(
        min_length=1,
        max_length=200,
        pattern=r"^([^\s.>]+\.)*(>|[^\s.>]+)$",
        description="Dotted subjects: * is one token, a final > the rest.",
    ),
]
Since = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="Number of the last event that is known.")]
Search = Annotated[str, Query(max_length=100, description="A part of a name; upper and lower case are the same.")]
Points = Annotated[int, Query(ge=2, le=5000, description="The most that are drawn.")]
Moment = Annotated[
    int,
    BeforeValidator(nanos_of, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date-time"})]),
]
"""Nanoseconds since the Unix epoch, given as RFC 3339."""
