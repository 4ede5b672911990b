"""From settings to a served API: the token and the audit log beside the database, and the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from engine.api.access import access_of
from engine.api.app import create_app
from engine.api.books import Books
from engine.api.charts import PriceHistory
from engine.api.commands import Commands
from engine.api.context import Context, Lifecycle
from engine.api.folder import AUDIT, SESSIONS, folder_of, token_file
from engine.api.server import ApiServer
from engine.api.tokens import token_at
from engine.app import Engine
from engine.console import serve_console


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
        books = Books(engine.ports.store, engine.ports.bus)
        stack.callback(books.close)
        context = Context(
            engine=engine,
            commands=commands,
            lifecycle=lifecycle,
            books=books,
            history=PriceHistory(engine.ports.store, engine.tape),
            metrics=engine.metrics.exposition,
        )
        # Behind a proxy that is trusted there is TLS as well: see `ApiSection`.
        secure = section.tls or section.trusted_proxy is not None
        app = create_app(
            context, token=token, access=access_of(section), secure=secure, sessions_file=folder / SESSIONS
        )
        if engine.settings.console.enabled:
            serve_console(app, engine.ports.clock)
        yield stack.enter_context(ApiServer(app, section))
