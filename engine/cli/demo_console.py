"""The console of the demonstration: beside it on loopback, and never waited for.

What serves it takes seconds to import, so that it starts on a thread of its own while the demonstration runs, and
whatever keeps it from starting is said in a line and changes nothing else.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from engine.app import Engine
from engine.config import Settings
from engine.domain.errors import EngineError

log = structlog.get_logger(__name__)


def beside(settings: Settings, database: Path) -> Settings:
    """Return *settings* with what the API keeps beside *database*, on a free port where the usual one is taken."""
    api = settings.api
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    try:
        socket.create_server((api.host, api.port), family=family).close()
    except OSError:
        api = api.model_copy(update={"port": 0})
    store = settings.store.model_copy(update={"path": database, "url": None})
    return settings.model_copy(update={"api": api, "store": store})


class SideConsole:
    """Serves the console of an engine that runs. Use as a context manager.

    Args:
        engine: which one.
        say: told in a sentence where the console is, or why there is none; on the console's own thread.
    """

    def __init__(self, engine: Engine, say: Callable[[str], object]) -> None:
        self._engine = engine
        self._say = say
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console", daemon=True)

    @property
    def draining(self) -> bool:
        """Whether the demonstration is about to end."""
        return self._over.is_set()

    def drain(self) -> None:
        """Let the console go; the demonstration plays to its end."""
        self._over.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except (EngineError, OSError, ImportError) as error:
            log.warning("demo_without_console", error=str(error))
            self._say(f"The demonstration has no console: {error}")

    def _serve(self) -> None:
        from engine.api.folder import token_file
        from engine.api.serving import served

        with served(self._engine, self) as server:
            if server is not None and not self._over.is_set():
                self._say(
                    f"Console: {server.url} (the token to sign in with is in {token_file(self._engine.settings)})"
                )
                self._over.wait()
