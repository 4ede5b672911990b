"""What stays wrong with a connection becomes a person's matter; what passes does not."""

from __future__ import annotations

import pytest

from actors.lookout import Lookout
from actors.system import ALERTS, LOOKOUT
from engine.domain.alert import Severity, Trouble
from tests.actors.rig import Rig

LAGGING = Trouble(key="node one", severity=Severity.HIGH, title="A NODE LAGS", message="one is 80 slots behind")
REFUSED = Trouble(key="key", severity=Severity.CRITICAL, title="KEY REFUSED", message="Jupiter refused the key")


class Line:
    """Connections with the troubles that a test gives them."""

    def __init__(self) -> None:
        self.now: list[Trouble] = []
        self.broken = False

    def troubles(self) -> list[Trouble]:
        """Return them, or break."""
        if self.broken:
            raise OSError("nobody answers")
        return list(self.now)


@pytest.fixture
def line() -> Line:
    """Return connections that are well."""
    return Line()


@pytest.fixture
def rig(line: Line) -> Rig:
    """Return a rig with a lookout that looks every five seconds."""
    rig = Rig().start()
    rig.system.spawn(LOOKOUT, Lookout, connections=line)
    rig.run()
    return rig


def test_a_trouble_that_stays_is_alerted_once_and_resolved(rig: Rig, line: Line) -> None:
    """Fifteen seconds of it are an alert with its words, and its end resolves that by itself."""
    line.now = [LAGGING, REFUSED]
    rig.advance(30)
    assert {(a.title, a.severity, a.count) for a in rig.view(ALERTS)} == {
        ("A NODE LAGS", Severity.HIGH, 1),
        ("KEY REFUSED", Severity.CRITICAL, 1),
    }
    line.now = [REFUSED]
    rig.advance(5)
    assert [alert.title for alert in rig.view(ALERTS)] == ["KEY REFUSED"]
    assert rig.bus.subjects("engine.connection_back") == ["engine.connection_back"]


def test_a_trouble_that_passes_is_published_alone(rig: Rig, line: Line) -> None:
    """A node that was behind for one look wakes nobody."""
    line.now = [LAGGING]
    rig.advance(5)
    line.now = []
    rig.advance(60)
    assert rig.view(ALERTS) == []
    assert rig.bus.subjects("engine.connection_troubled") == ["engine.connection_troubled"]


def test_a_look_that_fails_is_not_the_last(rig: Rig, line: Line) -> None:
    """Whatever goes wrong at one look, the next is made."""
    line.broken = True
    rig.advance(5)
    line.broken, line.now = False, [LAGGING]
    rig.advance(15)
    assert "A NODE LAGS" in [alert.title for alert in rig.view(ALERTS)]
