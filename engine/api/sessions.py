"""Sessions of a browser: whoever has shown the token once carries a cookie in its place.

A session is 256 random bits that are kept in the browser's cookie and, as a digest, here. Where there is a file for
the digests, sessions outlive the process: whoever watches an engine that is started again watches on. A session ends
when it is signed out, when nothing was asked with it for a while, after its longest life however busy it is, and when
the token is changed.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from starlette.requests import cookie_parser

from engine.domain.errors import BadInputError
from engine.domain.units import SECOND, Nanos, seconds
from engine.files import drafted
from engine.ports import Clock

log = structlog.get_logger(__name__)

LONGEST = seconds(12 * 3600)
"""How long a session lives."""
IDLE = seconds(3600)
"""How long one may be asked nothing with. An open console asks every second."""
_BYTES = 32
_MOST = 256
"""More at a time there are not: the one that was used longest ago ends."""


@dataclass(slots=True)
class _Life:
    name: str
    ends_at: Nanos
    used_at: Nanos


class Sessions:
    """The sessions of one process. On any thread.

    Args:
        clock: says when they end.
        name: tells the cookies of two engines on one host apart, whose ports a browser does not look at.
        secure: whether the cookie is to go over TLS alone.
        file: where the digests are kept, under *name*; without one, sessions end with the process.
    """

    def __init__(self, clock: Clock, *, name: str, secure: bool = False, file: Path | None = None) -> None:
        self.cookie = f"ripcord-{name}"
        self._clock = clock
        self._secure = secure
        self._lock = threading.Lock()
        self._name = name
        self._file = file
        self._lives = self._kept()

    def begin(self) -> str:
        """Begin a session, and return the Set-Cookie header that gives it to the browser."""
        secret, now = secrets.token_urlsafe(_BYTES), self._clock.now()
        digest = _digest(secret)
        with self._lock:
            self._lives[digest] = _Life(digest.hex()[:8], Nanos(now + LONGEST), now)
            if len(self._lives) > _MOST:
                self._lives.popitem(last=False)
            self._keep()
        return self._header(secret, LONGEST // SECOND)

    def of(self, headers: Mapping[str, str]) -> str | None:
        """Return the name of the session whose cookie is among *headers*, which counts as a use; None without one.

        The name is eight hex digits that tell it from another one, and nobody the secret.
        """
        secret = self._secret(headers)
        if secret is None:
            return None
        digest, now = _digest(secret), self._clock.now()
        with self._lock:
            life = self._lives.get(digest)
            if life is None:
                return None
            if now >= life.ends_at or now - life.used_at >= IDLE:
                del self._lives[digest]
                return None
            life.used_at = now
            self._lives.move_to_end(digest)
            return life.name

    def end(self, headers: Mapping[str, str]) -> str:
        """End the session whose cookie is among *headers*, if any; return the Set-Cookie header that removes it."""
        secret = self._secret(headers)
        with self._lock:
            if secret is not None:
                self._lives.pop(_digest(secret), None)
                self._keep()
        return self._header("", 0)

    def _kept(self) -> OrderedDict[bytes, _Life]:
        """Return the sessions of the file; none of another token, and none where it cannot be read."""
        lives: OrderedDict[bytes, _Life] = OrderedDict()
        if self._file is None or not self._file.exists():
            return lives
        now = self._clock.now()
        try:
            kept = json.loads(self._file.read_text(encoding="ascii"))
            if kept["name"] == self._name:
                for digest, ends_at in kept["ends_at"].items():
                    lives[bytes.fromhex(digest)] = _Life(digest[:8], Nanos(min(int(ends_at), now + LONGEST)), now)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("sessions_unreadable", path=str(self._file), error=repr(error))
            lives.clear()
        return lives

    def _keep(self) -> None:
        if self._file is None:
            return
        ends_at = {digest.hex(): life.ends_at for digest, life in self._lives.items()}
        try:
            with drafted(self._file, overwrite=True) as draft:
                draft.write_text(json.dumps({"name": self._name, "ends_at": ends_at}), encoding="ascii")
        except BadInputError as error:  # who is signed in stays so until the process ends
            log.warning("sessions_not_kept", error=str(error))

    def _secret(self, headers: Mapping[str, str]) -> str | None:
        return cookie_parser(headers.get("cookie", "")).get(self.cookie) or None

    def _header(self, value: str, max_age: int) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self.cookie}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}"


def _digest(secret: str) -> bytes:
    """Return what is kept of *secret*, so that looking it up takes no time that tells of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
