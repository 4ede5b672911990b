"""The wallet's lease: kept while the engine runs, and nothing is traded without it."""

from __future__ import annotations

import pytest

from actors.leaseholder import Leaseholder
from actors.system import ALERTS
from engine.domain.units import seconds
from engine.ports import LeaseError
from tests.actors.rig import Rig

TTL = seconds(30)


@pytest.fixture
def rig() -> Rig:
    """Return a rig whose engine holds the lease."""
    rig = Rig().start()
    rig.store.acquire_lease("wallet", "us", now=rig.clock.now(), ttl=TTL)
    arguments = {"store": rig.store, "wallet": "wallet", "holder": "us", "ttl": TTL}
    rig.system.spawn("leaseholder", Leaseholder, **arguments)
    rig.run()
    return rig


def test_a_lease_is_kept_for_as_long_as_the_engine_runs(rig: Rig) -> None:
    """However long that is, no other engine can take it."""
    for _ in range(20):
        rig.advance(29)
        with pytest.raises(LeaseError):
            rig.store.acquire_lease("wallet", "them", now=rig.clock.now(), ttl=TTL)


def test_two_renewals_may_fail(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away for twenty seconds costs nothing: the third renewal keeps the lease."""

    def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as outage:
        outage.setattr(rig.store, "renew_lease", away)
        rig.advance(25)
    rig.advance(10)
    with pytest.raises(LeaseError):
        rig.store.acquire_lease("wallet", "them", now=rig.clock.now(), ttl=TTL)
    assert rig.bus.subjects("engine.lease_lost") == []


def test_a_lost_lease_is_said_at_once(rig: Rig) -> None:
    """Another engine has the wallet: that is published for the process to end, and a person is told who it is."""
    rig.store.release_lease("wallet", "us")
    rig.store.acquire_lease("wallet", "them", now=rig.clock.now(), ttl=TTL)
    rig.advance(10)
    assert rig.bus.subjects("engine.lease_lost") == ["engine.lease_lost"]
    (alert,) = rig.view(ALERTS)
    assert alert.alert_type == "lease_lost"
    assert alert.requires_action
    rig.advance(60)
    assert rig.bus.subjects("engine.lease_lost") == ["engine.lease_lost"]
