"""An engine publishes what it does, and tells a person where it cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.app import Engine
from engine.config import ApiSection, NatsSection, Settings
from engine.daemon import Daemon, together
from engine.domain.alert import Alert, AlertStatus
from engine.domain.errors import BadInputError
from engine.domain.units import seconds
from engine.nats import bridge as bridges
from engine.nats.serving import bridged
from tests.api.desk import Desk
from tests.doubles_store import MemoryStore
from tests.nats.bridging import WAITS, troubled, untroubled
from tests.nats.server import NatsServer, hearing
from tests.waiting import PATIENCE, eventually


class Trading:
    """An engine with a position, and what it publishes to."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.desk = Desk(folder, ApiSection(port=0), MemoryStore())
        self.desk.add()
        section = NatsSection.model_validate(settings)
        self.engine = Engine(self.desk.ports, Settings(nats=section), max_price_age=None, check_interval=None)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the engine."""
        self.engine.start()
        try:
            yield
        finally:
            self.engine.stop(timeout=0)

    def look(self) -> list[Alert]:
        """Let the lookout look three times, and return the alerts about NATS."""
        for _ in range(3):
            self.desk.clock.advance(seconds(5))
            assert self.engine.system.activity.wait_idle(PATIENCE)
        return [alert for alert in self.desk.store.alerts() if "NATS" in alert.title]


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(bridges.Bridge.__init__, "__kwdefaults__", {"waits": WAITS})


def test_all_of_a_run_is_published(server: NatsServer, tmp_path: Path) -> None:
    """From what happened before it to the last that the engine says as it ends."""
    trading = Trading(tmp_path, url=server.url)
    with hearing(server, "ripcord.>") as heard:
        assert Daemon(trading.engine, grace=5, serve=together(bridged, ended)).run() == 0
        subjects = [heard.get(timeout=PATIENCE)[0]]
        while subjects[-1] != "ripcord.engine.drained":
            subjects.append(heard.get(timeout=PATIENCE)[0])
    assert subjects[0] == "ripcord.position.position-1.opened"
    newest = trading.desk.store.last_event()
    assert newest > 0
    assert server.size() == (newest, newest)


@contextmanager
def ended(engine: Engine, daemon: Daemon) -> Iterator[None]:
    """Have the process end, once somebody reads its bus."""
    eventually(lambda: bool(engine.ports.bus._subscriptions), "the bridge subscribes")
    daemon.drain()
    yield


def test_a_person_hears_of_a_server_that_takes_nothing_and_that_it_does_again(
    server: NatsServer, tmp_path: Path
) -> None:
    """One alert, which resolves; the engine works on meanwhile."""
    trading = Trading(tmp_path, url=server.url)
    with trading.running(), bridged(trading.engine) as bridge:
        assert bridge is not None
        assert not trading.look()
        server.kill()
        troubled(bridge, "Connect call failed")
        (alert,) = trading.look()
        assert (alert.severity, alert.status) == ("warning", AlertStatus.ACTIVE)
        assert alert.message.startswith(f"{server.url}: ")
        server.start()
        untroubled(bridge)
        (alert,) = trading.look()
        assert alert.status is AlertStatus.RESOLVED


def test_what_an_earlier_run_was_told_of_does_not_stand_for_ever(server: NatsServer, tmp_path: Path) -> None:
    """It is over where the server takes events now."""
    trading = Trading(tmp_path, url=server.url)
    server.kill()
    with trading.running(), bridged(trading.engine) as bridge:
        assert bridge is not None
        troubled(bridge, "Connect call failed")
        assert [alert.status for alert in trading.look()] == [AlertStatus.ACTIVE]
        server.start()
        untroubled(bridge)
    # The lookout has gone, and with it what it knew.
    with bridged(trading.engine):
        pass
    again = Engine(trading.desk.ports, trading.engine.settings, max_price_age=None, check_interval=None)
    trading.engine = again
    with trading.running(), bridged(again):
        assert [alert.status for alert in trading.look()] == [AlertStatus.RESOLVED]


def test_what_was_published_is_counted(server: NatsServer, tmp_path: Path) -> None:
    """And scraped with the rest."""
    trading = Trading(tmp_path, url=server.url)
    with trading.running():
        assert b"ripcord_nats_published_total{" not in trading.engine.metrics.exposition()[0]
        with bridged(trading.engine) as bridge:
            assert bridge is not None
            eventually(lambda: bridge.counts.durable == trading.desk.store.last_event(), "it publishes")
            scraped = trading.engine.metrics.exposition()[0].decode()
    assert f'ripcord_nats_published_total{{kind="durable"}} {float(trading.desk.store.last_event())}' in scraped
    assert "ripcord_nats_losses_total 0.0" in scraped


def test_without_an_address_nothing_is_published(tmp_path: Path) -> None:
    """And nothing is started."""
    trading = Trading(tmp_path)
    with trading.running(), bridged(trading.engine) as bridge:
        assert bridge is None
        assert not trading.engine.system.alive("lookout:nats")


def test_the_client_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do, in a sentence."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "nats" or name.startswith("engine.nats.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nats", None)
    trading = Trading(tmp_path, url="nats://127.0.0.1:1")
    with pytest.raises(BadInputError, match=r"run pip install ripcord\[nats\]$"), bridged(trading.engine):
        pass
