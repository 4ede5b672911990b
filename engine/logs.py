"""Logs: readable lines on a terminal, JSON otherwise, and never a secret in either."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

_BASE58_SECRET = re.compile(r"(?<![1-9A-HJ-NP-Za-km-z])[1-9A-HJ-NP-Za-km-z]{86,88}(?![1-9A-HJ-NP-Za-km-z])")
_BYTE_ARRAY = re.compile(r"\[\s*(?:\d{1,3}\s*,\s*){31,}\d{1,3}\s*\]")
_PUBLIC = frozenset({"signature"})
_SAFE = (str, int, float, bool, type(None))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out of *event* whatever could be a secret key.

    A secret key in base58 is as long as a signature, so only the field that is named for one may hold one. Objects
    are shown by their type alone: a key that hides in one has no way out.
    """
    for key, value in event.items():
        if key in _PUBLIC or key in ("exc_info", "stack_info"):
            continue
        text = value if isinstance(value, str) else None
        if text is not None:
            event[key] = _BYTE_ARRAY.sub("[redacted]", _BASE58_SECRET.sub("[redacted]", text))
        elif not isinstance(value, _SAFE):
            event[key] = f"<{type(value).__name__}>"
    return event


def configure(*, level: str = "info", stream: TextIO | None = None, json: bool | None = None) -> None:
    """Send log lines of *level* and above to *stream* (standard error).

    Args:
        level: debug, info, warning, error or critical.
        stream: where to.
        json: JSON lines or readable ones; None lets a terminal be readable and all else JSON.
    """
    stream = stream or sys.stderr
    as_json = not stream.isatty() if json is None else json
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=22
        )
    )
    errors = [structlog.processors.format_exc_info] if as_json else []
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if as_json else "%H:%M:%S", utc=as_json),
            *errors,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(levelname)s %(name)s %(message)s", force=True)
