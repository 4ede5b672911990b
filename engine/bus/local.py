"""The bus within the process.

Subjects are dotted; in a pattern `*` stands for one token and a final `>` for one or more, as in NATS.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)

Listener = Callable[[str, Mapping[str, Any]], None]


class Tellable(Protocol):
    """Anything with a `tell`, such as a reference to an actor."""

    def tell(self, message: Any) -> None:
        """Take *message*."""


def matches(pattern: str, subject: str) -> bool:
    """Return whether *subject* is one that *pattern* names."""
    wanted, tokens = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(tokens) <= len(wanted):
            return False
        tokens = tokens[: len(wanted)]
    return len(wanted) == len(tokens) and all(w in ("*", t) for w, t in zip(wanted, tokens, strict=True))


class LocalBus:
    """Calls its listeners on the publisher's thread, or tells them where they are actors.

    A listener that raises is logged and harms nobody else. A listener that is a callable must not block.
    """

    def __init__(self) -> None:
        self._listeners: tuple[tuple[str, Listener], ...] = ()
        self._lock = threading.Lock()

    def subscribe(self, pattern: str, listener: Listener | Tellable) -> Callable[[], None]:
        """Have *listener* hear of every subject that *pattern* names; return what ends it.

        A callable is called with the subject and the data; anything else is told them as one tuple.
        """
        entry = (pattern, listener if callable(listener) else lambda s, d: listener.tell((s, d)))
        with self._lock:
            self._listeners = (*self._listeners, entry)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(other for other in self._listeners if other is not entry)

        return unsubscribe

    def publish(self, subject: str, data: Mapping[str, Any]) -> None:
        """Tell every listener whose pattern names *subject*."""
        for pattern, listener in self._listeners:
            if matches(pattern, subject):
                try:
                    listener(subject, data)
                except Exception:
                    log.exception("listener_failed", subject=subject, pattern=pattern)
