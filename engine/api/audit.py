"""The audit log: every command with who gave it, when, and what came of it, each line bound to the one before.

One JSON object a line. `hash` is the SHA-256 of the rest of the line, written as JSON with sorted keys and no spaces,
and `prev` the hash of the line before; a line that is changed, left out or put in breaks the chain. What a chain alone
cannot show is a tail that was cut off: the head is logged at each start, to be compared with.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from engine.domain.errors import BadInputError

GENESIS = "0" * 64
"""What the first line names as the hash before it."""


class Place(NamedTuple):
    """Where a line stands: its number from 1, and its offset in bytes."""

    seq: int
    offset: int


class AuditError(BadInputError):
    """The log is not what was written. The message names the line."""


class AuditLog:
    """Appends to the log at *path*, made with mode 0600 where there is none. One process writes it at a time.

    Args:
        path: the file.
        on_line: is given each line that is there already, with its offset in bytes.

    Raises:
        AuditError: a line was changed, left out or put in.
        BadInputError: the file cannot be opened.
    """

    def __init__(self, path: Path, on_line: Callable[[int, Mapping[str, Any]], None] = lambda _at, _line: None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.head, self.count, self._end = GENESIS, 0, 0
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BadInputError(f"the audit log {path} cannot be opened: {error.strerror}") from None
        try:
            os.fchmod(self._descriptor, 0o600)
            self._read(on_line)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _read(self, on_line: Callable[[int, Mapping[str, Any]], None]) -> None:
        for offset, line in _lines(self.path):
            on_line(offset, line)
            self.head, self.count = line["hash"], self.count + 1
            self._end = offset + len(_encoded(line))
        # A line without its end was being written when the machine stopped: nothing was done after it.
        os.ftruncate(self._descriptor, self._end)

    def append(self, record: Mapping[str, Any]) -> Place:
        """Write *record* to the disk, and return where it stands.

        Raises:
            OSError: it could not be written.
        """
        with self._lock:
            line = {**record, "seq": self.count + 1, "prev": self.head}
            line["hash"] = _digest(line)
            offset, raw = self._end, _encoded(line)
            try:
                _write(self._descriptor, raw)
            except OSError:
                os.ftruncate(self._descriptor, offset)
                raise
            self.head, self.count, self._end = line["hash"], self.count + 1, offset + len(raw)
            return Place(self.count, offset)

    def line_at(self, offset: int) -> dict[str, Any]:
        """Return the line that begins at *offset*."""
        with self.path.open("rb") as file:
            file.seek(offset)
            line: dict[str, Any] = json.loads(file.readline())
        return line

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def verify(path: Path) -> tuple[int, str]:
    """Look at every line of the log at *path*; return how many there are, and the hash of the last.

    Raises:
        AuditError: a line was changed, left out or put in.
        OSError: the file cannot be read.
    """
    count, head = 0, GENESIS
    for _, line in _lines(path):
        count, head = count + 1, line["hash"]
    return count, head


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each whole line with its offset, once it has proven to follow from the one before."""
    offset, before = 0, GENESIS
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n"):
                return
            try:
                line = json.loads(raw)
                follows = line["seq"] == number and line["prev"] == before
                sound = follows and line["hash"] == _digest(line) and raw == _encoded(line)
            except (ValueError, KeyError, TypeError):
                sound = False
            if not sound:
                raise AuditError(
                    f"{path}, line {number}: it does not follow from the line before, so the audit log was changed: "
                    "find out by whom, and move the file away for a new one"
                )
            yield offset, line
            offset, before = offset + len(raw), line["hash"]


def _write(descriptor: int, raw: bytes) -> None:
    while raw:
        raw = raw[os.write(descriptor, raw) :]
    os.fsync(descriptor)


def _encoded(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _digest(line: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(_encoded(rest)[:-1]).hexdigest()
