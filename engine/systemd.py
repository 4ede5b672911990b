"""What a service manager is told of the process, over the datagram socket that it names: sd_notify(3).

A process that none started has no such socket, and tells nobody. Nothing here waits or raises: a manager that does not
listen must not cost the engine anything.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog

from engine.domain.units import Nanos

log = structlog.get_logger(__name__)

_NANOS_PER_MICRO = 1_000


class ServiceManager:
    """The manager that started this process, as `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` describe it.

    Args:
        environ: the environment.
        pid: this process: a watchdog may be meant for another one.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog = _watchdog(environ, os.getpid() if pid is None else pid) if self._address else None
        """After how much silence the manager kills the process; None where it never does."""

    def ready(self, status: str) -> None:
        """Say that the process is up; *status* is one line for whoever asks the manager."""
        self._tell(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """Keep the watchdog quiet for another while."""
        self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the process is on its way out; the watchdog sleeps from then on."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_manager:
                to_manager.setblocking(False)
                to_manager.sendto(state.encode(), self._address)
        except OSError as error:
            log.warning("service_manager_not_told", state=state.partition("=")[0], error=str(error))


def _address(name: str) -> str | None:
    """Return the address of a socket: a path, or a name in the abstract namespace, which is written with an @."""
    if name.startswith("@"):
        return f"\0{name[1:]}"
    return name if name.startswith("/") else None


def _watchdog(environ: Mapping[str, str], pid: int) -> Nanos | None:
    micros, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not micros.isdecimal() or int(micros) == 0 or whose not in {"", str(pid)}:
        return None
    return Nanos(int(micros) * _NANOS_PER_MICRO)
