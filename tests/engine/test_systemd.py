"""What a service manager hears over a real datagram socket."""

from __future__ import annotations

import configparser
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from engine.app import Engine
from engine.clock import ManualClock
from engine.daemon import GRACE, Daemon
from engine.domain.units import Nanos, seconds
from engine.systemd import ServiceManager

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "ripcord.service"


@pytest.fixture
def manager_socket(tmp_path: Path) -> Iterator[socket.socket]:
    """Return a socket that listens where `NOTIFY_SOCKET` points."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


def told(listening: socket.socket) -> str:
    """Return the next datagram."""
    return listening.recv(4096).decode()


def manager(listening: socket.socket, **environ: str) -> ServiceManager:
    """Return the manager that listens."""
    return ServiceManager({"NOTIFY_SOCKET": listening.getsockname(), **environ}, pid=7)


def test_each_state_is_one_datagram(manager_socket: socket.socket) -> None:
    """As sd_notify(3) has them."""
    to = manager(manager_socket)
    to.ready("Guarding 3 positions")
    to.alive()
    to.stopping()
    assert [told(manager_socket) for _ in range(3)] == [
        "READY=1\nSTATUS=Guarding 3 positions",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_a_name_with_an_at_is_in_the_abstract_namespace() -> None:
    """Systemd names its own sockets that way for some processes."""
    name = f"ripcord-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(20)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).alive()
        assert told(listening) == "WATCHDOG=1"


@pytest.mark.parametrize(
    ("environ", "patience"),
    [
        ({"WATCHDOG_USEC": "30000000"}, seconds(30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, seconds(30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(
    manager_socket: socket.socket, environ: dict[str, str], patience: Nanos | None
) -> None:
    """Where it is for another process, off, or nonsense, there is none."""
    assert manager(manager_socket, **environ).watchdog == patience


def test_a_manager_that_is_not_there_costs_nothing(tmp_path: Path) -> None:
    """No socket named, one that nobody listens on, or a kind that is not spoken: nothing is raised."""
    for name in ("", str(tmp_path / "nobody"), "vsock:2:1234"):
        to = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"})
        to.ready("x")
        to.alive()
        to.stopping()
    assert ServiceManager({"WATCHDOG_USEC": "1000000"}).watchdog is None


class Bus:
    """Lets a test say that the engine failed."""

    def __init__(self) -> None:
        self.heard: dict[str, Any] = {}

    def subscribe(self, subject: str, listener: Any) -> Any:
        """Keep the listener."""
        self.heard[subject] = listener
        return lambda: None


class Idle:
    """An engine that does nothing, whose supervisor looks or does not."""

    def __init__(self, *, looks: bool) -> None:
        self.asked = threading.Event()
        self.stopped = False
        self.ports = SimpleNamespace(bus=Bus(), signer=SimpleNamespace(address="wallet"), clock=ManualClock())
        self.system = SimpleNamespace(looked_within=self._looked_within)
        self._looks = looks
        self.spans: list[int] = []

    def _looked_within(self, span: int) -> bool:
        self.spans.append(span)
        if len(self.spans) == 8:
            self.ports.bus.heard["engine.failed"]("engine.failed", {})
        return self._looks

    def start(self) -> None:
        """Do nothing."""

    def stop(self, **_: object) -> bool:
        """Say that nothing was in flight."""
        self.stopped = True
        return True


@pytest.mark.parametrize("looks", [True, False])
def test_the_watchdog_is_told_only_while_the_supervisor_looks(manager_socket: socket.socket, looks: bool) -> None:
    """Four times in its patience it is asked whether the supervisor looked within half of that."""
    engine = Idle(looks=looks)
    daemon = Daemon(cast("Engine", engine), manager=manager(manager_socket, WATCHDOG_USEC="40000"))
    assert daemon.run() == 1
    heard = [told(manager_socket)]
    while heard[-1] != "STOPPING=1":
        heard.append(told(manager_socket))
    assert heard == ["READY=1\nSTATUS=Guarding the wallet wallet", *["WATCHDOG=1"] * (8 * looks), "STOPPING=1"]
    assert set(engine.spans) == {20_000_000}
    assert engine.stopped


def test_the_unit_agrees_with_the_daemon() -> None:
    """It waits for the drain, expects the signs of life that are sent, and does not start again what cannot start."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "on-failure")
    assert float(service["WatchdogSec"]) >= 10
    assert float(service["TimeoutStopSec"]) > GRACE + 10
    assert service["RestartPreventExitStatus"].split() == ["2", "4"]
    assert service["ExecStart"].split()[1] == "run"
    assert (service["NoNewPrivileges"], service["ProtectSystem"], service["LimitCORE"]) == ("yes", "strict", "0")
