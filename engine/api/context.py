"""What the routes work with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from anyio import CapacityLimiter
from fastapi import Depends, Header, Path, Query, Request
from starlette.responses import Response

from engine.api.commands import Call, Commands
from engine.api.problems import Problem
from engine.app import Engine

PREFIX = "/api/v1"
MOST_STREAMS = 64
"""Readers of events at a time."""
PAUSE, RESUME = f"POST {PREFIX}/engine/entries/pause", f"POST {PREFIX}/engine/entries/resume"


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
    metrics: Callable[[], tuple[bytes, str]] | None = None
    """Returns the exposition and its media type."""
    guarding: threading.Lock = field(default_factory=threading.Lock)
    """Held while tokens are taken under guard: two that look at the wallet at once would both take the same ones."""

    readers: set[object] = field(default_factory=set)
    """Who listens to events; touched by the event loop alone."""
    reading_threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2 * MOST_STREAMS))
    """Those of the readers, beside those of the requests; a reader that went may hold its own for a moment longer."""

    @property
    def entries_paused(self) -> bool:
        """Whether no position is to be opened; it holds across a restart."""
        return self.commands.latest(PAUSE, RESUME) == PAUSE


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
