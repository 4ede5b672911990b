"""Commands are carried out once for each idempotency key, and written down before and after.

The line before is on the disk before anything is done, and the line after holds the answer. So a key that comes again
gets the same answer and has no second effect, after a restart too; one whose line after is missing was interrupted, and
is refused, since nobody knows what came of it. A key is used up for as long as the audit log stands.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from starlette.responses import Response

from engine.api.audit import AuditLog
from engine.api.problems import MEDIA_TYPE, Problem, problem_of
from engine.events.fields import rfc3339
from engine.ports import Clock

log = structlog.get_logger(__name__)

REPLAYED = "Idempotency-Replayed"
"""The header of an answer that is given again."""
_BAD = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command as it was given."""

    who: str
    """The token's name and the address that it came from."""
    what: str
    """Method and path."""
    key: str
    """The Idempotency-Key."""
    body: bytes

    @property
    def fingerprint(self) -> str:
        """What two calls have in common that are the same call."""
        return hashlib.sha256(self.what.encode() + b"\n" + self.body).hexdigest()


@dataclass(slots=True)
class _Known:
    """A key that was used."""

    fingerprint: str
    answer_at: int | None = None
    """Where in the log the answer is; None while there is none."""
    under_way: bool = True


class Commands:
    """Carries commands out, and keeps the log at *path*.

    Raises:
        BadInputError: see `AuditLog`.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._open: dict[int, str] = {}
        """While the log is read: the keys of the calls without an end."""
        self._audit = AuditLog(path, self._recall)
        log.info("audit_log", path=str(path), lines=self._audit.count, head=self._audit.head)

    def _recall(self, offset: int, line: Mapping[str, Any]) -> None:
        if line["event"] == "begun":
            self._known[line["key"]] = _Known(line["fingerprint"], under_way=False)
            self._open[line["seq"]] = line["key"]
        else:
            self._known[self._open.pop(line["of"])].answer_at = offset

    def carry_out(self, call: Call, act: Callable[[], Any]) -> Response:
        """Return what *act* answers, as JSON, or the problem that it raises; *act* is called once for each key.

        Raises:
            Problem: 409 where the key is under way or was interrupted, 422 where it was used for another call, 503
                where nothing can be written down. Nothing was done.
        """
        if (before := self._claim(call)) is not None:
            return self._again(call, before)
        try:
            seq = self._begin(call)
        except OSError as error:
            with self._lock:
                del self._known[call.key]
            raise Problem(503, f"the audit log cannot be written ({error.strerror}): nothing was done") from None
        status, answer = _outcome(act)
        self._end(call, seq, status, answer)
        return _response(status, answer)

    def _claim(self, call: Call) -> _Known | None:
        """Take the key, and return None; or return what is known of it."""
        with self._lock:
            before = self._known.get(call.key)
            if before is None:
                self._known[call.key] = _Known(call.fingerprint)
            return before

    def _again(self, call: Call, before: _Known) -> Response:
        if before.fingerprint != call.fingerprint:
            raise Problem(422, "the Idempotency-Key was used for another call: make a new one for each")
        if before.answer_at is not None:
            line = self._audit.line_at(before.answer_at)
            return _response(line["status"], line["answer"], {REPLAYED: "true"})
        if before.under_way:
            raise Problem(409, "a call with this Idempotency-Key is under way", {"Retry-After": "1"})
        raise Problem(
            409, "the call with this Idempotency-Key was interrupted: look what came of it, then use a new key"
        )

    def _begin(self, call: Call) -> int:
        record = {
            "event": "begun",
            "at": rfc3339(self._clock.now()),
            "who": call.who,
            "what": call.what,
            "key": call.key,
            "fingerprint": call.fingerprint,
            "body": call.body.decode("utf-8", "replace"),
        }
        return self._audit.append(record).seq

    def _end(self, call: Call, seq: int, status: int, answer: Any) -> None:
        at = rfc3339(self._clock.now())
        known = self._known[call.key]
        try:
            line = {"event": "ended", "at": at, "of": seq, "status": status, "answer": answer}
            known.answer_at = self._audit.append(line).offset
        except OSError:
            log.exception("audit_log_not_written", what=call.what, status=status)
        finally:
            known.under_way = False
        log.info("command", who=call.who, what=call.what, status=status)

    def close(self) -> None:
        """Let go of the log."""
        self._audit.close()


def _outcome(act: Callable[[], Any]) -> tuple[int, Any]:
    """Return the status and the answer of *act*: what it raises is an answer too."""
    try:
        return 200, act()
    except Exception as error:
        problem = problem_of(error)
        if problem.status == 500:  # noqa: PLR2004
            log.exception("command_failed")
        return problem.status, problem.body()


def _response(status: int, answer: Any, headers: Mapping[str, str] | None = None) -> Response:
    media_type = "application/json" if status < _BAD else MEDIA_TYPE
    return Response(json.dumps(answer), status, dict(headers or {}), media_type)
