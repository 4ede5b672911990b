"""From settings to a served API: the token and the audit log beside the database, and the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.api.access import access_of
from engine.api.app import create_app
from engine.api.commands import Commands
from engine.api.context import Context, Lifecycle
from engine.api.server import ApiServer
from engine.api.tokens import token_at
from engine.app import Engine
from engine.config import Settings

TOKEN, AUDIT = "api-token", "api-audit.jsonl"
"""What is kept beside the database."""


@contextmanager
def served(
    engine: Engine,
    lifecycle: Lifecycle,
) -> Iterator[ApiServer | None]:
    """Serve the API of *engine* as its settings say; yield its server, or None where it is not to be served.

    The engine must hold its wallet's lease already: one process writes the audit log.

    Args:
        engine: is watched and commanded.
        lifecycle: of the process.

    Raises:
        BadInputError: the token, the audit log, the certificate or the port cannot be used.
    """
    section = engine.settings.api
    if not section.enabled:
        yield None
        return
    folder = folder_of(engine.settings)
    with ExitStack() as stack:
        token = token_at(token_file(engine.settings))
        commands = Commands(folder / AUDIT, engine.ports.clock)
        stack.callback(commands.close)
        context = Context(engine=engine, commands=commands, lifecycle=lifecycle, metrics=engine.metrics.exposition)
        yield stack.enter_context(ApiServer(create_app(context, token=token, access=access_of(section)), section))


def folder_of(settings: Settings) -> Path:
    """Return the folder that the database of *settings* is in; the working directory where it is no file."""
    path = settings.store.path
    return path.parent if path is not None else Path()


def token_file(settings: Settings) -> Path:
    """Return where the token of *settings* is."""
    return settings.api.token_file or folder_of(settings) / TOKEN
